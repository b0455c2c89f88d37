"""Tests of the house itself: floors, laziness, docs, packaging, the newcomer's two commands."""
