"""A worker gives back the memory of large blocks."""

import subprocess
import sys

import pytest

#: Frees a large block, which lets glibc keep smaller ones; then others pin the heap around those of 1 MiB.
PROGRAM = """
{first}
def rss():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
large = b"x" * (30 << 20)
del large
before, pins, blocks = rss(), [], []
for _ in range(100):
    blocks.append(b"x" * (1 << 20))
    pins.append(b"x" * 100_000)
blocks.clear()
print(rss() - before)
"""


@pytest.mark.parametrize(
    ("first", "kept"), [("", True), ("from app.server import memory; memory.give_back()", False)]
)
def test_large_blocks_are_given_back(first: str, kept: bool) -> None:
    command = [sys.executable, "-c", PROGRAM.format(first=first)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (int(ran.stdout) > 50 * 2**20) is kept
