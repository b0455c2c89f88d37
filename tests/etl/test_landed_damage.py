"""Landed runs that cannot be loaded: what is wrong with them is said, and nothing of them is loaded."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.errors import AppError, ConfigurationError, DamagedRun, UnknownRun
from app.etl.reloading import load_all, load_landed
from tests.support.published import TABLES, counts, warehouse
from tests.support.rebuilding import Lake, statuses


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def change(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def assert_nothing_loaded(lake: Lake, run_id: str) -> None:
    with warehouse(lake.second.home) as connection:
        assert set(counts(connection, 1).values()) == {0}
    assert statuses(lake.second.home) == {run_id: "failed"}


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("company_year.parquet", truncate, r"company_year.parquet has \d+ bytes, the manifest says \d+"),
        ("genre.parquet", Path.unlink, "genre.parquet is missing"),
        ("rejects.parquet", Path.unlink, "rejects.parquet is missing"),
        ("report/genre_data.csv", truncate, "report/genre_data.csv has"),
        *((f"{name}.parquet", change, f"{name}.parquet is not what has landed") for name in TABLES),
    ],
)
def test_a_landed_object_that_is_not_what_landed(
    lake: Lake, name: str, damage: Callable[[Path], None], said: str
) -> None:
    path = lake.folder(lake.new) / name
    whole = path.read_bytes()
    damage(path)
    with pytest.raises(DamagedRun, match=said) as error:
        load_landed(lake.second, lake.new)
    assert str(lake.folder(lake.new)) in str(error.value)
    assert "restore it, or run the delivery again" in str(error.value)
    assert_nothing_loaded(lake, lake.new)
    path.write_bytes(whole)
    assert load_landed(lake.second, lake.new).new


def test_a_damaged_run_does_not_keep_the_others_out(lake: Lake) -> None:
    change(lake.folder(lake.new) / "year.parquet")
    result = load_all(lake.second, publish=True)
    assert [run.run_id for run in result.loaded] == [lake.old, lake.held]
    assert list(result.damaged) == [lake.new]
    assert "year.parquet is not what has landed" in str(result.damaged[lake.new])
    assert result.published is not None
    assert result.published.run_id == lake.old
    assert statuses(lake.second.home) == {lake.old: "published", lake.new: "failed", lake.held: "held"}


def changed(**values: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda manifest: manifest | values


def without(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda manifest: {key: value for key, value in manifest.items() if key != name}


@pytest.mark.parametrize(
    ("edit", "kind", "said"),
    [
        (changed(run_id="20200101T000000000000Z-000000"), DamagedRun, "it is the manifest of run 20200101T"),
        (without("tables"), DamagedRun, "tables: Field required"),
        (without("held"), DamagedRun, "held: Field required"),
        (changed(rows="3"), DamagedRun, "rows: Input should be a valid integer"),
        (changed(accepted=-1), DamagedRun, "accepted: Input should be greater than or equal to 0"),
        (changed(accepted=2**63), DamagedRun, "accepted: Input should be less than 9223372036854775808"),
        (changed(colour="red"), DamagedRun, "colour: Extra inputs are not permitted"),
        (changed(tables={"year": 1}), DamagedRun, "tables are not year, genre_year, "),
        (changed(objects=[]), DamagedRun, "objects are not year.parquet, or its parts from 0 on"),
        (changed(created_at="yesterday"), DamagedRun, "created_at: Input should be a valid datetime"),
        (
            changed(created_at="2026-11-25T04:48:11"),
            DamagedRun,
            "created_at: Input should have timezone info",
        ),
        (lambda manifest: [manifest], DamagedRun, "the document: Input should be an object"),
        (changed(format=2), ConfigurationError, "has format 2, and this program reads 1"),
        (changed(format="1"), DamagedRun, "format: Input should be 1"),
    ],
)
def test_a_manifest_that_cannot_be_used(
    lake: Lake, edit: Callable[[dict[str, Any]], Any], kind: type[AppError], said: str
) -> None:
    path = lake.folder(lake.new) / "manifest.json"
    path.write_text(json.dumps(edit(json.loads(path.read_text()))))
    with pytest.raises(kind, match=said) as error:
        load_landed(lake.second, lake.new)
    assert str(path) in str(error.value)
    assert statuses(lake.second.home) == {}


@pytest.mark.parametrize("content", [b"", b"{", b'{"run_id": "\xff"}'])
def test_a_manifest_that_is_none(lake: Lake, content: bytes) -> None:
    (lake.folder(lake.new) / "manifest.json").write_bytes(content)
    with pytest.raises(DamagedRun, match=r"manifest.json: no JSON"):
        load_landed(lake.second, lake.new)


def test_objects_lead_nowhere_else(lake: Lake) -> None:
    path = lake.folder(lake.new) / "manifest.json"
    path.write_text(path.read_text().replace('"year.parquet"', '"../../../secret.parquet"'))
    with pytest.raises(DamagedRun, match="objects are not"):
        load_landed(lake.second, lake.new)


def test_a_run_that_did_not_finish_landing(lake: Lake) -> None:
    (lake.folder(lake.new) / "manifest.json").unlink()
    with pytest.raises(UnknownRun, match=f"run {lake.new} did not finish landing"):
        load_landed(lake.second, lake.new)
    assert lake.folder(lake.new).is_dir(), "it may be landing just now"
    assert [run.run_id for run in load_all(lake.second).loaded] == [lake.old, lake.held]


@pytest.mark.parametrize("name", ["none", "", ".", "..", "../runs", "a/b"])
def test_a_run_that_has_not_landed(lake: Lake, name: str) -> None:
    with pytest.raises(UnknownRun, match=f"no run '{name}' has landed under") as error:
        load_landed(lake.second, name)
    assert lake.new in str(error.value)


def test_nothing_has_landed(lake: Lake) -> None:
    shutil.rmtree(lake.first.home / "lake")
    with pytest.raises(UnknownRun, match="no run has landed there; see --destination"):
        load_landed(lake.second, lake.new)
    assert load_all(lake.second).loaded == []
