"""Snowflake by snowflake-sqlalchemy and its own connector."""

import os
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.exc import NoSuchModuleError
from sqlalchemy.pool import NullPool

from app.errors import ConfigurationError

#: What every session is marked with in Snowflake's history of queries.
QUERY_TAG = "movie-marts"
#: Query items of the URL that are not for the connector but for the program: where runs land, the integration
#: that reads them, how they come in, how long that may take.
OPTIONS = ("stage_url", "storage_integration", "ingest", "ingest_timeout")
#: Sessions are marked, keep UTC, and send nobody figures of how they are used.
SESSION = {"QUERY_TAG": QUERY_TAG, "TIMEZONE": "UTC", "CLIENT_TELEMETRY_ENABLED": False}
#: Unless this is set, the connector asks the metadata services of three clouds where it runs.
NO_DETECTION = "SNOWFLAKE_DISABLE_PLATFORM_DETECTION"
LOGIN_TIMEOUT_S = 30
#: For one request, tries again included. A statement may take longer: then it is asked about again.
REQUEST_TIMEOUT_S = 60
#: For another writer to end; Snowflake's own is half a day.
LOCK_TIMEOUT_S = 300


def open_snowflake(url: URL, **connect: Any) -> Engine:
    """Open a Snowflake database; nothing is connected to yet.

    ``role`` and ``warehouse`` are query items of the URL. With ``private_key_file`` among them that key signs
    in, and the URL's password is its passphrase. ``OPTIONS`` are execution options of the engine. ``connect``
    goes to the connector as it is.

    Raises:
        ConfigurationError: the driver is not installed, or the key cannot be read.
    """
    os.environ.setdefault(NO_DETECTION, "true")
    query = dict(url.query)
    options = {name: query.pop(name, None) for name in OPTIONS}
    key_file = query.pop("private_key_file", None)
    given: dict[str, Any] = {
        "application": "movie-marts",
        "login_timeout": LOGIN_TIMEOUT_S,
        "request_timeout": REQUEST_TIMEOUT_S,
        "session_parameters": {**SESSION, "LOCK_TIMEOUT": LOCK_TIMEOUT_S},
    }
    if key_file is not None:
        given["private_key"] = _private_key(Path(str(key_file)), url.password)
        given["authenticator"] = "SNOWFLAKE_JWT"
        url = URL.create(url.drivername, url.username, None, url.host, url.port, url.database)
    try:
        return create_engine(
            url.set(query=query),
            connect_args={**given, **connect},
            poolclass=NullPool,
            execution_options=options,
        )
    except (NoSuchModuleError, ImportError) as error:
        raise ConfigurationError(
            "the driver of Snowflake is not installed", "pip install '.[snowflake]'"
        ) from error


def _private_key(path: Path, passphrase: str | None) -> bytes:
    """Return a private key as the connector takes it: PKCS#8 in DER, not encrypted.

    Raises:
        ConfigurationError: no such file, no key in it, or another passphrase.
    """
    from cryptography.hazmat.primitives.serialization import (  # late: others sign in without
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    try:
        key = load_pem_private_key(path.read_bytes(), passphrase.encode() if passphrase else None)
        return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    except OSError as error:
        reason = error.strerror or "cannot be read"
    except (ValueError, TypeError):  # TypeError: a passphrase without need, or none in need
        reason = "is no private key that APP_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE opens"
    raise ConfigurationError(f"{path}: {reason}", "see APP_SNOWFLAKE_PRIVATE_KEY_FILE")
