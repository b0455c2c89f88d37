"""The least that reading a delivery can cost: Polars scans its eight required columns. bare_scan.py FILE"""

import sys
import time

import polars as pl

from app.marts.definitions import REQUIRED_COLUMNS


def main(file: str) -> None:
    """Print the seconds of the scan alone."""
    started = time.perf_counter()
    scan = pl.scan_csv(file, infer_schema=False, truncate_ragged_lines=True)
    scan.select(REQUIRED_COLUMNS).collect()
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main(sys.argv[1])
