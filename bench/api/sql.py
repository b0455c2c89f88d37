# ruff: noqa: S608 - statements for other programs, made of numbers and names that the benchmark draws
"""The questions as SQL, that of SQLite and DataFusion alike.

It has marks where a store with several runs in a table selects one: ``{m}`` for the mart, ``{d}`` for
companies, ``{g}`` for genres.
"""

from app.marts.definitions import MEASURES

PAGE = 50
_FIGURES = ", ".join(f"m.{item.name}" for item in MEASURES)
_TOTALS = (
    ", ".join(f"sum(m.{item.name}) AS {item.name}" for item in MEASURES if not item.nullable)
    + ", sum(m.popularity) / nullif(sum(m.popularity_known), 0) AS avg_popularity"
)
_NAMES = {
    "genre": ("m.genre_id", "g.name AS genre, g.slug AS genre_slug", "dim_genre g ON {g}g.id = m.genre_id"),
    "company": (
        "m.company_id",
        "d.name AS company",
        "dim_production_company d ON {d}d.id = m.company_id",
    ),
}


def rows(mart: str, members: tuple[str, ...], where: str, order: str = "") -> str:
    """Return a page of a mart's rows, with the names of these members."""
    keys, names, joins = zip(*(_NAMES[member] for member in members), strict=True) if members else ((),) * 3
    columns = ", ".join([*keys, "m.year", *names, _FIGURES])
    source = "".join(f" JOIN {join}" for join in joins)
    order = ", ".join([*([order] if order else []), *keys, "m.year"])
    return f"SELECT {columns} FROM mart_{mart} m{source} WHERE {{m}}{where} ORDER BY {order} LIMIT {PAGE}"


def totals(mart: str, member: str, where: str, order: str = "") -> str:
    """Return a page of a mart's rows summed over the years."""
    key, names, join = _NAMES[member]
    bare = names.replace(" AS genre_slug", "").replace(" AS genre", "").replace(" AS company", "")
    order = f"{order}, {key}" if order else key
    return (
        f"SELECT {key}, {names}, {_TOTALS} FROM mart_{mart} m JOIN {join} WHERE {{m}}{where}"
        f" GROUP BY {key}, {bare} ORDER BY {order} LIMIT {PAGE}"
    )


def ranks(mart: str, member: str, metric: str, top: int, where: str) -> str:
    """Return the best rows of each year by a metric: ties share a place, the smaller key goes first."""
    key, names, join = _NAMES[member]
    within = f"OVER (PARTITION BY m.year ORDER BY m.{metric} DESC"
    ranked = f"m.*, rank() {within}) AS place, row_number() {within}, {key}) AS spot"
    return (
        f"SELECT m.year, m.place, {key}, {names}, {_FIGURES} FROM"
        f" (SELECT {ranked} FROM mart_{mart} m WHERE {{m}}{where}) m"
        f" JOIN {join} WHERE m.spot <= {top} ORDER BY m.year, m.place, {key} LIMIT {PAGE}"
    )


def searched(text: str) -> str:
    """Return the companies whose name has this text in it."""
    return (
        "SELECT d.id, d.name, min(m.year) AS first_year, max(m.year) AS last_year,"
        " sum(m.releases) AS releases"
        " FROM dim_production_company d JOIN mart_company_year m ON {m}m.company_id = d.id"
        f" WHERE {{d}}lower(d.name) LIKE '%{text}%' GROUP BY d.id, d.name ORDER BY d.id LIMIT {PAGE}"
    )


def page_of_genres() -> str:
    """Return the SQL of the first page of genres."""
    return rows("genre_year", ("genre",), "1 = 1")


def companies_of(first: int, last: int) -> str:
    """Return the SQL of all rows of companies in a span of years."""
    where = f"m.year BETWEEN {first} AND {last}"
    return rows("company_year", ("company",), where).rpartition(" LIMIT ")[0]
