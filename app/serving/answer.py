"""Answers: a body and the headers that go with it, the same whatever layer sends them."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_to_bytes

import orjson

from app.marts.restrictions import Restrictions
from app.serving.encodings import IDENTITY, Encoding, choose
from app.serving.formats import Format
from app.warehouse.runs import Run, timestamp

VARY = "Accept, Accept-Encoding, Authorization"
REVALIDATE = "private, no-cache"
#: A pinned answer never changes; a day bounds how long a client reads on without asking whether it may.
IMMUTABLE = "private, immutable, max-age=86400"
_OF_A_BODY = {"Content-Type", "Content-Encoding", "Link"}
#: What stands in a query unescaped (RFC 3986, section 3.4), and ``%``. Servers let other characters through
#: that clients send, and one of them (``>``) would end the target of a ``Link``.
IN_QUERY = "!$&'()*+,;=:@/?%"


class Ask(NamedTuple):
    """A request as a listing sees it: path and query as they were sent, and what the headers say.

    ``restrictions``: what its client may read, None for one that may read everything.
    """

    path: str
    query: bytes = b""
    accept: str | None = None
    accept_encoding: str | None = None
    if_none_match: str | None = None
    restrictions: Restrictions | None = None

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the restrictions, empty where there are none."""
        return self.restrictions.fingerprint if self.restrictions else ""

    @property
    def target(self) -> str:
        """Path and query as given, escaped where a URI must be."""
        return self._with(self.query)

    def next(self, cursor: str | None) -> str | None:
        """Return the same question with a cursor, None where there is none."""
        if cursor is None:
            return None
        others = [part for part in self.query.split(b"&") if part and _name(part) != b"cursor"]
        return self._with(b"&".join([*others, b"cursor=" + cursor.encode()]))

    def _with(self, query: bytes) -> str:
        return f"{self.path}?{quote(query, safe=IN_QUERY)}" if query else self.path


def _name(part: bytes) -> bytes:
    return unquote_to_bytes(part.partition(b"=")[0])


@dataclass(frozen=True)
class Answer:
    """Status 200 with a body, or 304 without one. A body that is streamed comes as ``chunks``.

    ``rows`` are those of the body; of a stream, a function that counts what was read of it so far.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    chunks: AsyncGenerator[bytes, None] | None = None
    rows: int | Callable[[], int] | None = None

    @cached_property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers as servers take them (ASGI): encoded once for every time that the answer is sent."""
        known = {} if self.chunks or self.status == 304 else {"Content-Length": str(len(self.body))}
        return [(name.lower().encode(), value.encode()) for name, value in {**self.headers, **known}.items()]

    @cached_property
    def head(self) -> bytes:
        """The headers as they are sent (RFC 9112): made once, like the body."""
        return header_lines(self.raw_headers)

    def unless(self, if_none_match: str | None) -> "Answer":
        """Return the answer, or 304 where the client's copy is current."""
        if if_none_match is None or not not_modified(self.headers["ETag"], if_none_match):
            return self
        return self.not_modified

    @cached_property
    def not_modified(self) -> "Answer":
        """304 with the headers that a 200 would have but for those of its body (RFC 9110, section 15.4.5)."""
        kept = {name: value for name, value in self.headers.items() if name not in _OF_A_BODY}
        return Answer(304, kept)


def header_lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return headers as HTTP/1.1 has them, a line each.

    Raises:
        ValueError: one holds a line break or NUL, and would be more than one.
    """
    lines = [b"%b: %b\r\n" % header for header in headers]
    head = b"".join(lines)
    if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\0" in head:
        raise ValueError("a header of the answer holds a line break or NUL")
    return head


def etag(*parts: Any) -> str:
    """Return the strong entity tag of whatever determines a body."""
    fingerprint = hashlib.blake2b(orjson.dumps(parts), digest_size=15).digest()
    return f'"{urlsafe_b64encode(fingerprint).decode()}"'


def not_modified(tag: str, if_none_match: str) -> bool:
    """Say whether the client's copy is current: weak comparison, RFC 9110, section 13.1.2."""
    given = [item.strip().removeprefix("W/") for item in if_none_match.split(",")]
    return given == ["*"] or tag in given


def headers(run: Run | None, tag: str, pinned: bool = False) -> dict[str, str]:
    """Return the headers of a data answer."""
    run_id = {"Run-Id": run.run_id} if run else {}
    return {**run_id, "ETag": tag, "Cache-Control": IMMUTABLE if pinned else REVALIDATE, "Vary": VARY}


def meta(
    run: Run | None,
    mart: str | None,
    additive: Mapping[str, bool],
    count: int,
    next_cursor: str | None,
) -> dict[str, Any]:
    """Return what an envelope says of its rows."""
    return {
        "run_id": run.run_id if run else None,
        "as_of": run.as_of if run else None,
        "published_at": timestamp(run.published_at) if run else None,
        "mart": mart,
        "additive": additive,
        "count": count,
        "next_cursor": next_cursor,
    }


def links(ask: Ask, next_cursor: str | None) -> dict[str, str | None]:
    """Return the links of an envelope."""
    return {"self": ask.target, "next": ask.next(next_cursor)}


def of_page(form: Format, encoding: Encoding, next_link: str | None) -> dict[str, str]:
    """Return the headers of a body; one that is not the last page says so in its head, too (RFC 8288)."""
    link = {"Link": f'<{next_link}>; rel="next"'} if next_link else {}
    encoded = {} if encoding is IDENTITY else {"Content-Encoding": encoding.name}
    return {"Content-Type": form.media_type, **encoded, **link}


def cut(rows: Sequence[Any], limit: int) -> tuple[Sequence[Any], bool]:
    """Return the rows of a page, and whether there are more."""
    return rows[:limit], len(rows) > limit


def of_body(ask: Ask, form: Format, body: bytes, run: Run | None, next_link: str | None, rows: int) -> Answer:
    """Return the answer of something that changes in place: its entity tag is that of its body.

    Whoever may read something else has another tag, even where there is nothing to tell the bodies apart.
    """
    encoding = choose(ask.accept_encoding).of(len(body))
    sent = encoding.compress(body)
    digest = hashlib.blake2b(sent, digest_size=15, key=ask.fingerprint.encode()).digest()
    head = {**of_page(form, encoding, next_link), **headers(run, f'"{urlsafe_b64encode(digest).decode()}"')}
    return Answer(200, head, sent, rows=rows).unless(ask.if_none_match)
