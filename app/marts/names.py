"""Text rules that marts, files and API share: trimming, slugs, search keys."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping

#: What ``str.strip`` trims: the Unicode characters of category Zs or bidirectional class WS, B or S.
WHITESPACE = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)


def _without_marks(text: str) -> str:
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.category(char).startswith("M"))


def slug(name: str) -> str:
    """Return the name in NFKD without marks, lower case, runs of non-alphanumerics as ``-``; may be empty."""
    return re.sub(r"[\W_]+", "-", _without_marks(name).lower()).strip("-")


def slugs(names: Mapping[int, str]) -> dict[int, str]:
    """Return the slug of each id; an empty slug, or one that several ids share, gets ``-<id>``."""
    plain = {key: slug(name) for key, name in names.items()}
    shared = Counter(plain.values())
    return {key: f"{text}-{key}" if not text or shared[text] > 1 else text for key, text in plain.items()}


def search_key(text: str) -> str:
    """Fold case and accents, so that ``search`` finds a substring whatever the spelling."""
    folded = text.casefold()
    return folded if text.isascii() else _without_marks(folded).casefold()
