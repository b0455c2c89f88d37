"""Audits that hold a run back: it is kept, and not published."""

from app.etl.engines import Transformed
from app.etl.options import RunOptions
from app.marts.definitions import MARTS

#: Rejects that say nothing about the quality of a delivery.
NOT_COUNTED = frozenset({"missing_financials", "duplicate_id"})


def audit(result: Transformed, options: RunOptions, published_releases: int | None) -> list[str]:
    """Return why the run must not be published; empty where nothing speaks against it.

    ``published_releases`` is the number of movies of the published run, None where there is none.
    """
    findings = [_reject_ratio(result, options), _nothing_accepted(result), *_unreconciled(result)]
    if not options.allow_shrink:
        findings.append(_shrunk(result, published_releases))
    return [finding for finding in findings if finding]


def _reject_ratio(result: Transformed, options: RunOptions) -> str | None:
    counted = sum(count for reason, count in result.rejects.items() if reason not in NOT_COUNTED)
    ratio = counted / result.rows  # a quotient is the double nearest to it, as is the limit as written
    if ratio <= options.max_reject_ratio:
        return None
    worst = max(result.rejects, key=lambda reason: (reason not in NOT_COUNTED, result.rejects[reason]))
    return (
        f"{counted} of {result.rows} rows are rejects, a ratio of {ratio:.4f} above "
        f"{options.max_reject_ratio}, most of them {worst}"
    )


def _nothing_accepted(result: Transformed) -> str | None:
    return None if result.accepted else "no movie was accepted"


def _unreconciled(result: Transformed) -> list[str]:
    found = []
    for mart in MARTS:
        sums = result.sums[mart.name]
        for measure, expected in result.totals[mart.name].items():
            if sums[measure] != expected:
                found.append(f"{mart.name}.{measure} adds up to {sums[measure]}, the movies to {expected}")
    return found


def _shrunk(result: Transformed, published_releases: int | None) -> str | None:
    if published_releases is None or 2 * result.accepted >= published_releases:
        return None
    return (
        f"{result.accepted} releases are below half of the published run's {published_releases}; "
        "--allow-shrink accepts it"
    )
