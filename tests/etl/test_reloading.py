"""Landed runs loaded: all of them into a new warehouse, one after its load failed, one that was pruned."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.errors import RunInProgress, StoreFailure, UnknownRun
from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.etl.reloading import Loaded, load_all, load_landed
from app.main import close, create_app
from app.settings import Settings
from app.warehouse import publish, runs
from app.warehouse.base import Warehouse
from app.warehouse.keepers import RowKeeper
from app.warehouse.lock import run_lock
from app.warehouse.opening import ready_warehouse
from app.warehouse.sqlite import SqliteWarehouse
from tests.reference.outcome import work_out
from tests.reference.readers import read_delivery
from tests.support.http import Api, authorized
from tests.support.published import litter, published
from tests.support.rebuilding import Lake, catalogue, contents, genres, marts, shared, statuses
from tests.support.small import movies

ASKED = (
    "/v1/aggregates/production-company-genres?limit=1000",
    "/v1/aggregates/genres?rollup=years&sort=-avg_popularity",
    "/v1/rankings/production-companies?top=100",
    "/v1/dimensions/production-companies?search=a&limit=1000",
)


def opened(settings: Settings) -> Warehouse:
    return ready_warehouse(settings.warehouse)


def kept(settings: Settings, run_id: str) -> runs.Run:
    with opened(settings).engine.connect() as connection:
        return runs.find(connection, run_id)


def test_a_warehouse_is_rebuilt_from_the_lake_alone(lake: Lake) -> None:
    told: list[Loaded] = []
    result = load_all(lake.second, publish=True, settled=told.append)
    assert [run.run_id for run in result.loaded] == [lake.old, lake.new, lake.held]
    assert [(item.run.run_id, item.new, item.published) for item in told] == [
        *((run_id, True, False) for run_id in (lake.old, lake.new, lake.held)),
        (lake.new, False, True),
    ]
    assert contents(lake.second.home) == contents(lake.first.home)
    assert shared(lake.second.home) == shared(lake.first.home)
    assert published(lake.second.home) == published(lake.first.home)
    assert litter(lake.second.home, lake.first.home / "lake") == []
    reasons = {run["run_id"]: run["reason"] for run in catalogue(lake.second.home)}
    assert reasons == {
        lake.old: "loaded, not yet published",
        lake.new: None,
        lake.held: kept(lake.first, lake.held).reason,
    }
    assert load_all(lake.second, publish=True).loaded == []


def test_the_rebuilt_marts_are_the_reference_s(lake: Lake) -> None:
    load_landed(lake.second, lake.new)
    expected = work_out(read_delivery(lake.delivery), require_financials=True)
    assert list(statuses(lake.second.home)) == [lake.new]
    assert marts(lake.second.home) == expected.marts
    assert genres(lake.second.home) == expected.dimensions["genre"]


def asked(settings: Settings) -> list[tuple[Any, ...]]:
    """Return what the API answers: body, but for when the run was published here, and its entity tag."""
    app = create_app(settings.model_copy(update={"rate_limit": "off", "access_log": "off"}))
    api = authorized(app)
    with closing(api.runner):
        answers = [_answer(api, path) for path in ASKED]
    close(app)
    return answers


def _answer(api: Api, path: str) -> tuple[Any, ...]:
    answer = api.request("GET", path)
    body = answer.json()
    assert body["data"]
    assert body["meta"].pop("published_at")
    assert body["meta"].pop("next_cursor") is None
    return answer.status_code, answer.headers["Run-Id"], answer.headers["ETag"], body


def test_the_api_answers_the_same(lake: Lake) -> None:
    load_all(lake.second, publish=True)
    assert asked(lake.second) == asked(lake.first)


def test_one_that_is_loaded_stays_as_it_is(lake: Lake) -> None:
    first = load_landed(lake.second, lake.new)
    assert (first.new, first.run.status, first.run.reason) == (True, "held", "loaded, not yet published")
    again = load_landed(lake.second, lake.new)
    assert (again.no_op, again.run) == (True, first.run)
    pointed = load_landed(lake.second, lake.new, publish=True)
    assert (pointed.no_op, pointed.new, pointed.run.status) == (False, False, "published")
    assert load_landed(lake.second, lake.new, publish=True).no_op


def test_what_an_audit_held_back_is_loaded_and_not_published(lake: Lake) -> None:
    loaded = load_landed(lake.second, lake.held, publish=True)
    assert (loaded.run.status, loaded.run.reason) == ("held", kept(lake.first, lake.held).reason)
    assert "is held back: 1 of 2 rows are rejects" in str(loaded.held)
    again = load_landed(lake.second, lake.held, publish=True)
    assert (again.no_op, str(again.held)) == (True, str(loaded.held))


def test_the_pointer_never_goes_back(lake: Lake, tmp_path: Path) -> None:
    own = lake.second.model_copy(update={"destination": None})
    newest = run_delivery(own, str(movies(tmp_path / "newest.csv", 4)), RunOptions()).run
    result = load_all(lake.second, publish=True)
    assert (len(result.loaded), result.published) == (3, None)
    assert published(lake.second.home).run_id == newest.run_id


def fail(*_: object) -> None:
    raise StoreFailure("warehouse: server closed the connection", "check the warehouse, then run again")


def test_a_run_whose_load_failed_is_loaded_from_what_has_landed(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(SqliteWarehouse, "load", fail)
        with pytest.raises(StoreFailure) as error:
            run_delivery(lake.first, str(movies(tmp_path / "next.csv", 7)), RunOptions(allow_shrink=True))
    failed = catalogue(lake.first.home)[-1]
    load = f"'app etl load {failed['run_id']}' loads what has landed"
    assert str(error.value).endswith(f"check the warehouse, then run again; {load}")
    assert failed["reason"] == f"warehouse: server closed the connection; {load}"
    assert (failed["status"], failed["accepted"]) == ("failed", 0)
    loaded = load_landed(lake.first, failed["run_id"], publish=True)
    [row] = [run for run in catalogue(lake.first.home) if run["run_id"] == failed["run_id"]]
    assert (row["seq"], row["accepted"], row["created_at"]) == (failed["seq"], 7, failed["created_at"])
    assert published(lake.first.home).run_id == loaded.run.run_id
    assert litter(lake.first.home) == []


def test_a_load_that_fails_can_be_repeated(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(SqliteWarehouse, "load", fail)
        with pytest.raises(StoreFailure, match="server closed"):
            load_landed(lake.second, lake.new)
    assert statuses(lake.second.home) == {lake.new: "failed"}
    assert (lake.first.home / "lake" / "runs" / lake.new / "manifest.json").is_file()
    assert [run.run_id for run in load_all(lake.second).loaded] == [lake.old, lake.new, lake.held]
    assert statuses(lake.second.home) == dict.fromkeys([lake.old, lake.new, lake.held], "held")


def test_a_publish_that_fails_says_that_the_run_is_loaded(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.etl.reloading.publish_run", fail)
    with pytest.raises(StoreFailure, match=f"'app etl publish {lake.new}' publishes it"):
        load_landed(lake.second, lake.new, publish=True)
    assert statuses(lake.second.home) == {lake.new: "held"}


def test_it_is_looked_for_where_it_has_landed(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = lake.first.model_copy(update={"destination": str(tmp_path / "else where")})
    with monkeypatch.context() as broken:
        broken.setattr(SqliteWarehouse, "load", fail)
        with pytest.raises(StoreFailure):
            run_delivery(elsewhere, str(movies(tmp_path / "next.csv", 7)), RunOptions())
    run_id = catalogue(lake.first.home)[-1]["run_id"]
    with pytest.raises(UnknownRun, match=f"no run '{run_id}' has landed"):
        load_landed(lake.first, run_id, destination=str(lake.first.home / "lake"))
    loaded = load_landed(lake.first, run_id)
    assert loaded.run.location == str(tmp_path / "else where" / "runs" / run_id)


def test_a_pruned_run_comes_back_only_when_it_is_named(lake: Lake) -> None:
    load_all(lake.second)
    for run_id in (lake.old, lake.new):
        load_landed(lake.second, run_id, publish=True)
    once = kept(lake.second, lake.old)
    assert publish.prune(opened(lake.second), once)
    before = contents(lake.first.home)
    assert contents(lake.second.home) != before
    assert load_all(lake.second).loaded == []
    back = load_landed(lake.second, lake.old).run
    assert (back.status, back.reason, back.published_at) == ("superseded", None, once.published_at)
    assert contents(lake.second.home) == before


def test_one_load_at_a_time(lake: Lake) -> None:
    with (
        run_lock(
            RowKeeper(opened(lake.second).engine), "another", "lake/runs/another", lambda dead, landing: None
        ),
        pytest.raises(RunInProgress, match="run another is in progress"),
    ):
        load_landed(lake.second, lake.new)
    assert statuses(lake.second.home) == {}
