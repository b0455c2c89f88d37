"""Docs that fail: every setting, command, route, metric and measure is in the docs, as the program has it."""

import re
from pathlib import Path

import pytest

from docs import generate

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", generate.PAGES)
def test_reference_pages_are_up_to_date(page: str) -> None:
    stands = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert stands == generate.written(page), f"docs/{page} is out of date: run 'make docs'"


@pytest.mark.parametrize(
    ("page", "promised"),
    [
        ("settings.md", ("APP_HOME", "APP_WAREHOUSE_URL", "APP_DATABASE_URL", "APP_ISSUER", "APP_TOKEN_TTL")),
        (
            "cli.md",
            ("app etl run SOURCE", "--max-reject-ratio", "app etl sample", "app serve", "app keys rotate"),
        ),
        (
            "api.md",
            ("GET /v1/aggregates/years", "GET /v1/runs/{run_id}/changes", "POST /oauth/token", "`since`"),
        ),
        ("metrics.md", ("http_requests_total",)),
        ("audit.md", ("token.issued", "token.refused", "client.revoked", "key.replaced", "run.published")),
        ("storage.md", ("Local folder", "s3://BUCKET/PREFIX")),
        ("warehouses.md", ("SQLite", "PostgreSQL 15", "without a replica", "postgres")),
        ("marts.md", ("company_genre_year", "avg_popularity", "production_companies")),
    ],
)
def test_the_generator_finds_what_the_contract_promises(page: str, promised: tuple[str, ...]) -> None:
    text = "\n".join(generate.PAGES[page]())
    assert [name for name in promised if name not in text] == []


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in folder.glob("[0-9]*.md") if f"({page.name})" not in index] == []
