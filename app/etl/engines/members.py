"""Members of entity dimensions on the embedded engine: every distinct (id, name) pair gets a small code.

Movies carry lists of codes instead of names; which name an id has is settled at the end, among the movies
that were accepted.
"""

import threading

import polars as pl

from app.marts.definitions import Dimension
from app.marts.names import slugs


class Members:
    """The pairs of one dimension seen so far. Its size is that of the dimension, not of the delivery.

    ``known`` are pairs that have their codes already: the place of each.
    """

    def __init__(self, dimension: Dimension, known: pl.DataFrame | None = None) -> None:
        self.dimension = dimension
        self._codes = {pair: code for code, pair in enumerate(known.iter_rows())} if known is not None else {}
        self._lock = threading.Lock()
        self._used = pl.Series("code", [], dtype=pl.UInt32)

    def encode(self, movies: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
        """Replace the list-cell number in the dimension's column by the list of codes, null for no member."""
        pairs = members.select("id", "name").unique()
        known = list(zip(pairs["id"].to_list(), pairs["name"].to_list(), strict=True))
        with self._lock:
            codes = [self._codes.setdefault(pair, len(self._codes)) for pair in known]
        coded = members.join(pairs.with_columns(pl.Series("code", codes, dtype=pl.UInt32)), on=["id", "name"])
        lists = coded.group_by("cell").agg(pl.col("code")).rename({"code": "codes"})
        name = self.dimension.name
        joined = movies.join(lists, left_on=name, right_on="cell", how="left", maintain_order="left")
        return joined.drop(name).rename({"codes": name})

    def ids(self) -> pl.Series:
        """Return the id of every code."""
        return pl.Series("id", [key for key, _ in self._codes], dtype=pl.Int64)

    def pairs(self) -> pl.DataFrame:
        """Return the pair of every code: ``id, name``."""
        return pl.DataFrame(list(self._codes), schema={"id": pl.Int64, "name": pl.String}, orient="row")

    def use(self, codes: pl.Series) -> None:
        """Note the codes that accepted movies carry."""
        self._used = pl.concat([self._used, codes.drop_nulls()]).unique()

    def table(self) -> pl.DataFrame:
        """Return the dimension: ``id, name`` and its slug where it has one, of the members in use."""
        named = self.pairs()[self._used.sort()].group_by("id").agg(pl.col("name").min()).sort("id")
        if not self.dimension.slug:
            return named
        by_id = slugs(dict(named.iter_rows()))
        return named.with_columns(pl.Series("slug", list(by_id.values()), dtype=pl.String))
