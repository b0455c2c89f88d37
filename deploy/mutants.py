"""Says how many mutants of the verifier the tests killed; fails below the share that is promised."""

import json
import sys
from pathlib import Path

PROMISED = 0.9
STATS = Path("mutants/mutmut-cicd-stats.json")


def main() -> int:
    """Read what ``mutmut export-cicd-stats`` wrote, and return the exit status."""
    stats = json.loads(STATS.read_text(encoding="utf-8"))
    killed, total = stats["killed"] + stats["timeout"], stats["total"]
    print(f"{killed} of {total} mutants killed: {killed / total:.1%}, at least {PROMISED:.0%} are promised")
    return 0 if killed >= PROMISED * total else 1


if __name__ == "__main__":
    sys.exit(main())
