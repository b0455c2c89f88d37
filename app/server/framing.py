"""Heads that say how a request is framed and whom it is for: what the parser lets through and must not pass.

llhttp itself refuses Content-Length beside Transfer-Encoding, repeated or malformed lengths, obsolete line
folding, bare CR and LF, spaces before the colon and codings after ``chunked``.
"""

from collections.abc import Sequence

from app.routers.refusals import Refusal
from app.server.limits import Limits

#: Headers to look at; requests of most clients have only the first.
NAMES = frozenset({b"host", b"content-length", b"transfer-encoding", b"upgrade", b"expect"})
Header = tuple[bytes, bytes]


def check(version: str, framing: Sequence[Header], most: int) -> bool:
    """Return whether a request has a body in chunks.

    Raises:
        Refusal: its head is one that two programs may read in two ways, or its body is too large.
    """
    if version not in {"1.1", "1.0"}:
        raise Refusal(505, f"HTTP/{version} is not spoken here, HTTP/1.1 is.")
    if len(framing) == 1 and framing[0][0] == b"host":
        return False
    values: dict[bytes, list[bytes]] = {}
    for name, value in framing:
        values.setdefault(name, []).append(value)
    _check_host(version, values.get(b"host", []))
    _check_length(values.get(b"content-length", []), most)
    chunked = _is_chunked(version, values.get(b"transfer-encoding", []))
    if b"upgrade" in values and (chunked or values.get(b"content-length", [b"0"]) != [b"0"]):
        raise Refusal(400, "No protocol can be changed to, least of all by a request with a body.")
    return chunked


def _check_host(version: str, hosts: Sequence[bytes]) -> None:
    """RFC 9112, 3.2: exactly one."""
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        raise Refusal(400, "A request names its host once.")


def _check_length(lengths: Sequence[bytes], most: int) -> None:
    if lengths and int(lengths[0]) > most:
        raise too_large(most)


def _is_chunked(version: str, codings: Sequence[bytes]) -> bool:
    """RFC 9112, 6.1: any other coding is 501, and HTTP/1.0 knows none."""
    if not codings:
        return False
    if version == "1.0":
        raise Refusal(400, "HTTP/1.0 knows no Transfer-Encoding.")
    if [coding.strip().lower() for coding in codings] != [b"chunked"]:
        raise Refusal(501, "The only transfer coding of a request is chunked.")
    return True


def check_size(limits: Limits, url: bytes, headers: Sequence[Header], in_pieces: bool) -> None:
    """Check the size of a head. One that came in a single piece is no larger than pieces are.

    Raises:
        Refusal: it is too large.
    """
    if len(url) > limits.request_line or len(headers) > limits.headers:
        raise head_too_large(limits, url, headers)
    if in_pieces and len(url) + sum(len(name) + len(value) + 4 for name, value in headers) > limits.head:
        raise head_too_large(limits, url, headers)


def head_too_large(limits: Limits, url: bytes, headers: Sequence[Header]) -> Refusal:
    """Return the refusal of a head, by the part of it that is too large."""
    if not headers or len(url) > limits.request_line:
        return Refusal(414, f"A request line is at most {limits.request_line:,} bytes.")
    return Refusal(431, f"A head is at most {limits.head:,} bytes and {limits.headers} headers.")


def too_large(most: int) -> Refusal:
    """Return the refusal of a body."""
    return Refusal(413, f"The body of a request is at most {most:,} bytes.")
