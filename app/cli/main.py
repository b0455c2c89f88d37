"""The command ``app``: puts the command groups together and turns errors into exit statuses."""

import os
import sys
import traceback

import typer
from sqlalchemy.exc import DBAPIError

from app.cli import clients, config, db, etl, keys, serve
from app.errors import AppError, StoreFailure

INTERRUPTED = 130
DEBUG = "--debug"


def build() -> typer.Typer:
    """Return the whole command line."""
    cli = typer.Typer(
        name="app",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Turn movie deliveries into audited marts, and serve them. --debug shows tracebacks.",
    )
    cli.add_typer(etl.commands, name="etl")
    cli.add_typer(db.commands, name="db")
    cli.add_typer(config.commands, name="config")
    cli.add_typer(clients.commands, name="clients")
    cli.add_typer(keys.commands, name="keys")
    cli.command()(serve.serve)
    return cli


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with the status that the contract documents."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = DEBUG in given
    sys.exit(_run([argument for argument in given if argument != DEBUG], debug))


def _run(arguments: list[str], debug: bool) -> int:
    try:
        result = typer.main.get_command(build()).main(arguments, prog_name="app", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted; what was published is still served, run again", INTERRUPTED, debug)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.TyperException as error:
        return _fail(error.format_message(), 2, debug)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except AppError as error:
        return _fail(str(error), error.exit_code, debug)
    except (DBAPIError, OSError) as error:
        return _fail(
            f"{_reason(error)}; check the disk and the store, then try again", StoreFailure.exit_code, debug
        )
    except Exception as error:
        return _fail(f"unexpected {type(error).__name__}: {error}; run again with --debug", 1, debug)
    return result if isinstance(result, int) else 0


def _reason(error: DBAPIError | OSError) -> str:
    return f"database: {error.orig}" if isinstance(error, DBAPIError) else str(error)


def _fail(message: str, status: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print("app: " + " ".join(message.split()), file=sys.stderr)  # noqa: T201 - the one place that speaks to people
    return status
