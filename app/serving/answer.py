"""Answers: a body and the headers that go with it, the same whatever layer sends them."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import orjson

from app.serving.formats import Format
from app.warehouse.runs import Run, timestamp

VARY = "Accept, Accept-Encoding, Authorization"
REVALIDATE = "private, no-cache"
#: A pinned answer never changes; a day bounds how long a client reads on without asking whether it may.
IMMUTABLE = "private, immutable, max-age=86400"
#: What stands in a query unescaped (RFC 3986, section 3.4), and ``%``. Servers let other characters through
#: that clients send, and one of them (``>``) would end the target of a ``Link``.
IN_QUERY = "!$&'()*+,;=:@/?%"


@dataclass(frozen=True)
class Ask:
    """A request as a listing sees it: path and query as they were sent, and what the headers say."""

    path: str
    query: bytes = b""
    accept: str | None = None
    if_none_match: str | None = None

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
    """Status 200 with a body, or 304 without one."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    media_type: str | None = field(default=None)


def etag(*parts: Any) -> str:
    """Return the strong entity tag of whatever determines a body."""
    fingerprint = hashlib.blake2b(orjson.dumps(parts), digest_size=15).digest()
    return f'"{urlsafe_b64encode(fingerprint).decode()}"'


def not_modified(tag: str, if_none_match: str | None) -> bool:
    """Say whether the client's copy is current: weak comparison, RFC 9110, section 13.1.2."""
    if if_none_match is None:
        return False
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


def ok(form: Format, body: bytes, head: Mapping[str, str], next_link: str | None) -> Answer:
    """Return a whole answer; one that is not the last page says so in its head, too (RFC 8288)."""
    link = {"Link": f'<{next_link}>; rel="next"'} if next_link else {}
    return Answer(200, {**head, **link}, body, form.media_type)


def cut(rows: Sequence[Any], limit: int) -> tuple[Sequence[Any], bool]:
    """Return the rows of a page, and whether there are more."""
    return rows[:limit], len(rows) > limit


def of_body(ask: Ask, form: Format, body: bytes, run: Run | None, next_link: str | None) -> Answer:
    """Return the answer of something that changes in place: its entity tag is that of its body."""
    fingerprint = urlsafe_b64encode(hashlib.blake2b(body, digest_size=15).digest()).decode()
    head = headers(run, f'"{fingerprint}"')
    if not_modified(head["ETag"], ask.if_none_match):
        return Answer(304, head)
    return ok(form, body, head, next_link)
