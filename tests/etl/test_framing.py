"""Records of CSV bytes: equal to what Python's csv module reads, whatever the block size."""

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import UnreadableDelivery
from app.etl.readers import DataFile
from app.etl.readers import csv as csv_reader
from app.etl.readers.csv import CsvReader, RegularBatch, ScannedBatch
from app.etl.readers.framing import frame, last_record_end
from tests.support.small import HEADER

HEADER_LINE = ",".join(HEADER) + "\n"
REGULAR = ["a", "é,", ",", "\n", "1,2,3,4,5,6,7,8\n", '"q,r\ns",', '"b""c"', ",,,,,,,\n", "\n\n", '"",', " "]
WILD = [*REGULAR, '"', '""', 'x"y', '"x"y,', "\x00"]


def expected(text: str) -> list[list[str]]:
    """Read with the csv module, which knows no lone line end but LF here."""
    lines = (line + "\n" for line in text.split("\n"))
    return [record for record in csv.reader(lines) if record]


def ends_in_quotes(text: str) -> bool:
    """Return whether a quote is left open: the csv module closes it silently at the end."""
    quoted, closed, start = False, False, True
    for char in text:
        if start and char == '"':
            quoted, start = True, False
        elif quoted and char == '"':
            quoted, closed = False, True
        elif closed and char == '"':
            quoted, closed = True, False
        else:
            closed = False
            start = not quoted and char in ",\n"
    return quoted


def read(path: Path, body: str, block: int) -> list[list[str]]:
    """Read with the program, in blocks of this many bytes, twice: forward, and again by span."""
    path.write_bytes((HEADER_LINE + body).encode())
    reader = CsvReader(DataFile(0, path.name, path, path.stat().st_size))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_reader, "BLOCK_BYTES", block)
        batches = list(reader.batches())
        again = [whole_records(batch) for batch in reader.again([batch.span for batch in batches])]
    once = [whole_records(batch) for batch in batches]
    assert again == once
    rows = [row for batch in batches for row in batch.cells["row"]]
    assert rows == list(range(1, len(rows) + 1))
    check_cells(batches)
    return [record for batch in once for record in batch]


def whole_records(batch: RegularBatch | ScannedBatch) -> list[list[str]]:
    """Return every record of a batch."""
    return [json.loads(record.json) for record in batch.records(batch.cells["row"].to_list())]


def check_cells(batches: list[RegularBatch | ScannedBatch]) -> None:
    """Check that the cells are those of the whole records, and malformed records known as such."""
    for batch in batches:
        for record, cells in zip(whole_records(batch), batch.cells.iter_rows(named=True), strict=True):
            assert cells["fields"] == len(record)
            assert cells["malformed"] == (len(record) != len(HEADER))
            if not cells["malformed"]:
                found = [cells[column] or "" for column in HEADER if column != "title"]
                assert found == [record[0], *record[2:]]


@given(body=st.lists(st.sampled_from(REGULAR)).map("".join), block=st.sampled_from([90, 150, 4096]))
def test_regular_csv(tmp_path_factory: pytest.TempPathFactory, body: str, block: int) -> None:
    path = tmp_path_factory.getbasetemp() / "regular.csv"
    if ends_in_quotes(body):
        with pytest.raises(UnreadableDelivery, match="never closed"):
            read(path, body, block)
    else:
        assert read(path, body, block) == expected(body)


@given(body=st.lists(st.sampled_from(WILD)).map("".join), block=st.sampled_from([90, 150, 4096]))
def test_irregular_csv(tmp_path_factory: pytest.TempPathFactory, body: str, block: int) -> None:
    path = tmp_path_factory.getbasetemp() / "wild.csv"
    if ends_in_quotes(body):
        with pytest.raises(UnreadableDelivery, match="never closed"):
            read(path, body, block)
    else:
        assert read(path, body, block) == expected(body)


def test_regular_blocks_take_the_fast_way() -> None:
    assert frame(b'a,"b,\n""c""",d\r\n\r\n,"",\n') is not None
    assert frame(b'a,b"c"\n') is None
    assert frame(b'"a"b,c\n') is None


def test_crlf_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "crlf.csv"
    path.write_bytes(
        b"\xef\xbb\xbf" + HEADER_LINE.replace("\n", "\r\n").encode() + b'\r\n\n1,"a\r\nb",,,,,,\r\n\r\n\n2'
    )
    batches = list(CsvReader(DataFile(0, path.name, path, path.stat().st_size)).batches())
    assert [whole_records(batch) for batch in batches] == [[["1", "a\r\nb", "", "", "", "", "", ""], ["2"]]]
    assert [batch.cells["row"].to_list() for batch in batches] == [[1, 2]]


def test_a_lone_return_is_data(tmp_path: Path) -> None:
    body = "1,a\rb,,,,,,\n"
    path = tmp_path / "return.csv"
    path.write_bytes((HEADER_LINE + body).encode())
    (batch,) = CsvReader(DataFile(0, path.name, path, path.stat().st_size)).batches()
    assert whole_records(batch) == [["1", "a\rb", "", "", "", "", "", ""]]


@pytest.mark.parametrize(
    ("data", "end"), [(b"a\nb", 2), (b'a,"\n', 0), (b'a\n"b\n', 2), (b'"a\n"\n"\n', 5), (b"", 0), (b"ab", 0)]
)
def test_where_the_last_whole_record_ends(data: bytes, end: int) -> None:
    assert last_record_end(data) == end
