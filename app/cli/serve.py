"""``app serve``: the HTTP API on uvicorn."""

import logging.config
from contextlib import suppress
from typing import Annotated, Any

import typer

from app.cli.output import Json, emit

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "app.ops.program_log.Handler", "formatter": "line"}},
    "loggers": {"app": {"level": "INFO"}, "uvicorn": {"level": "INFO"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
}


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")
    ] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer.")] = 1,
    as_json: Json = False,
) -> None:
    """Serve the HTTP API until interrupted or terminated."""
    from app.server.listener import listen  # late: the rest of the command line needs no server

    listener = listen(host, port)
    from app.main import close, create_app  # late: it loads the whole application
    from app.server.limits import Limits
    from app.server.run import serve_alone, serve_with_workers
    from app.settings import load_settings
    from app.shared import shared_folder

    logging.config.dictConfig(LOGGING)
    settings = load_settings()
    limits = Limits.of(settings)
    url = _url(host, listener.getsockname()[1])

    def announce() -> None:
        document = {"url": url, "docs": f"{url}/docs", "workers": workers}
        with suppress(BrokenPipeError):  # whoever started it does not want to know
            emit(document, as_json, lambda console: console.print(f"Serving on {url}, docs on {url}/docs"))

    application = create_app(settings)
    if workers == 1:
        announce()
        serve_alone(application, listener, limits)
        return
    close(application)  # it has shown that it can be made; each worker makes its own
    with shared_folder():
        serve_with_workers(create_app, listener, limits, workers, announce)


def _url(host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"
