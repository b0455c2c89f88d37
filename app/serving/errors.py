"""What can be wrong with a question to the API. Statuses belong to ``app.routers``."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import AppError, PrunedRun, StoreFailure, UnknownRun


@dataclass(frozen=True)
class Fault:
    """One parameter at fault, and why; the query as a whole where ``parameter`` is empty."""

    parameter: str
    detail: str

    def __str__(self) -> str:
        """Name the parameter, if it is one, and say what is wrong."""
        return f"{self.parameter}: {self.detail}" if self.parameter else self.detail


class InvalidParameters(AppError):
    """Parameters that are unknown, repeated or have a value that they may not have."""

    exit_code = 2

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = tuple(faults)


class Restricted(AppError):
    """A mart that the client's restrictions keep from it."""

    exit_code = 2


class NotAcceptable(AppError):
    """The client accepts none of the formats that there are."""

    exit_code = 2


def invalid(parameter: str, detail: str) -> InvalidParameters:
    """Return the error of one parameter."""
    return InvalidParameters([Fault(parameter, detail)])


class RunAtFault(AppError):
    """A parameter names a run that is unknown or was pruned (``cause``)."""

    exit_code = 2

    def __init__(self, parameter: str, cause: UnknownRun | PrunedRun) -> None:
        super().__init__(cause.message, cause.hint)
        self.parameter = parameter
        self.cause = cause


class NoStore(StoreFailure):
    """There is no file to read: where it is a replica, nothing could be read from the warehouse so far."""


class StatementTimeout(AppError):
    """A question took more database time than it may."""

    exit_code = 6
    retryable = True


class Saturated(AppError):
    """More questions wait for the store than it can answer soon."""

    exit_code = 6
    retryable = True
