"""The head of what is kept between runs: which run it is of, and all that has to match before it is used.

It is stored last and names everything else, so that what was stored by halves is never used.
"""

import hashlib
import platform
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app import __version__
from app.etl import normalise, readers
from app.etl.incremental.packing import Damaged
from app.etl.options import RunOptions

#: Its key in the row-hash store.
HEAD = "head"


class Head(BaseModel):
    """The head as JSON. ``seed`` is hexadecimal; files are by name, with their sha256, movies in order."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    format: Literal[1] = 1
    run_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]+$")]
    made_by: dict[str, str]
    options: dict[str, Any]
    seed: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    count: Annotated[int, Field(ge=0)]
    movies: dict[str, str]
    members: dict[str, str]


def parse_head(data: bytes) -> Head:
    """Read a head.

    Raises:
        Damaged: it is none, or of another format.
    """
    try:
        return Head.model_validate_json(data)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise Damaged(f"its head is not readable ({problem['msg']})") from error


def check_head(head: Head, options: RunOptions) -> None:
    """Raise ``Damaged`` where another program, or a run with other options, left what the head names."""
    if head.made_by != made_by():
        raise Damaged("another version of the program made it")
    if head.options != options.changing_rows():
        raise Damaged("it is of a run with other options")


@cache
def made_by() -> dict[str, str]:
    """Return what decides about the movie of a row, apart from the row and the options.

    ``rules`` is a sha256 of the code itself: no version has to be raised for a changed rule to be noticed.
    """
    rules = hashlib.sha256()
    for package in (normalise, readers):
        for path in sorted(Path(str(package.__file__)).parent.glob("*.py")):
            rules.update(hashlib.sha256(path.read_bytes()).digest())
    versions = {"app": __version__, "python": platform.python_version(), "polars": pl.__version__}
    return {**versions, "rules": rules.hexdigest()}
