"""What is taken for a token or a secret, and what is not."""

import pytest

from app.ops.secret_text import hidden

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
SECRET = "mm_0123456789abcdef_" + "s3kr1t-" * 6 + "x"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (JWT, "***"),
        (f"no run '{JWT}'", "no run '***'"),
        (f"Bearer {JWT}, again {JWT}.", "Bearer ***, again ***"),
        (JWT.rpartition(".")[0], "***"),
        (JWT.partition(".")[2], "***"),
        (f"{JWT}==", "***"),
        (f"no client '{SECRET}'; see", "no client '***'; see"),
        (f"--{SECRET}", "--***"),
        ("the jti eyJhbGciOiJSUzI1NiJ9-x is a name", "the jti eyJhbGciOiJSUzI1NiJ9-x is a name"),
        ("mm_0123456789abcdef is half of one", "mm_0123456789abcdef is half of one"),
        ("comm_team/v1.2", "comm_team/v1.2"),
        ("", ""),
    ],
)
def test_what_is_hidden(text: str, shown: str) -> None:
    assert hidden(text) == shown
