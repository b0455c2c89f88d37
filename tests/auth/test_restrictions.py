"""Restrictions of clients: kept as JSON, read with what is trusted, understood or closed."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from app.auth.clients import create_client, list_clients, restrict_client, revoke_client
from app.auth.errors import UnknownClient
from app.auth.service import Auth
from app.marts.definitions import MARTS
from app.marts.restrictions import NOTHING, Restrictions
from tests.support.waiting import wait_until

DRAMA = Restrictions(members=(("genre", (18,)),))


def written(auth: Auth, client_id: str, text: str | None) -> None:
    """Write into the database by hand, as another process would."""
    file = str(Path(str(auth.engine.url.database)))
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE client SET restrictions = ? WHERE client_id = ?", (text, client_id))
    connection.close()


def made(auth: Auth, restrictions: Restrictions | None = None) -> str:
    client_id = create_client(auth.engine, "demo", ["marts:read"], restrictions).client.client_id
    auth.watcher.refresh()
    return client_id


def test_a_client_reads_everything_unless_restricted(auth: Auth) -> None:
    free, bound = made(auth), made(auth, DRAMA)
    assert auth.watcher.trust.restrictions == {bound: DRAMA}
    assert [client.restrictions for client in list_clients(auth.engine)] == [None, {"genre": [18]}]
    restrict_client(auth.engine, bound, None)
    restrict_client(auth.engine, free, DRAMA)
    auth.watcher.refresh()
    assert auth.watcher.trust.restrictions == {free: DRAMA}


def test_a_token_is_within_what_holds_for_its_client_now(auth: Auth) -> None:
    client = create_client(auth.engine, "demo", ["marts:read"]).client
    claims = auth.verifier.verify(auth.issue(client).access_token)
    assert auth.verifier.restrictions(claims) is None
    restrict_client(auth.engine, client.client_id, DRAMA)
    assert wait_until(lambda: auth.verifier.restrictions(claims) == DRAMA, 1), "every process follows"
    other = create_client(auth.engine, "other", ["marts:read"]).client
    of_other = auth.verifier.verify(auth.issue(other).access_token)
    assert auth.verifier.restrictions(of_other) is None


def test_restricting_nobody_says_so(auth: Auth) -> None:
    with pytest.raises(UnknownClient, match="'app clients list' shows them"):
        restrict_client(auth.engine, "nobody", DRAMA)


@pytest.mark.parametrize(
    "text",
    [
        *('{"genre": [18', "", "null", "[]", "{}", '"genre"', "18"),
        *('{"genres": [18]}', '{"genre": [18], "country": [1]}'),
        *('{"genre": 18}', '{"genre": ["18"]}', '{"genre": [1.5]}', '{"genre": [true]}', '{"genre": null}'),
        *('{"mart": "year"}', '{"mart": [1]}', '{"mart": null}'),
    ],
)
def test_what_is_not_understood_opens_nothing_and_stops_nobody(
    auth: Auth, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    client_id, other = made(auth), made(auth)
    written(auth, client_id, text)
    revoke_client(auth.engine, other)
    auth.watcher.refresh()
    assert auth.watcher.trust.restrictions == {client_id: NOTHING}
    assert auth.watcher.trust.revoked_clients == {other}
    assert f"client {client_id} may read nothing" in caplog.text
    assert NOTHING.readable == ()


@pytest.mark.parametrize(
    ("document", "marts"),
    [
        ({"genre": [18]}, ["genre_year", "company_genre_year"]),
        ({"production_company": [1, 2]}, ["company_year", "company_genre_year"]),
        ({"genre": [18], "production_company": [1]}, ["company_genre_year"]),
        ({"mart": ["year"]}, ["year"]),
        ({"mart": ["genre_year", "year"], "genre": [18]}, ["genre_year"]),
        ({"mart": ["company_year"], "genre": [18]}, []),
        ({"mart": ["no more"]}, []),
    ],
)
def test_only_marts_with_every_restricted_dimension(document: dict[str, list[Any]], marts: list[str]) -> None:
    restrictions = Restrictions.of(document)
    assert [mart.name for mart in restrictions.readable] == marts
    assert [mart.name for mart in MARTS if restrictions.allows(mart)] == marts
    assert restrictions.document() == document


def test_the_fingerprint_is_of_what_they_say() -> None:
    documents: list[dict[str, list[Any]]] = [
        {"genre": [18]},
        {"genre": [1, 8]},
        {"genre": [18, 35]},
        {"production_company": [18]},
        {"mart": ["genre_year"], "genre": [18]},
        {"mart": ["genre_year"]},
        {"mart": []},
        {"genre": []},
    ]
    fingerprints = {Restrictions.of(document).fingerprint for document in documents}
    assert len(fingerprints) == len(documents)
    shuffled = json.loads('{"production_company": [3, 2, 3], "genre": [35, 18]}')
    same = json.loads('{"genre": [18, 35], "production_company": [2, 3]}')
    assert Restrictions.of(shuffled) == Restrictions.of(same)
    assert Restrictions.of(shuffled).fingerprint == Restrictions.of(same).fingerprint
