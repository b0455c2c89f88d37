"""PostgreSQL by psycopg 3, which ``postgresql://`` stands for."""

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.pool import NullPool

from app.errors import ConfigurationError

DRIVER = "postgresql+psycopg"
#: What libpq is told unless the URL says otherwise (https://www.postgresql.org/docs/15/libpq-connect.html): a
#: server that does not answer is given up, here and on its side, and nobody waits for a lock without end.
DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "application_name": "movie-marts",
    "options": "-c lock_timeout=30s -c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5"
    " -c tcp_keepalives_count=3",
}


def open_postgres(url: URL) -> Engine:
    """Open a PostgreSQL database; nothing is connected to yet, and no connection is kept open unused.

    Raises:
        ConfigurationError: the driver is not installed, or the URL names another.
    """
    if url.drivername not in {"postgresql", DRIVER}:
        raise ConfigurationError(f"a {url.drivername}:// URL cannot be used", "write postgresql://")
    try:
        return create_engine(url.set(drivername=DRIVER, query={**DEFAULTS, **url.query}), poolclass=NullPool)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "the driver of PostgreSQL is not installed", "pip install '.[postgres]'"
        ) from error
