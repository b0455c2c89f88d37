"""One more dimension in the declarations gives working endpoints, and nothing else has to know."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_a_declared_text_dimension_is_served(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "tests.support.grown", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        pytest.fail(done.stderr)
    found = json.loads(done.stdout)
    rows = [
        {"language": "", "year": 1997, "revenue": 1},
        {"language": "de", "year": 1995, "revenue": 5},
        {"language": "en", "year": 1995, "revenue": 300},
        {"language": "en", "year": 1996, "revenue": 100},
        {"language": "fr", "year": 1995, "revenue": 300},
        {"language": "xx'", "year": 1996, "revenue": 100},
    ]
    assert found == {
        "all": rows,
        "filtered": rows[4:],
        "pages": [[rows[place]] for place in (5, 4, 2, 3, 1, 0)],
        "rollup": [
            {"language": "", "revenue": 1, "avg_popularity": 0},
            {"language": "de", "revenue": 5, "avg_popularity": 0.000002},
            {"language": "en", "revenue": 400, "avg_popularity": 0.0001},
            {"language": "fr", "revenue": 300, "avg_popularity": 0.00015},
            {"language": "xx'", "revenue": 100, "avg_popularity": 0.00005},
        ],
        "ranking": [
            {"year": 1995, "rank": 1, "language": "en"},
            {"year": 1996, "rank": 1, "language": "en"},
            {"year": 1997, "rank": 1, "language": ""},
        ],
        "ties": [{"rank": 1, "language": "en"}, {"rank": 1, "language": "fr"}],
        "changes": [],
        "additive": {"language": True, "year": True},
        "documented": ["/v1/aggregates/languages", "/v1/rankings/languages"],
        "unknown": 404,
    }
