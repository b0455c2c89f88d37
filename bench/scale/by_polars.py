"""The four group-bys by hand, in Polars: by_polars.py {names|json} FILE FOLDER

One pass, no validation, no rejects, no dimensions, nothing loaded: broken rows are dropped, sums are floats.
``names`` cuts the names out of list cells by a regular expression and groups by them. ``json`` makes JSON of
the cells, decodes it and groups by id; a cell that takes more than other quotes to become JSON is lost.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl

MARTS = {
    "year": ["year"],
    "genre_year": ["genre", "year"],
    "company_year": ["company", "year"],
    "company_genre_year": ["company", "genre", "year"],
}
AMOUNTS = ("budget", "revenue", "popularity")
SUMS = [pl.len().alias("releases"), *(pl.sum(name) for name in (*AMOUNTS, "profit"))]
ITEMS = pl.List(pl.Struct({"id": pl.Int64}))
Lists = Callable[[str], pl.Expr]


def names(column: str) -> pl.Expr:
    """Return the distinct names in a list cell."""
    found = pl.col(column).str.extract_all(r"""'name': (?:'[^']*'|"[^"]*")""")
    return found.list.eval(pl.element().str.slice(len("'name': ")).str.strip_chars("'\"")).list.unique()


def ids(column: str) -> pl.Expr:
    """Return the distinct ids in a list cell."""
    keys = pl.col(column).str.replace_all(r"'(id|name)': ", '"$1": ')
    cell = keys.str.replace_all(r""": '([^'"\\]*)'""", ': "$1"')
    decodable = cell.str.contains(r"^\[.*\]$") & ~cell.str.contains(r""": '|\\""")
    decoded = pl.when(decodable).then(cell).str.json_decode(ITEMS)
    return decoded.list.eval(pl.element().struct.field("id")).list.unique()


def movies(file: str, lists: Lists) -> pl.DataFrame:
    """Read the movies: the last of each id."""
    scan = pl.scan_csv(file, infer_schema=False, truncate_ragged_lines=True)
    known = {name: pl.col(name).cast(pl.Float64, strict=False) for name in AMOUNTS}
    dated = scan.select(
        pl.col("id").cast(pl.Int64, strict=False),
        pl.col("release_date").str.to_date("%Y-%m-%d", strict=False).dt.year().alias("year"),
        *(known[name].replace(0, None).alias(name) for name in ("budget", "revenue")),
        known["popularity"],
        "genres",
        "production_companies",
    ).drop_nulls(["id", "year"])
    with_lists = dated.with_columns(
        lists("genres").alias("genre"), lists("production_companies").alias("company")
    ).drop("genres", "production_companies")
    return (
        with_lists.unique("id", keep="last")
        .with_columns((pl.col("revenue") - pl.col("budget")).alias("profit"))
        .collect()
    )


def main(style: str, file: str, folder: str) -> None:
    """Write the marts as Parquet below a folder."""
    read = movies(file, {"names": names, "json": ids}[style])
    for mart, key in MARTS.items():
        rows = read
        for column in key[:-1]:
            rows = rows.explode(column)
        rows.drop_nulls(key).group_by(key).agg(SUMS).write_parquet(Path(folder, f"{mart}.parquet"))


if __name__ == "__main__":
    main(*sys.argv[1:])
