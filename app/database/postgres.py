"""PostgreSQL by psycopg 3, which ``postgresql://`` stands for."""

from sqlalchemy import URL, Engine, create_engine

from app.errors import ConfigurationError

DRIVER = "postgresql+psycopg"
CONNECT_TIMEOUT_S = 10


def open_postgres(url: URL) -> Engine:
    """Open a PostgreSQL database; nothing is connected to yet.

    Raises:
        ConfigurationError: the driver is not installed, or the URL names another.
    """
    if url.drivername not in {"postgresql", DRIVER}:
        raise ConfigurationError(f"a {url.drivername}:// URL cannot be used", "write postgresql://")
    query = {"connect_timeout": str(CONNECT_TIMEOUT_S), **url.query}
    try:
        return create_engine(url.set(drivername=DRIVER, query=query), pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "the driver of PostgreSQL is not installed", "pip install '.[postgres]'"
        ) from error
