"""``app etl load`` and ``app etl verify``: what they print, what they record, how they end."""

from pathlib import Path

import pytest

from tests.cli.conftest import History, Inside, document, one_line
from tests.cli.test_audit import said
from tests.support.published import TABLES, published, warehouse
from tests.support.rebuilding import statuses


@pytest.fixture
def other(tmp_path: Path, own_history: History, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another home, with an empty warehouse and the same destination."""
    monkeypatch.setenv("APP_DESTINATION", str(own_history.home / "lake"))
    return tmp_path / "other"


def folder(history: History, run_id: str) -> Path:
    return history.home / "lake" / "runs" / run_id


def test_load(own_history: History, inside: Inside, other: Path) -> None:
    run_id = own_history.second
    made = document(inside(own_history.home, "etl", "show", run_id, "--json"))
    held = {"status": "held", "reason": "loaded, not yet published", "published_at": None}
    assert document(inside(other, "etl", "load", run_id, "--json")) == made | held | {"no_op": False}
    assert document(inside(other, "etl", "load", run_id, "--json")) == made | held | {"no_op": True}
    again = inside(other, "etl", "load", run_id)
    assert (again.status, again.stdout) == (
        0,
        f"nothing to do: run {run_id} is loaded, and held (loaded, not yet published)\n",
    )
    done = inside(other, "etl", "load", run_id, "--publish")
    assert (done.status, done.stdout) == (0, f"run {run_id}: published\n")
    assert published(other).digest == published(own_history.home).digest
    where = str(folder(own_history, run_id))
    assert said(other) == [
        {"event": "run.loaded", "run_id": run_id, "location": where},
        {"event": "run.published", "run_id": run_id},
    ]


def test_load_and_publish_at_once(own_history: History, inside: Inside, other: Path) -> None:
    done = document(inside(other, "etl", "load", own_history.first, "--publish", "--json"))
    assert (done["status"], done["no_op"]) == ("published", False)
    assert [line["event"] for line in said(other)] == ["run.loaded", "run.published"]


def test_load_from_elsewhere(own_history: History, inside: Inside, tmp_path: Path) -> None:
    destination = str(own_history.home / "lake")
    line = one_line(inside(tmp_path / "other", "etl", "load", own_history.first), 2)
    assert f"no run '{own_history.first}' has landed under {tmp_path / 'other' / 'lake'}" in line
    done = inside(tmp_path / "other", "etl", "load", own_history.first, "--destination", destination)
    assert (done.status, done.stdout) == (0, f"run {own_history.first}: held (loaded, not yet published)\n")


def test_load_does_not_publish_what_an_audit_held_back(
    own_history: History, inside: Inside, other: Path
) -> None:
    line = one_line(inside(other, "etl", "load", own_history.held, "--publish"), 4)
    assert f"run {own_history.held} is held back: 1 of 2 rows" in line
    assert f"'app etl publish {own_history.held}' publishes it nevertheless" in line
    assert statuses(other) == {own_history.held: "held"}
    assert inside(other, "etl", "load", own_history.held).status == 0
    assert document(inside(other, "etl", "publish", own_history.held, "--json"))["status"] == "published"


def test_load_all(own_history: History, inside: Inside, other: Path) -> None:
    order = [own_history.first, own_history.second, own_history.held]
    done = document(inside(other, "etl", "load", "--all", "--publish", "--json"))
    assert [run["run_id"] for run in done["loaded"]] == order
    assert (done["damaged"], done["published"]) == ([], own_history.second)
    assert [(line["event"], line["run_id"]) for line in said(other)] == [
        *(("run.loaded", run_id) for run_id in order),
        ("run.published", own_history.second),
    ]
    again = inside(other, "etl", "load", "--all", "--publish")
    assert (again.status, again.stdout) == (
        0,
        "nothing to do: the warehouse has, or had, every run that has landed\n",
    )


def test_load_all_but_a_damaged_one(own_history: History, inside: Inside, other: Path) -> None:
    (folder(own_history, own_history.second) / "year.parquet").unlink()
    done = inside(other, "etl", "load", "--all", "--publish")
    line = one_line(done, 1)
    assert f"damaged runs: 1, the first is {own_history.second}; " in line
    assert "year.parquet is missing; restore it" in line
    assert done.stdout.splitlines() == [
        f"run {own_history.first} is loaded",
        f"run {own_history.held} is loaded",
        f"run {own_history.second} is not: {folder(own_history, own_history.second)}/year.parquet is missing",
        f"run {own_history.first} is published",
    ]


@pytest.mark.parametrize("words", [(), ("x", "--all")])
def test_one_run_or_all(inside: Inside, other: Path, words: tuple[str, ...]) -> None:
    assert "give a RUN, or --all" in one_line(inside(other, "etl", "load", *words), 2)
    assert not other.exists()


def test_a_manifest_of_the_future(own_history: History, inside: Inside, other: Path) -> None:
    path = folder(own_history, own_history.first) / "manifest.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    line = one_line(inside(other, "etl", "load", own_history.first), 2)
    assert "has format 2, and this program reads 1; use the program that wrote it, or a newer one" in line


def test_verify(history: History, inside: Inside) -> None:
    done = document(inside(history.home, "etl", "verify", history.second, "--json"))
    assert (done["run_id"], done["equal"]) == (history.second, True)
    assert [item["what"] for item in done["compared"] if item["where"] == "warehouse"] == ["run", *TABLES]
    shown = inside(history.home, "etl", "verify", history.second)
    assert (shown.status, shown.stderr) == (0, "")
    assert "company_genre_year.parquet" in shown.stdout


def test_verify_finds_what_was_changed(own_history: History, inside: Inside) -> None:
    with warehouse(own_history.home) as connection:
        connection.execute("UPDATE mart_year SET budget = 7, avg_popularity = 2500000 WHERE run = 1")
        connection.execute("DELETE FROM dim_production_company WHERE run = 1")
    (folder(own_history, own_history.first) / "report" / "genre_data.csv").unlink()
    done = inside(own_history.home, "etl", "verify", own_history.first)
    line = one_line(done, 1)
    assert f"run {own_history.first} is not what has landed: 4 differences; " in line
    told = [text for text in done.stdout.splitlines() if ", expected " in text]
    assert told[0].startswith('landed report/genre_data.csv: none, expected {"size":')
    assert told[1:] == [
        "warehouse year: year 1999 budget: 7, expected 20",
        "warehouse year: year 1999 avg_popularity: 2.5, expected 1.5",
        'warehouse production_company: id 3: none, expected {"name":"Pixar"}',
    ]
    found = inside(own_history.home, "etl", "verify", own_history.first, "--json")
    assert found.status == 1
    assert '"equal": false' in found.stdout


def test_verify_shows_the_first_and_counts_all(own_history: History, inside: Inside) -> None:
    with warehouse(own_history.home) as connection:
        connection.executemany(
            "INSERT INTO dim_genre (run, id, name, slug, search_key) VALUES (1, ?, 'x', 'x', 'x')",
            [(number,) for number in range(1000, 1015)],
        )
    done = inside(own_history.home, "etl", "verify", own_history.first)
    assert done.status == 1
    assert done.stdout.endswith("warehouse genre: and 5 more\n")
    assert done.stdout.count("warehouse genre: id ") == 10


def test_verify_an_unknown_run(history: History, inside: Inside) -> None:
    assert "no run 'x'" in one_line(inside(history.home, "etl", "verify", "x"), 2)
