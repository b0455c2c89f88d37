"""``app db`` keeps the accounts database to its owner."""

import stat
from pathlib import Path

from tests.support.program import command


def test_the_accounts_database_is_private_from_its_first_byte(tmp_path: Path) -> None:
    assert command(tmp_path, "db", "upgrade").status == 0
    assert stat.S_IMODE((tmp_path / "accounts.sqlite").stat().st_mode) == 0o600
