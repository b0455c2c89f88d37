"""Which format a client gets."""

from collections.abc import Mapping
from typing import TypeVar

from app.serving.errors import NotAcceptable
from app.serving.formats.base import Format
from app.serving.formats.columnar import Arrow, Parquet
from app.serving.formats.delimited import Csv
from app.serving.formats.json import Json, NdJson
from app.serving.weights import weights

JSON = Json()
#: What listings answer in; of those that a client likes equally the first.
FORMATS: Mapping[str, Format] = {form.name: form for form in (JSON, NdJson(), Csv(), Arrow(), Parquet())}

F = TypeVar("F", bound=Format)


def negotiate(name: str | None, accept: str | None) -> Json:
    """Return JSON for what is answered in nothing else.

    Raises:
        NotAcceptable: ``Accept`` does not allow it.
    """
    return preferred(name, accept, {JSON.name: JSON})


def preferred(name: str | None, accept: str | None, offered: Mapping[str, F]) -> F:
    """Return the format asked for by name, else the one ``Accept`` likes best (RFC 9110, section 12.5.1).

    Raises:
        NotAcceptable: ``Accept`` allows none of them.
    """
    if name is not None:
        return offered[name]
    given = weights(accept or "")
    if not given:
        return next(iter(offered.values()))
    quality = {name: _quality(form, given) for name, form in offered.items()}
    best = max(quality, key=lambda name: quality[name])
    if not quality[best]:
        types = ", ".join(form.media_type.partition(";")[0] for form in offered.values())
        raise NotAcceptable(f"the Accept header allows none of: {types}")
    return offered[best]


def _quality(form: Format, given: Mapping[str, float]) -> float:
    media_type = form.media_type.partition(";")[0]
    named = [given[name] for name in (media_type, *form.aliases) if name in given]
    if named:
        return max(named)
    ranges = (media_type.partition("/")[0] + "/*", "*/*")
    return next((given[name] for name in ranges if name in given), 0.0)
