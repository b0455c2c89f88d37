"""``python -m app`` is ``app``."""

from app.cli.main import main

main()
