"""JSON from strangers: one spelling of one meaning, or nothing."""

import json

import pytest

from app.auth.strict_json import parse_object


@pytest.mark.parametrize(
    "raw", [b"{}", b' {"a": [1, 2.5, true, null, "x"]} ', '{"é": {"b": "\\u00e9 \U0001f3ac"}}'.encode()]
)
def test_an_object_is_what_json_says(raw: bytes) -> None:
    assert parse_object(raw) == json.loads(raw)


@pytest.mark.parametrize("raw", [b"[]", b"[{}]", b"1", b"true", b"null", b'"x"'])
def test_only_an_object_counts(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"^not an object$"):
        parse_object(raw)


@pytest.mark.parametrize("raw", [b'{"a":1,"a":1}', b'{"a":1,"\\u0061":2}', b'{"x":{"a":1,"b":2,"a":3}}'])
def test_a_name_occurs_once(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"^a name occurs twice$"):
        parse_object(raw)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_python_adds_to_json_is_no_json(constant: str) -> None:
    with pytest.raises(ValueError, match=rf"^{constant} is not JSON$"):
        parse_object(f'{{"a":{constant}}}'.encode())


@pytest.mark.parametrize("brackets", ["[]", '{"a":}'])
def test_the_depth_is_bounded_before_anything_is_parsed(brackets: str) -> None:
    opening, closing = brackets[:-1], brackets[-1]
    fits = '{"x":' + opening * 63 + ("1" if closing == "}" else "") + closing * 63 + "}"
    assert "x" in parse_object(fits.encode())
    for depth in (64, 100_000):
        with pytest.raises(ValueError, match=r"^nested too deep$"):
            parse_object(('{"x":' + opening * depth).encode())


@pytest.mark.parametrize(
    "raw", [b"\xef\xbb\xbf{}", b'{"a":"\xff"}', '{"a":1}'.encode("utf-16"), b"{}{}", b"", b"{"]
)
def test_anything_else_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_object(raw)
