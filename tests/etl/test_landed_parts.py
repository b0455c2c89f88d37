"""Tables that have landed as folders of parts, as many workers write them: read as whole ones are."""

import hashlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app.errors import DamagedRun
from app.etl.engines.base import Part
from app.etl.landing import land, local_table
from app.etl.manifest import parse
from app.etl.rejects import write_csv
from app.etl.reloading import load_landed
from app.etl.verify import verify
from app.storage import open_store
from tests.support.published import TABLES
from tests.support.rebuilding import Lake, contents, statuses


def part(folder: Path, table: str, number: int) -> Path:
    return folder / f"{table}.parquet" / f"part-{number:05}.parquet"


def entry(folder: Path, path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    key = path.relative_to(folder).as_posix()
    return {"key": key, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def cut(folder: Path, parts: int = 3) -> None:
    """Turn every table of a landed run into so many parts; small tables have empty ones."""
    manifest = json.loads((folder / "manifest.json").read_text())
    objects = [item for item in manifest["objects"] if item["key"].startswith("report/")]
    for table in (*TABLES, "rejects"):
        file = folder / f"{table}.parquet"
        rows = pl.read_parquet(file)
        file.unlink()
        file.mkdir()
        size = -(-rows.height // parts)
        for number in range(parts):
            rows[number * size : (number + 1) * size].write_parquet(part(folder, table, number))
            objects.append(entry(folder, part(folder, table, number)))
    (folder / "manifest.json").write_text(json.dumps(manifest | {"objects": objects}))


def test_parts_are_loaded_as_one_table(lake: Lake) -> None:
    load_landed(lake.second, lake.new)
    whole = contents(lake.second.home)
    cut(lake.folder(lake.new))
    other = lake.second.model_copy(update={"home": lake.second.home.with_name("third")})
    load_landed(other, lake.new)
    assert whole["mart_company_genre_year"]
    assert contents(other.home) == whole


def test_parts_are_verified_row_by_row(lake: Lake) -> None:
    rows = {item.what: item.rows for item in verify(lake.first, lake.new) if item.where == "warehouse"}
    cut(lake.folder(lake.new))
    found = verify(lake.first, lake.new)
    assert [item.what for item in found if item.differences] == []
    assert {item.what: item.rows for item in found if item.where == "warehouse"} == rows
    part(lake.folder(lake.new), "genre_year", 1).unlink()
    missing = [item for item in verify(lake.first, lake.new) if item.differences or item.note]
    assert [(item.where, item.what) for item in missing] == [
        ("landed", "genre_year.parquet/part-00001.parquet"),
        ("warehouse", "genre_year"),
    ]


def test_rows_between_parts_are_missed(lake: Lake) -> None:
    folder = lake.folder(lake.new)
    cut(folder)
    path = part(folder, "company_year", 1)
    before = entry(folder, path)
    pl.read_parquet(path)[1:].write_parquet(path)
    manifest = folder / "manifest.json"
    document = json.loads(manifest.read_text())
    document["objects"] = [entry(folder, path) if item == before else item for item in document["objects"]]
    manifest.write_text(json.dumps(document))
    differences = [(item.where, item.what) for item in verify(lake.first, lake.new) if item.differences]
    assert differences == [
        ("landed", "company_year.parquet/part-00002.parquet"),
        ("warehouse", "company_year"),
    ]


def test_rejects_in_parts_are_printed_in_order(lake: Lake, tmp_path: Path) -> None:
    def printed() -> bytes:
        out = io.BytesIO()
        store = open_store(str(lake.second.destination))
        write_csv(local_table(store, lake.new, "rejects", tmp_path), out)
        return out.getvalue()

    whole = printed()
    cut(lake.folder(lake.new))
    assert whole.count(b"\n") > 3
    assert printed() == whole


@pytest.mark.parametrize("left", [[0, 2], [1, 2], [0, 1, 2, 2]])
def test_a_manifest_whose_parts_are_not_in_a_row(lake: Lake, left: list[int]) -> None:
    folder = lake.folder(lake.new)
    cut(folder)
    manifest = folder / "manifest.json"
    document = json.loads(manifest.read_text())
    objects = {item["key"]: item for item in document["objects"]}
    kept = [item for key, item in objects.items() if not key.startswith("year.parquet")]
    kept += [objects[f"year.parquet/part-{number:05}.parquet"] for number in left]
    manifest.write_text(json.dumps(document | {"objects": kept}))
    with pytest.raises(DamagedRun, match=r"objects are not year.parquet, or its parts from 0 on"):
        load_landed(lake.second, lake.new)
    assert statuses(lake.second.home) == {}


def test_a_run_lands_around_what_workers_have_landed(lake: Lake, tmp_path: Path) -> None:
    landed = lake.folder(lake.new)
    before = parse((landed / "manifest.json").read_bytes(), lake.new, "there")
    local = tmp_path / "tables"
    shutil.copytree(landed, local)
    cut(landed)
    (landed / "manifest.json").rename(tmp_path / "cut.json")
    for name in ("report", *(f"{table}.parquet" for table in (*TABLES, "rejects") if table != "genre_year")):
        shutil.rmtree(landed / name)
    expected = parse((tmp_path / "cut.json").read_bytes(), lake.new, "there")
    parts = {"genre_year": tuple(Part(**vars(entry), rows=0) for entry in expected.of_table("genre_year"))}
    store = open_store(str(lake.second.destination))
    land(store, lake.new, local, parts, lambda objects: before.model_copy(update={"objects": list(objects)}))
    found = parse((landed / "manifest.json").read_bytes(), lake.new, "there")
    assert found.of_table("genre_year") == expected.of_table("genre_year")
    assert found.parts("genre_year") == [f"part-{number:05}.parquet" for number in range(3)]
    assert found.of_table("year") == before.of_table("year")
    assert found.parts("year") == []
