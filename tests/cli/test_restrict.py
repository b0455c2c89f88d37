"""``app clients restrict``, and the options of ``create``: given, changed, lifted, shown."""

from pathlib import Path
from typing import Any

import pytest

from app.auth.store import open_accounts
from app.auth.trust import read_trust
from app.database import open_engine, ready
from app.settings import Settings
from tests.cli.test_clients_keys import App, app, one_line, settings
from tests.support.movies import MOVIES
from tests.support.world import World

__all__ = ["app", "settings"]
CREATE = ("clients", "create", "demo", "--scope", "marts:read")


@pytest.fixture
def published(tmp_path: Path) -> None:
    """A published run with the genres of the tests' movies."""
    world = World(ready(open_engine(Settings(home=tmp_path, _env_file=None).warehouse), "warehouse"))
    world.add("run", MOVIES)
    world.publish("run")


def listed(app: App) -> list[dict[str, Any]]:
    return [client["restrictions"] for client in app("clients", "list", "--json").document]


def enforced(settings: Settings) -> list[dict[str, list[Any]]]:
    """What a server reads of the restrictions."""
    with open_accounts(settings).connect() as connection:
        return [item.document() for item in read_trust(connection, settings).restrictions.values()]


def test_create_restricts(app: App, settings: Settings) -> None:
    options = ("--only-mart", "genre_year", "--only-genre", "35", "--only-genre", "18", "--only-genre", "18")
    client = app(*CREATE, *options, "--json").document
    assert set(client) == {"client_id", "client_secret", "name", "scopes"}
    app(*CREATE, "--only-company", "3", "--json")
    app(*CREATE)
    expected: list[dict[str, list[Any]]] = [
        {"mart": ["genre_year"], "genre": [18, 35]},
        {"production_company": [3]},
    ]
    assert listed(app) == [*expected, None]
    assert enforced(settings) == expected
    shown = app("clients", "list").out
    assert "mart: genre_year; genre: 18, 35" in shown
    assert "production_company: 3" in shown


@pytest.mark.usefixtures("published")
def test_a_genre_may_be_given_by_slug(app: App) -> None:
    app(*CREATE, "--only-genre", "science-fiction", "--only-genre", "ete", "--only-genre", "5")
    assert listed(app) == [{"genre": [5, 99, 878]}]
    app(*CREATE, "--only-genre", "18")  # digits are an id, though there is such a slug
    assert listed(app)[1] == {"genre": [18]}
    said = one_line(app(*CREATE, "--only-genre", "dramas"), 2)
    assert "no genre 'dramas' in the published run; did you mean 'drama'?" in said


def test_restrict_replaces_and_lifts(app: App, settings: Settings) -> None:
    client_id = app(*CREATE, "--only-genre", "18", "--json").document["client_id"]
    changed = app("clients", "restrict", client_id, "--only-mart", "year", "--json").document
    assert (changed["client_id"], changed["restrictions"]) == (client_id, {"mart": ["year"]})
    assert enforced(settings) == [{"mart": ["year"]}]
    lifted = app("clients", "restrict", client_id, "--lift")
    assert lifted.out == f"client {client_id} (demo) may read everything\n"
    assert listed(app) == [None]
    assert enforced(settings) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--only-mart", "genre_yaer"), "no mart 'genre_yaer'; did you mean 'genre_year'?"),
        (("--only-mart", "year", "--only-genre", "18"), "one of: genre_year, company_genre_year"),
        (
            ("--only-mart", "genre_year", "--only-genre", "18", "--only-company", "3"),
            "the mart genre_year cannot be kept to some members of genre or production_company",
        ),
        (("--only-genre", "drama"), "no run is published"),
        (("--only-company", "pixar"), "--only-company"),
        (("--only-company", "-1"), "--only-company"),
        (("--only-company", str(10**18)), "--only-company"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(app: App, options: tuple[str, ...], said: str) -> None:
    client_id = app(*CREATE, "--json").document["client_id"]
    assert said in one_line(app(*CREATE, *options), 2)
    assert said in one_line(app("clients", "restrict", client_id, *options), 2)
    assert listed(app) == [None], "nothing was made, nothing changed"


def test_restrict_is_told_what_to_do(app: App) -> None:
    client_id = app(*CREATE, "--json").document["client_id"]
    for options in ((), ("--lift", "--only-genre", "18")):
        assert "or --lift alone" in one_line(app("clients", "restrict", client_id, *options), 2)
    assert "'app clients list' shows them" in one_line(app("clients", "restrict", "nobody", "--lift"), 2)


def test_so_many_members_and_no_more(app: App) -> None:
    many = [word for number in range(1001) for word in ("--only-company", str(number))]
    assert app(*CREATE, *many[2:]).status == 0
    assert "name at most 1000" in one_line(app(*CREATE, *many), 2)
