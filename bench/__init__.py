"""Benchmarks: ``make bench``. They print tables and judge nothing."""
