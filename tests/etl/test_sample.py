"""``app etl sample``: the promised columns, shape and dirt, the same bytes for the same rows and seed."""

import ast
import csv
import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from app.cli.sample import sample
from app.errors import ConfigurationError
from app.etl.sample import write_sample

ROWS = 40_000
#: The header of The Movies Dataset.
HEADER = (
    "adult,belongs_to_collection,budget,genres,homepage,id,imdb_id,original_language,original_title,overview,"
    "popularity,poster_path,production_companies,production_countries,release_date,revenue,runtime,"
    "spoken_languages,status,tagline,title,video,vote_average,vote_count"
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample") / "sample.csv"
    write_sample(ROWS, 1, out)
    return out


@pytest.fixture(scope="module")
def records(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


@pytest.fixture(scope="module")
def movies(records: list[list[str]]) -> list[dict[str, str]]:
    """Records with all their fields and a numeric id."""
    header, *rows = records
    whole = (dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header))
    return [movie for movie in whole if movie["id"].isdigit()]


def lists(movies: list[dict[str, str]], column: str) -> Iterator[list[dict[str, object]]]:
    return (ast.literal_eval(movie[column]) for movie in movies if movie[column].startswith("["))


def test_has_the_columns_and_the_rows_asked_for(records: list[list[str]]) -> None:
    assert ",".join(records[0]) == HEADER
    assert len(records) == ROWS + 1
    assert [] not in records, "a blank line"


def test_a_row_is_as_long_as_a_real_one(file: Path) -> None:
    assert 780 < file.stat().st_size / ROWS < 860


def test_numbers_are_distributed_like_real_ones(movies: list[dict[str, str]]) -> None:
    def share(column: str, value: str) -> float:
        return sum(movie[column] == value for movie in movies) / len(movies)

    assert 0.78 < share("budget", "0") < 0.83
    assert 0.80 < share("revenue", "0") < 0.87
    assert 0.001 < share("release_date", "") < 0.004
    popularity = sorted(float(movie["popularity"] or 0) for movie in movies)
    assert 0.7 < popularity[len(popularity) // 2] < 1.6
    assert popularity[-1] > 50


def test_years_lean_towards_the_present(movies: list[dict[str, str]]) -> None:
    years = Counter(movie["release_date"][:4] for movie in movies if movie["release_date"])
    assert len(years) > 90
    assert max(years) == "2017"
    assert sum(count for year, count in years.items() if year >= "1990") > len(movies) / 2


def test_movies_have_genres_and_companies_like_real_ones(movies: list[dict[str, str]]) -> None:
    genres = list(lists(movies, "genres"))
    companies = list(lists(movies, "production_companies"))
    assert len({item["id"] for cell in genres for item in cell}) == 20
    assert 1 < sum(map(len, genres)) / len(genres) < 2.2
    assert 1.3 < sum(map(len, companies)) / len(companies) < 1.8
    assert [list(item) for item in genres[0][:1]] == [["id", "name"]]
    assert {tuple(item) for cell in companies for item in cell} == {("name", "id")}


def test_few_companies_have_many_credits_and_their_number_grows_slower_than_rows(
    movies: list[dict[str, str]],
) -> None:
    cells = list(lists(movies, "production_companies"))
    everywhere = Counter(item["id"] for cell in cells for item in cell)
    in_a_quarter = {item["id"] for cell in cells[: len(cells) // 4] for item in cell}
    assert everywhere.most_common(1)[0][1] > 500
    assert 0.4 < len(everywhere) / len(movies) < 0.7
    assert len(everywhere) < 3.5 * len(in_a_quarter)


def test_text_is_as_dirty_as_a_real_one(file: Path, movies: list[dict[str, str]]) -> None:
    names = {item["name"] for cell in lists(movies, "production_companies") for item in cell}
    for mark in ("'", '"', ",", "\xa0", "\t", "\\", "é"):
        assert any(mark in str(name) for name in names), f"no company with {mark!r}"
    assert any("\n" in movie["overview"] for movie in movies)
    assert any(movie["popularity"].endswith(("e-05", "e-06")) for movie in movies)
    assert b"\r" not in file.read_bytes()


def test_some_names_belong_to_several_ids(movies: list[dict[str, str]]) -> None:
    ids: dict[object, set[object]] = {}
    for cell in lists(movies, "production_companies"):
        for item in cell:
            ids.setdefault(item["name"], set()).add(item["id"])
    assert any(len(shared) > 1 for shared in ids.values())


def test_some_records_are_broken_and_some_ids_repeat(records: list[list[str]]) -> None:
    header, *rows = records
    ragged = [row for row in rows if len(row) != len(header)]
    ids = Counter(row[5] for row in rows if len(row) == len(header))
    repeats = sum(count - 1 for count in ids.values() if count > 1)
    assert 1 <= len(ragged) <= 10
    assert 0.0002 < repeats / ROWS < 0.0015
    assert 2 <= sum(not name.isdigit() for name in ids) <= 20


def test_bytes_depend_on_rows_and_seed_alone(tmp_path: Path) -> None:
    """The digest was taken once: another machine, Python or numpy must come to the same file."""
    out = tmp_path / "sample.csv"
    write_sample(2_000, 7, out)
    assert hashlib.sha256(out.read_bytes()).hexdigest() == (
        "b44c130b4533451d64293d6549818b3648c9c6905e9af4669b430a7f29676404"
    )
    other = tmp_path / "other.csv"
    write_sample(2_000, 8, other)
    assert other.read_bytes() != out.read_bytes()


def test_gzip_holds_the_same_rows(tmp_path: Path) -> None:
    plain, packed = tmp_path / "sample.csv", tmp_path / "sample.csv.gz"
    write_sample(500, 3, plain)
    assert write_sample(500, 3, packed).bytes == packed.stat().st_size
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()


def test_another_suffix_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\.csv\.gz"):
        write_sample(1, 1, tmp_path / "sample.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_sample_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "sample.csv"
    write_sample(10, 1, out)
    before = out.read_bytes()

    def full(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.etl.sample._csv", full)
    with pytest.raises(OSError, match="No space"):
        write_sample(20, 1, out)
    assert out.read_bytes() == before
    assert list(tmp_path.iterdir()) == [out]


@pytest.fixture
def command() -> typer.Typer:
    cli = typer.Typer()
    cli.command("sample")(sample)
    return cli


def test_the_command_prints_rows_bytes_and_seconds(tmp_path: Path, command: typer.Typer) -> None:
    out = tmp_path / "sample.csv"
    arguments = ["--rows", "100", "--seed", "5", "--out", str(out)]
    people = CliRunner().invoke(command, arguments)
    size = out.stat().st_size
    assert f"100 rows, {size:,} bytes in" in people.output
    machine = json.loads(CliRunner().invoke(command, [*arguments, "--json"]).stdout)
    assert machine | {"seconds": 0} == {"file": str(out), "rows": 100, "bytes": size, "seconds": 0}
    assert machine["seconds"] >= 0
