"""Amazon Redshift by sqlalchemy-redshift and psycopg2: ``redshift+psycopg2://``."""

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.exc import NoSuchModuleError
from sqlalchemy.pool import NullPool

from app.errors import ConfigurationError

DRIVER = "redshift+psycopg2"
#: What libpq is told unless the URL says otherwise: a cluster that does not answer is given up. The dialect
#: adds that its certificate must be good.
DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "application_name": "movie-marts",
}
#: The query item that is not for the driver: the role that Redshift reads files with.
IAM_ROLE = "iam_role"


def open_redshift(url: URL) -> Engine:
    """Open a Redshift database; nothing is connected to yet.

    ``iam_role`` of the URL's query is an execution option of the engine.

    Raises:
        ConfigurationError: the driver is not installed, or the URL names another.
    """
    if url.drivername not in {"redshift", DRIVER}:
        raise ConfigurationError(f"a {url.drivername}:// URL cannot be used", f"write {DRIVER}://")
    items = {**DEFAULTS, **url.query}
    options = {IAM_ROLE: items.pop(IAM_ROLE, None)}
    try:
        engine = create_engine(
            url.set(drivername=DRIVER, query=items), poolclass=NullPool, execution_options=options
        )
    except (NoSuchModuleError, ImportError) as error:
        raise ConfigurationError(
            "the driver of Redshift is not installed", "pip install '.[redshift]'"
        ) from error
    # Redshift has no RETURNING, which its dialect has from that of PostgreSQL.
    engine.dialect.insert_returning = False
    return engine
