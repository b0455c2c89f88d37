"""Deliveries that cannot be read as a whole: each says what, where and what to do, and nothing is kept."""

import gzip
import hashlib
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from backports import zstd

from app.errors import UnreadableDelivery
from app.etl import engines
from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.settings import Settings
from tests.support.small import HEADER, movie, write

CSV = (",".join(HEADER) + "\n" + "".join(f'{n},t,1999-01-01,1,2,3,[],"[]"\n' for n in range(1, 400))).encode()


def zipped(*members: tuple[str, bytes]) -> bytes:
    """Return a zip archive."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return data.getvalue()


def flipped(data: bytes) -> bytes:
    """Return data with a byte in its middle changed."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


ENDLESS = (b"1" * 2**10 + b",") * 2**15
UNREADABLE: dict[str, tuple[str, bytes, str]] = {
    "no header": ("a.csv", b"", "missing columns id, title"),
    "header only": ("a.csv", CSV.splitlines()[0], "no data row"),
    "header and blank lines": ("a.csv", CSV.splitlines()[0] + b"\n\r\n\n", "no data row"),
    "not UTF-8": ("a.csv", CSV + b"5,caf\xe9,,,,,,\n", "record 400 is not UTF-8"),
    "not UTF-8 in a column not read": ("a.csv", b"x," + CSV.replace(b"\n1,", b"\n\xff,1,", 1), "not UTF-8"),
    "UTF-16": ("a.csv", CSV.decode().encode("utf-16"), "not UTF-8"),
    "NUL bytes": ("a.csv", bytes(2**20), "missing columns id, title"),
    "unterminated quote": ("a.csv", CSV + b'5,"never closed\n6,t\n', "quote that record 400 opens"),
    "a column twice": ("a.csv", CSV.replace(b"title", b"id", 1), "title"),
    "truncated gzip": ("a.csv.gz", gzip.compress(CSV)[:-9], "compression is broken or cut short"),
    "flipped gzip": ("a.csv.gz", flipped(gzip.compress(CSV)), "compression is broken"),
    "no gzip at all": ("a.csv.gz", CSV, "compression is broken"),
    "empty gzip": ("a.csv.gz", b"", "compression is broken"),
    "truncated zstd": ("a.csv.zst", zstd.compress(CSV)[:-5], "compression is broken or cut short"),
    "no zstd at all": ("a.csv.zst", CSV, "compression is broken"),
    "truncated zip": ("a.zip", zipped(("a.csv", CSV))[:-40], "compression is broken"),
    "a zip of two": ("a.zip", zipped(("a.csv", CSV), ("b.csv", CSV)), "holds 2 CSV files"),
    "a zip of none": ("a.zip", zipped(("a.txt", CSV)), "holds 0 CSV files"),
    "bomb without header": ("a.csv.gz", gzip.compress(bytes(2**28)), "missing columns id, title"),
    "bomb of rows": ("a.csv.gz", gzip.compress(CSV + (b"1," * 2**20 + b"\n") * 40), "times its"),
    "one endless quote": ("a.csv", CSV + b'"' + ENDLESS * 2, "record 400 is longer than 16 MiB"),
    "one endless record": ("a.csv", CSV + ENDLESS, "record 400 is longer than 16 MiB"),
    "JSON Lines without a key": (
        "a.jsonl",
        b'{"id": 1, "title": "t"}\n',
        "missing columns release_date, budget",
    ),
    "JSON Lines not UTF-8": ("a.jsonl", b'{"id": "\xff"}\n', "not UTF-8"),
    "empty JSON Lines": ("a.ndjson", b"\n\n", "no data row"),
    "no Parquet": ("a.parquet", CSV, "no readable Parquet"),
}


def refuse(tmp_path: Path, source: Path) -> UnreadableDelivery:
    """Run, expect refusal, and check that nothing was landed or published."""
    settings = Settings(home=tmp_path / "home", _env_file=None)
    with pytest.raises(UnreadableDelivery) as caught:
        run_delivery(settings, str(source), RunOptions())
    assert not list((tmp_path / "home").rglob("*.parquet"))
    assert not list((tmp_path / "home" / "work").iterdir())
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_files(tmp_path: Path, case: str) -> None:
    name, content, message = UNREADABLE[case]
    (tmp_path / name).write_bytes(content)
    error = refuse(tmp_path, tmp_path / name)
    assert message in str(error)
    assert name in str(error)


def test_a_broken_file_among_good_ones_spoils_the_delivery(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.csv").write_bytes(CSV)
    (tmp_path / "d" / "b.csv.gz").write_bytes(gzip.compress(CSV)[:-9])
    assert "b.csv.gz" in str(refuse(tmp_path, tmp_path / "d"))


def test_every_missing_column_is_named(tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", [movie(1)[2:]], HEADER[2:])
    assert "missing columns id, title" in str(refuse(tmp_path, source))


def test_a_misspelt_column_is_suggested(tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", [movie(1)], [*HEADER[:6], "genre", HEADER[7]])
    assert "missing column genres; found did you mean 'genre'?" in str(refuse(tmp_path, source))


def test_parquet_without_a_column(tmp_path: Path) -> None:
    pl.DataFrame({"id": [1]}).write_parquet(tmp_path / "a.parquet")
    assert "missing columns title, release_date" in str(refuse(tmp_path, tmp_path / "a.parquet"))


@pytest.mark.parametrize(
    "make", [lambda path: None, Path.mkdir], ids=["no such path", "a folder with no data"]
)
def test_nothing_there(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "d")
    assert str(tmp_path / "d") in str(refuse(tmp_path, tmp_path / "d"))


def test_no_data_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(CSV)
    assert "a data file ends in .csv.gz" in str(refuse(tmp_path, tmp_path / "a.txt"))


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes(CSV)

    def refuse_reading(*_: object) -> None:
        raise PermissionError(13, os.strerror(13), str(source))

    monkeypatch.setattr(hashlib, "file_digest", refuse_reading)  # rights alone do not stop root
    assert f"{source}: Permission denied" in str(refuse(tmp_path, source))


def test_a_file_written_to_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes(CSV)
    original = engines.open_engine

    def write_meanwhile(name: str) -> object:
        source.write_bytes(CSV + CSV)
        return original(name)

    monkeypatch.setattr(engines, "open_engine", write_meanwhile)
    assert "changed while it was read" in str(refuse(tmp_path, source))
