"""Column types that both databases share."""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

#: The longest text that Redshift can hold, in bytes; its TEXT is no more than 256.
_LONGEST = 65_535


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time; SQLite stores it without its zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse naive times: all times are UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time reached the database; use datetime.now(UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


#: Text of any length; on Redshift as long as one can be there.
LongText = Text().with_variant(String(_LONGEST), "redshift")
#: The same, sorted by code point, as Redshift and Snowflake do; a database of PostgreSQL has its own order.
SortedText = LongText.with_variant(Text(collation="C"), "postgresql")


class _JsonText(TypeDecorator[Any]):
    """JSON where the database has no such type, or a dialect that knows none."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(_LONGEST) if dialect.name == "redshift" else Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return json.dumps(value, ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


#: JSON, stored as text where need be.
Document = JSON().with_variant(_JsonText(), "redshift", "snowflake")
