"""What tokens and secrets look like, so that no log and no error ever repeats one that was sent."""

import re

MASK = "***"
#: A JSON Web Token begins with the base64url of ``{"``; a client secret of ours with ``mm_`` and its id.
STARTS = r"eyJ[\w-]{5}|mm_[0-9a-f]{16}_"
#: A whole one. Without its dots a token opens nothing, and other names may begin like one by chance.
_WHOLE = re.compile(r"eyJ[\w-]{5,}\.[\w.~+/=-]*|mm_[0-9a-f]{16}_[\w-]*")


def hidden(text: str) -> str:
    """Return a text with ``***`` in the place of every token and secret that it holds unescaped."""
    return _WHOLE.sub(MASK, text)
