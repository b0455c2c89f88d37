"""The replica: a local SQLite file that is read in place of a warehouse that the API cannot read itself."""

from app.serving.replica.freshness import Freshness
from app.serving.replica.keeper import Keeper
from app.serving.replica.place import Place, place_of
from app.serving.replica.status import Status

__all__ = ["Freshness", "Keeper", "Place", "Status", "place_of"]
