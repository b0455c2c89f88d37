"""What a service sees of changes that others make."""

import time
from collections.abc import Callable

from app.auth.errors import InvalidToken
from app.auth.service import Auth

DEADLINE_S = 1.0


def within_a_second(happened: Callable[[], bool]) -> bool:
    """Wait for something that another thread brings about; the contract grants it a second."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if happened():
            return True
        time.sleep(0.01)
    return happened()


def refused(auth: Auth, token: str) -> bool:
    """Whether a worker refuses the token."""
    try:
        auth.verifier.verify(token)
    except InvalidToken:
        return True
    return False
