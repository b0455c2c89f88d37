"""Row hashes between runs: in a folder of this machine, or in Redis for all machines."""

import hashlib

from app.etl.row_hashes.base import RowHashStore
from app.settings import Settings

__all__ = ["RowHashStore", "open_row_hashes"]


def open_row_hashes(settings: Settings, lake: str) -> RowHashStore:
    """Return the store for runs that land in the lake of this URL. Nothing is connected to or made yet.

    Raises:
        ConfigurationError: its driver is not installed.
    """
    name = hashlib.sha256(lake.encode()).hexdigest()[:16]
    if settings.redis_url:
        from app.etl.row_hashes.redis import RedisRowHashes

        return RedisRowHashes(settings.redis_url.get_secret_value(), f"movie-marts:rows:{name}:")
    from app.etl.row_hashes.local import LocalRowHashes

    return LocalRowHashes(settings.home / "rows" / name)
