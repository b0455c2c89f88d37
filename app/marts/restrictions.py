"""What a client may read of the marts, beside its scopes: only some marts, only some members of dimensions.

A mart that lacks a dimension whose members are restricted sums over members that the client may not see, so
it is not readable at all. Of the others a client reads the rows of its members, as if there were no others.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from app.marts.definitions import ENTITIES, MARTS, Mart

#: The name under which a document has the marts; the members of a dimension stand under its own.
MART = "mart"
#: Members that may be named per dimension: every worker has them in memory and binds them in statements.
MOST_MEMBERS = 1_000
_DIMENSIONS = frozenset(dimension.name for dimension in ENTITIES)


@dataclass(frozen=True)
class Restrictions:
    """The only marts, by name, and per dimension the only members, by id; both sorted. None: every mart."""

    marts: tuple[str, ...] | None = None
    members: tuple[tuple[str, tuple[int, ...]], ...] = ()

    @classmethod
    def of(cls, document: Any) -> Self:
        """Read what ``document`` wrote.

        Raises:
            ValueError: it is something else.
        """
        if not isinstance(document, dict) or not document or document.keys() - _DIMENSIONS - {MART}:
            raise ValueError(f"not an object with any of: {', '.join(sorted({MART, *_DIMENSIONS}))}")
        marts = _listed(document[MART], str) if MART in document else None
        members = {name: _listed(ids, int) for name, ids in document.items() if name != MART}
        return cls(marts, tuple(sorted(members.items())))

    def document(self) -> dict[str, list[Any]]:
        """Return ``{"mart": [name], "<dimension>": [id]}``, without what is not restricted."""
        marts = {} if self.marts is None else {MART: list(self.marts)}
        return {**marts, **{name: list(ids) for name, ids in self.members}}

    @cached_property
    def fingerprint(self) -> str:
        """What tells answers under these restrictions from all others: 24 hexadecimal digits."""
        text = json.dumps(self.document(), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()

    @cached_property
    def only(self) -> Mapping[str, frozenset[int]]:
        """The members by the name of their dimension."""
        return {name: frozenset(ids) for name, ids in self.members}

    @cached_property
    def readable(self) -> tuple[Mart, ...]:
        """The marts that may be read, in the order of their declaration."""
        return tuple(mart for mart in MARTS if self.allows(mart))

    def allows(self, mart: Mart) -> bool:
        """Say whether rows of a mart may be read."""
        restricted = {name for name, _ in self.members}
        has_all = restricted <= {dimension.name for dimension in mart.entities}
        return has_all and (self.marts is None or mart.name in self.marts)


#: What a client may read whose restrictions cannot be understood.
NOTHING = Restrictions(marts=())


def _listed(values: Any, kind: type) -> tuple[Any, ...]:
    if not isinstance(values, list) or any(type(value) is not kind for value in values):
        raise ValueError(f"not a list of {kind.__name__}")
    return tuple(sorted(set(values)))
