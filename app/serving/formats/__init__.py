"""Forms of an answer, and which of them a client gets."""

from app.serving.formats.base import About, Format, Lines, Streamed, Writer
from app.serving.formats.json import Page, envelope
from app.serving.formats.negotiation import FORMATS, JSON, negotiate, preferred

__all__ = [
    "FORMATS",
    "JSON",
    "About",
    "Format",
    "Lines",
    "Page",
    "Streamed",
    "Writer",
    "envelope",
    "negotiate",
    "preferred",
]
