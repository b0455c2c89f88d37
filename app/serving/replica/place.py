"""Where the replica of a warehouse is kept on this machine."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Engine
from sqlalchemy.engine import make_url

from app.database import open_engine
from app.marts.tables import DIMENSION_TABLES, RUN_TABLES


@dataclass(frozen=True)
class Place:
    """The folder of one replica, which all processes of this machine share, and what is copied there."""

    folder: Path
    tables: Collection[str] = tuple(RUN_TABLES)

    @property
    def store(self) -> Path:
        """What the API reads: a link to the file that is the replica now.

        A link, because SQLite names its log after the file that a link leads to: a file put in another one's
        place under the same name would be read with the other one's log.
        """
        return self.folder / "marts.sqlite"

    @property
    def building(self) -> Path:
        """A file in the making, which nobody reads."""
        return self.folder / "building.sqlite"

    @property
    def status(self) -> Path:
        """What who keeps the replica says of it; see ``Status``."""
        return self.folder / "status.json"

    @property
    def lock(self) -> Path:
        """Locked by who keeps the replica."""
        return self.folder / "lock"

    def files(self) -> list[Path]:
        """Return every file that is or was the replica, with what SQLite keeps beside them."""
        return sorted(self.folder.glob("marts-*.sqlite*"))


def place_of(home: Path, warehouse_url: str, marts: bool = True) -> Place:
    """Return where the replica of a warehouse is: another password is the same warehouse.

    Without ``marts``, which are read where they are, only the catalogue and the dimensions are copied.
    """
    name = make_url(warehouse_url).set(password=None).render_as_string()
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    folder = home.absolute() / "replica"
    return Place(folder / digest) if marts else Place(folder / f"{digest}-names", tuple(DIMENSION_TABLES))


def open_file(path: Path) -> Engine:
    """Open a SQLite file."""
    return open_engine(URL.create("sqlite", database=str(path)).render_as_string())
