"""``app clients``: the OAuth2 clients that may read the API."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from sqlalchemy import Engine

from app.auth.scopes import SCOPES
from app.cli.audit import open_audit
from app.cli.output import Json, emit, table
from app.cli.restrictions import OnlyCompany, OnlyGenre, OnlyMart, chosen, shown
from app.settings import load_settings
from app.warehouse.runs import timestamp

if TYPE_CHECKING:
    from app.auth.clients import Client, NewSecret

commands = typer.Typer(no_args_is_help=True, help="OAuth2 clients that may read the API.")

#: Stands for the rate of a client that has none of its own.
DEFAULT = "default"
ClientId = Annotated[str, typer.Argument(metavar="ID", help="The client's id.")]


@commands.command()
def create(
    name: Annotated[str, typer.Argument(help="What the client is called, for people.")],
    scope: Annotated[list[str], typer.Option(help=f"May be repeated: {', '.join(SCOPES)}.")],
    only_mart: OnlyMart = None,
    only_genre: OnlyGenre = None,
    only_company: OnlyCompany = None,
    rate_limit: Annotated[
        str | None,
        typer.Option(help="The client's own rate, such as 60/minute or off; default APP_RATE_LIMIT."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a client and show its secret, this once. It may read everything that no option restricts."""
    from app.auth.clients import create_client  # late: argon2 and cryptography

    audit = open_audit()
    restrictions = chosen(only_mart, only_genre, only_company)
    scopes = [word for text in scope for word in text.split()]
    new = create_client(_engine(), name, scopes, restrictions, rate_limit)
    audit.write("client.created", **_named(new.client), scopes=new.client.scopes, **_rules(new.client))
    emit(_with_secret(new), as_json, lambda console: _show_secret(console, new))


@commands.command("list")
def list_all(as_json: Json = False) -> None:
    """List the clients, revoked ones included."""
    from app.auth.clients import list_clients  # late, as above

    found = list_clients(_engine())
    columns = ("client_id", "name", "scopes", "rate_limit", "created_at", "revoked_at", "restrictions")
    documents = [_document(client) for client in found]
    rows = [
        {
            **document,
            "scopes": " ".join(document["scopes"]),
            "rate_limit": document["rate_limit"] or DEFAULT,
            "restrictions": shown(document["restrictions"]),
        }
        for document in documents
    ]
    cells = [[row[name] for name in columns] for row in rows]
    emit(documents, as_json, lambda console: console.print(table(columns, cells)))


@commands.command()
def rotate(
    client_id: ClientId,
    overlap: Annotated[
        int, typer.Option(min=0, max=31_536_000, help="Seconds that the old secret still works.")
    ] = 86_400,
    as_json: Json = False,
) -> None:
    """Give a client a new secret, shown this once; the old one works a while longer."""
    from app.auth.clients import rotate_secret  # late, as above

    audit = open_audit()
    new = rotate_secret(_engine(), client_id, timedelta(seconds=overlap))
    audit.write("client.rotated", **_named(new.client), overlap=overlap)
    emit(_with_secret(new), as_json, lambda console: _show_secret(console, new))


@commands.command()
def restrict(
    client_id: ClientId,
    only_mart: OnlyMart = None,
    only_genre: OnlyGenre = None,
    only_company: OnlyCompany = None,
    lift: Annotated[bool, typer.Option("--lift", help="Let it read everything again.")] = False,
    as_json: Json = False,
) -> None:
    """Let a client read only some of the marts, within a second; what restricted it before holds no more."""
    from app.auth.clients import restrict_client  # late, as above

    audit, restrictions = open_audit(), chosen(only_mart, only_genre, only_company)
    if lift == (restrictions is not None):
        raise typer.BadParameter("give one of --only-mart, --only-genre and --only-company, or --lift alone")
    client = restrict_client(_engine(), client_id, restrictions)
    audit.write("client.restricted", **_named(client), restrictions=client.restrictions)
    text = f"client {client.client_id} ({client.name}) may read {shown(client.restrictions) or 'everything'}"
    emit(_document(client), as_json, lambda console: console.print(text))


@commands.command()
def limit(
    client_id: ClientId,
    rate: Annotated[str, typer.Argument(help="Such as 60/minute, off, or default: that of APP_RATE_LIMIT.")],
    as_json: Json = False,
) -> None:
    """Give a client a rate limit of its own; every server knows within a second."""
    from app.auth.clients import limit_client  # late, as above

    audit = open_audit()
    client = limit_client(_engine(), client_id, None if rate == DEFAULT else rate)
    audit.write("client.limited", **_named(client), rate_limit=client.rate_limit)
    text = (
        f"client {client.client_id} ({client.name}) may ask {client.rate_limit or 'what APP_RATE_LIMIT says'}"
    )
    emit(_document(client), as_json, lambda console: console.print(text))


@commands.command()
def revoke(client_id: ClientId, as_json: Json = False) -> None:
    """End a client and, within a second, every token it holds."""
    from app.auth.clients import revoke_client  # late, as above

    audit = open_audit()
    client = revoke_client(_engine(), client_id)
    audit.write("client.revoked", **_named(client))
    text = f"client {client.client_id} ({client.name}) is revoked"
    emit(_document(client), as_json, lambda console: console.print(text))


def _engine() -> Engine:
    from app.auth.store import open_accounts  # late: migrations

    return open_accounts(load_settings())


def _named(client: "Client") -> dict[str, str]:
    return {"client_id": client.client_id, "name": client.name}


def _times(client: "Client") -> dict[str, str | None]:
    return {"created_at": timestamp(client.created_at), "revoked_at": timestamp(client.revoked_at)}


def _document(client: "Client") -> dict[str, Any]:
    return {**_named(client), "scopes": client.scopes, **_times(client), **_rules(client)}


def _rules(client: "Client") -> dict[str, Any]:
    return {"rate_limit": client.rate_limit, "restrictions": client.restrictions}


def _with_secret(new: "NewSecret") -> dict[str, Any]:
    client = new.client
    return {
        "client_id": client.client_id,
        "client_secret": new.secret,
        "name": client.name,
        "scopes": client.scopes,
    }


def _show_secret(console: Console, new: "NewSecret") -> None:
    console.print(f"client_id      {new.client.client_id}")
    console.print(f"client_secret  {new.secret}")
    console.print(f"scopes         {' '.join(new.client.scopes)}")
    console.print("Keep the secret now: it is not shown again.")
