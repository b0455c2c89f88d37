"""fakesnow's server, run by the environment that ``make`` builds for it: ``fakesnow_server.py PORT``.

Two things are put right that version 5 of the connector insists on: what a login answers, and that a time is
null as a whole. What the fake cannot do, and nothing else depends on, it accepts in silence: pipes,
parameters of a session, the end of a stage. ``/logins`` tells what clients signed in with.
"""

import gzip
import importlib
import json
import secrets
import sys
from typing import Any

import pyarrow as pa
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

# Not by name: its package has a function that is called so, too.
fake: Any = importlib.import_module("fakesnow.server")
arrow: Any = importlib.import_module("fakesnow.arrow")
PASSED_OVER = [
    "(CREATE|DROP) PIPE ",
    "DROP (STAGE|FILE FORMAT) ",
    "ALTER SESSION SET (QUERY_TAG|STATEMENT_TIMEOUT_IN_SECONDS) ",
]


logins: list[Any] = []


async def said_at_login(_: Request) -> JSONResponse:
    """Answer with the body of every login."""
    return JSONResponse(logins)


async def login(request: Request) -> JSONResponse:
    """Answer a login with a session's id and a master token as well."""
    body = await request.body()
    packed = request.headers.get("Content-Encoding") == "gzip"
    logins.append(json.loads(gzip.decompress(body) if packed else body)["data"])
    answer = json.loads((await fake.login_request(request)).body)
    answer["data"] |= {
        "masterToken": secrets.token_urlsafe(16),
        "masterValidityInSeconds": 14_400,
        "validityInSeconds": 3_600,
        "sessionId": 1,
    }
    return JSONResponse(answer)


def nullable(made: pa.StructArray, nulls: pa.Array) -> pa.StructArray:
    """Return an array of times whose nulls are nulls."""
    fields = [pa.field(field.name, field.type) for field in made.type]
    return pa.StructArray.from_arrays(made.flatten(), fields=fields, mask=nulls)


def main(port: int) -> None:
    """Serve on a port of loopback until killed."""
    times, schema = arrow.timestamp_to_sf_struct, arrow.to_sf_schema

    def times_or_null(column: Any) -> pa.StructArray:
        whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        return nullable(times(whole), whole.is_null())

    def schema_as_is(given: pa.Schema, rowtype: Any) -> pa.Schema:
        made = schema(given, rowtype)
        return pa.schema(
            new.with_type(old.type) if pa.types.is_struct(old.type) else new
            for new, old in zip(made, given, strict=True)
        )

    arrow.timestamp_to_sf_struct, arrow.to_sf_schema = times_or_null, schema_as_is
    fake.shared_fs.nop_regexes = PASSED_OVER
    fake.app.router.routes[:0] = [
        Route("/session/v1/login-request", login, methods=["POST"]),
        Route("/logins", said_at_login),
    ]
    uvicorn.run(fake.app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]))
