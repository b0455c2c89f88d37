"""The listings of the API, derived from the marts: what can be asked, and what a row looks like."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

from app.marts.definitions import ENTITIES, MARTS, MEASURES, YEAR, Dimension, Mart, measure
from app.serving import leaders, relations
from app.serving.conditions import Condition, mart_conditions, search_condition
from app.serving.fields import MEASURE_FIELDS, Field, dimension_fields
from app.serving.leaders import Sorting
from app.serving.paging import by_name, paging
from app.serving.parameters import Parameter, choice, integer
from app.serving.relations import Given, Relation

DEFAULT_METRIC = "popularity"
MAX_TOP = 100


@dataclass(frozen=True, eq=False)
class View:
    """One form of a listing's rows: its fields, the key that orders them, and the SQL.

    ``relation`` is told which fields are wanted, and gets the conditions that were given. ``leading`` is told
    the order, too, and returns fewer rows that have the first ones, where it can. ``without_lists`` is the
    relation where the tables that a load works out are not there, if that is another.
    """

    fields: Mapping[str, Field]
    key: tuple[str, ...]
    additive: Mapping[str, bool]
    relation: Callable[[Collection[str], Given], Relation]
    leading: Callable[[Sorting, Collection[str], Given], Relation | None] = lambda *_: None
    without_lists: Callable[[Collection[str], Given], Relation] | None = None


@dataclass(frozen=True, eq=False)
class Listing:
    """An endpoint that lists rows of one run. ``variant`` is the parameter that chooses the view.

    ``members``: per dimension, by name, the column that has the ids of its members.
    """

    path: str
    kind: str
    mart: Mart
    summary: str
    description: str
    members: Mapping[str, str]
    conditions: tuple[Condition, ...]
    views: Mapping[str | None, View]
    variant: Parameter | None = None
    options: tuple[Parameter, ...] = ()

    @cached_property
    def own_parameters(self) -> tuple[Parameter, ...]:
        """Parameters beside the common ones."""
        variant = (self.variant,) if self.variant else ()
        return (*(condition.parameter for condition in self.conditions), *variant, *self.options)

    @cached_property
    def selecting(self) -> tuple[str, ...]:
        """Names of the parameters that choose rows, or what they are."""
        return tuple(parameter.name for parameter in self.own_parameters)

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """Every parameter that this endpoint knows, by name."""
        fields = {name: field for view in self.views.values() for name, field in view.fields.items()}
        return by_name(*self.own_parameters, *paging(tuple(fields)))


def _aggregates(mart: Mart) -> Listing:
    own = tuple(dimension for dimension in mart.dimensions if dimension is not YEAR)
    rolls_up = bool(own) and YEAR in mart.dimensions
    rows = _mart_view(mart, mart.dimensions, relations.mart_rows)
    first = partial(leaders.leading, mart) if len(mart.dimensions) > 1 else rows.leading
    views: dict[str | None, View] = {None: replace(rows, leading=first)}
    if rolls_up:
        views["years"] = _mart_view(mart, own, relations.over_years)
    return Listing(
        f"/v1/aggregates/{mart.path}",
        "aggregates",
        mart,
        f"Aggregates: {mart.path.replace('-', ' ')}",
        mart.description,
        _columns(mart),
        mart_conditions(mart),
        views,
        choice("rollup", "`years` sums over the years.", ("years",)) if rolls_up else None,
    )


def _mart_view(
    mart: Mart,
    dimensions: tuple[Dimension, ...],
    relation: Callable[[Mart, Collection[str], Given], Relation],
) -> View:
    return View(
        _fields(dimensions),
        tuple(dimension.key for dimension in dimensions),
        {dimension.name: dimension.additive for dimension in dimensions},
        partial(relation, mart),
    )


def _fields(dimensions: tuple[Dimension, ...]) -> dict[str, Field]:
    named = [field for dimension in dimensions for field in dimension_fields(dimension)]
    return {field.name: field for field in (*named, *MEASURE_FIELDS)}


def _rankings(mart: Mart) -> Listing:
    metrics = [item.name for item in MEASURES]
    return Listing(
        f"/v1/rankings/{mart.path}",
        "rankings",
        mart,
        f"Rankings: {mart.path.replace('-', ' ')}",
        f"The top {mart.path.replace('-', ' ')} of each year by one measure. Ties share a rank (1, 2, 2, 4) "
        "and are listed by key; rows where the measure is null are left out.",
        _columns(mart),
        tuple(condition for condition in mart_conditions(mart) if condition.column == YEAR.key),
        {metric: _ranking_view(mart, metric) for metric in metrics},
        choice(
            "metric", f"Measure to rank by, `{DEFAULT_METRIC}` unless given.", metrics, default=DEFAULT_METRIC
        ),
        (integer("top", "Rows per year, 1 unless given.", 1, MAX_TOP, default=1),),
    )


def _ranking_view(mart: Mart, metric: str) -> View:
    (member,) = (dimension for dimension in mart.dimensions if dimension is not YEAR)
    rank = Field("rank", "integer", "Rank within the year; ties share it.", 1)
    fields = {**_fields((YEAR,)), "rank": rank, **_fields((member,))}
    year, *measures = _fields((YEAR,)).values()
    ordered = (year, rank, *dimension_fields(member), *measures)
    return View(
        {field.name: fields[field.name] for field in ordered},
        (YEAR.key, "rank", member.key),
        mart.additive,
        partial(leaders.ranked, mart, measure(metric)),
        without_lists=partial(leaders.ranked_among, mart, measure(metric)),
    )


def _members(dimension: Dimension, mart: Mart) -> Listing:
    what = dimension.name.replace("_", " ")
    fields = (
        Field("id", "integer", f"{what.capitalize()} id.", 18),
        Field("name", "text", f"{what.capitalize()} name.", "Drama"),
        *((Field("slug", "text", f"{what.capitalize()} slug.", "drama"),) if dimension.slug else ()),
        Field("first_year", "integer", "First year with a release.", 1995),
        Field("last_year", "integer", "Last year with a release.", 2004),
        Field("releases", "integer", measure("releases").description, 12),
    )
    view = View(
        {field.name: field for field in fields},
        ("id",),
        {dimension.name: dimension.additive},
        partial(relations.members, dimension, mart),
    )
    path = f"/v1/dimensions/{dimension.collection}"
    summary = f"Dimension: {mart.path.replace('-', ' ')}"
    description = f"Every {what} of the run, with its first and last year and its releases."
    return Listing(
        path,
        "dimensions",
        mart,
        summary,
        description,
        {dimension.name: "id"},
        (search_condition(dimension),),
        {None: view},
    )


def _columns(mart: Mart) -> dict[str, str]:
    return {dimension.name: dimension.key for dimension in mart.entities}


def _by_year(dimension: Dimension) -> Mart:
    return next(mart for mart in MARTS if mart.dimensions == (dimension, YEAR))


LISTINGS: tuple[Listing, ...] = (
    *(_aggregates(mart) for mart in MARTS),
    *(_rankings(mart) for mart in MARTS if mart.ranked),
    *(_members(dimension, _by_year(dimension)) for dimension in ENTITIES),
)
