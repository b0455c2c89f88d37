"""``python -m bench``: the benchmarks, sizes by option."""

import argparse

from bench import api, etl


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("only", nargs="?", choices=("etl", "api"), help="one of the two; both by default")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the large sample")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contestant")
    options = parser.parse_args()
    if options.only in {None, "etl"}:
        etl.benchmark(options.rows, options.rounds)
    if options.only in {None, "api"}:
        api.benchmark(options.rounds)


if __name__ == "__main__":
    main()
