"""The restrictions of clients as the accounts database has them."""

import json
import logging
from collections.abc import Mapping
from functools import lru_cache

from sqlalchemy import Connection, Text, cast, select

from app.auth.tables import client_table
from app.marts.restrictions import NOTHING, Restrictions

log = logging.getLogger(__name__)


def read_restrictions(connection: Connection) -> Mapping[str, Restrictions]:
    """Return the restrictions of every client that has some, by client id.

    A client whose restrictions cannot be understood, those of a later version for one, may read nothing. To
    pass over them would open everything to it; an error would hide the revocations of all clients.
    """
    columns = client_table.c
    written = cast(columns.restrictions, Text)  # what is no JSON is to be no error, either
    rows = connection.execute(select(columns.client_id, written).where(written.is_not(None)))
    return {client_id: _understood(client_id, text) for client_id, text in rows}


@lru_cache(1024)  # what is trusted is read again and again, and one complaint is enough
def _understood(client_id: str, text: str) -> Restrictions:
    try:
        return Restrictions.of(json.loads(text))
    except ValueError as error:
        log.error("client %s may read nothing, its restrictions are not understood: %s", client_id, error)
        return NOTHING
