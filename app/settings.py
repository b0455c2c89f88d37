"""Settings, read once from the environment or ``.env`` and handed down as one frozen object."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.errors import ConfigurationError

PREFIX = "APP_"
ENV_FILE = ".env"
PERIODS_S = {"second": 1, "minute": 60, "hour": 3600}
MOST_REQUESTS = 1_000_000


class Rate(NamedTuple):
    """So many requests per period."""

    requests: int
    period_s: int

    def __str__(self) -> str:
        """Return it the way it is written."""
        return f"{self.requests}/{next(name for name, s in PERIODS_S.items() if s == self.period_s)}"


class Settings(BaseSettings):
    """Every setting of the program. Names in the environment carry the prefix ``APP_``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Field(Path("var"), description="Folder where the embedded default keeps all its state.")
    warehouse_url: SecretStr | None = Field(
        None, description="SQLAlchemy URL of marts and runs; default SQLite in APP_HOME."
    )
    database_url: SecretStr | None = Field(
        None, description="SQLAlchemy URL of clients, keys and revocations; default SQLite in APP_HOME."
    )
    destination: str | None = Field(
        None, description="Folder or URL that runs land under; default APP_HOME/lake."
    )
    issuer: str = Field("http://localhost:8000", description="Issuer of the tokens: this API's public URL.")
    audience: str = Field("movie-marts", min_length=1, description="Audience that tokens are made for.")
    token_ttl: Annotated[int, Field(ge=1, le=86_400)] = Field(
        3600, description="Lifetime of an access token, 1 to 86400 seconds."
    )
    keep_runs: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Runs kept after each publish, 1 or more; unset keeps all."
    )

    cache_bytes: Annotated[int, Field(ge=0)] = Field(
        16_777_216, description="Memory for finished answers, in bytes per worker; 0 keeps none."
    )

    statement_timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        10, description="Seconds of database time that one question may take, more than 0."
    )
    rate_limit: str = Field(
        "600/minute",
        description="Requests per client, the same for all workers: a number from 1 to 1000000, then /second,"
        " /minute or /hour; off limits nothing.",
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

    @field_validator("warehouse_url", "database_url")
    @classmethod
    def _is_sqlalchemy_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                make_url(value.get_secret_value())
            except (ArgumentError, ValueError):  # ValueError: a port that is no number
                raise ValueError(
                    "must be a SQLAlchemy URL such as sqlite:////srv/app/warehouse.sqlite"
                ) from None
        return value

    @field_validator("issuer")
    @classmethod
    def _is_issuer(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
            raise ValueError("must be an http(s) URL without query or fragment (RFC 8414)")
        return value.rstrip("/")

    @field_validator("rate_limit")
    @classmethod
    def _is_rate(cls, value: str) -> str:
        if value != "off":
            _rate(value)
        return value

    @property
    def rate(self) -> Rate | None:
        """What a client may ask; None where nothing is limited."""
        return None if self.rate_limit == "off" else _rate(self.rate_limit)

    @property
    def warehouse(self) -> str:
        """SQLAlchemy URL of the warehouse, password included."""
        return self._database(self.warehouse_url, "warehouse.sqlite")

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the accounts database, password included."""
        return self._database(self.database_url, "accounts.sqlite")

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


def _rate(text: str) -> Rate:
    found = re.fullmatch("([1-9][0-9]{0,6})/(second|minute|hour)", text)
    if found is None or int(found[1]) > MOST_REQUESTS:
        raise ValueError("must be a rate such as 600/minute, or off")
    return Rate(int(found[1]), PERIODS_S[found[2]])


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


def _masked(url: str) -> str:
    """Return a SQLAlchemy URL without its password, and without what drivers take as one in the query."""
    parsed = make_url(url)
    secret = {name: "***" for name in parsed.query if re.search("pass|pwd|secret|token|key", name.lower())}
    masked = parsed.update_query_dict(secret).render_as_string(hide_password=True)
    return masked.replace("%2A%2A%2A", "***")


def describe(settings: Settings) -> list[dict[str, str | None]]:
    """Return every setting as ``{name, value, source, description}``, secrets masked."""
    in_file = {key.upper() for key, value in dotenv_values(ENV_FILE).items() if value}
    in_environment = {key.upper() for key, value in os.environ.items() if value}
    effective = {
        "warehouse_url": settings.warehouse,
        "database_url": settings.database,
        "destination": settings.lake,
        "audit_log": settings.audit_file or "off",
    }
    rows: list[dict[str, str | None]] = []
    for field, info in Settings.model_fields.items():
        name = PREFIX + field.upper()
        value = effective.get(field, getattr(settings, field))
        if field in {"warehouse_url", "database_url"}:
            value = _masked(str(value))
        source = "environment" if name in in_environment else ENV_FILE if name in in_file else "default"
        shown = None if value is None else str(value)
        rows.append({"name": name, "value": shown, "source": source, "description": info.description})
    return rows
