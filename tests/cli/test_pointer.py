"""Moving the pointer by hand: ``publish``, ``rollback``, ``prune``."""

import pytest

from tests.cli.conftest import History, Inside, document, one_line
from tests.support.program import command
from tests.support.published import published, warehouse


def in_lake(history: History) -> set[str]:
    return {folder.name for folder in history.home.glob("lake/runs/*")}


def test_as_json_each_prints_what_came_of_it(own_history: History) -> None:
    home = own_history.home
    run = document(command(home, "etl", "rollback", "--json"))
    assert (run["run_id"], run["status"]) == (own_history.first, "published")
    run = document(command(home, "etl", "publish", own_history.held, "--json"))
    assert (run["run_id"], run["status"], run["reason"]) == (own_history.held, "published", None)
    assert document(command(home, "etl", "prune", "--keep", "1", "--json")) == {
        "pruned": [own_history.second, own_history.first]
    }
    assert in_lake(own_history) == {own_history.held}
    assert published(home).run_id == own_history.held


def test_for_people(own_history: History, inside: Inside) -> None:
    home = own_history.home
    assert inside(home, "etl", "rollback").stdout == f"run {own_history.first} is published\n"
    line = one_line(inside(home, "etl", "rollback"), 2)
    assert "nothing was published before the present run; see 'app etl runs'" in line
    back = inside(home, "etl", "rollback", "--to", own_history.second)
    assert back.stdout == f"run {own_history.second} is published\n"
    assert inside(home, "etl", "publish", own_history.first).status == 0
    assert inside(home, "etl", "prune", "--keep", "1").stdout == "1 runs deleted\n"
    assert in_lake(own_history) == {own_history.held, own_history.first}


@pytest.mark.parametrize("name", ["show", "rejects", "publish", "report", "rollback", "diff"])
def test_a_pruned_run_is_told_from_one_that_never_was(
    own_history: History, inside: Inside, name: str
) -> None:
    pruned = own_history.first
    inside(own_history.home, "etl", "prune", "--keep", "1")
    options = {"report": ("--run", pruned), "rollback": ("--to", pruned), "diff": (pruned, pruned)}
    line = one_line(inside(own_history.home, "etl", name, *options.get(name, (pruned,))), 2)
    assert f"run {pruned} was pruned on 2" in line
    assert "use a kept run: 'app etl runs'" in line


def test_keep_comes_from_the_setting_too(
    own_history: History, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "APP_KEEP_RUNS" in one_line(inside(own_history.home, "etl", "prune"), 2)
    assert len(in_lake(own_history)) == 3
    monkeypatch.setenv("APP_KEEP_RUNS", "2")
    assert document(inside(own_history.home, "etl", "prune", "--json")) == {"pruned": [own_history.first]}


@pytest.mark.parametrize("keep", ["0", "-1", "x"])
def test_keep_is_at_least_one(own_history: History, inside: Inside, keep: str) -> None:
    assert "'--keep'" in one_line(inside(own_history.home, "etl", "prune", "--keep", keep), 2)
    assert len(in_lake(own_history)) == 3


def test_a_failed_run_is_not_published(own_history: History, inside: Inside) -> None:
    with warehouse(own_history.home) as connection:
        connection.execute(
            "UPDATE run SET status = 'failed', location = NULL WHERE run_id = ?", (own_history.held,)
        )
    assert "failed and has no marts" in one_line(
        inside(own_history.home, "etl", "publish", own_history.held), 2
    )
    line = one_line(inside(own_history.home, "etl", "rejects", own_history.held), 2)
    assert "has no landed files" in line
