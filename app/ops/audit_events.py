"""What the audit log records: every event, what it means, and its fields in the order of a line."""

from collections.abc import Mapping
from typing import NamedTuple

#: Who asked over HTTP: the address as the server knows it, and the id that the access log has, too.
_BY_HTTP = ("address", "request_id")
#: Who gave a command: the user of the operating system, and where that is root by ``sudo``, who it was.
_BY_COMMAND = ("user", "sudo_user")


class Event(NamedTuple):
    """One kind of line. What is unknown is null."""

    meaning: str
    fields: tuple[str, ...]


EVENTS: Mapping[str, Event] = {
    "token.issued": Event(
        "A client got an access token; the line is written before the token is sent.",
        ("client_id", "jti", "scopes", "expires_in", *_BY_HTTP),
    ),
    "token.refused": Event(
        "An OAuth2 endpoint refused a request. `client_id` is as given, `***` where it may be a secret.",
        ("client_id", "path", "error", "reason", "more", *_BY_HTTP),
    ),
    "token.revoked": Event("A client revoked one of its tokens.", ("client_id", "jti", *_BY_HTTP)),
    "token.introspected": Event(
        "A client asked what a token is: `jti` and `owner` are those of the token, where it is `active`.",
        ("client_id", "active", "jti", "owner", *_BY_HTTP),
    ),
    "bearer.refused": Event(
        "A request under `/v1` was refused for its token, or for want of one.",
        ("client_id", "jti", "method", "path", "status", "reason", "more", *_BY_HTTP),
    ),
    "client.created": Event(
        "A client was made.", ("client_id", "name", "scopes", "rate_limit", "restrictions", *_BY_COMMAND)
    ),
    "client.rotated": Event(
        "A client got a new secret; the old ones end after `overlap` seconds.",
        ("client_id", "name", "overlap", *_BY_COMMAND),
    ),
    "client.revoked": Event(
        "A client was ended, with every token it holds.", ("client_id", "name", *_BY_COMMAND)
    ),
    "client.limited": Event(
        "A client got a rate of its own, or again the common one: null.",
        ("client_id", "name", "rate_limit", *_BY_COMMAND),
    ),
    "client.restricted": Event(
        "What a client may read was set; null is everything.",
        ("client_id", "name", "restrictions", *_BY_COMMAND),
    ),
    "key.rotated": Event(
        "A new key signs; the old ones go on verifying.", ("kid", "algorithm", *_BY_COMMAND)
    ),
    "key.replaced": Event(
        "A new key signs, and every other one verifies no more.", ("kid", "algorithm", *_BY_COMMAND)
    ),
    "run.loaded": Event(
        "A run was loaded into the warehouse from what has landed.", ("run_id", "location", *_BY_COMMAND)
    ),
    "run.published": Event("Readers were pointed at a run.", ("run_id", *_BY_COMMAND)),
    "run.rolled_back": Event("Readers were pointed back at a run.", ("run_id", *_BY_COMMAND)),
    "run.held": Event("A run was kept and not published, for a reason.", ("run_id", "reason", *_BY_COMMAND)),
    "run.pruned": Event("A run was deleted.", ("run_id", *_BY_COMMAND)),
}
