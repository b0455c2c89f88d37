"""CSV meant for people: cells that a spreadsheet would run as formulas are neutralised.

The rule is OWASP's for CSV injection: a text cell that begins with one of ``= + - @``, tab or carriage return
gets a leading apostrophe. A cell that is a plain number is no formula and stays as it is.
"""

import re

#: Both are understood by Polars, too.
FORMULA = r"^[=+\-@\t\r]"
NUMBER = r"^[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?$"


def neutralised(cell: str) -> str:
    """Return a cell with a formula neutralised."""
    runs = re.match(FORMULA, cell) and not re.fullmatch(NUMBER.strip("^$"), cell)
    return f"'{cell}" if runs else cell


def neutralised_sql(column: str) -> str:
    """Return the SQL of a text column with formulas neutralised, for SQLite.

    A digit in front of what follows a sign makes a JSON number of a plain one, and of nothing else that is
    written with these characters.
    """
    formula = f"{column} GLOB '[=+@' || char(9, 13) || '-]*'"
    number = (
        f"{column} GLOB '[+-][0-9]*' AND {column} NOT GLOB '*[^0-9.e+-]*' "
        f"AND json_valid('1' || substr({column}, 2))"
    )
    return f"CASE WHEN {formula} AND NOT ({number}) THEN '''' || {column} ELSE {column} END"
