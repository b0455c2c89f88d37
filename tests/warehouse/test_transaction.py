"""Write transactions: all or nothing, whatever cuts them short."""

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.database import bulk_transaction, open_engine, ready, transaction
from app.marts.catalog import run_lock_table


class CtrlC:
    """A value that is being written when the user presses Ctrl-C."""

    def __conform__(self, _: object) -> None:
        raise KeyboardInterrupt


def test_ctrl_c_between_two_rows_gives_the_write_lock_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.database.sqlite.BUSY_TIMEOUT_S", 0.1)
    engine = ready(open_engine(f"sqlite:///{tmp_path / 'file.sqlite'}"), "warehouse")
    rows = [("etl", "run", "place", "machine", value, "2026", "2026") for value in ("process", CtrlC())]
    with pytest.raises(KeyboardInterrupt) as caught, transaction(engine) as connection:
        connection.exec_driver_sql("INSERT INTO run_lock VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    with transaction(engine) as connection:
        assert connection.execute(select(run_lock_table)).all() == []
    assert caught.traceback  # and with it the frames that hold the cursor were alive all the while


def test_only_a_load_looks_up_no_foreign_keys(tmp_path: Path) -> None:
    engine = ready(open_engine(f"sqlite:///{tmp_path / 'file.sqlite'}"), "warehouse")
    of_no_run = "INSERT INTO leader VALUES (7, 'year', '[]', 'budget', '[]')"
    with bulk_transaction(engine) as connection:
        connection.exec_driver_sql(of_no_run)
        connection.exec_driver_sql("DELETE FROM leader")
    with pytest.raises(IntegrityError, match="FOREIGN KEY"), transaction(engine) as connection:
        connection.exec_driver_sql(of_no_run)
