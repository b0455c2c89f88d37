"""Follows the keys of other issuers, on threads beside the requests, none of which ever waits for them."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from app.auth.discovery import FetchFailed, fetch_key_set
from app.auth.external import ExternalProfile
from app.auth.jwks import read_key_set
from app.auth.trust import TrustedIssuer, TrustedKey
from app.settings.issuers import ExternalIssuer

#: A thread that waits for a provider is not waited for: it holds nothing and ends with the process.
CLOSES_WITHIN_S = 1.0
Fetch = Callable[[ExternalIssuer], bytes]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Schedule:
    """When keys are fetched and how long they are good for, in seconds.

    Every ``refresh_s``; earlier where a token names an unknown key, but never sooner than ``cool_down_s``
    after the last time; after a failure each ``retry_s``. Keys verify until ``keep_s`` after the last fetch.
    """

    refresh_s: float = 300
    cool_down_s: float = 60
    retry_s: float = 15
    keep_s: float = 86_400
    #: How long a start waits for the first keys.
    first_s: float = 5


@dataclass(frozen=True)
class IssuerState:
    """How it stands with an issuer's keys.

    ``current``: the last fetch gave them. ``stale``: it failed, and those of ``fetched_at`` serve on.
    ``unavailable``: there are none, so that its tokens are refused.
    """

    issuer: str
    status: Literal["current", "stale", "unavailable"]
    keys: int
    fetched_at: datetime | None


class _Source:
    """One issuer's keys, fetched by a thread of its own."""

    def __init__(
        self, issuer: ExternalIssuer, found: Callable[[TrustedIssuer], None], schedule: Schedule, fetch: Fetch
    ) -> None:
        self._issuer = issuer
        self._profile = ExternalProfile(issuer)
        self._found = found
        self._schedule = schedule
        self._fetch = fetch
        self._keys: dict[str, TrustedKey] = {}
        self._fetched_at: float | None = None
        self._failed = False
        self._wanted = threading.Event()
        self._stop = threading.Event()
        self.tried = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"keys of {issuer.issuer}", daemon=True)
        found(TrustedIssuer(issuer.issuer, issuer.audience, {}, self._profile))

    def start(self) -> None:
        self._thread.start()

    def want(self) -> None:
        """Ask for a fetch before its time, which costs nothing and may be asked by anybody."""
        self._wanted.set()

    def close(self) -> None:
        self._stop.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join(CLOSES_WITHIN_S)

    def state(self) -> IssuerState:
        at = self._fetched_at
        alive = at is not None and time.time() < at + self._schedule.keep_s and bool(self._keys)
        status: Literal["current", "stale", "unavailable"] = "stale" if self._failed else "current"
        fetched_at = None if at is None else datetime.fromtimestamp(at, UTC)
        keys = len(self._keys) if alive else 0
        return IssuerState(self._issuer.issuer, status if alive else "unavailable", keys, fetched_at)

    def _run(self) -> None:
        schedule = self._schedule
        while not self._stop.is_set():
            self._wanted.clear()
            self._try()
            self.tried.set()
            if self._failed:
                self._stop.wait(schedule.retry_s)
            elif not self._stop.wait(schedule.cool_down_s):
                self._wanted.wait(schedule.refresh_s - schedule.cool_down_s)

    def _try(self) -> None:
        try:
            self._refresh()
        except (FetchFailed, ValueError) as error:
            self._fail(str(error))
        except Exception as error:  # a thread that died of one would never see a new key again
            self._fail(repr(error))

    def _refresh(self) -> None:
        raw = self._fetch(self._issuer)
        keys = read_key_set(raw, self._issuer.algorithms)
        if not keys:
            log.warning("%s has no key that can be used", self._issuer.issuer)
        at = time.time()
        until = at + self._schedule.keep_s
        self._keys = {
            kid: TrustedKey(kid, algorithm, checker, until) for kid, (algorithm, checker) in keys.items()
        }
        self._fetched_at, self._failed = at, False
        issuer = self._issuer
        self._found(TrustedIssuer(issuer.issuer, issuer.audience, self._keys, self._profile))

    def _fail(self, reason: str) -> None:
        self._failed = True
        log.warning(
            "the keys of %s cannot be fetched, known ones stay for a while: %s", self._issuer.issuer, reason
        )


class Issuers:
    """The external issuers that are trusted. ``found`` gets each anew whenever its keys were fetched."""

    def __init__(
        self,
        issuers: Iterable[ExternalIssuer],
        found: Callable[[TrustedIssuer], None],
        schedule: Schedule = Schedule(),
        fetch: Fetch = fetch_key_set,
    ) -> None:
        self._schedule = schedule
        self._sources = {issuer.issuer: _Source(issuer, found, schedule, fetch) for issuer in issuers}

    def start(self) -> None:
        """Begin to fetch keys, and wait a little for the first ones of each issuer."""
        for source in self._sources.values():
            source.start()
        until = time.monotonic() + self._schedule.first_s
        for source in self._sources.values():
            source.tried.wait(max(0.0, until - time.monotonic()))

    def close(self) -> None:
        """Stop fetching."""
        for source in self._sources.values():
            source.close()

    def unknown_key(self, issuer: str) -> None:
        """Take note that a token names a key of this issuer which is not known; it costs nothing."""
        source = self._sources.get(issuer)
        if source is not None:
            source.want()

    def states(self) -> list[IssuerState]:
        """Return how it stands with each issuer, in the order of the settings."""
        return [source.state() for source in self._sources.values()]

    def failing(self) -> int:
        """Return how many issuers' keys could not be fetched the last time."""
        return sum(state.status != "current" for state in self.states())
