"""Runs by size: ``make bench-etl``. See docs/scaling.md."""
