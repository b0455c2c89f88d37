"""Settings, read once from the environment or ``.env`` and handed down as one frozen object."""

import os
import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.errors import ConfigurationError

PREFIX = "APP_"
ENV_FILE = ".env"


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
