"""Incremental runs: what is kept of the last run, so that the next parses only what is new or changed.

The movie of a row depends on the row's bytes and on how it is read, on nothing else. So what is kept is a
cache: losing it costs time, and the marts are those of a full run in either case.
"""
