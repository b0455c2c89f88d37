"""What loading a run leaves behind for its readers."""

from pathlib import Path

from app.database import open_engine
from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.settings import Settings
from tests.support.small import movie, write


def test_a_question_for_one_year_uses_the_index_of_years(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", _env_file=None)
    records = [movie(number, date=f"{1900 + number % 100}-01-01") for number in range(1, 2_000)]
    run_delivery(settings, str(write(tmp_path / "a.csv", records)), RunOptions())
    with open_engine(settings.warehouse).connect() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT * FROM mart_company_genre_year WHERE run = 1 AND year = 1950"
        ).all()
    assert "ix_mart_company_genre_year_run_year" in plan[0][-1]
