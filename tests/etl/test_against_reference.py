"""The program against the reference: wild deliveries, every format, several files."""

import json
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference.difference import difference, difference_in_marts
from tests.reference.movies import REQUIRED, DataFile
from tests.reference.outcome import Outcome, work_out
from tests.reference.readers import read_delivery
from tests.support import wild
from tests.support.deliveries import (
    FORMATS,
    CsvStyle,
    TypedRow,
    as_cells,
    split,
    typed_json_lines,
    typed_parquet,
    write,
)
from tests.support.program import assert_no_difference, command, produce, read_back

wildly = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
HEADER = list(REQUIRED)


class Bench:
    """A home of the program, and a new folder for each delivery."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self._folders = (root / f"delivery-{number}" for number in count())

    def folder(self) -> Path:
        """A new, empty folder."""
        folder = next(self._folders)
        folder.mkdir()
        return folder

    def file(self, name: str, content: bytes) -> Path:
        """A file of this name in a new folder."""
        path = self.folder() / name
        path.write_bytes(content)
        return path


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


def assert_same(bench: Bench, source: Path, require_financials: bool = False) -> None:
    """Hold a CSV delivery against the reference, to the last reject and report line."""
    expected = work_out(read_delivery(source), require_financials)
    assert_no_difference(
        difference(expected, produce(bench.home, source, require_financials=require_financials).outcome)
    )


def assert_same_marts(bench: Bench, source: Path, expected: Outcome) -> None:
    """Hold a delivery of any format against the reference: marts, and which rows are rejects and why."""
    assert_no_difference(difference_in_marts(expected, produce(bench.home, source).outcome))


@pytest.mark.parametrize("require_financials", [False, True])
def test_every_form_of_cell(bench: Bench, require_financials: bool) -> None:
    assert_same(bench, write(bench.folder(), [wild.catalogue()]) / "catalogue.csv", require_financials)


@given(file=wild.data_files(), style=wild.styles(), require_financials=st.booleans())
@wildly
def test_wild_deliveries(bench: Bench, file: DataFile, style: CsvStyle, require_financials: bool) -> None:
    assert_same(bench, write(bench.folder(), [file], style) / file.path, require_financials)


@given(file=wild.data_files(), style=wild.styles())
@wildly
def test_wild_deliveries_of_five_files(bench: Bench, file: DataFile, style: CsvStyle) -> None:
    files = [part for part in split(file) if part.records]
    assert_same(bench, write(bench.folder(), files, style))


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_marts(bench: Bench, name: str) -> None:
    records = [record for record in wild.catalogue().records if len(record) == len(HEADER)]
    source = bench.file(name, FORMATS[name](HEADER, records))
    assert_same_marts(bench, source, work_out([DataFile(name, HEADER, records)]))


@given(file=wild.data_files(ragged=False), names=st.permutations(list(FORMATS)))
@wildly
def test_wild_rows_in_five_formats_at_once(bench: Bench, file: DataFile, names: list[str]) -> None:
    parts = [part for part in split(file, names[:5]) if part.records]
    folder = bench.folder()
    for part in parts:
        (folder / part.path).write_bytes(FORMATS[part.path](part.header, part.records))
    assert_same_marts(bench, folder, work_out(parts))


@given(rows=wild.typed_rows())
@wildly
def test_typed_rows(bench: Bench, rows: list[TypedRow]) -> None:
    for name, content in (("a.parquet", typed_parquet(rows)), ("a.jsonl", typed_json_lines(rows))):
        expected = work_out([DataFile(name, HEADER, as_cells(rows))])
        assert_same_marts(bench, bench.file(name, content), expected)


def test_the_command_gives_the_same_and_reads_data_files_only(bench: Bench, tmp_path: Path) -> None:
    folder = write(bench.folder(), split(wild.catalogue()))
    (folder / "README.md").write_text("id,title\n")
    (folder / "a" / "_SUCCESS").write_text("")
    options = ("--json", "--require-financials", "--max-reject-ratio", "1")
    done = command(tmp_path, "etl", "run", str(folder), *options)
    assert done.status == 0, done.stderr
    expected = work_out(read_delivery(folder), require_financials=True)
    assert_no_difference(difference(expected, read_back(tmp_path, json.loads(done.stdout)).outcome))
