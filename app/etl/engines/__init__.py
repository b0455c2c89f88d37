"""Engines by name. Each is imported only when asked for."""

from app.errors import ConfigurationError, near_miss
from app.etl.engines.base import Engine, Landing, Part, Transformed, Workplace

ENGINES = ("polars",)

__all__ = [
    "ENGINES",
    "Engine",
    "Landing",
    "Part",
    "Transformed",
    "Workplace",
    "open_engine",
]


def open_engine(name: str) -> Engine:
    """Return the engine of this name.

    Raises:
        ConfigurationError: there is none.
    """
    if name not in ENGINES:
        raise ConfigurationError(f"no engine {name!r}", near_miss(name, ENGINES))
    from app.etl.engines.polars import PolarsEngine

    return PolarsEngine()
