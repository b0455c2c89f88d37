"""What a row-hash store does: a small key/value store, whose values are opaque and at most about 100 KiB."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class RowHashStore(Protocol):
    """Values by key; keys are relative paths with ``/``. It may lose any of them at any time.

    Every method raises ``StoreFailure`` where the store does not do its work.
    """

    url: str

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values of these keys, in this order, None where there is none."""
        ...

    def put_many(self, values: Mapping[str, bytes]) -> None:
        """Store values, in place of those that the keys have."""
        ...

    def stored(self) -> list[str]:
        """Return every key that has a value, in no order."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Delete values; none there is no error."""
        ...
