"""Forms of cells: every way to write a value that is worth trying, valid or not."""

import json
from collections.abc import Iterator

# Side by side, these forms can be read.
# fmt: off

IDS = (
    "0", "000", "007", "9" * 18, "1" * 19, "0" * 18, "0" * 17 + "5", "0" * 19, " 5 ", "\xa06\u3000",
    "\u200b5", "\u0663", "\uff15", "+5", "-5", "5.0", "1e3", "", " ", "5\0", "0x10", "1_000", "\ufeff5",
    "5\n", "tt1", '5"',
)

DATES = (
    "0000-01-01", "0001-01-01", "2023-02-29", "1900-02-29", "2000-02-29", "9999-12-31", "10000-01-01",
    "", " ", "\t\xa0", " 1999-01-01 ", "\u20021999-01-02\x1f", "1999-1-1", "+1999-01-01", "-1999-01-01",
    "1999-00-10", "1999-13-01", "1999-04-31", "1999-01-00", "1999/01/01", "19990101",
    "1999-01-01T00:00:00", "01-01-1999", "199\uff19-01-01", "1999-01-01\0", "1999\u201301\u201301",
    "1999-W01-1", "1999-001", "1", "/x.jpg",
)

NUMBERS = (
    "0", "-0", "+0", "-0.0", "0e999", "5", "+5", "-5", "  7 ", "\xa07\u2003", "007", "1.5", "5.0", "5.",
    ".5", "1e6", "1E6", "1e+6", "1e-3", "1500e-2", "30000000.0", "8.2e-05", "1e12", "1000000000000",
    "1000000000001", "1e999", "1e-999", "1e1000", "1e0006", "1e006", "1e", "e5", "1e+", "+-5", "--5",
    "nan", "NaN", "inf", "-inf", "Infinity", "0x10", "1_000", "1,000", "1 000", "\uff17", "\u0667",
    "$5", "5%", "/x.jpg", "", " ", "5\0", "\u22125", "1000000", "1000000.0", "1000000.0000001",
    "1000000.000001", "1000001", "999999.9999995", "999999.9999996", "0.0000005", "0.0000015",
    "0.0000025", "0.00000050000000000000000000000000000001", "2.5e-6", "25e-7", "5e-7", "-1e-9",
    "-0.0000001", "0.1", "0.30000000000000004", "123456.7890125", "123456.7890135", "9007199254740993",
    "0." + "0" * 998 + "1e999", "1" + "0" * 998 + "e-998", "0" * 5000 + "7", "7." + "0" * 5000,
    "9" * 5000, "true",
)

TEXTS = (
    "", "Toy Story", 'He said "no"', '"', '""', "'", "O'Brien", "a,b", "a\nb", "a\r\nb", "\n", "\xa0",
    "\t", "a\\", "=1+1", "+1", "-1", "@x", "\tx", "\u00e9t\u00e9", "\U0001f600", "nul\0", " ", ",",
    "\\N", "null", '"quoted" start',
)

#: Names for members, as text. Some are one name in disguise, some begin like a spreadsheet formula.
NAMES = (
    "Drama", "drama", " Drama ", "Drama\xa0", "Mel's", 'The "Q", Ltd', "back\\", "a\tb", "a\nb",
    "a\r\nb", "a\rb", "=1+1", "+x", "-x", "@x", "'x", "\u00c9t\u00e9", "E\u0301te\u0301",
    "Science Fiction", "science--fiction!", "TV", "?!", "\u6620\u753b", "\ufb01lm", "\U0001f3ac",
    "\uff21", "\u0130st", "Stra\u00dfe", "\u00bd", "a_b", "\x7f", "\u200b",
)

#: Pieces of string literals, legal in JSON, in Python, in both or in neither, as it happens.
PIECES = (
    "a", "B", "z", " ", "\xa0", "\u00e9", "\U0001f600", ",", "]", "}", "{", "#", "'", '"', "\\", "\0",
    "\n", "\t", "\\'", '\\"', "\\\\", "\\/", "\\n", "\\t", "\\x41", "\\xe9", "\\u00e9", "\\u0041",
    "\\U0001F600", "\\101", "\\0", "\\ud83d\\ude00", "\\ud800", "\\u0000", "\\N{BULLET}",
    "\\N{NO SUCH NAME}", "\\d", "\\u12", "\\x4", "\\\n", "''", "' '", '" "', "' \"", "'\n'", "\u2028",
    "\x85", "\x1f", "\\r", "\\b", "\\a", "\\v",
)

OPENINGS = (
    *("'", '"') * 6, "u'", 'U"', "b'", 'r"', "R'", "f'", "'''", '"""', "br'",
)

MEMBER_IDS = (
    "0", "-0", "+3", "--3", "~3", "0x1F", "0X1f", "0o17", "0b11", "1_000", "007", "00", "1.0", "1e2",
    "3.", "1j", "1+0j", "1+1", "True", "true", "False", "None", "null", "NaN", "'3'", '"3"', "b'3'",
    "[3]", "", "-1", "+True", "999999999999999999", "1000000000000000000", "9223372036854775808",
    "1" * 5000, "0x" + "f" * 5000, "\uff13", "3l",
)

LISTS = (
    "", " ", "[]", " [ ] ", "[\n]", "\xa0[]\u3000", "[],", "[[]]", "[{}]", "{}", "()", "set()", "None",
    "null", "0", "''", '""', "'[]'", "[] # none", "[]\\", "[", "]", "[None]", "[null]", "[1]",
    "['Drama']", "NaN", "[NaN]", "...", "[...]", "[{'id': 1, 'name': 'a'},]",
    '[{"id": 1, "name": "a"},]', '[{"id": 1, "name": "a"}] ', "({'id': 1, 'name': 'a'},)",
    "[({'id': 1, 'name': 'a'})]", "[{'id': 1, 'name': ('a')}]", "[{'id': 1, 'name': ('a' 'b'\n\"c\")}]",
    "{'id': 1, 'name': 'a'}", "[{'id': 1, 'name': 'a'}, {'id': 1}]",
    "[{'id': 1, 'name': 'a'} {'id': 2, 'name': 'b'}]", "[{'id': 1, 'name': 'a'}, ['id', 2]]",
    "[{'name': 'a', 'id': 1, 'id': 2}]", '[{"name": "a", "id": 1, "id": 2}]',
    '[{"id": 1, "name": 5, "name": "a"}]', "[{'ID': 1, 'Name': 'a'}]", "[{'id ': 1, 'name': 'a'}]",
    "[{'\\x69d': 1, 'na' 'me': 'a'}]", '[{"\\u0069d": 1, "name": "a"}]', "[{id: 1, name: 'a'}]",
    "[{b'id': 1, 'name': 'a'}]",
    "[{'id': 1, 'name': 'a', 2: 3, None: {4, 5}, (1, 2): b'\\xff', 1.5: 1e999, True: ...}]",
    "[{'id': 1, 'name': 'a', 'x': {[]: 1}}]", "[{'id': 1, 'name': 'a', 'x': {{}}}]",
    "[{'id': 1, 'name': 'a', **{}}]", "[*[{'id': 1, 'name': 'a'}]]",
    "[{'id': 1, 'name': 'a', 'x': -1j+2}]", "[{'id': 1, 'name': 'a', 'x': set()}]",
    "[{'id': 1, 'name': 'a', 'x': print('run')}]", "[{'id': 1, 'name': 'a', 'x': [i for i in ()]}]",
    "[{'id': 1, 'name': 'a', 'x': 'a' + 'b'}]", "[{'id': 1, 'name': 'a', 'x': lambda: 0}]",
    "[{'id': 1, 'name': 'a', 'x': x}]", "[{'id': 1, 'name': 'a', 'x': true}]",
    '[{"id": 1, "name": "a", "x": true}]', '[{"id": 1, "name": "a", "x": True}]',
    '[{"id": 1, "name": "a", "x": NaN}]', '[{"id": 1, "name": "a", "x": -Infinity}]',
    '[{"id": 1, "name": "a", "x": 1e999}]', '[{"id": 1, "name": "a", "x": 01}]',
    '[{"id": 1, "name": "a", "x": "\\ud800 \\u0000"}]', "[{'id': 1, 'name': 'a', 'x': '\\ud800 \\0'}]",
    '[{"id": 1, "name": "a", "x": "\t"}]', '[{"id": 1, "name": "\t"}]', '[{"id": 1, "name": "a\tb"}]',
    '[{"id": 1, "name": "a\0b"}]', "[{'id': 1, 'name': '\ufeffa'}]", "\ufeff[{'id': 1, 'name': 'a'}]",
    "[{'id': 1, 'name': 'a'}]; []", "x = [{'id': 1, 'name': 'a'}]",
    "# coding: latin-1\n[{'id': 1, 'name': '\u00e9'}]", "[ # a comment\n{'id': 1,\n\t'name': 'a'}\n]",
    "[{'id': 1, 'name': '''a\r\nb'''}]", "[\x0c{'id': 1, 'name': 'a'}]", "[\xa0{'id': 1, 'name': 'a'}]",
    '[\xa0{"id": 1, "name": "a"}]', "[{'id':1,'name':'a'}]", "[{'id': 1, 'name': None}]",
    "[{'id': 1, 'name': ['a']}]", "[{'id': 1, 'name': 'a' 'b' b'c'}]",
    "[{'id': 1, 'name': ' \\xa0\\u3000\\n'}]", "[{'id': 1, 'name': '\\x1c b \\x85'}]",
    "[{'id': 1, 'name': ''}]",
    "[{'id': 1, 'name': 'b'}, {'id': 1, 'name': 'a'}, {'id': 0x1, 'name': 'c'}]",
    "[{'id': 1, 'name': '\U0001f600'}, {'id': 1, 'name': '\uffee'}]",
    *(f'[{{"id": 1, "name": "a", "x": {"[" * depth}{"]" * depth}}}]' for depth in (150, 300)),
    *(f"[{{'id': 1, 'name': 'a', 'x': {'[' * depth}{']' * depth}}}]" for depth in (150, 198, 199, 300)),
    *(f"[{{'id': 1, 'name': 'a', 'x': {digits}}}]" for digits in ("9" * 4300, "9" * 4301, "0x" + "f" * 5000)),
    '[{"id": 1, "name": "a", "x": ' + "9" * 5000 + "}]", "[" * 5000 + "]" * 5000, "[" * 5000,
    "-" * 5000 + "1", "[{'id': 1, 'name': '" + "long " * 5000 + "'}]",
)
# fmt: on


def lists() -> Iterator[str]:
    """Every form of list cell, one feature each."""
    yield from LISTS
    for key in MEMBER_IDS:
        yield f"[{{'id': {key}, 'name': 'a'}}]"
        yield f'[{{"id": {key}, "name": "a"}}]'
    for piece in PIECES:
        yield f"[{{'id': 7, 'name': 'x{piece}y'}}]"
        yield f'[{{"id": 8, "name": "x{piece}y"}}]'
        yield f'[{{"id": 9, "name": "x", "extra": "{piece}"}}]'
    for opening in OPENINGS:
        yield f"[{{'id': 1, 'name': {opening}x\\n{closing(opening)}}}]"
    for at, name in enumerate(NAMES, 100):
        yield repr([{"name": name, "id": at}])
        yield json.dumps([{"id": at + 1000, "name": name}], ensure_ascii=False)


def closing(opening: str) -> str:
    """The quotes that end a literal begun with an opening."""
    return opening.lstrip("uUbrRf")
