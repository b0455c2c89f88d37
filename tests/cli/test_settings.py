"""Settings: what does not parse is refused by name, what is secret is masked, and each says its source."""

from pathlib import Path

import pytest

from tests.cli.conftest import Inside, document, one_line
from tests.support.program import command

SECRET = "s3kr1t"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("APP_TOKEN_TTL", "soon", "'soon': Input should be a valid integer"),
        ("APP_TOKEN_TTL", "0", "'0': Input should be greater than or equal to 1"),
        ("APP_TOKEN_TTL", "86401", "'86401': Input should be less than or equal to 86400"),
        ("APP_KEEP_RUNS", "0", "'0': Input should be greater than or equal to 1"),
        ("APP_ISSUER", "ftp://here", "'ftp://here': must be an http(s) URL"),
        ("APP_RATE_LIMIT", "600", "'600': must be a rate such as 600/minute, or off"),
        ("APP_RATE_LIMIT", "0/minute", "'0/minute': must be a rate such as 600/minute, or off"),
        ("APP_RATE_LIMIT", "1000001/second", "'1000001/second': must be a rate"),
        ("APP_RATE_LIMIT", "6\uff10/minute", "'6\uff10/minute': must be a rate"),
        ("APP_RATE_LIMIT", "600/week", "'600/week': must be a rate such as 600/minute, or off"),
        ("APP_ACCESS_LOG", "yes", "'yes': Input should be 'on' or 'off'"),
        ("APP_WAREHOUSE_URL", SECRET, "***: must be a SQLAlchemy URL such as sqlite:///"),
        ("APP_WAREHOUSE_URL", f"postgresql://u:p@h:{SECRET}/db", "***: must be a SQLAlchemy URL"),
        ("APP_KEY_ENCRYPTION_SECRET", SECRET, "***: Value should have at least 32 items"),
        ("APP_DATABASE_URL", f"://u:{SECRET}@h", "***: must be a SQLAlchemy URL"),
    ],
)
def test_a_value_that_does_not_parse(
    tmp_path: Path, inside: Inside, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    line = one_line(inside(tmp_path, "config", "show"), 2)
    assert f"{name} is {said}" in line
    assert "; correct it in the environment or in .env" in line
    assert SECRET not in line


def test_every_wrong_setting_is_named(
    tmp_path: Path, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_TOKEN_TTL", "x")
    monkeypatch.setenv("APP_KEEP_RUNS", "y")
    line = one_line(inside(tmp_path, "etl", "runs"), 2)
    assert "APP_TOKEN_TTL is 'x'" in line
    assert "APP_KEEP_RUNS is 'y'" in line


@pytest.mark.parametrize(
    ("url", "shown", "status"),
    [
        (f"postgresql://reader:{SECRET}@[::1]:1/marts", "postgresql://reader:***@[::1]:1/marts", 6),
        (
            f"postgresql://[::1]:1/marts?password={SECRET}&x=1",
            "postgresql://[::1]:1/marts?password=***&x=1",
            6,
        ),
        (f"mysql://u:{SECRET}@a/d?token={SECRET}", "mysql://u:***@a/d?token=***", 2),
        (f"redshift://u:{SECRET}@[::1]:1/d?token={SECRET}", "redshift://u:***@[::1]:1/d?token=***", 6),
    ],
)
def test_secrets_are_masked(
    tmp_path: Path, inside: Inside, monkeypatch: pytest.MonkeyPatch, url: str, shown: str, status: int
) -> None:
    monkeypatch.setenv("APP_WAREHOUSE_URL", url)
    rows = {row["name"]: row for row in document(inside(tmp_path, "config", "show", "--json"))}
    assert rows["APP_WAREHOUSE_URL"]["value"] == shown
    assert shown in inside(tmp_path, "config", "show").stdout
    for debug in ((), ("--debug",)):
        refused = inside(tmp_path, "etl", "runs", *debug)
        assert (refused.status, SECRET in refused.stderr) == (status, False)


def test_where_each_came_from(tmp_path: Path, inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("APP_TOKEN_TTL=60\nAPP_AUDIENCE=from-file\nAPP_KEEP_RUNS=\nOTHER=1\n")
    monkeypatch.setenv("APP_AUDIENCE", "from-environment")
    monkeypatch.setenv("APP_ISSUER", "")
    rows = {row["name"]: row for row in document(inside(tmp_path / "home", "config", "show", "--json"))}
    told = {name: (row["value"], row["source"]) for name, row in rows.items()}
    assert told["APP_TOKEN_TTL"] == ("60", ".env")
    assert told["APP_AUDIENCE"] == ("from-environment", "environment")
    assert told["APP_KEEP_RUNS"] == (None, "default")
    assert told["APP_ISSUER"] == ("http://localhost:8000", "default")
    assert told["APP_HOME"] == (str(tmp_path / "home"), "environment")
    assert told["APP_DESTINATION"] == (str(tmp_path / "home" / "lake"), "default")
    assert told["APP_WAREHOUSE_URL"] == (f"sqlite:///{tmp_path / 'home' / 'warehouse.sqlite'}", "default")
    assert all(row["description"] for row in rows.values())


def test_an_error_names_what_the_file_holds(tmp_path: Path, inside: Inside) -> None:
    (tmp_path / ".env").write_text("APP_TOKEN_TTL=never\n")
    assert "APP_TOKEN_TTL is 'never'" in one_line(inside(tmp_path, "db", "current"), 2)


def test_migrations_by_command(tmp_path: Path, inside: Inside) -> None:
    before = document(command(tmp_path, "db", "current", "--json"))
    assert [(row["database"], row["revision"]) for row in before] == [("warehouse", None), ("accounts", None)]
    after = document(inside(tmp_path, "db", "upgrade", "--json"))
    assert all(row["revision"] == row["head"] for row in after)
    assert after == document(inside(tmp_path, "db", "current", "--json"))
    down = document(inside(tmp_path, "db", "downgrade", "accounts", "--revision", "base", "--json"))
    assert [row["revision"] for row in down] == [after[0]["head"], None]
    assert document(inside(tmp_path, "db", "downgrade", "warehouse", "--json"))[0]["revision"] is not None
    assert inside(tmp_path, "db", "downgrade", "warehouse", "--revision", "base").status == 0
    people = [line.split() for line in inside(tmp_path, "db", "current").stdout.splitlines()]
    assert people[1:] == [[row["database"], "-", row["head"]] for row in after]
    assert document(inside(tmp_path, "etl", "runs", "--json")) == []  # every command migrates by itself
