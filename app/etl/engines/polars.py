"""The embedded engine: Polars on one machine, out of core.

Batches of about 16 MiB are cut by one thread and normalised by two; movies go to the spool, whose buckets are
deduplicated and summed one at a time; sums go to a tally per mart, which is written one range of keys at a
time. Memory holds a few batches, a bucket or a range, and shares of what the run may take.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path

import polars as pl

from app.errors import UnreadableDelivery
from app.etl.delivery import Delivery
from app.etl.engines import aggregate
from app.etl.engines.ahead import read_ahead, work_ahead
from app.etl.engines.base import REJECTS, Transformed, Workplace
from app.etl.engines.members import Members
from app.etl.engines.recognition import BEFORE_ALL, Recognition, Seen
from app.etl.engines.rejects import Rejects
from app.etl.engines.tally import COMPRESSION, Tally
from app.etl.normalise import normalise
from app.etl.options import RunOptions
from app.etl.progress import Progress
from app.etl.readers import Batch, DataFile, Reader, Span, open_reader
from app.etl.readers.base import Record, missing_columns, missing_columns_error
from app.etl.spool import Spool, by_id
from app.marts.definitions import ENTITIES, MARTS

#: Rows of one file that a movie's position leaves room for.
_ROWS_PER_FILE = 2**40
#: What part of a run's memory the movies, and the sums of each mart, may take before they wait on the disk.
_SHARE = 8
#: About how many bytes it takes to lay out the lists of one movie and add up its rows.
_BYTES_PER_MOVIE = 4096


@dataclass
class _Part:
    """A batch that was read: where it can be read again."""

    number: int
    file: DataFile
    span: Span


@dataclass
class _Scan:
    """Everything the first pass over a delivery learns."""

    rejects: Rejects
    spool: Spool
    members: dict[str, Members]
    recognition: Recognition | None = None
    readers: list[Reader] = field(default_factory=list)
    parts: list[_Part] = field(default_factory=list)
    rows: int = 0


@dataclass
class _Judged:
    """What a batch became: movies and rejects of the rows that were parsed, and what was known."""

    movies: pl.DataFrame
    rejects: pl.DataFrame
    seen: Seen | None = None


@dataclass
class _Sums:
    """What the second phase adds up, bucket by bucket."""

    tallies: dict[str, Tally]
    totals: dict[str, Counter[str]] = field(default_factory=lambda: {mart.name: Counter() for mart in MARTS})
    without: Counter[str] = field(default_factory=Counter)
    duplicates: list[pl.Series] = field(default_factory=list)
    accepted: int = 0


class PolarsEngine:
    """Transforms a delivery on this machine."""

    name = "polars"

    def transform(
        self, delivery: Delivery, options: RunOptions, place: Workplace, progress: Progress
    ) -> Transformed:
        """Transform a delivery; see ``Engine``."""
        work = place.folder
        scan = _scan(delivery, options, place, progress)
        sums = _sum(scan, place)
        _reject_duplicates(scan, sums.duplicates)
        tables = _write_tables(scan, sums, work)
        return Transformed(
            folder=work,
            rows=scan.rows,
            accepted=sums.accepted,
            rejects=dict(sorted(scan.rejects.counts.items())),
            without={item.name: sums.without[item.name] for item in ENTITIES},
            tables=tables,
            totals=sums.totals,
            sums={mart.name: aggregate.sums_of(work / f"{mart.name}.parquet") for mart in MARTS},
            changes=scan.recognition.changes() if scan.recognition else None,
            kept=scan.recognition.kept(scan.members) if scan.recognition else None,
        )


def _scan(delivery: Delivery, options: RunOptions, place: Workplace, progress: Progress) -> _Scan:
    known = place.last.members if place.last else {}
    scan = _Scan(
        Rejects(place.folder / "reject-parts"),
        Spool(place.folder / "spool", place.memory // _SHARE, by_id),
        {item.name: Members(item, known.get(item.name)) for item in ENTITIES},
        Recognition(place.last, place.folder / "kept", options.keep_missing) if place.last else None,
    )
    done = 0
    for file in delivery.files:
        reader = open_reader(file)
        scan.readers.append(reader)
        work = partial(_judge, scan, options.require_financials)
        for batch, judged in work_ahead(read_ahead(reader.batches()), work):
            _take(scan, file, batch, judged)
            progress(done + batch.span.consumed, delivery.size, scan.rows)
        done += file.size
    for movies in scan.recognition.known_movies() if scan.recognition else ():
        scan.spool.add(movies)
    _check_columns(delivery, scan)
    return scan


def _check_columns(delivery: Delivery, scan: _Scan) -> None:
    found = set[str]().union(*(reader.columns() for reader in scan.readers))
    if scan.rows == 0:
        raise UnreadableDelivery(f"{delivery.source}: no data row at all", "deliver at least one movie")
    if missing_columns(found):
        raise missing_columns_error(delivery.source, found)


def _judge(scan: _Scan, require_financials: bool, batch: Batch) -> _Judged:
    """Normalise a batch and encode its movies, without rows that are known; several threads do so at once."""
    if scan.recognition is None:
        return _Judged(*_movies_and_rejects(scan.members, require_financials, batch.cells))
    seen = scan.recognition.look(batch)
    cells = scan.recognition.unknown(batch, seen)
    movies, rejects = _movies_and_rejects(scan.members, require_financials, cells)
    return _Judged(scan.recognition.hashed(movies, batch, seen), rejects, seen)


def _movies_and_rejects(
    members: dict[str, Members], require_financials: bool, cells: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    normalised = normalise(cells, require_financials)
    movies = normalised.movies
    for name, of_dimension in members.items():
        movies = of_dimension.encode(movies, normalised.members[name])
    return movies, normalised.rejects


def _take(scan: _Scan, file: DataFile, batch: Batch, judged: _Judged) -> None:
    movies, rejects = judged.movies, judged.rejects
    part = _Part(len(scan.parts), file, batch.span)
    scan.parts.append(part)
    scan.rows += batch.span.rows
    scan.rejects.add(file.name, part.number, batch.records(rejects["row"].to_list()), rejects)
    if scan.recognition and judged.seen:
        scan.recognition.note(judged.seen, batch.span.first_row + file.index * _ROWS_PER_FILE)
    position = pl.col("row") + file.index * _ROWS_PER_FILE
    scan.spool.add(movies.with_columns(position.alias("position")).drop("row"))


def _sum(scan: _Scan, place: Workplace) -> _Sums:
    folder, share = place.folder / "sums", place.memory // _SHARE
    sums = _Sums({mart.name: Tally(mart, folder / mart.name, share) for mart in MARTS})
    ids = {name: members.ids() for name, members in scan.members.items()}
    for bucket in scan.spool.buckets():
        ordered = bucket.sort("position") if scan.recognition else bucket  # known movies came last
        last = pl.col("id").is_last_distinct()
        sums.duplicates.append(ordered.filter(~last & (pl.col("position") > BEFORE_ALL))["position"])
        accepted = ordered.filter(last)
        if scan.recognition:
            scan.recognition.keep(accepted)
        movies = accepted.with_columns((pl.col("revenue") - pl.col("budget")).alias("profit"))
        for some in list(movies.iter_slices(_movies_at_once(place.memory))) or [movies]:
            _add(scan, sums, some, ids)
    return sums


def _movies_at_once(memory: int) -> int:
    """Return how many movies are laid out together: what memory allows, and never more than 64 bits hold."""
    return min(max(1, memory // _BYTES_PER_MOVIE), aggregate.MOVIES_IN_64_BITS - 1)


def _add(scan: _Scan, sums: _Sums, movies: pl.DataFrame, ids: dict[str, pl.Series]) -> None:
    sums.accepted += movies.height
    for mart_name, totals in aggregate.totals(movies).items():
        sums.totals[mart_name].update(totals)
        sums.tallies[mart_name].add(movies, ids)
    for name, members in scan.members.items():
        members.use(movies[name].explode().cast(pl.UInt32))
        sums.without[name] += movies.filter(pl.col(name).list.len().fill_null(0) == 0).height


def _reject_duplicates(scan: _Scan, duplicates: list[pl.Series]) -> None:
    positions = pl.concat(duplicates).sort()
    rejects = pl.DataFrame(
        {"file": positions // _ROWS_PER_FILE, "row": positions % _ROWS_PER_FILE}
    ).with_columns(pl.lit("duplicate_id").alias("reason"), pl.lit(None, dtype=pl.String).alias("value"))
    for file_index, reader in enumerate(scan.readers):
        of_file = rejects.filter(pl.col("file") == file_index).drop("file")
        _reject_rows(scan, reader, [part for part in scan.parts if part.file.index == file_index], of_file)


def _reject_rows(scan: _Scan, reader: Reader, parts: list[_Part], rejects: pl.DataFrame) -> None:
    found = list(_parts_of_rows(parts, rejects))
    spans = [list(dict.fromkeys(part.span.around(row) for row in rows["row"])) for part, rows in found]
    batches = reader.again(list(chain.from_iterable(spans)))  # one pass: compressed files only go forward
    for (part, rows), of_part in zip(found, spans, strict=True):
        records = chain.from_iterable(_records(batch, rows) for batch in islice(batches, len(of_part)))
        scan.rejects.add(part.file.name, part.number, list(records), rows)


def _records(batch: Batch, rejects: pl.DataFrame) -> list[Record]:
    first = batch.span.first_row
    inside = rejects.filter(pl.col("row").is_between(first, first + batch.span.rows - 1))
    return batch.records(inside["row"].to_list())


def _parts_of_rows(parts: list[_Part], rejects: pl.DataFrame) -> Iterator[tuple[_Part, pl.DataFrame]]:
    """Match rejects, sorted by row, with the parts that hold them."""
    ends = [part.span.first_row + part.span.rows for part in parts]
    stops = rejects["row"].search_sorted(pl.Series(ends, dtype=pl.Int64), side="left").to_list()
    start = 0
    for part, stop in zip(parts, stops, strict=True):
        if stop > start:
            yield part, rejects[start:stop]
        start = stop


def _write_tables(scan: _Scan, sums: _Sums, work: Path) -> dict[str, int]:
    rows: dict[str, int] = {}
    for mart in MARTS:
        path = work / f"{mart.name}.parquet"
        sums.tallies[mart.name].write(path)
        rows[mart.name] = pl.scan_parquet(path, glob=False).select(pl.len()).collect().item()
    for name, members in scan.members.items():
        table = members.table()
        table.write_parquet(work / f"{name}.parquet", compression=COMPRESSION)
        rows[name] = table.height
    rows[REJECTS] = scan.rejects.write(work / f"{REJECTS}.parquet")
    return rows
