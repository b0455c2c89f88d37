"""Opening the warehouse by its URL. What another one than SQLite needs is imported only when asked for."""

from collections.abc import Mapping
from pkgutil import resolve_name

from sqlalchemy.engine import make_url

from app.database import open_warehouse_engine, ready
from app.errors import ConfigurationError
from app.warehouse.base import Warehouse

#: Who works with a database, by the name that its URL begins with: each takes an engine.
WAREHOUSES: Mapping[str, str] = {
    "sqlite": "app.warehouse.sqlite:SqliteWarehouse",
    "postgresql": "app.warehouse.postgres:PostgresWarehouse",
    "redshift": "app.warehouse.redshift:RedshiftWarehouse",
    "snowflake": "app.warehouse.snowflake:SnowflakeWarehouse",
}
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
    backend = make_url(url).drivername.partition("+")[0]
    if backend not in WAREHOUSES:
        raise ConfigurationError(f"no warehouse is a {backend} database", f"one of: {', '.join(WAREHOUSES)}")
    engine = open_warehouse_engine(url)  # finds that a driver is missing before the import below does
    warehouse: Warehouse = resolve_name(WAREHOUSES[backend])(engine)
    return warehouse


def ready_warehouse(url: str) -> Warehouse:
    """Open a warehouse with its schema at head.

    Raises:
        ConfigurationError: as above.
        SchemaError, StoreFailure: as ``app.database.ready`` says.
    """
    warehouse = open_warehouse(url)
    ready(warehouse.engine, "warehouse")
    return warehouse
