"""Headers that protect whoever reads an answer in a browser, the same on every answer (docs/server.md)."""

from app.settings import Settings

Header = tuple[bytes, bytes]
POLICY = b"content-security-policy"
#: A year, what preload lists ask for at least. Names below this one are not ours to speak for.
STRICT_TRANSPORT = b"max-age=31536000"


def protection(settings: Settings) -> tuple[Header, ...]:
    """Return the headers. An answer with a policy of its own keeps that, as ``/docs`` does."""
    always: tuple[Header, ...] = (
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (POLICY, b"default-src 'none'; frame-ancestors 'none'"),
    )
    # Over plain HTTP browsers ignore it (RFC 6797, section 8.1).
    secure = (
        ((b"strict-transport-security", STRICT_TRANSPORT),) if settings.issuer.startswith("https:") else ()
    )
    shared = ((b"vary", b"Origin"),) if settings.cors_origins else ()
    return (*always, *secure, *shared)
