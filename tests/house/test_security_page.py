"""Every promise of the security page names a test, and every test that it names exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
SECTIONS = ("Tokens", "Issuers", "Keys", "Clients and secrets", "Limits", "Data access", "HTTP", "Logs")


@pytest.mark.parametrize("section", SECTIONS)
def test_every_promise_names_a_test(section: str) -> None:
    _, _, text = PAGE.partition(f"\n## {section}\n")
    rows = [line for line in text.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    assert rows[0] == "| Promise | Held by |"
    assert len(rows) > 1
    assert [row for row in rows[1:] if "::test_" not in row] == []


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_named_test_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
