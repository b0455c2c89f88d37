"""``python -m bench``: the benchmarks, sizes by option."""

import argparse
import signal
import sys

from bench import etl, replica
from bench.api import run as api
from bench.scale import contest as scale


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "only",
        nargs="?",
        choices=("etl", "api", "warehouse", "replica", "scale"),
        help="one of them; the first two by default",
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the ETL's large sample")
    parser.add_argument("--sizes", type=int, nargs="+", default=scale.SIZES, help="rows of the runs by size")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contestant")
    parser.add_argument("--seconds", type=int, default=2, help="of one run against the API, 1 or more")
    parser.add_argument("--real-only", action="store_true", help="the API without its large marts")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers are stopped on the way out
    if options.only in {None, "etl"}:
        etl.benchmark(options.rows, options.rounds)
    if options.only == "warehouse":
        from bench import warehouse  # late: what it imports is big, and a child starts as big as this process

        warehouse.benchmark(options.rows, options.rounds)
    if options.only in {None, "api"}:
        api.benchmark(options.rounds, options.seconds, options.real_only)
    if options.only == "replica":
        replica.benchmark(options.rounds, options.seconds)
    if options.only == "scale":
        scale.benchmark(options.sizes, options.rounds)


if __name__ == "__main__":
    main()
