"""Wait until the API is ready, then print a command that queries it: greet.py PID URL CLIENT_FILE."""

import json
import os
import sys
import time
import urllib.request
from pathlib import Path

GREETING = """
Ready. The most popular genre of each year, with a token of the demo client:

  {command}

Swagger UI: {url}/docs (Authorize with client id {client_id} and secret {client_secret}). Ctrl-C stops.
"""
FETCH = (
    "curl -s -u '{client_id}:{client_secret}' -d grant_type=client_credentials {url}/oauth/token"
    " | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"access_token\"])'"
)
QUERY = "{url}/v1/rankings/genres?year_from=2000&fields=year,rank,genre,popularity"
COMMAND = f"curl -s -H \"Authorization: Bearer $({FETCH})\" '{QUERY}'"


def is_running(pid: int) -> bool:
    """Whether the server process is still there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def is_ready(url: str) -> bool:
    """Whether the API answers that it is ready."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def main(pid: int, url: str, client_file: Path) -> None:
    """Print the greeting once; nothing where the server ends before it is ready."""
    while is_running(pid) and not is_ready(url):
        time.sleep(0.1)
    if is_running(pid):
        client = json.loads(client_file.read_text())
        values = {"url": url, "client_id": client["client_id"], "client_secret": client["client_secret"]}
        print(GREETING.format(command=COMMAND.format(**values), **values), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
