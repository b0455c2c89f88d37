"""The whole chain: a delivery in S3, marts landed in S3, PostgreSQL, the replica; and back from S3 alone."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.serving.replica import place_of
from app.serving.replica.follow import Follower
from tests.reference.outcome import work_out
from tests.reference.readers import read_delivery
from tests.support import wild
from tests.support.deliveries import split, write
from tests.support.program import command
from tests.support.rebuilding import genres, marts
from tests.support.s3 import S3Server

PLACES = ("landed", "warehouse", "replica")


class Chain:
    """Commands over one bucket, each with a home, and a warehouse, of its own."""

    def __init__(self, s3: S3Server, bucket: str) -> None:
        self.s3 = s3
        self.destination = f"s3://{bucket}/marts/"

    def app(self, home: Path, *arguments: str, url: str | None = None, status: int = 0) -> Any:
        warehouse = {"APP_WAREHOUSE_URL": url} if url else {}
        done = command(home, "etl", *arguments, "--json", **self.s3.environment(), **warehouse)
        assert done.status == status, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def chain(s3: S3Server) -> Chain:
    return Chain(s3, s3.bucket())


def different(done: Any) -> list[tuple[str, str, Any]]:
    return [(item["where"], item["what"], item["first"]) for item in done["compared"] if item["differences"]]


def test_from_s3_to_postgres_and_from_what_landed_to_sqlite(
    chain: Chain, postgres_url: str, tmp_path: Path
) -> None:
    delivery = write(tmp_path / "delivery", split(wild.catalogue()))
    bucket = chain.destination.split("/")[2]
    for path in delivery.rglob("*.csv"):
        key = f"deliveries/2026-11/{path.relative_to(delivery).as_posix()}"
        chain.s3.client().upload_file(str(path), bucket, key)
    home, other = tmp_path / "home", tmp_path / "other"
    source = f"s3://{bucket}/deliveries/2026-11/"
    asked = ("--destination", chain.destination, "--max-reject-ratio", "1")
    run = chain.app(home, "run", source, *asked, url=postgres_url)
    assert run["status"] == "published"

    place = place_of(home, postgres_url)
    assert Follower(place, postgres_url).look()
    whole = chain.app(home, "verify", run["run_id"], url=postgres_url)
    assert {item["where"] for item in whole["compared"]} == set(PLACES)
    assert (whole["equal"], different(whole)) == (True, [])

    result = chain.app(other, "load", "--all", "--publish", "--destination", chain.destination)
    assert [item["run_id"] for item in result["loaded"]] == [run["run_id"]] == [result["published"]]
    assert chain.app(other, "verify", run["run_id"])["equal"]
    expected = work_out(read_delivery(delivery))
    assert marts(other) == expected.marts
    assert genres(other) == expected.dimensions["genre"]

    add = "UPDATE mart_year SET budget = budget + 1, popularity = popularity + 0.25 WHERE year = 1999"
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute(add).rowcount == 1
    changed = chain.app(home, "verify", run["run_id"], url=postgres_url, status=1)
    row = expected.marts["year"][1999,]
    assert different(changed) == [
        (
            "warehouse",
            "year",
            [
                _difference("budget", row["budget"], 1),
                _difference("popularity", row["popularity"], Decimal("0.25")),
            ],
        )
    ]


def _difference(column: str, expected: Any, more: Any) -> dict[str, Any]:
    values = {"expected": float(expected), "found": float(expected + more)}
    return {"key": {"year": 1999}, "column": column, **values}
