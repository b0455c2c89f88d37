"""Settings, read once from the environment or ``.env`` and handed down as one frozen object."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict
from sqlalchemy.engine import URL

from app.errors import ConfigurationError
from app.settings.issuers import ExternalIssuer, read_issuers
from app.settings.values import (
    DatabaseUrl,
    Hosts,
    IssuerUrl,
    Networks,
    Origins,
    Rate,
    RateText,
    RedisUrl,
    listed,
    parse_rate,
)
from app.settings.warehouses import WarehouseSettings

__all__ = ["PREFIX", "Rate", "Settings", "listed", "load_settings", "parse_rate"]

PREFIX = "APP_"
ENV_FILE = ".env"


class Settings(WarehouseSettings):
    """Every setting of the program. Names in the environment carry the prefix ``APP_``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Field(Path("var"), description="Folder where the embedded default keeps all its state.")
    warehouse_url: DatabaseUrl | None = Field(
        None, description="SQLAlchemy URL of marts and runs; default SQLite in APP_HOME."
    )
    database_url: DatabaseUrl | None = Field(
        None, description="SQLAlchemy URL of clients, keys and revocations; default SQLite in APP_HOME."
    )
    destination: str | None = Field(
        None, description="Folder or URL that runs land under; default APP_HOME/lake."
    )
    issuer: IssuerUrl = Field(
        "http://localhost:8000", description="Issuer of the tokens: this API's public URL."
    )
    audience: str = Field("movie-marts", min_length=1, description="Audience that tokens are made for.")
    token_ttl: Annotated[int, Field(ge=1, le=86_400)] = Field(
        3600, description="Lifetime of an access token, 1 to 86400 seconds."
    )
    trusted_issuers: str = Field(
        "",
        description="Identity providers whose access tokens are good here too: a JSON list of objects, as"
        " docs/issuers.md says.",
    )
    key_encryption_secret: Annotated[SecretStr, Field(min_length=32)] | None = Field(
        None,
        description="Encrypts private signing keys in the accounts database: 32 random characters or more;"
        " unset keeps them as they are, in a file that its owner alone can read.",
    )
    keep_runs: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Runs kept after each publish, 1 or more; unset keeps all."
    )
    memory: Annotated[int, Field(ge=256 * 2**20)] = Field(
        1_073_741_824,
        description="Memory that a run aims to stay within on this machine, in bytes, 268435456 or more;"
        " what does not fit waits on the disk.",
    )

    cache_bytes: Annotated[int, Field(ge=0)] = Field(
        16_777_216, description="Memory for finished answers, in bytes per worker; 0 keeps none."
    )

    serve_from: Literal["replica", "warehouse"] = Field(
        "replica",
        description="Where the API reads marts that are not in SQLite: in a local copy, or in the warehouse"
        " itself, for marts that are too large to copy.",
    )
    replica_poll: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        0.5, description="Seconds between two looks at a warehouse that the API reads a local copy of."
    )
    statement_timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        10, description="Seconds of database time that one question may take, more than 0."
    )
    rate_limit: RateText = Field(
        "600/minute",
        description="Requests per client, the same for all workers: a number from 1 to 1000000, then /second,"
        " /minute or /hour; off limits nothing, whatever else is set.",
    )
    token_rate_limit: RateText = Field(
        "60/minute",
        description="Requests to /oauth/ per address, and per authenticated client; as APP_RATE_LIMIT.",
    )
    redis_url: RedisUrl | None = Field(
        None,
        description="Redis (redis://, rediss:// or unix://) where machines count rate limits together and"
        " runs keep the hashes of rows; unset, each machine does so by itself.",
    )
    trusted_proxies: Networks = Field(
        "",
        description="Addresses or networks of proxies, comma-separated, whose X-Forwarded-For is believed.",
    )
    allowed_hosts: Hosts = Field(
        "",
        description="Names that requests may be for, comma-separated; *.example.org is any name below it."
        " Unset, any name.",
    )
    cors_origins: Origins = Field(
        "",
        description="Origins whose pages may call the API, comma-separated, such as https://app.example.org;"
        " unset, none.",
    )
    access_log: Literal["on", "off"] = Field(
        "on", description="One JSON line on stderr per request, on or off."
    )
    audit_log: str | None = Field(
        None,
        description="File that tokens, refusals and changes are recorded in; default APP_HOME/audit.jsonl,"
        " off records nothing.",
    )
    shared_folder: Path | None = Field(
        None,
        description="Folder by which the workers of one server count together; app serve makes one itself.",
    )

    max_connections: Annotated[int, Field(ge=1)] = Field(
        2000, description="Open connections per worker; more are answered 503 and closed."
    )
    max_in_flight: Annotated[int, Field(ge=1)] = Field(
        1000, description="Requests in work per worker; more are answered 503."
    )
    keep_alive: Annotated[float, Field(gt=0)] = Field(
        75, description="Seconds that an idle connection stays open; more than those of a proxy in front."
    )
    drain_delay: Annotated[float, Field(ge=0, le=3600)] = Field(
        1, description="Seconds between SIGTERM, when /readyz begins to fail, and the end of accepting."
    )

    @field_validator("trusted_issuers")
    @classmethod
    def _are_issuers(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("issuer") in {issuer.issuer for issuer in read_issuers(value)}:
            raise ValueError("must not name APP_ISSUER, this API's own issuer")
        return value

    @property
    def rate(self) -> Rate | None:
        """What a client may ask; None where nothing is limited."""
        return parse_rate(self.rate_limit)

    @property
    def token_rate(self) -> Rate | None:
        """What an address may ask of the OAuth2 endpoints; None where nothing is limited."""
        return parse_rate(self.token_rate_limit) if self.rate else None

    @property
    def key_secret(self) -> str | None:
        """What private keys are encrypted with; None where they are not."""
        return self.key_encryption_secret.get_secret_value() if self.key_encryption_secret else None

    @property
    def external_issuers(self) -> tuple[ExternalIssuer, ...]:
        """The identity providers of ``trusted_issuers``."""
        return read_issuers(self.trusted_issuers)

    @property
    def warehouse(self) -> str:
        """SQLAlchemy URL of the warehouse, password and what its kind has to know included."""
        return self.warehouse_options(self.warehouse_given, self.lake)

    @property
    def warehouse_given(self) -> str:
        """SQLAlchemy URL of the warehouse as it was given, password included."""
        return self._database(self.warehouse_url, "warehouse.sqlite")

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the accounts database, password included."""
        return self._database(self.database_url, "accounts.sqlite")

    @property
    def copies_marts(self) -> bool:
        """Whether the API copies marts that it cannot read where they are."""
        return self.serve_from == "replica"

    @property
    def lake(self) -> str:
        """Folder or URL that runs land under."""
        return self.destination or str(self.home / "lake")

    @property
    def audit_file(self) -> Path | None:
        """File of the audit log, absolute; None where nothing is recorded."""
        if self.audit_log == "off":
            return None
        return Path(self.audit_log or self.home / "audit.jsonl").absolute()

    def _database(self, url: SecretStr | None, file: str) -> str:
        if url:
            return url.get_secret_value()
        path = str(self.home.absolute() / file)
        return URL.create("sqlite", database=path).render_as_string()  # escapes ? and % of the path


def load_settings() -> Settings:
    """Read the settings.

    Raises:
        ConfigurationError: a value does not parse; names the setting, its value and what it may be.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigurationError(
            "; ".join(_explain(item) for item in error.errors()), "correct it in the environment or in .env"
        ) from None


def _explain(item: Any) -> str:
    name = str(item["loc"][0])
    secret = "Secret" in str(Settings.model_fields[name].annotation)
    value = "***" if secret else repr(item["input"])
    reason = item["msg"].removeprefix("Value error, ")
    return f"{PREFIX}{name.upper()} is {value}: {reason} ({Settings.model_fields[name].description})"
