"""``app serve``: the HTTP API on uvicorn."""

import signal
import socket
from typing import Annotated, Any

import typer

from app.cli.output import Json, emit
from app.errors import ConfigurationError, StoreFailure

APPLICATION = "app.main:create_app"
BACKLOG = 2048
#: Seconds that requests in flight have to end after SIGTERM.
GRACE_S = 30
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
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
    listener = _listen(host, port)
    from app.main import close, create_app  # late: it loads the whole server

    application = create_app()
    url = _url(host, listener.getsockname()[1])
    document = {"url": url, "docs": f"{url}/docs", "workers": workers}
    emit(document, as_json, lambda console: console.print(f"Serving on {url}, docs on {url}/docs"))
    if workers > 1:
        close(application)
        _serve_with_workers(listener, workers)
    else:
        _serve_alone(listener, application)


def _serve_alone(listener: socket.socket, application: Any) -> None:
    from uvicorn import Config, Server  # late, as above

    server = Server(Config(application, **_options()))
    # uvicorn drains on SIGTERM and then raises the signal again, for whoever handled it before: a clean end.
    signal.signal(signal.SIGTERM, lambda *_: None)
    server.run(sockets=[listener])
    if not server.started:
        raise StoreFailure("the server could not start", "see the log above")


def _serve_with_workers(listener: socket.socket, workers: int) -> None:
    from uvicorn import Config  # late, as above
    from uvicorn.supervisors import Multiprocess

    config = Config(APPLICATION, factory=True, workers=workers, **_options())
    Multiprocess(config, sockets=[listener]).run()


def _options() -> dict[str, Any]:
    return {
        "loop": "uvloop",
        "http": "httptools",
        "ws": "none",
        "lifespan": "on",
        "log_config": LOGGING,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "timeout_graceful_shutdown": GRACE_S,
        "backlog": BACKLOG,
    }


def _listen(host: str, port: int) -> socket.socket:
    """Bind before anything is loaded, so that a port in use is told at once.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {reason}", "choose another --host or --port"
        ) from error
    listener.set_inheritable(True)
    return listener


def _url(host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"
