"""What the audit log of a home says."""

import json
from pathlib import Path
from typing import Any


def audited(home: Path, *events: str) -> list[dict[str, Any]]:
    """Return the lines of these events, of all where none is named."""
    file = home / "audit.jsonl"
    found = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [line for line in found if not events or line["event"] in events]
