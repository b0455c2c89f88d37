"""Options of one ETL run."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class RunOptions:
    """What ``app etl run`` was asked to do. ``as_of``, ``YYYY-MM-DD``, is the period of the delivery.

    ``full`` uses nothing of the last run; the marts are the same. ``keep_missing`` keeps its movies that the
    delivery has no valid row of.
    """

    engine: str = "polars"
    require_financials: bool = False
    max_reject_ratio: float = 0.05
    allow_shrink: bool = False
    force: bool = False
    dry_run: bool = False
    publish: bool = True
    as_of: str | None = None
    full: bool = False
    keep_missing: bool = False

    def changing_rows(self) -> dict[str, Any]:
        """Return the options that change what a row becomes."""
        return {"require_financials": self.require_financials}

    def changing_marts(self) -> dict[str, Any]:
        """Return the options that change the marts of the same content; they are part of its fingerprint."""
        return self.changing_rows() | ({"keep_missing": True} if self.keep_missing else {})

    def document(self) -> dict[str, Any]:
        """Return all options, as the manifest keeps them."""
        return asdict(self)
