"""The documentation site opened from a folder, in a real browser: it calls nobody, is searched, and fits a phone."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.test_site import build

pytestmark = pytest.mark.live
SIZES = {"narrow": {"width": 390, "height": 844}, "wide": {"width": 1280, "height": 900}}
ARTEFACTS = Path(__file__).parents[2] / "artefacts" / "site"
SHOWN = ("index.html", "tutorial.html", "logic.html", "kinds.html", "reference/inputs.html",
         "trials/NCT03304080.html", "add-a-trial.html", "deploy.html")  # fmt: skip
# styles are not read a second time, which a browser forbids to files
OPTIONS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"], "preload": False}

Page = Any  # Playwright is looked for when the tests run, and may be absent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    build(folder)
    return folder


@pytest.fixture(params=["narrow-light", "narrow-dark", "wide-light", "wide-dark"])
def page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of a new profile. Whatever the test does, it must call nobody and complain of nothing."""
    size, _, scheme = request.param.partition("-")
    context = browser.new_context(viewport=SIZES[size], color_scheme=scheme, reduced_motion="reduce")
    asked: list[str] = []
    complaints: list[str] = []
    opened = context.new_page()
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("console", lambda said: said.type in ("error", "warning") and complaints.append(said.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))] == []


@pytest.mark.parametrize("name", SHOWN)
def test_a_page_fits_and_can_be_used_by_everybody(
    page: Page, site: Path, name: str, request: pytest.FixtureRequest
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    page.goto((site / name).as_uri())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(path=ARTEFACTS / f"{request.node.callspec.id}-{Path(name).stem}.png".replace("/", "-"))
    found = axe.Axe().run(page, context="article", options=OPTIONS).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:120]) for one in found] == []


@pytest.mark.parametrize(
    ("words", "leads_to"),
    [("washout", "kinds"), ("TRIALHOOK_EXPLAIN_MINUTES", "settings"), ("PATINA", "NCT02947685"), ("751-8", "inputs")],
)
def test_the_search_finds_pages_without_a_server(page: Page, site: Path, words: str, leads_to: str) -> None:
    page.goto((site / "index.html").as_uri())
    if page.viewport_size["width"] < 600:
        page.locator("label[for=__search]").first.click()
    page.locator(".md-search__input").press_sequentially(words)
    found = page.locator(f".md-search-result__link[href*='{leads_to}']").first
    found.wait_for(timeout=20_000)
    found.click()
    page.wait_for_url(re.compile(leads_to))
    assert words.casefold() in page.locator("article").inner_text().casefold()


def test_the_colours_can_be_switched(page: Page, site: Path) -> None:
    page.goto((site / "index.html").as_uri())
    before = page.locator("body").get_attribute("data-md-color-scheme")
    page.locator("[data-md-component=palette] label:visible").click()
    assert page.locator("body").get_attribute("data-md-color-scheme") != before
