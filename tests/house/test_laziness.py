"""Starting the program loads no engine, no driver and nothing that only developers have."""

import subprocess
import sys

import pytest

HEAVY = ("snowflake", "pyspark", "dask", "redis", "pyarrow", "polars", "pandas", "numpy", "boto3", "pytest")
COMMAND = """
from app.cli.main import main
try:
    main(["--help"])
except SystemExit:
    pass
"""


@pytest.mark.parametrize("code", ["import app.main", COMMAND], ids=["import app.main", "app --help"])
def test_starts_without_heavy_packages(code: str) -> None:
    script = f"{code}\nimport sys; print('loaded', *sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    loaded = done.stdout.splitlines()[-1].split()
    assert loaded[0] == "loaded"
    assert not set(HEAVY) & set(loaded)
