"""Row hashes in Redis: MGET, and SET in pipelines, a few dozen values a round trip."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import cast
from urllib.parse import urlsplit

from app.errors import ConfigurationError, StoreFailure

#: Values of one round trip: of about 100 KiB each.
VALUES_AT_ONCE = 32
#: How long Redis may take for one of them.
TIMEOUT_S = 10.0


class RedisRowHashes:
    """Keys below a prefix of a Redis database, which may hold other things too."""

    def __init__(self, url: str, prefix: str) -> None:
        try:
            from redis import Redis  # late: an extra
            from redis.exceptions import RedisError
        except ImportError:
            raise ConfigurationError(
                "APP_REDIS_URL needs a package that is not installed", "pip install '.[redis]'"
            ) from None
        self.url = f"{urlsplit(url).scheme}://{urlsplit(url).hostname or ''}"
        self._prefix = prefix
        self._redis = Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
        self._errors: tuple[type[Exception], ...] = (RedisError, OSError)

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return values; see ``RowHashStore``."""
        found: list[bytes | None] = []
        with self._failures():
            for some in _pieces(keys):
                values = self._redis.mget([self._prefix + key for key in some])
                found += cast("list[bytes | None]", values)  # nothing decodes them
        return found

    def put_many(self, values: Mapping[str, bytes]) -> None:
        """Store values; see ``RowHashStore``."""
        with self._failures():
            for keys in _pieces(list(values)):
                with self._redis.pipeline(transaction=False) as pipeline:
                    for key in keys:
                        pipeline.set(self._prefix + key, values[key])
                    pipeline.execute()

    def stored(self) -> list[str]:
        """Return every key; see ``RowHashStore``."""
        with self._failures():
            found = self._redis.scan_iter(match=f"{self._prefix}*", count=1000)
            return sorted({key.decode().removeprefix(self._prefix) for key in found})

    def delete(self, keys: Sequence[str]) -> None:
        """Delete values; see ``RowHashStore``."""
        with self._failures():
            for some in _pieces(keys):
                self._redis.unlink(*(self._prefix + key for key in some))

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise StoreFailure(
                f"row hashes in {self.url}: {type(error).__name__}", "check APP_REDIS_URL and its server"
            ) from error


def _pieces(keys: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(keys)
    while piece := list(islice(rest, VALUES_AT_ONCE)):
        yield piece
