"""The scopes: what a client may be allowed to do."""

from collections.abc import Iterable

from app.auth.errors import UnknownScope
from app.errors import near_miss

#: Every scope and what it opens.
SCOPES = {
    "marts:read": "Read aggregates, rankings and dimensions.",
    "runs:read": "Read runs, their reports and their changes.",
}


def known_scopes(names: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes, sorted and each once.

    Raises:
        UnknownScope: one of them does not exist, or there is none.
    """
    wanted = sorted(set(names))
    if not wanted:
        raise UnknownScope("no scope given", f"one of: {', '.join(SCOPES)}")
    for name in wanted:
        if name not in SCOPES:
            raise UnknownScope(f"no scope {name!r}", near_miss(name, SCOPES))
    return tuple(wanted)
