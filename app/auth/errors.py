"""Errors of authentication.

Those that answer an HTTP request carry the answer as data: ``status``, ``title``, ``detail``, ``headers``.
No message ever holds a token, a secret or anything else that the caller sent.
"""

from collections.abc import Mapping
from typing import ClassVar

from app.errors import AppError, ConfigurationError

REALM = "movie-marts"


class UnknownClient(AppError):
    """No OAuth2 client of this id, or one that was revoked."""

    exit_code = 2


class UnknownScope(ConfigurationError):
    """A scope that this program does not have."""


class BearerError(AppError):
    """A request that a protected resource refuses, with the challenge of RFC 6750, section 3."""

    status: ClassVar[int] = 401
    title: ClassVar[str] = "Unauthorized"
    error: str | None = None
    #: Whose token it was and its ``jti``, where the token was good.
    client_id: str | None = None
    jti: str | None = None

    @property
    def detail(self) -> str:
        """What went wrong, for people."""
        return self.message

    @property
    def headers(self) -> Mapping[str, str]:
        """The ``WWW-Authenticate`` header."""
        values = {"realm": REALM, **self._challenge()}
        return {
            "WWW-Authenticate": "Bearer " + ", ".join(f'{name}="{value}"' for name, value in values.items())
        }

    def _challenge(self) -> dict[str, str]:
        return {"error": self.error, "error_description": self.message} if self.error else {}


class Unauthorized(BearerError):
    """401. Without ``error`` where the request carried no bearer token at all (RFC 6750, section 3.1)."""

    def __init__(self, message: str = "a bearer token is required", error: str | None = None) -> None:
        super().__init__(message)
        self.error = error


class InvalidToken(Unauthorized):
    """401 ``invalid_token``: the one answer to every unacceptable token, whatever is wrong with it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "invalid_token")


class InvalidRequest(BearerError):
    """400 ``invalid_request``: the token was sent twice, or where it leaks: in the query ``parameter``."""

    status = 400
    title = "Bad Request"
    error = "invalid_request"

    def __init__(self, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


class InsufficientScope(BearerError):
    """403 ``insufficient_scope``: a good token that does not reach this far."""

    status = 403
    title = "Forbidden"
    error = "insufficient_scope"

    def __init__(self, scope: str, client_id: str | None = None, jti: str | None = None) -> None:
        super().__init__(f"the token lacks the scope {scope}")
        self.scope, self.client_id, self.jti = scope, client_id, jti

    def _challenge(self) -> dict[str, str]:
        return {**super()._challenge(), "scope": self.scope}


class AccessRestricted(BearerError):
    """403 ``insufficient_scope``: what was asked for is beyond the restrictions of the token's client."""

    status = 403
    title = "Forbidden"
    error = "insufficient_scope"


class OAuthError(AppError):
    """An error of the OAuth2 endpoints: the JSON body of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error

    @property
    def status(self) -> int:
        """401 where the client could not be authenticated, else 400."""
        return 401 if self.error == "invalid_client" else 400

    @property
    def headers(self) -> Mapping[str, str]:
        """The challenge that a 401 owes."""
        return {"WWW-Authenticate": f'Basic realm="{REALM}", charset="UTF-8"'} if self.status == 401 else {}

    @property
    def body(self) -> dict[str, str]:
        """``error`` and ``error_description``."""
        return {"error": self.error, "error_description": self.message}
