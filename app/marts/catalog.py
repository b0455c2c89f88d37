"""Tables of the run catalogue: runs, the published pointer and the run lock.

The pointer is the newest row of ``publication``: moving it is one insert, and its history is what
``rollback`` goes back through.
"""

from sqlalchemy import Column, ForeignKey, Integer, String, Table
from sqlalchemy.sql import quoted_name

from app.database_types import Document, LongText, UtcTime
from app.marts.tables import metadata

#: ``status`` is published, superseded, held or failed. ``reason`` says why a run is held or failed.
#: ``files`` is ``[{path, size, sha256}]``, ``without`` is ``{dimension: movies in none of its rows}``.
run_table = Table(
    "run",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("run_id", String(64), nullable=False, unique=True),
    Column("status", String(16), nullable=False),
    Column("reason", LongText),
    Column("as_of", String(10)),
    Column("created_at", UtcTime, nullable=False),
    Column("published_at", UtcTime),
    Column("pruned_at", UtcTime),
    Column("rows", Integer, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("rejects", Document, nullable=False),
    Column("without", Document, nullable=False),
    Column("tables", Document, nullable=False),
    Column("files", Document, nullable=False),
    Column("options", Document, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("engine", String(16), nullable=False),
    Column("location", LongText),
)

#: ``parent`` is the publication that was current before; a rollback points to its target's own parent.
#: ``at`` is always quoted: in Snowflake the bare word begins a question about the past.
publication_table = Table(
    "publication",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("run", Integer, ForeignKey("run.seq"), nullable=False),
    Column("parent", Integer, ForeignKey("publication.seq")),
    Column("action", String(16), nullable=False),
    Column(quoted_name("at", True), UtcTime, nullable=False),
    sqlite_autoincrement=True,
)

#: At most one row, ``name = 'etl'``. ``process`` tells a live holder on this machine from a dead one,
#: ``location`` is where its run is to land.
run_lock_table = Table(
    "run_lock",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("run_id", String(64), nullable=False),
    Column("location", LongText, nullable=False),
    Column("machine", LongText, nullable=False),
    Column("process", LongText, nullable=False),
    Column("acquired_at", UtcTime, nullable=False),
    Column("heartbeat_at", UtcTime, nullable=False),
)
