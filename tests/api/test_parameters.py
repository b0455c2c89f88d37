"""Strictness: every parameter of every endpoint, and whatever else somebody may send."""

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import FIRST, SECOND
from tests.support.http import Api

COMMON = ("fields", "sort", "limit", "cursor", "run", "format")
YEARS = ("year", "year_from", "year_to")
KNOWN: dict[str, tuple[str, ...]] = {
    "/v1/aggregates/years": (*COMMON, *YEARS),
    "/v1/aggregates/genres": (*COMMON, *YEARS, "genre", "rollup"),
    "/v1/aggregates/production-companies": (*COMMON, *YEARS, "company_id", "company", "rollup"),
    "/v1/aggregates/production-company-genres": (*COMMON, *YEARS, "genre", "company_id", "company", "rollup"),
    "/v1/rankings/genres": (*COMMON, *YEARS, "metric", "top"),
    "/v1/rankings/production-companies": (*COMMON, *YEARS, "metric", "top"),
    "/v1/dimensions/genres": (*COMMON, "search"),
    "/v1/dimensions/production-companies": (*COMMON, "search"),
    "/v1/runs": ("fields", "sort", "limit", "cursor", "format"),
    "/v1/runs/current": ("fields", "format"),
    f"/v1/runs/{FIRST}": ("fields", "format"),
    f"/v1/runs/{SECOND}/changes": ("since", "mart", "fields", "limit", "cursor", "format"),
}
EVERY = sorted({name for names in KNOWN.values() for name in names})
REPEATABLE = {"year", "genre", "company", "company_id"}
GOOD = {
    "fields": None,
    "sort": None,
    "limit": "10",
    "run": FIRST,
    "format": "json",
    "year": "1995",
    "year_from": "1995",
    "year_to": "1999",
    "genre": "18",
    "company_id": "1",
    "company": "apple",
    "rollup": "years",
    "metric": "revenue",
    "top": "2",
    "search": "a",
    "since": FIRST,
    "mart": "year",
}
BAD = {
    "fields": ["", ",", "nothing", "a,,b", "-year", "run", "fields=1"],
    "sort": ["", "-", "nothing", "--year", "+x", ",", "year;drop"],
    "limit": ["0", "1001", "-1", "1.0", "x", "all", "", "1e2", " 1", "٣", "9" * 30],
    "cursor": ["", "x"],
    "run": [""],
    "format": ["", "csv,json", "JSON", "xml"],
    "year": ["0", "10000", "-5", "19.5", "x", "", "1995,1996", "१९९५", "9" * 40],
    "year_from": ["0", "10000", "x", ""],
    "year_to": ["0", "10000", "x", ""],
    "genre": ["", "%00", "a%00b"],
    "company_id": ["x", "", "-1", "1.5", "1000000000000000000", "9" * 19, "9" * 200, "1,2", "%00"],
    "company": ["", "%00"],
    "rollup": ["", "year", "YEARS", "genres"],
    "metric": ["", "year", "genre", "Popularity"],
    "top": ["0", "101", "-1", "x", ""],
    "search": ["", "%00"],
    "since": [""],
    "mart": ["", "years", "genre"],
}


def base(path: str) -> str:
    return f"{path}?since={FIRST}&" if path.endswith("/changes") else f"{path}?"


def faults(api: Api, url: str) -> list[str]:
    answer = api.get(url)
    assert answer.status_code == 400, (url, answer.text)
    return [error["parameter"] for error in answer.json()["errors"]]


CASES = [(path, name) for path in KNOWN for name in EVERY]


@pytest.mark.parametrize(("path", "name"), CASES)
def test_an_endpoint_takes_what_it_knows_and_nothing_else(api: Api, path: str, name: str) -> None:
    good = GOOD.get(name)
    if name not in KNOWN[path]:
        assert faults(api, f"{base(path)}{name}={good or 'year'}") == [name]
    elif good and name != "since":
        assert api.get(f"{base(path)}{name}={good}").status_code == 200


@pytest.mark.parametrize(("path", "name"), [(path, name) for path in KNOWN for name in KNOWN[path]])
def test_bad_values_name_their_parameter(api: Api, path: str, name: str) -> None:
    for value in BAD[name]:
        url = f"{path}?{name}={value}" if name == "since" else f"{base(path)}{name}={value}"
        assert faults(api, url) == [name], url


@pytest.mark.parametrize(("path", "name"), [(path, name) for path in KNOWN for name in KNOWN[path]])
def test_only_filters_may_be_repeated(api: Api, path: str, name: str) -> None:
    good = GOOD[name] if GOOD.get(name) else "x"
    url = f"{base(path)}{name}={good}&{name}={good}"
    if name in REPEATABLE:
        assert api.get(url).status_code == 200
    else:
        assert faults(api, url) == [name]


def test_every_fault_is_told_at_once(api: Api) -> None:
    found = faults(api, "/v1/aggregates/genres?nothing=1&limit=0&year=x&sort=")
    assert sorted(found) == ["limit", "nothing", "sort", "year"]


def test_a_near_miss_is_told(api: Api) -> None:
    answer = api.get("/v1/aggregates/genres?generes=18").json()
    assert "did you mean 'genre'?" in answer["errors"][0]["detail"]
    answer = api.get("/v1/aggregates/genres?sort=revenu").json()
    assert "did you mean 'revenue'?" in answer["errors"][0]["detail"]


@pytest.mark.parametrize("word", ["year,year", "year,-year", "-year,year"])
def test_a_field_is_named_once(api: Api, word: str) -> None:
    assert faults(api, f"/v1/aggregates/years?sort={word}") == ["sort"]
    assert faults(api, f"/v1/aggregates/years?fields={word}") == ["fields"]


@pytest.mark.parametrize(
    "query",
    [
        "genre=%ED%A0%80",
        "genre=%FF",
        "%FF=1",
        "&".join(["genre=1"] * 10_000),
        "&".join(["year=1995"] * 5_000),
        "&".join(f"p{number}=1" for number in range(10_000)),
        "genre=" + "a" * 1_000_000,
        "search=" + "%EF%B7%BA" * 8_000,
        "sort=" + ",".join(["year"] * 10_000),
        "sort=" + ",".join(f"f{number}" for number in range(9_000)),
        "a" * 60_000 + "=1",
        "=",
        "=1",
        "limit",
        "limit&limit=1",
        "limit=5;year=1995",
    ],
    ids=lambda query: query[:20],
)
def test_wild_queries_are_400(api: Api, query: str) -> None:
    assert api.raw("GET", "/v1/aggregates/genres", query.encode())[0] == 400


@pytest.mark.parametrize("query", ["", "&", "&&", "limit=5&&fields=year&", "%6Cimit=5"])
def test_spellings_that_mean_nothing_special(api: Api, query: str) -> None:
    assert api.get(f"/v1/aggregates/genres?{query}").status_code == 200


def test_many_repeats_select_what_they_name(api: Api) -> None:
    query = "&".join(f"company_id={number}" for number in range(900))
    found = api.rows(f"/v1/aggregates/production-companies?rollup=years&fields=company_id&{query}")
    assert [row["company_id"] for row in found] == [1, 2, 3, 4, 5, 6, 12, 13]


TEXT = st.text(max_size=30) | st.sampled_from(
    ["0", "-1", "1e9", "9" * 25, "'", '"', "%", ";", "drama", "years"]
)


@given(st.sampled_from(list(KNOWN)), st.lists(st.tuples(st.sampled_from(EVERY), TEXT), max_size=4))
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_parameter_causes_a_failure(api: Api, path: str, given_pairs: list[tuple[str, str]]) -> None:
    query = "&".join(f"{name}={quote(value, safe='', errors='surrogatepass')}" for name, value in given_pairs)
    assert api.get(f"{path}?{query}").status_code in {200, 400, 404}


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("genre=drama&year=%FF", "year"),
        ("genre=%ED%A0%80", "genre"),
        ("genre=drama&ye%FFar=1995", "ye\N{REPLACEMENT CHARACTER}ar"),
    ],
)
def test_bytes_that_are_no_text_name_their_parameter(api: Api, query: str, parameter: str) -> None:
    problem = api.get(f"/v1/aggregates/genres?{query}").json()
    assert [error["parameter"] for error in problem["errors"]] == [parameter]
    assert problem["detail"].startswith(f"{parameter}: ")


def test_a_fault_of_the_whole_query_names_no_parameter(api: Api) -> None:
    problem = api.get(f"/v1/aggregates/genres?{'year=1995&' * 1001}").json()
    assert problem["detail"] == "the query has more than 1000 values"
    assert problem["errors"] == [{"parameter": "", "detail": "the query has more than 1000 values"}]


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("rollup=year", "no such value; did you mean 'years'? one of: years"),
        ("format=xml", "no such value; one of: arrow, csv, json, ndjson, parquet"),
    ],
)
def test_a_word_that_is_not_known_is_answered_with_those_that_are(api: Api, query: str, detail: str) -> None:
    assert api.get(f"/v1/aggregates/genres?{query}").json()["errors"][0]["detail"] == detail
