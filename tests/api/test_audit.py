"""What requests leave in the audit log: who got a token or failed to, and which tokens were refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.auth.clients import create_client, restrict_client
from app.main import close, create_app
from app.marts.restrictions import Restrictions
from app.settings import Settings
from tests.support.audited import audited
from tests.support.http import Api
from tests.support.waiting import wait_until

GRANT = {"grant_type": "client_credentials"}
REQUEST = {"address": "127.0.0.1", "request_id": "mine"}


class Served:
    """The application on a home of its own, and a client that may read marts."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.app = create_app(Settings(home=home, rate_limit="off", access_log="off", _env_file=None))
        self.auth = self.app.state.auth
        self.client_id, self.secret = self.another()
        self.api = Api(self.app)

    def another(self) -> tuple[str, str]:
        """Make a client."""
        new = create_client(self.auth.engine, "demo", ["marts:read"])
        return new.client.client_id, new.secret

    def post(self, path: str, **request: Any) -> Any:
        """Send a form as the client, unless another is named."""
        given = {"auth": (self.client_id, self.secret), "headers": {"X-Request-Id": "mine"}, **request}
        return self.api.request("POST", f"/oauth/{path}", **given)

    def token(self) -> str:
        """Get a token."""
        token: str = self.post("token", data=GRANT).json()["access_token"]
        return token

    def said(self, *events: str, count: int = 1) -> list[dict[str, Any]]:
        """Return lines without their times, as soon as there are so many: refusals are written beside."""
        assert wait_until(lambda: len(audited(self.home, *events)) >= count)
        lines = audited(self.home, *events)
        assert len(lines) == count
        for line in lines:
            assert line.pop("time")
        return lines


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.api.runner.close()
    close(made.app)


def test_a_token_issued(served: Served) -> None:
    claims = served.auth.verifier.verify(served.token())
    assert served.said("token.issued") == [
        {
            "event": "token.issued",
            "client_id": served.client_id,
            "jti": claims.jti,
            "scopes": ["marts:read"],
            "expires_in": 3600,
            **REQUEST,
        }
    ]


def test_a_token_revoked(served: Served) -> None:
    token = served.token()
    claims = served.auth.verifier.verify(token)
    for given in (token, token, "nonsense"):
        assert served.post("revoke", data={"token": given}).status_code == 200
    assert served.said("token.revoked") == [
        {"event": "token.revoked", "client_id": served.client_id, "jti": claims.jti, **REQUEST}
    ]


def test_a_token_introspected(served: Served) -> None:
    token = served.token()
    claims, other = served.auth.verifier.verify(token), served.another()
    served.post("introspect", data={"token": token}, auth=other)
    served.post("introspect", data={"token": "nonsense"}, auth=other)
    common = {"event": "token.introspected", "client_id": other[0], **REQUEST}
    assert served.said("token.introspected", count=2) == [
        {**common, "active": True, "jti": claims.jti, "owner": served.client_id},
        {**common, "active": False, "jti": None, "owner": None},
    ]


@pytest.mark.parametrize(
    ("path", "sent", "client_id", "error", "reason"),
    [
        (
            "token",
            {"auth": ("nobody", "x")},
            "nobody",
            "invalid_client",
            "the client id or the secret is wrong",
        ),
        (
            "token",
            {"auth": ("a\x1b[31m", "x")},
            "***",
            "invalid_client",
            "the client id or the secret is wrong",
        ),
        ("token", {"auth": ("x" * 33, "x")}, "***", "invalid_client", "the client id or the secret is wrong"),
        ("token", {"data": {"grant_type": "password"}}, "own", "unsupported_grant_type", None),
        ("token", {"data": {**GRANT, "scope": "runs:read"}}, "own", "invalid_scope", None),
        ("revoke", {}, "own", "invalid_request", "the parameter token is missing"),
        ("introspect", {"auth": None}, None, "invalid_client", None),
        ("token", {"content": b"{}", "data": None}, None, "invalid_request", None),
    ],
)
def test_a_request_refused(
    served: Served, path: str, sent: dict[str, Any], client_id: str | None, error: str, reason: str | None
) -> None:
    answer = served.post(path, **{"data": GRANT, **sent})
    assert answer.status_code in {400, 401}
    (line,) = served.said("token.refused")
    assert line == {
        "event": "token.refused",
        "client_id": served.client_id if client_id == "own" else client_id,
        "path": f"/oauth/{path}",
        "error": error,
        "reason": reason or answer.json()["error_description"],
        "more": 0,
        **REQUEST,
    }


def test_a_client_may_not_revoke_anothers_token(served: Served) -> None:
    other = served.another()
    served.post("revoke", data={"token": served.token()}, auth=other)
    (line,) = served.said("token.refused")
    assert (line["client_id"], line["error"]) == (other[0], "unauthorized_client")


@pytest.mark.parametrize("path", ["/v1/aggregates/genres", "/v1/aggregates/%67enres"])
@pytest.mark.parametrize(
    ("authorization", "query", "status", "reason"),
    [
        (None, "", 401, "a bearer token is required"),
        ("Bearer x.y.z", "", 401, "the token is malformed"),
        (
            "Bearer x.y.z",
            "?access_token=x",
            400,
            "send the token in the Authorization header, never in the query",
        ),
    ],
)
def test_a_bearer_refused(
    served: Served, path: str, authorization: str | None, query: str, status: int, reason: str
) -> None:
    headers = {"X-Request-Id": "mine", "Authorization": authorization}
    assert served.api.get(path + query, headers=headers).status_code == status
    assert served.said("bearer.refused") == [
        {
            "event": "bearer.refused",
            "client_id": None,
            "jti": None,
            "method": "GET",
            "path": "unknown" if query else "/v1/aggregates/genres",
            "status": status,
            "reason": reason,
            "more": 0,
            **REQUEST,
        }
    ]


def test_a_token_that_does_not_reach_so_far(served: Served) -> None:
    served.api.token = served.token()
    assert served.api.get("/v1/runs").status_code == 403
    (line,) = served.said("bearer.refused")
    claims = served.auth.verifier.verify(served.api.token)
    assert (line["client_id"], line["jti"], line["status"]) == (served.client_id, claims.jti, 403)


def test_no_token_leaves_unrecorded(served: Served) -> None:
    file = served.home / "audit.jsonl"
    file.unlink()
    file.mkdir()
    answer = served.post("token", data=GRANT)
    assert answer.status_code == 503
    assert "access_token" not in answer.text
    assert int(answer.headers["retry-after"]) > 0
    file.rmdir()
    assert served.token()


def test_whose_token_was_beyond_its_restrictions(served: Served) -> None:
    restrict_client(served.auth.engine, served.client_id, Restrictions(members=(("genre", (18,)),)))
    served.auth.watcher.refresh()
    headers = {"X-Request-Id": "mine", "Authorization": f"Bearer {(token := served.token())}"}
    assert served.api.get("/v1/aggregates/years", headers=headers).status_code == 403
    (line,) = served.said("bearer.refused")
    assert (line["client_id"], line["status"]) == (served.client_id, 403)
    assert line["jti"] == served.auth.verifier.verify(token).jti
