"""The one normalise step: cells as delivered become movies or rejects, on every engine alike."""

from app.etl.normalise.rows import Normalised, normalise

__all__ = ["Normalised", "normalise"]
