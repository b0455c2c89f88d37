"""Encodings: who gets which, and that every one gives the body back."""

import gzip
import zlib
from collections.abc import Callable

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from app.serving.encodings import GZIP, IDENTITY, WORTH_BYTES, ZSTD, Encoding, choose
from app.serving.errors import NotAcceptable

DECODED: dict[Encoding, Callable[[bytes], bytes]] = {
    IDENTITY: bytes,
    GZIP: gzip.decompress,
    ZSTD: zstd.decompress,
}


@pytest.mark.parametrize(
    ("header", "best", "plain"),
    [
        (None, IDENTITY, True),
        ("", IDENTITY, True),
        (",", IDENTITY, True),
        (", ,gzip,", GZIP, True),
        ("gzip", GZIP, True),
        ("zstd", ZSTD, True),
        ("gzip, deflate, br, zstd", ZSTD, True),
        ("gzip;q=1.0, zstd;q=0.9", GZIP, True),
        ("GZIP;Q=0.5", GZIP, True),
        ("x-gzip", GZIP, True),
        ("br", IDENTITY, True),
        ("br, *;q=0.1", ZSTD, True),
        ("*", ZSTD, True),
        ("*;q=0.5, zstd;q=0", GZIP, True),
        ("identity", IDENTITY, True),
        ("identity, gzip;q=0.5", IDENTITY, True),
        ("identity;q=0.5, gzip", GZIP, True),
        ("gzip, identity;q=0", GZIP, False),
        ("identity;q=0, *", ZSTD, False),
        ("gzip, *;q=0", GZIP, False),
        ("gzip;q=0, zstd;q=0", IDENTITY, True),
        ("identity, *;q=0", IDENTITY, True),
        ("gzip;q=x", IDENTITY, True),
    ],
)
def test_the_one_a_client_likes_best(header: str | None, best: Encoding, plain: bool) -> None:
    taken = choose(header)
    assert (taken.best, taken.plain) == (best, plain)


@pytest.mark.parametrize("header", ["identity;q=0", "*;q=0", "br, identity;q=0", "gzip;q=0, *;q=0"])
def test_who_takes_nothing_gets_nothing(header: str) -> None:
    with pytest.raises(NotAcceptable):
        choose(header)


def test_small_and_packed_bodies_stay_as_they_are() -> None:
    taken = choose("gzip")
    assert taken.of(WORTH_BYTES) is taken.of(None) is GZIP
    assert taken.of(WORTH_BYTES - 1) is taken.of(None, packed=True) is IDENTITY
    assert choose("gzip, identity;q=0").of(1) is choose("gzip, identity;q=0").of(None, packed=True) is GZIP


@pytest.mark.parametrize("encoding", DECODED, ids=lambda item: item.name)
@given(parts=st.lists(st.binary(max_size=2000), max_size=5))
def test_a_body_comes_back_whole_or_in_parts(encoding: Encoding, parts: list[bytes]) -> None:
    body = b"".join(parts)
    assert DECODED[encoding](encoding.compress(body)) == body
    assert encoding.compress(body) == encoding.compress(body)
    streams = [encoding.stream(), encoding.stream()]
    sent = [b"".join([*(item.write(part) for part in parts), item.finish()]) for item in streams]
    assert DECODED[encoding](sent[0]) == body
    assert sent[0] == sent[1]


def test_every_part_can_be_read_when_it_has_come() -> None:
    unzip, unzstd = zlib.decompressobj(wbits=31), zstd.ZstdDecompressor()
    for encoding, decoder in ((GZIP, unzip), (ZSTD, unzstd)):
        stream = encoding.stream()
        for part in (b"first" * 100, b"second", b"third" * 5000):
            assert decoder.decompress(stream.write(part)) == part


def test_gzip_has_no_time_in_its_head() -> None:
    for body in (GZIP.compress(b"x"), GZIP.stream().write(b"x")):
        assert body[4:8] == bytes(4)
