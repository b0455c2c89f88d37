"""One tree of errors. Each says what went wrong and where (``message``) and what to do (``hint``).

``exit_code`` is the command's exit status, ``retryable`` says whether the same call may succeed later.
HTTP statuses belong to ``app.routers``; nothing here knows about them.
"""

import difflib
from collections.abc import Iterable
from typing import ClassVar


class AppError(Exception):
    """Base of every error that the program raises on purpose."""

    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Return the error as one line, whatever the parts contain."""
        text = f"{self.message}; {self.hint}" if self.hint else self.message
        return " ".join(text.split())


class ConfigurationError(AppError):
    """A setting or a command-line value that cannot be used."""

    exit_code = 2


class StoreRefused(ConfigurationError):
    """An object store that is there and refuses: no such bucket, or no right to do this in it."""


class SchemaError(AppError):
    """A database whose schema is not at the revision that this program needs."""

    exit_code = 2


class UnknownRun(AppError):
    """No run of this id, or none that can be used in the way asked for."""

    exit_code = 2


class PrunedRun(AppError):
    """A run that existed and whose rows were deleted by ``prune``."""

    exit_code = 2


class NothingPublished(AppError):
    """No run is published yet."""

    exit_code = 2


class UnreadableDelivery(AppError):
    """A delivery that cannot be read as a whole: nothing of it is landed, loaded or published."""

    exit_code = 3


class AuditHeld(AppError):
    """A run kept but not published because an audit held it back."""

    exit_code = 4


class RunInProgress(AppError):
    """Another run holds the lock of this warehouse."""

    exit_code = 5


class StoreFailure(AppError):
    """An object store, a warehouse or a cluster failed; the same command may succeed later."""

    exit_code = 6
    retryable = True


class DamagedRun(AppError):
    """A landed run, or what was made of it, is not what its manifest says: no retry mends that."""


class SumOverflow(AppError):
    """A sum beyond 2^63-1: the run fails, it never wraps."""


def near_miss(word: str, valid: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the nearest valid word, or the whole list where none is near."""
    choices = sorted(valid)
    close = difflib.get_close_matches(word, choices, n=1)
    if close:
        return f"did you mean '{close[0]}'? one of: {', '.join(choices)}"
    return f"one of: {', '.join(choices)}"
