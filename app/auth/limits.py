"""Rate limits of clients."""

from app.errors import AppError


class RateLimited(AppError):
    """A client asked too much lately; ``retry_after_s`` is when it may ask again, in whole seconds."""

    exit_code = 6
    retryable = True

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Limits:
    """Limits nobody."""

    def take(self, client_id: str) -> None:
        """Count one request of a client."""
