"""Errors as people see them: one line that says what, where and what to do, and an exit status."""

import typer
from sqlalchemy.exc import DBAPIError

from app.errors import AppError, StoreFailure

INTERRUPTED = 130
USAGE = 2
UNEXPECTED = 1


def explain(error: BaseException) -> tuple[str, int]:
    """Return the line and the exit status of the contract."""
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return "interrupted; what was published stays published, run again", INTERRUPTED
    if isinstance(error, AppError):
        return str(error), error.exit_code
    if isinstance(error, typer.TyperException):
        return _usage(error), USAGE
    if isinstance(error, DBAPIError | OSError):
        reason = f"database: {error.orig}" if isinstance(error, DBAPIError) else str(error)
        return f"{reason}; check the disk and the store, then try again", StoreFailure.exit_code
    return f"unexpected {type(error).__name__}: {error}; run again with --debug", UNEXPECTED


def _usage(error: typer.TyperException) -> str:
    """Name the command; where none was given Typer has printed the help, and has no message."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "app"
    message = error.format_message().strip().rstrip(".") or f"{path} needs a command"
    return f"{message}; see '{path} --help'"
