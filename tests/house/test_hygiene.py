"""The repository holds what belongs into it: small files, no leftovers, nothing of one machine."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = 300
#: Spelt so that this file does not find itself.
LEFTOVERS = re.compile("TO" + r"DO|FIX" + r"ME|X" + r"XX\b|raise NotImplemented" + "Error")
PLACES = re.compile(
    "index"
    + r"-url|pypi"
    + r"\.org|python"
    + r"hosted|/ro"
    + r"ot/|/wo"
    + r"rk/|/ho"
    + r"me/\w|/opt"
    + "/pypi"
)


def tracked(*patterns: str) -> list[Path]:
    """Return the files under version control, and those about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def text(file: Path) -> str:
    """Return a file's text; nothing for a binary one."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@pytest.mark.parametrize("folder", ["app", "bench", "deploy", "migrations"])
def test_files_stay_small(folder: str) -> None:
    long = {str(file): text(file).count("\n") for file in tracked(f"{folder}/**.py")}
    assert {file: lines for file, lines in long.items() if lines > LINES} == {}


def test_nothing_is_left_for_later() -> None:
    assert [
        file for file in tracked("app", "bench", "deploy", "migrations") if LEFTOVERS.search(text(file))
    ] == []


def test_nothing_belongs_to_one_machine() -> None:
    assert [file for file in tracked() if PLACES.search(text(file))] == []


def test_every_ignore_has_a_reason() -> None:
    bare = re.compile(r"# (?:noqa|type: ignore)(?:: ?[\w, ]+|\[[\w, -]+\])?\s*$", re.MULTILINE)
    assert [
        file for file in tracked("app/**.py", "bench/**.py", "deploy/**.py") if bare.search(text(file))
    ] == []


def test_no_delivery_is_committed() -> None:
    data = ("*.csv", "*.csv.gz", "*.parquet", "*.sqlite")
    assert [file for file in tracked(*data) if file.stat().st_size > 100_000] == []
