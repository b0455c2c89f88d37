"""The process that keeps a replica; see ``keeper``. It ends when its standard input does."""

import logging
import os
import sys
import threading

from app.serving.replica.follow import Follower
from app.serving.replica.place import place_of
from app.settings import load_settings

#: Requests go first, but not so much that a busy machine never sees a new run.
NICENESS = 5


def main() -> None:
    """Follow the warehouse of the settings, for ever."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    logging.getLogger("app").setLevel(logging.INFO)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(NICENESS)
    settings = load_settings()
    follower = Follower(
        place_of(settings.home, settings.warehouse_given, settings.copies_marts), settings.warehouse
    )
    follower.follow(settings.replica_poll)


def _end_with_parent() -> None:
    """End at once: what is half built nobody reads, and the next one throws it away."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
