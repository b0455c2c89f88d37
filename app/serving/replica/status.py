"""What the process that keeps a replica tells the ones that read it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Status:
    """How it stands; times are seconds since 1970.

    ``confirmed_at``: when the warehouse last said what the replica has. ``synced_at``: when something was
    last copied, which took ``seconds``. ``run``: the published run. ``runs``: how many runs are held with
    their marts. ``syncs`` and ``failures``: how often something was copied, or a look failed. ``error``: why
    the last look failed, if it did; without names of machines, for it is shown to anybody.
    """

    confirmed_at: float | None = None
    synced_at: float | None = None
    seconds: float = 0.0
    run: str | None = None
    runs: int = 0
    syncs: int = 0
    failures: int = 0
    error: str | None = None

    def write(self, path: Path) -> None:
        """Put it in a file, whole at any time. Raises OSError where it cannot."""
        partial = path.with_suffix(".part")
        partial.write_text(json.dumps(asdict(self)), encoding="utf-8")
        partial.replace(path)


def read_status(path: Path) -> Status | None:
    """Return what a file says; None where there is none, or none that this program wrote."""
    try:
        return Status(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
