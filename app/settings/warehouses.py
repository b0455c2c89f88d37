"""Settings of the warehouses in the cloud. They travel in the warehouse's URL, so that the URL opens it."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings
from sqlalchemy.engine import URL, make_url


class WarehouseSettings(BaseSettings):
    """What only Redshift and Snowflake need to be told."""

    redshift_iam_role: str | None = Field(
        None,
        description="Role that Redshift reads landed files with: an ARN, or default for the cluster's own.",
    )
    snowflake_private_key_file: Path | None = Field(
        None, description="PEM file of the private key that the program signs in to Snowflake with."
    )
    snowflake_private_key_passphrase: SecretStr | None = Field(
        None, description="Passphrase of that file; unset, it is not encrypted."
    )
    snowflake_storage_integration: str | None = Field(
        None,
        description="Storage integration by which Snowflake reads APP_DESTINATION; app db upgrade needs it.",
    )
    snowflake_ingest: Literal["copy", "pipe"] = Field(
        "copy",
        description="How landed files come into Snowflake: copy, by each run; pipe, by Snowpipe, which it"
        " waits for.",
    )
    ingest_timeout: Annotated[int, Field(ge=1)] = Field(
        900, description="Seconds that a run waits for Snowpipe before it fails; nothing of it is published."
    )

    def warehouse_options(self, url: str, lake: str) -> str:
        """Return the URL of a warehouse with what its kind has to know, as query items of their own."""
        parsed = make_url(url)
        options = {"redshift": self._redshift, "snowflake": self._snowflake}.get(parsed.get_backend_name())
        return options(parsed, lake).render_as_string(hide_password=False) if options else url

    def _redshift(self, url: URL, _lake: str) -> URL:
        return url.update_query_dict({"iam_role": self.redshift_iam_role} if self.redshift_iam_role else {})

    def _snowflake(self, url: URL, lake: str) -> URL:
        given = {
            "stage_url": lake,
            "storage_integration": self.snowflake_storage_integration,
            "private_key_file": self.snowflake_private_key_file,
            "ingest": self.snowflake_ingest,
            "ingest_timeout": self.ingest_timeout,
        }
        named = url.update_query_dict(
            {name: str(value) for name, value in given.items() if value is not None}
        )
        passphrase = self.snowflake_private_key_passphrase
        # Where a key signs in there is no password, and the URL's password is what nothing ever shows.
        return named.set(password=passphrase.get_secret_value()) if passphrase else named
