"""A synthetic delivery with the columns, the shape and the dirt of a real one.

The same rows and seed give the same bytes on every machine: randomness is the raw output of PCG64, whose
stream numpy promises to keep, and only integers are computed with it. Rows are made and written in
batches, so memory does not grow with their number.
"""

import gzip
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from app.errors import ConfigurationError
from app.etl import sample_words as words

BATCH = 16_384
COLUMNS = (
    *("adult", "belongs_to_collection", "budget", "genres", "homepage", "id", "imdb_id", "original_language"),
    *(
        "original_title",
        "overview",
        "popularity",
        "poster_path",
        "production_companies",
        "production_countries",
    ),
    *("release_date", "revenue", "runtime", "spoken_languages", "status", "tagline", "title", "video"),
    *("vote_average", "vote_count"),
)

#: Movies per thousand by decade of release, from 1870 on; the last is cut short.
_DECADES = (1, 1, 2, 2, 4, 10, 29, 33, 46, 58, 76, 87, 125, 246, 280)
_FIRST_DAY, _LAST_DAY = np.datetime64("1870-01-01"), np.datetime64("2017-12-31")
#: Companies per movie, in thousandths, from none on.
_COMPANIES = (261, 365, 175, 104, 43, 21, 12, 7, 4, 3, 2, 1, 1, 1)
_COMPANY_BITS = (2, 17)  # the largest has about 1.7 % of the credits; never more than 2^17 companies
#: Weight of each number of binary digits, from 0 on: popularity in millionths, budget and revenue in dollars.
_POPULARITY = (
    *(66, 56, 12, 11, 18, 19, 26, 27, 71, 75, 145, 420, 418, 391, 432, 367, 1273, 2146, 3001),
    *(5108, 7725, 7771, 5396, 6011, 3999, 390, 60, 12, 11, 2, 1),
)
_MONEY = (0, *[1] * 12, 3, 5, 7, 10, 12, 20, 35, 50, 70, 92, 116, 131, 137, 110, 80, 40, 10, 2)
_POWERS = 10 ** np.arange(18, dtype=np.int64)

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Written:
    """What was written: data rows and the size of the file in bytes."""

    rows: int
    bytes: int


class Dice:
    """Random integers out of one stream."""

    def __init__(self, seed: int, stream: int, size: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence([seed, stream]))
        self.size = size

    def below(self, limit: int, size: int | None = None) -> Integers:
        """Return integers from 0 to ``limit - 1``."""
        raw: npt.NDArray[np.uint64] = self._bits.random_raw(self.size if size is None else size)
        return (raw % np.uint64(limit)).astype(np.int64)

    def hits(self, one_in: int) -> npt.NDArray[np.bool_]:
        """Return True for one place in so many."""
        return np.equal(self.below(one_in), 0)

    def weighted(self, weights: Sequence[int]) -> Integers:
        """Return places of ``weights``, each as often as its weight says."""
        bounds = np.cumsum(np.array(weights, dtype=np.int64))
        return np.searchsorted(bounds, self.below(int(bounds[-1])), side="right").astype(np.int64)

    def of_bits(self, bits: Integers) -> Integers:
        """Return integers with so many binary digits each."""
        top = np.left_shift(1, np.maximum(bits, 1) - 1)
        return np.where(bits == 0, 0, top + self.below(2**62, len(bits)) % top)

    def zipf(self, first: int, last: int, size: int | None = None) -> Integers:
        """Return integers from ``2^first`` to ``2^last - 1``, each doubling equally likely (Zipf's law)."""
        return self.of_bits(first + 1 + self.below(last - first, size))


def write_sample(rows: int, seed: int, out: Path) -> Written:
    """Write a delivery of so many data rows (1 or more) to ``out``, CSV or gzipped CSV by its suffix.

    Raises:
        ConfigurationError: the file's suffix is neither ``.csv`` nor ``.csv.gz``.
        OSError: the file cannot be written; nothing is left of it.
    """
    with _opened(out) as file:
        file.write(",".join(COLUMNS).encode() + b"\n")
        for first in range(0, rows, BATCH):
            _write_batch(file, _batch(rows, seed, first), first)
    return Written(rows, out.stat().st_size)


@contextmanager
def _opened(out: Path) -> Iterator[BinaryIO]:
    """Open a file beside ``out`` that takes its name once it is whole."""
    if not out.name.endswith((".csv", ".csv.gz")):
        raise ConfigurationError(
            f"cannot write a sample to {out}", "name a file that ends in .csv or .csv.gz"
        )
    part = out.with_name(out.name + ".part")
    try:
        with part.open("wb") as file:
            if out.suffix == ".gz":
                with gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0) as packed:
                    yield cast("BinaryIO", packed)
            else:
                yield file
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def _write_batch(file: BinaryIO, frame: pl.DataFrame, first: int) -> None:
    """Write a batch; one record of a full batch, every fourth batch, lacks fields."""
    ragged = BATCH // 2 if frame.height == BATCH and first // BATCH % 4 == 0 else None
    if ragged is None:
        file.write(_csv(frame))
    else:
        file.write(_csv(frame[:ragged]) + b"False,,0,[],,,\n" + _csv(frame[ragged + 1 :]))


def _csv(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_csv(buffer, include_header=False, line_terminator="\n")
    return buffer.getvalue()


def _batch(rows: int, seed: int, first: int) -> pl.DataFrame:
    size = min(BATCH, rows - first)
    dice = Dice(seed, first, size)
    index = np.arange(first, first + size, dtype=np.int64)
    columns = _facts(dice, index, rows) | _lists(dice) | _texts(dice)
    whole = pl.DataFrame({name: columns[name] for name in COLUMNS}, schema=dict.fromkeys(COLUMNS, pl.String))
    return _split_records(whole)


def _facts(dice: Dice, index: Integers, rows: int) -> dict[str, Any]:
    """Return ids, dates and numbers."""
    budget_known, both = dice.hits(5), dice.below(100)
    revenue_known = np.where(budget_known, both < 60, both < 6)
    return {
        "id": _ids(dice, index, rows),
        "imdb_id": [f"tt{number:07}" for number in index.tolist()],
        "release_date": _dates(dice),
        "budget": _money(dice, budget_known),
        "revenue": _blank(_money(dice, revenue_known), dice.hits(8_000)),
        "popularity": _blank(_popularity(dice), dice.hits(9_000)),
        "runtime": [f"{minutes}.0" for minutes in (dice.below(60) + 60).tolist()],
        "vote_average": [f"{tenths // 10}.{tenths % 10}" for tenths in dice.below(101).tolist()],
        "vote_count": [str(votes - 1) for votes in dice.zipf(0, 12).tolist()],
        "adult": ["False"] * dice.size,
        "video": ["False"] * dice.size,
        "status": _blank(["Released"] * dice.size, dice.hits(500)),
        "original_language": _picked(words.LANGUAGES, dice.zipf(0, 3) - 1),
    }


def _ids(dice: Dice, index: Integers, rows: int) -> list[str]:
    """Return ids in no order, each once but for the 0.06 % that repeat one of the 500 rows before them."""
    earlier = np.maximum(index - 1 - dice.below(500), 0)
    source = np.where(dice.hits(1_667), earlier, index)
    ids = source * 0x9E3779B1 % 2 ** (rows.bit_length() + 3) + 1
    bad = dice.hits(12_000)
    return [
        f"tt{number:07}" if wrong else str(number)
        for number, wrong in zip(ids.tolist(), bad.tolist(), strict=True)
    ]


def _dates(dice: Dice) -> list[str | None]:
    """Return dates, many of them the first of January, 0.2 % empty and a few impossible."""
    decade = dice.weighted(_DECADES)
    day = _FIRST_DAY + (decade * 36_525 // 10 + dice.below(3_652))
    day = np.where(day > _LAST_DAY, day - 2_922, day)
    new_year = day.astype("datetime64[Y]").astype("datetime64[D]")
    dates = np.where(dice.hits(12), new_year, day).astype(str)
    dates[dice.hits(20_000)] = "2009-02-30"
    return _blank(dates.tolist(), dice.hits(500))


def _money(dice: Dice, known: npt.NDArray[np.bool_]) -> list[str]:
    """Return whole dollars with two significant digits; 0 where unknown."""
    amount = dice.of_bits(dice.weighted(_MONEY))
    digits = np.searchsorted(_POWERS, amount, side="right")
    unit = _POWERS[np.maximum(digits - 2, 0)]
    return [str(value) for value in np.where(known, amount // unit * unit, 0).tolist()]


def _popularity(dice: Dice) -> list[str]:
    """Return millionths as Python writes the float: ``11.7129``, ``8.2e-05``."""
    return [repr(value / 1e6) for value in dice.of_bits(dice.weighted(_POPULARITY)).tolist()]


def _lists(dice: Dice) -> dict[str, Any]:
    """Return the list columns, written as Python literals."""
    genres = _picked(words.genre_cells(), dice.zipf(0, 12) - 1)
    empty = dice.hits(19)
    return {
        "genres": ["[]" if none else cell for cell, none in zip(genres, empty.tolist(), strict=True)],
        "production_companies": _companies(dice),
        "production_countries": _picked(words.country_cells(), dice.zipf(0, 4) - 1),
        "spoken_languages": _picked(words.language_cells(), dice.zipf(0, 4) - 1),
    }


def _companies(dice: Dice) -> list[str]:
    """Return lists of companies: a quarter none, seldom more than five; few companies have most credits."""
    counts = dice.weighted(_COMPANIES)
    numbers = dice.zipf(*_COMPANY_BITS, size=int(counts.sum()))
    known, place = np.unique(numbers, return_inverse=True)
    cells = [words.company_cell(number) for number in known.tolist()]
    objects = iter(_picked(cells, place))
    return [f"[{', '.join(islice(objects, count))}]" for count in counts.tolist()]


def _texts(dice: Dice) -> dict[str, Any]:
    """Return titles, overviews and the other columns that no mart reads."""
    titles = _titles(dice)
    counts = 3 + dice.below(5)
    sentences = iter(_picked(words.sentences(), dice.below(4_096, int(counts.sum()))))
    chunks = [_picked(words.chunks(), dice.below(4_096)) for _ in range(4)]
    collections = [str({"id": len(title), "name": f"{title} Collection"}) for title in titles]
    return {
        "title": titles,
        "original_title": titles,
        "overview": [" ".join(islice(sentences, count)) for count in counts.tolist()],
        "tagline": _blank(_picked(words.sentences(), dice.below(4_096)), dice.below(4) > 2),
        "poster_path": [f"/{''.join(parts)}.jpg" for parts in zip(*chunks, strict=True)],
        "belongs_to_collection": _blank(collections, dice.below(6) > 0),
        "homepage": _blank([f"http://www.{name}.example/" for name in chunks[0]], dice.below(16) > 0),
    }


def _titles(dice: Dice) -> list[str]:
    first, second = (_picked(words.words(), dice.below(2_048)) for _ in range(2))
    patterns = ("{} {}", "The {} of {}", "{}'s {}", "{}: {}")
    forms = _picked(patterns, dice.below(len(patterns)))
    return [
        form.format(one.title(), two.title()) for form, one, two in zip(forms, first, second, strict=True)
    ]


def _split_records(frame: pl.DataFrame) -> pl.DataFrame:
    """Tear one record in 16,000 in two, as a stray newline in its overview does.

    The first half ends there; in the second the columns after the overview have moved to the front. Both
    are padded to the full number of fields.
    """
    overview = COLUMNS.index("overview")
    row = pl.int_range(pl.len()) % 16_000
    first_half, second_half = row == 7_919, row == 7_920
    torn = [pl.when(second_half).then(pl.lit(" - and so on.")).otherwise(pl.col("adult")).alias("adult")]
    for place, name in enumerate(COLUMNS[1:], 1):
        moved = pl.col(COLUMNS[place + overview]) if place + overview < len(COLUMNS) else pl.lit(None)
        kept = pl.when(first_half).then(None).otherwise(pl.col(name)) if place > overview else pl.col(name)
        torn.append(pl.when(second_half).then(moved).otherwise(kept).alias(name))
    return frame.with_columns(torn)


def _picked(table: Sequence[str], places: Integers) -> list[str]:
    return [table[place] for place in places.tolist()]


def _blank(values: Sequence[str], where: npt.NDArray[np.bool_]) -> list[str | None]:
    """Return the values with empty cells where told."""
    return [None if blank else value for value, blank in zip(values, where.tolist(), strict=True)]
