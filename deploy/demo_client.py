"""Create the demo client once and keep its id and secret in a file: demo_client.py FILE."""

import json
import subprocess
import sys
from pathlib import Path


def app(*arguments: str) -> str:
    """Run a command of the program and return what it prints."""
    return subprocess.run(["app", *arguments, "--json"], check=True, stdout=subprocess.PIPE, text=True).stdout


def is_known(file: Path) -> bool:
    """Whether the file names a client that exists."""
    return file.exists() and json.loads(file.read_text())["client_id"] in app("clients", "list")


def main(file: Path) -> None:
    """Write ``file`` unless its client exists."""
    if not is_known(file):
        file.write_text(app("clients", "create", "demo", "--scope", "marts:read", "--scope", "runs:read"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
