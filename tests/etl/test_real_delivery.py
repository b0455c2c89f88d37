"""The real delivery: the counts stated for it, and every value against the reference."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.reference.difference import difference
from tests.reference.outcome import Outcome, work_out
from tests.reference.readers import read_delivery
from tests.support.program import assert_no_difference, command, read_back

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "movies_metadata.csv.gz"

pytestmark = [
    pytest.mark.skipif(not REAL.exists(), reason="the real delivery is not beside this checkout"),
    pytest.mark.may_skip("the real delivery is not part of the repository"),
]


@pytest.fixture(scope="module")
def expected() -> Outcome:
    return work_out(read_delivery(REAL))


def test_the_reference_gives_the_counts_stated_for_the_delivery(expected: Outcome) -> None:
    assert (expected.counts["rows"], expected.counts["accepted"]) == (45_466, 45_346)
    assert Counter(reject.reason for reject in expected.rejects) == {
        "duplicate_id": 30,
        "invalid_id": 3,
        "missing_release_date": 87,
    }
    assert [reject.row for reject in expected.rejects if reject.reason == "invalid_id"] == [
        19731,
        29504,
        35588,
    ]
    assert {name: len(rows) for name, rows in (expected.marts | expected.dimensions).items()} == {
        "year": 135,
        "genre_year": 2_021,
        "company_year": 48_875,
        "company_genre_year": 130_177,
        "genre": 20,
        "production_company": 23_688,
    }


def test_every_value_of_the_real_delivery(expected: Outcome, tmp_path: Path) -> None:
    done = command(tmp_path, "etl", "run", str(REAL), "--json")
    assert done.status == 0, done.stderr
    run = json.loads(done.stdout)
    assert (run["status"], run["no_op"]) == ("published", False)
    assert_no_difference(difference(expected, read_back(tmp_path, run).outcome))
