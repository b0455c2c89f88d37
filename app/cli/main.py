"""The command ``app``: puts the command groups together and turns errors into exit statuses.

It loads everything late, so that Ctrl-C while the program loads is an interruption like any other.
"""

import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

DEBUG = "--debug"


def build() -> "typer.Typer":
    """Return the whole command line."""
    import typer

    from app.cli import clients, config, db, etl, keys, serve

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
    try:
        _invoke([argument for argument in given if argument != DEBUG])
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has seen enough
        _drop_output()
    except (Exception, KeyboardInterrupt) as error:
        status = _fail(error, debug)
        _drop_output()
        sys.exit(status)
    sys.exit(0)


def _drop_output() -> None:
    """Write what is left; what cannot be written is dropped, or Python would end with a status of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _invoke(arguments: list[str]) -> None:
    """Run a command without Typer's ``main``: that has its own ways with Ctrl-C and closed pipes."""
    import typer

    command = typer.main.get_command(build())
    try:
        with command.make_context("app", arguments) as context:
            command.invoke(context)
    except typer.Exit as stop:  # --help
        sys.exit(stop.exit_code)


def _fail(error: BaseException, debug: bool) -> int:
    from app.cli.failures import explain
    from app.ops.secret_text import hidden

    message, status = explain(error)
    if isinstance(error, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # once is enough: what follows is the last word
    if debug:
        print(hidden("".join(traceback.format_exception(error))), file=sys.stderr)  # noqa: T201 - as below
    print("app: " + " ".join(hidden(message).split()), file=sys.stderr)  # noqa: T201 - the one place that speaks to people
    return status
