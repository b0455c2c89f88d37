"""A typed client of the HTTP API.

    with Client("https://marts.example", client_id=..., client_secret=...) as marts:
        for row in marts.genres(year_from=1990, sort="-revenue"):
            ...

It needs httpx alone; ``to_polars`` and ``to_pandas`` load what they return.
"""

from app.client.client import Client
from app.client.errors import (
    Forbidden,
    InvalidParameters,
    MartsError,
    NotAcceptable,
    NotFound,
    ParameterFault,
    Problem,
    RateLimited,
    RunPruned,
    TokenRefused,
    Unauthorized,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from app.client.listing import Listing
from app.client.pages import Page, Rows
from app.client.retry import Retry

__all__ = [
    "Client",
    "Forbidden",
    "InvalidParameters",
    "Listing",
    "MartsError",
    "NotAcceptable",
    "NotFound",
    "Page",
    "ParameterFault",
    "Problem",
    "RateLimited",
    "Retry",
    "Rows",
    "RunPruned",
    "TokenRefused",
    "Unauthorized",
    "Unavailable",
    "UnexpectedAnswer",
    "Unreachable",
]
