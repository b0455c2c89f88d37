"""Roles of a PostgreSQL warehouse: who reads cannot write, who writes needs nothing more, others get neither."""

from pathlib import Path

import pytest
from psycopg import sql
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from app.database import current, downgrade, head, open_engine, upgrade
from app.settings import Settings
from app.warehouse.opening import open_warehouse
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.program import command
from tests.support.small import movies
from tests.support.warehouses import loaded_runs

WRITER, READER = "movie_marts_writer", "movie_marts_reader"


class Logins:
    """Users with a password, each in some roles, on one database."""

    def __init__(self, server: PostgresServer, url: str) -> None:
        self.server, self.database = server, url.rpartition("/")[2]

    def url(self, *roles: str, rights: str = "") -> str:
        """Make a user and return the database's URL for it."""
        name = f"user_{next(self.server.names)}"
        options = sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'pw' " + rights)
        self.server.ask(options.format(sql.Identifier(name)))
        for role in roles:
            self.server.ask(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(name)))
        return self.server.url(self.database, name, "pw")


@pytest.fixture
def logins(postgres: PostgresServer, postgres_url: str) -> Logins:
    return Logins(postgres, postgres_url)


def run(home: Path, url: str, delivery: Path, *options: str) -> tuple[int, str]:
    done = command(home, "etl", "run", str(delivery), *options, APP_WAREHOUSE_URL=url)
    return done.status, done.stderr


def refused(engine: Engine, statement: str) -> bool:
    with engine.connect() as connection:
        try:
            connection.exec_driver_sql(statement)
        except DBAPIError as error:
            return "permission denied" in str(error) or "must be owner" in str(error)
    return False


def test_a_writer_does_all_that_a_run_takes(logins: Logins, tmp_path: Path) -> None:
    """Two of them, each of which deletes what the other has loaded."""
    one, other = logins.url(WRITER), logins.url(WRITER)
    assert run(tmp_path, one, movies(tmp_path / "a.csv", 3)) == (0, "")
    assert run(tmp_path, other, movies(tmp_path / "b.csv", 4)) == (0, "")
    assert command(tmp_path, "etl", "prune", "--keep", "1", APP_WAREHOUSE_URL=other).status == 0
    with open_engine(one).connect() as connection:
        assert loaded_runs(connection) == {2}


def test_a_reader_reads_every_run_and_writes_nothing(logins: Logins, tmp_path: Path) -> None:
    assert run(tmp_path, logins.url(WRITER), movies(tmp_path / "a.csv", 3)) == (0, "")
    url = logins.url(READER)
    assert command(tmp_path, "etl", "runs", APP_WAREHOUSE_URL=url).status == 0
    engine = open_engine(url)
    with engine.connect() as connection:
        assert loaded_runs(connection) == {1}
        assert connection.execute(text("SELECT count(*) FROM mart_year")).scalar_one() == 1
    for statement in (
        "INSERT INTO publication (seq, run, action, at) VALUES (9, 1, 'publish', now())",
        "DELETE FROM mart_year",
        "UPDATE run SET status = 'held'",
        "DROP TABLE mart_year_run_1",
        "CREATE TABLE mine (x int)",
        "SELECT * FROM signing_key",
    ):
        assert refused(engine, statement), statement
    status, said = run(tmp_path, url, movies(tmp_path / "b.csv", 4))
    assert (status, said.count("\n")) == (6, 1)
    assert "permission denied" in said


def test_somebody_in_no_role_sees_nothing(logins: Logins) -> None:
    engine = open_engine(logins.url())
    assert refused(engine, "SELECT * FROM run")
    assert refused(engine, "SELECT * FROM mart_year")


def owned(postgres: PostgresServer, rights: str) -> str:
    """Return the URL of an empty database for its owner, who is no superuser."""
    url = postgres.create(template=None)
    owners = Logins(postgres, url).url(rights=rights)
    name = owners.partition("//")[2].partition(":")[0]
    change = sql.SQL("ALTER DATABASE {} OWNER TO {}")
    postgres.ask(change.format(sql.Identifier(url.rpartition("/")[2]), sql.Identifier(name)))
    return owners


@pytest.mark.usefixtures("postgres_url")  # the roles are there
def test_one_who_may_create_roles_needs_no_superuser(postgres: PostgresServer, tmp_path: Path) -> None:
    url = owned(postgres, "CREATEROLE")
    assert command(tmp_path, "db", "upgrade", APP_WAREHOUSE_URL=url).stderr == ""
    logins = Logins(postgres, url)
    assert run(tmp_path, logins.url(WRITER), movies(tmp_path / "a.csv", 3)) == (0, "")
    with open_engine(logins.url(READER)).connect() as connection:
        assert loaded_runs(connection) == {1}
    downgrade(open_engine(url), "warehouse", "base")
    assert current(open_engine(url), "warehouse") is None


def test_one_who_may_not_is_told_and_has_a_warehouse(tmp_path: Path) -> None:
    """On a server of its own, because roles are the whole server's."""
    with postgres_server() as server:
        url = owned(server, "")
        done = command(tmp_path, "db", "upgrade", APP_WAREHOUSE_URL=url)
        assert (done.status, done.stderr.count("\n")) == (0, 1)
        assert f"{WRITER} and {READER} were not set up" in done.stderr
        assert run(tmp_path, url, movies(tmp_path / "a.csv", 3)) == (0, "")


def test_undone_and_done_again(postgres_url: str, logins: Logins, tmp_path: Path) -> None:
    engine = open_engine(postgres_url)
    writer = logins.url(WRITER)
    downgrade(engine, "warehouse", "warehouse_0003")
    assert refused(open_engine(writer), "SELECT * FROM run")
    upgrade(engine, "warehouse")
    assert current(engine, "warehouse") == head("warehouse")
    assert run(tmp_path, writer, movies(tmp_path / "a.csv", 3)) == (0, "")
    settings = Settings(home=tmp_path, warehouse_url=writer, _env_file=None)
    with open_warehouse(settings.warehouse).engine.connect() as connection:
        assert loaded_runs(connection) == {1}
