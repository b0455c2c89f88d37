"""Opening the warehouse by its URL. What another one than SQLite needs is imported only when asked for."""

from sqlalchemy.engine import make_url

from app.database import open_engine, ready
from app.errors import ConfigurationError
from app.warehouse.base import Warehouse

WAREHOUSES = ("sqlite",)


#: Warehouses whose own file the API reads, as their capabilities say; known here without their drivers.
SERVING = frozenset({"sqlite"})


def serves(url: str) -> bool:
    """Return whether the API reads the warehouse itself, and no replica of it."""
    return make_url(url).get_backend_name() in SERVING


def open_warehouse(url: str) -> Warehouse:
    """Open a warehouse, whatever its schema; nothing is connected to yet.

    Raises:
        ConfigurationError: there is none of this kind, or its driver is not installed.
    """
    from app.warehouse.sqlite import SqliteWarehouse  # late: polars

    backend = make_url(url).get_backend_name()
    if backend not in WAREHOUSES:
        raise ConfigurationError(f"no warehouse is a {backend} database", f"one of: {', '.join(WAREHOUSES)}")
    return SqliteWarehouse(open_engine(url))


def ready_warehouse(url: str) -> Warehouse:
    """Open a warehouse with its schema at head.

    Raises:
        ConfigurationError: as above.
        SchemaError, StoreFailure: as ``app.database.ready`` says.
    """
    warehouse = open_warehouse(url)
    ready(warehouse.engine, "warehouse")
    return warehouse
