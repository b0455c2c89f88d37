"""Runs and what changed between them, as the API shows them.

The catalogue changes in place (a run is superseded, pruned), so the entity tags are those of the bodies. What
it says of a delivery as a whole is not for clients that may read only a part: their runs have fewer fields.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app.database_types import UtcTime
from app.errors import PrunedRun, UnknownRun
from app.marts.catalog import run_table
from app.marts.definitions import MARTS
from app.marts.restrictions import Restrictions
from app.serving import answer, formats, parameters, statement
from app.serving.answer import Answer, Ask
from app.serving.cursor import Cursors, Position, digest
from app.serving.errors import RunAtFault
from app.serving.fields import Field
from app.serving.formats import Page
from app.serving.paging import CURSOR, FORMAT, LIMIT, by_name, fields_parameter, sort_parameter
from app.serving.parameters import choice, text
from app.serving.query import Order, Paging, check_readable, paging
from app.serving.store import MartStore, Snapshot
from app.warehouse.changes import Place, changes
from app.warehouse.runs import Run, kept, read

_AT = "2025-02-01T06:00:00.000000Z"
RUN_FIELDS = {
    item.name: item
    for item in (
        Field("run_id", "text", "Id of the run; sorts by time.", "20250201T055930000000Z-0a1b2c"),
        Field("status", "text", "published, superseded, held or failed.", "published"),
        Field("reason", "text", "Why the run is held or failed.", None, nullable=True),
        Field("as_of", "text", "Period that the delivery stands for.", "2025-01-31", nullable=True),
        Field("created_at", "text", "When the run began, RFC 3339 in UTC.", _AT),
        Field("published_at", "text", "When the run was first published.", _AT, nullable=True),
        Field("rows", "integer", "Rows of the delivery.", 45466),
        Field("accepted", "integer", "Rows that became movies.", 45346),
        Field("rejects", "object", "Rejected rows by reason, where there are any.", {"duplicate_id": 30}),
        Field("without", "object", "Movies that are in no row of a dimension.", {"genre": 2384}),
        Field("tables", "object", "Rows by mart and dimension.", {"year": 135, "genre": 20}),
        Field(
            "files", "object", "Files of the delivery.", [{"path": "movies.csv", "size": 1, "sha256": "00"}]
        ),
        Field("engine", "text", "Engine of the run.", "polars"),
    )
}
#: Fields that say which run it is, and nothing of what is in it.
OF_IDENTITY = ("run_id", "status", "as_of", "created_at", "published_at", "engine")
_MEASURES = {"releases": 2}
CHANGE_FIELDS = {
    item.name: item
    for item in (
        Field("mart", "text", "Mart of the row.", "genre_year"),
        Field("key", "object", "Key of the row.", {"genre_id": 18, "year": 1995}),
        Field("before", "object", "Measures in the run `since`; null where added.", None, nullable=True),
        Field("after", "object", "Measures in this run; null where removed.", _MEASURES, nullable=True),
    )
}
NEWEST_FIRST = ("-run_id",)
_MARTS = {mart.name: mart for mart in MARTS}
_SORTABLE = [name for name, field in RUN_FIELDS.items() if field.kind != "object"]
RUNS = by_name(fields_parameter(tuple(RUN_FIELDS)), sort_parameter(_SORTABLE), LIMIT, CURSOR, FORMAT)
RUN = by_name(fields_parameter(tuple(RUN_FIELDS)), FORMAT)
CHANGES = by_name(
    text("since", "Run to compare with.", required=True),
    choice("mart", "Only changes of this mart.", list(_MARTS)),
    fields_parameter(tuple(CHANGE_FIELDS)),
    LIMIT,
    CURSOR,
    FORMAT,
)


class Catalogue:
    """Reads runs from the mart store."""

    def __init__(self, store: MartStore, cursors: Cursors) -> None:
        self._store = store
        self._cursors = cursors

    async def runs(self, ask: Ask) -> Answer:
        """List the kept runs, the newest first."""
        asked = paging(parameters.read(ask.query, RUNS), _fields(ask.restrictions), NEWEST_FIRST)
        question = digest("runs", asked.canonical, ask.fingerprint)
        after = self._cursors.read(asked.cursor, question) if asked.cursor else None
        current, found = await self._store.read(
            lambda see: (see.current, _runs(see.catalogue, asked.order, after, asked.limit + 1))
        )
        rows, more = answer.cut([run.document() for run in found], asked.limit)
        end = tuple(rows[-1][item.field.name] for item in asked.order) if more else ()
        return self._page(ask, asked, current, rows, Position(question, "", end) if more else None)

    async def current(self, ask: Ask) -> Answer:
        """Show the published run.

        Raises:
            NothingPublished: there is none yet.
        """
        asked = paging(parameters.read(ask.query, RUN), _fields(ask.restrictions), NEWEST_FIRST)
        return _one(ask, asked, await self._store.read(Snapshot.published))

    async def run(self, run_id: str, ask: Ask) -> Answer:
        """Show one kept run.

        Raises:
            RunAtFault: there is none of this id, or it was pruned.
        """
        asked = paging(parameters.read(ask.query, RUN), _fields(ask.restrictions), NEWEST_FIRST)
        return _one(ask, asked, await self._store.read(lambda see: _find(see, "run_id", run_id)))

    async def changes(self, run_id: str, ask: Ask) -> Answer:
        """List what changed in the rows that the client may read since another run.

        Raises:
            Restricted: the client may not read the mart that it named.
            RunAtFault: one of the two is unknown, was pruned or has no marts.
        """
        values = parameters.read(ask.query, CHANGES)
        mart, within = values["mart"], ask.restrictions
        if within is not None and mart is not None:
            check_readable(_MARTS[mart], within)
        asked = paging({**values, "sort": None}, CHANGE_FIELDS, ())
        question = digest("changes", run_id, values["since"], mart, asked.canonical, ask.fingerprint)
        end = self._cursors.read(asked.cursor, question) if asked.cursor else None
        after = Place(end.values[0], tuple(end.values[1:])) if end else None

        def compare(snapshot: Snapshot) -> tuple[Run, list[dict[str, Any]]]:
            run = _with_marts(_find(snapshot, "run_id", run_id), "run_id")
            since = _with_marts(_find(snapshot, "since", values["since"]), "since")
            found = changes(snapshot.marts, since, run, mart, after, asked.limit + 1, within)
            snapshot.check_kept(since, run)
            return run, found

        run, found = await self._store.read(compare)
        rows, more = answer.cut(found, asked.limit)
        last = (rows[-1]["mart"], *rows[-1]["key"].values()) if more else ()
        return self._page(ask, asked, run, rows, Position(question, run_id, last) if more else None)

    def _page(
        self,
        ask: Ask,
        asked: Paging,
        run: Run | None,
        documents: Sequence[Mapping[str, Any]],
        end: Position | None,
    ) -> Answer:
        cursor = self._cursors.sign(end) if end else None
        form = formats.negotiate(asked.format, ask.accept)
        rows = [[document[field.name] for field in asked.fields] for document in documents]
        meta = answer.meta(run, None, {}, len(rows), cursor)
        links = answer.links(ask, cursor)
        body = form.render(Page(asked.fields, rows, meta, links))
        return answer.of_body(ask, form, body, run, links["next"], len(rows))


def _fields(restrictions: Restrictions | None) -> Mapping[str, Field]:
    return RUN_FIELDS if restrictions is None else {name: RUN_FIELDS[name] for name in OF_IDENTITY}


def _one(ask: Ask, asked: Paging, run: Run) -> Answer:
    form = formats.negotiate(asked.format, ask.accept)
    document = run.document()
    data = {field.name: document[field.name] for field in asked.fields}
    body = formats.envelope(data, answer.meta(run, None, {}, 1, None), answer.links(ask, None))
    return answer.of_body(ask, form, body, run, None, 1)


def _find(snapshot: Snapshot, parameter: str, run_id: str) -> Run:
    try:
        return snapshot.find(run_id)
    except (UnknownRun, PrunedRun) as error:
        raise RunAtFault(parameter, error) from error


def _with_marts(run: Run, parameter: str) -> Run:
    if run.status == "failed":
        raise RunAtFault(parameter, UnknownRun(f"run {run.run_id} failed and has no marts"))
    return run


def _runs(connection: Connection, order: Sequence[Order], end: Position | None, limit: int) -> list[Run]:
    """Return the runs of a page, after the end of the page before."""
    after = [_value(item, value) for item, value in zip(order, end.values, strict=True)] if end else None
    page = statement.page_of(kept(), dict(run_table.c.items()), order, after)
    return read(connection, page, {**statement.last_row(after), "limit": limit})


def _value(item: Order, value: Any) -> Any:
    """Return what a cursor says of a sort value as the catalogue has it."""
    is_time = isinstance(run_table.c[item.field.name].type, UtcTime)
    return datetime.fromisoformat(value) if is_time and value is not None else value
