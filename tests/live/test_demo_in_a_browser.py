"""The demo as a person meets it, in a real browser: what it shows, that everybody can use it, that it calls nobody."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.live.servers import Service, service

pytestmark = pytest.mark.live
ARTEFACTS = Path(__file__).parents[2] / "artefacts" / "demo"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
SIZES = {"narrow": {"width": 390, "height": 844}, "wide": {"width": 1280, "height": 900}}
SINAI = "Anastrozole–palbociclib–dual HER2"

Page = Any  # Playwright is looked for when the tests run, and may be absent


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("demo"), "--demo", "--workers", "2") as found:
        yield found


class Watch:
    """What a page asked for and complained about."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        self.origins: set[str] = set()
        page.on("console", lambda said: said.type in ("error", "warning") and self.complaints.append(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", self._failed)
        page.on("request", lambda asked: self._note(asked.url))

    def _failed(self, asked: Any) -> None:
        if asked.failure != "net::ERR_ABORTED":  # the page itself gives a chart up when another one is opened
            self.complaints.append(f"{asked.url}: {asked.failure}")

    def _note(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("data", "blob", "about"):
            self.origins.add(f"{parts.scheme}://{parts.netloc}")


@pytest.fixture
def page(browser: Any, running: Service) -> Iterator[Page]:
    """A wide page of a new profile. Whatever the test does, it must call nobody else and complain of nothing."""
    context = browser.new_context(viewport=SIZES["wide"], color_scheme="light", reduced_motion="reduce")
    watches: list[Watch] = []
    context.on("page", lambda opened: watches.append(Watch(opened)))
    yield context.new_page()
    context.close()
    assert [complaint for watch in watches for complaint in watch.complaints] == []
    assert set().union(*(watch.origins for watch in watches)) == {running.base}


def open_chart(page: Page, running: Service, patient: str, as_of: str = "") -> None:
    page.goto(f"{running.base}/#{patient}")
    if as_of:
        page.fill("#as-of", as_of)
    settled(page)


def settled(page: Page) -> None:
    page.wait_for_selector("#cards[aria-busy=false]")


def summaries(page: Page) -> list[str]:
    return [str(text) for text in page.locator(".card-summary").all_inner_texts()]


def fared(running: Service) -> dict[str, Any]:
    trials = requests.get(f"{running.base}/feedback/summary", timeout=10).json()["trials"]
    return {trial["trial"]: trial for trial in trials}


# -- a walk


def test_a_chart_is_opened_a_card_read_explained_and_dismissed(page: Page, running: Service) -> None:
    before = fared(running).get("NCT03304080", {"overridden": 0, "reasons": {}})
    page.goto(running.base)
    page.click("#patients >> text=Dora")
    settled(page)
    assert page.locator("#banner h2").inner_text().startswith("Dora")
    assert [text for text in summaries(page) if text.startswith(SINAI)] != []
    card = page.locator("article.card", has_text=SINAI).first
    assert "echocardiogra" in card.inner_text().lower() or "ejection" in card.inner_text().lower()

    with page.context.expect_page() as opened:
        card.locator(".card-links a").first.click()
    explanation = opened.value
    explanation.wait_for_load_state()
    assert explanation.locator("h1").inner_text() == SINAI
    assert explanation.locator("#criterion-lvef").count() == 1
    explanation.screenshot(path=ARTEFACTS / "explanation.png", full_page=True)
    explanation.close()

    assert page.locator("#banner h2").inner_text().startswith("Dora")
    card.get_by_role("button", name=re.compile("^Dismiss:?")).first.click()
    card.get_by_label("Why does the card not help?").select_option(label="More information is needed first")
    card.get_by_role("button", name="Dismiss card").click()
    dismissed = page.locator(".card-dismissed")
    dismissed.wait_for()
    assert "More information is needed first" in dismissed.inner_text()
    after = fared(running)["NCT03304080"]
    assert after["overridden"] == before["overridden"] + 1
    assert after["reasons"]["need-more-info"] == before["reasons"].get("need-more-info", 0) + 1


def test_a_suggestion_that_is_accepted_is_reported(page: Page, running: Service) -> None:
    before = fared(running).get("NCT03304080", {"accepted": 0})["accepted"]
    open_chart(page, running, "dora")
    button = page.locator("article.card", has_text=SINAI).first.locator(".suggestions button").first
    button.click()
    page.locator(".suggestion-done:visible").first.wait_for()
    assert button.is_disabled()
    assert fared(running)["NCT03304080"]["accepted"] == before + 1


def test_the_calendar_alone_opens_a_trial(page: Page, running: Service) -> None:
    for day, opened in (("2026-12-01", False), ("2026-12-02", True)):
        open_chart(page, running, "karla", day)
        page.locator("#panel-request", has_text=day).wait_for(state="attached")
        assert any(text.startswith(SINAI) for text in summaries(page)) is opened


def test_no_card_is_said_in_words(page: Page, running: Service) -> None:
    open_chart(page, running, "ida")
    assert summaries(page) == []
    assert page.locator(".notice-empty").is_visible()
    page.screenshot(path=ARTEFACTS / "no-card.png", full_page=True)


def test_an_address_that_names_nobody_shows_nobodys_chart(page: Page, running: Service) -> None:
    open_chart(page, running, "dora")
    page.goto(f"{running.base}/#nobody")
    page.locator("#stranger", has_text="no patient “nobody”").wait_for()
    assert not page.locator("#banner").is_visible()
    page.go_back()
    page.locator("#banner h2", has_text="Dora").wait_for()
    assert not page.locator("#stranger").is_visible()
    page.goto(f"{running.base}/#main")  # where the skip link leads
    assert page.locator("#banner h2").inner_text().startswith("Dora")


def test_without_a_day_the_last_one_stays_and_is_told(page: Page, running: Service) -> None:
    open_chart(page, running, "karla", "2026-12-02")
    page.locator("#cards-note", has_text="as of 2026-12-02").wait_for()
    page.fill("#as-of", "")
    page.locator("#said", has_text="stays as of 2026-12-02").wait_for()
    page.click("#patients >> text=Emil")
    page.locator("#banner h2", has_text="Emil").wait_for()
    page.locator("#cards-note", has_text="as of 2026-12-02").wait_for()


def test_a_chart_is_printed_with_whole_cards(page: Page, running: Service) -> None:
    open_chart(page, running, "dora")
    assert page.locator(".is-folded").count() > 0
    page.emulate_media(media="print")
    assert page.evaluate(
        "[...document.querySelectorAll('.card-body')].every((b) => b.scrollHeight <= b.clientHeight + 1)"
    )
    assert page.locator(".unfold:visible").count() == 0


def test_every_patient_can_be_reached_by_keyboard(page: Page, running: Service) -> None:
    page.goto(running.base)
    page.locator("#patients a").first.focus()
    names = []
    for _ in range(12):
        names.append(page.evaluate("document.activeElement.getAttribute('href')"))
        page.keyboard.press("Tab")
    assert len(set(names)) == 12
    page.locator("#patients a").nth(3).focus()
    page.keyboard.press("Enter")
    settled(page)
    assert page.locator("#patients a[aria-current=true]").count() == 1


def test_the_line_for_a_terminal_gives_the_same_cards(page: Page, running: Service) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    open_chart(page, running, "berta")
    page.click("#tab-response")
    shown = len(json.loads(page.locator("#panel-response").inner_text())["cards"])
    page.click("#tab-curl")
    line = page.locator("#panel-curl").inner_text()
    # the very text that a reader copies, so a shell has to read it
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=True)
    answered = json.loads(done.stdout)["cards"]
    assert len(answered) == shown == len(summaries(page))
    assert shown > 0


def test_an_explanation_links_to_its_evidence(page: Page, running: Service) -> None:
    open_chart(page, running, "clara")
    page.goto(page.locator(".card-links a").first.get_attribute("href"))
    href = page.locator(".evidence-ref a").first.get_attribute("href")
    assert requests.get(f"{running.base}{href}", timeout=10).json()["resourceType"]


def test_the_interface_is_described_for_a_browser(page: Page, running: Service) -> None:
    page.goto(f"{running.base}/docs")
    page.wait_for_selector(".opblock")
    paths = page.locator(".opblock-summary-path").all_inner_texts()
    assert any("cds-services" in path.replace("\u200b", "") for path in paths)
    assert page.locator(".errors-wrapper").count() == 0
    page.screenshot(path=ARTEFACTS / "docs.png")


# -- everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_pages_meet_wcag(browser: Any, running: Service, size: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(viewport=SIZES[size], color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    found = {}

    def judge(name: str) -> None:
        page.screenshot(path=ARTEFACTS / f"{name}-{size}-{scheme}.png", full_page=True)
        report = axe.run(page, options=RULES)
        found[name] = [(v["id"], [n["target"] for n in v["nodes"]]) for v in report.response["violations"]]
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"], f"{name} is too wide"

    page.goto(running.base)
    page.wait_for_selector("#patients a")
    judge("welcome")
    open_chart(page, running, "dora")
    judge("chart")
    card = page.locator("article.card").first
    card.get_by_role("button", name=re.compile("^Dismiss:?")).first.click()
    judge("dismissing")
    links = [link.get_attribute("href") for link in page.locator(".card-links a[href*='/explain/']").all()]
    open_chart(page, running, "ida")
    judge("no-card")
    for number, link in enumerate(links[:2], 1):
        page.goto(link)
        page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        judge(f"explanation-{number}")
    page.goto(f"{running.base}/explain/nothing")
    judge("expired")
    context.close()
    assert len(links) >= 2
    assert {name: bad for name, bad in found.items() if bad} == {}
