"""Fields of API rows, derived from the marts' dimensions and measures."""

from dataclasses import dataclass
from typing import Any, Literal

from app.marts.definitions import MEASURES, YEAR, Count, Dimension, Known, Measure, ValueType


@dataclass(frozen=True, eq=False)
class Field:
    """One field of a row. With a ``scale`` it is an exact decimal, read as an integer of ``10 ** -scale``."""

    name: str
    kind: ValueType | Literal["object"]
    description: str
    example: Any
    scale: int = 0
    nullable: bool = False


def dimension_fields(dimension: Dimension) -> tuple[Field, ...]:
    """Return the fields that a dimension brings to a row: key, then name and slug where it has them."""
    if dimension is YEAR:
        return (Field(YEAR.key, "integer", "Release year.", 1995),)
    what = dimension.name.replace("_", " ").capitalize()
    example = 18 if dimension.key_type == "integer" else "en"
    key = Field(dimension.key, dimension.key_type, f"{what}{' id' if dimension.entity else ''}.", example)
    names = (
        Field(dimension.label, "text", f"{what} name.", "Drama") if dimension.label else None,
        Field(dimension.slug, "text", f"{what} slug.", "drama") if dimension.slug else None,
    )
    return (key, *(field for field in names if field))


def measure_field(measure: Measure) -> Field:
    """Return the field of a measure."""
    example = 2 if isinstance(measure.formula, Count | Known) else 12.5 if measure.scale else 1_500_000
    return Field(
        measure.name,
        "integer",
        f"{measure.description} Unit: {measure.unit}.",
        example,
        measure.scale,
        measure.nullable,
    )


MEASURE_FIELDS = tuple(measure_field(measure) for measure in MEASURES)
