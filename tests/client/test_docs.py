"""The Python of docs/client.md and of the README runs as it stands, against a real server."""

import re
from pathlib import Path

import polars
import pytest

import app.client
from app.client import Client
from tests.support.server import Server

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "client.md"


@pytest.mark.parametrize(
    ("page", "blocks", "name", "kind"),
    [(PAGE, 4, "best", list), (ROOT / "README.md", 1, "companies", polars.DataFrame)],
)
def test_the_page_runs(
    server: Server, client_of_all: tuple[str, str], page: Path, blocks: int, name: str, kind: type
) -> None:
    found = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == blocks
    client_id, secret = client_of_all
    source = "\n".join(found).replace("http://127.0.0.1:8000", server.url)
    source = source.replace("CLIENT_ID", client_id).replace("CLIENT_SECRET", secret)
    names: dict[str, object] = {}
    exec(compile(source, str(page), "exec"), names)  # noqa: S102 - a page of ours
    made = names["marts"]
    assert isinstance(made, Client)
    made.close()
    assert isinstance(names[name], kind)


def test_the_page_names_every_error_and_listing() -> None:
    page = PAGE.read_text(encoding="utf-8")
    errors = [
        name
        for name in app.client.__all__
        if isinstance(kind := getattr(app.client, name), type) and issubclass(kind, Exception)
    ]
    methods = [name for name in dir(Client) if not name.startswith("_")]
    assert len(errors) > 10
    assert [name for name in (*errors, *methods) if f"`{name}" not in page and f".{name}(" not in page] == []
