"""``app keys``: the keys that sign access tokens."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.audit import open_audit
from app.cli.output import Json, emit, table
from app.settings import load_settings
from app.warehouse.runs import timestamp

if TYPE_CHECKING:
    from app.auth.keys import SigningKey

commands = typer.Typer(no_args_is_help=True, help="Keys that sign access tokens.")


class Algorithm(StrEnum):
    """What a key can be made for."""

    ES256 = "ES256"
    RS256 = "RS256"


@commands.command()
def rotate(
    algorithm: Annotated[Algorithm, typer.Option(help="What the new key signs with.")] = Algorithm.ES256,
    leaked: Annotated[
        bool, typer.Option("--leaked", help="Stop trusting every old key, and so every live token, at once.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a new key sign. Old keys verify until the tokens they signed have expired."""
    from app.auth.keyring import replace_leaked, rotate  # late: cryptography
    from app.auth.store import open_accounts

    audit = open_audit()
    settings = load_settings()
    engine = open_accounts(settings)
    key = (replace_leaked if leaked else rotate)(engine, algorithm.value, secret=settings.key_secret)
    audit.write("key.replaced" if leaked else "key.rotated", kid=key.kid, algorithm=key.algorithm)
    text = f"key {key.kid} ({key.algorithm}) signs from {timestamp(key.signs_from)}"
    emit(_document(key), as_json, lambda console: console.print(text))


@commands.command("list")
def list_all(as_json: Json = False) -> None:
    """List the keys, the newest first."""
    from app.auth.keyring import read_keys  # late, as above
    from app.auth.store import open_accounts

    with open_accounts(load_settings()).connect() as connection:
        found = [_document(key) for key in read_keys(connection)]
    columns = ("kid", "algorithm", "status", "signs_from", "retired_at", "revoked_at")
    rows = [[key[column] for column in columns] for key in found]
    emit(found, as_json, lambda console: console.print(table(columns, rows)))


def _document(key: "SigningKey") -> dict[str, Any]:
    from app.auth.trust import key_overlap  # late, as above

    return {
        "kid": key.kid,
        "algorithm": key.algorithm,
        "status": key.status(datetime.now(UTC), key_overlap(load_settings())),
        "created_at": timestamp(key.created_at),
        "signs_from": timestamp(key.signs_from),
        "retired_at": timestamp(key.retired_at),
        "revoked_at": timestamp(key.revoked_at),
    }
