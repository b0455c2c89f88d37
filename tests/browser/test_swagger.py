"""Swagger UI in a real browser: authorize with client id and secret, try an endpoint, ask no other host."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.api.conftest import FIRST
from tests.api.test_serve import world_in
from tests.support.server import credentials, serving
from tests.support.world import World

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@dataclass
class Visit:
    """The docs page of a running server, and what the browser asked for and complained about."""

    page: Page
    url: str
    client: tuple[str, str]
    world: World
    requested: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Visit]:
    home = tmp_path / "home"
    home.mkdir()
    world = world_in(home)
    with serving(home) as server, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=CHROMIUM, args=list(FLAGS), headless=True
        )
        page = context.new_page()
        found = Visit(page, server.url, credentials(home), world)
        context.on("request", lambda request: found.requested.append(request.url))
        page.on("console", lambda message: found.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: found.complaints.append(str(error)))
        page.goto(f"{server.url}/docs")
        yield found
        context.close()


def authorize(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="Authorize").first.click()
    dialog = page.locator(".dialog-ux")
    dialog.get_by_label("client_id").fill(visit.client[0])
    dialog.get_by_label("client_secret").fill(visit.client[1])
    dialog.locator("button", has_text="Authorize").click()
    expect(dialog.locator("button", has_text="Logout")).to_be_visible()
    dialog.locator("button", has_text="Close").click()


def try_it_out(visit: Visit, path: str) -> tuple[str, str]:
    """Execute an operation and return the status and the body that the page shows."""
    operation = visit.page.locator(".opblock", has=visit.page.get_by_text(path, exact=True)).first
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    live = operation.locator(".live-responses-table .response").first
    expect(live).to_be_visible()
    return live.locator(".response-col_status").inner_text(), live.locator("pre").first.inner_text()


def test_authorize_and_try_it_out(visit: Visit) -> None:
    authorize(visit)
    status, body = try_it_out(visit, "/v1/aggregates/years")
    assert status.strip().startswith("200")
    assert FIRST in body
    years = [int(year) for year in re.findall(r'"year": (\d+)', body)]
    assert years == [row["year"] for row in visit.world.rows("year")]
    status, body = try_it_out(visit, "/v1/runs/current")
    assert status.strip().startswith("200")
    assert '"status": "published"' in body
    assert {urlsplit(url).netloc for url in visit.requested if not url.startswith("data:")} == {
        urlsplit(visit.url).netloc
    }
    assert [complaint for complaint in visit.complaints if "Content Security Policy" in complaint] == []
    assert [complaint for complaint in visit.complaints if complaint.startswith("error")] == []


def test_without_a_token_it_shows_the_problem(visit: Visit) -> None:
    status, body = try_it_out(visit, "/v1/aggregates/years")
    assert status.strip().startswith("401")
    assert '"title": "Unauthorized"' in body
