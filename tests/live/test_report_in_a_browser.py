"""The report as a study team opens it: from a file, without a network, by keyboard, on paper."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from service.criteria.results import Change, PatientResult
from service.population.report import About, ReadError, write_report
from service.population.report_lists import Lists
from service.population.rows import NearMissRow
from service.population.summary import Tally, summary
from service.population.worklist import Worklist
from service.screening import Screening
from tests.population.results import criterion, drawn, needed, patient

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = pytest.mark.live
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    if not CHROMIUM.exists():
        pytest.skip("no Chromium to open the report with")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def listed() -> list[PatientResult]:
    """Patients of PATINA that a reader can tell apart: p2 comes before p10, each lacks something else."""
    soon = Change("2026-12-02", "certainly-not", ("her2-positive",))
    made = [patient(f"p{n}", [criterion("histology", "review")], change=soon if n == 7 else None) for n in range(1, 13)]
    made += [patient("q1", [criterion("her2-positive", "unknown")], [needed("her2")])]
    made += [patient("q2", [criterion("her2-positive", "unknown")], [needed("her2"), needed("er")])]
    return [
        msgspec.structs.replace(p, results=(msgspec.structs.replace(p.results[0], trial="NCT02947685"),)) for p in made
    ]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, screening: Screening) -> Path:
    trials = [screening.trials[name] for name in ("NCT02947685", "NCT03304080", "NCT03709082")]
    tally, worklist = Tally(), Worklist()
    for result in [*listed(), *drawn(7, trials[1], 300), *drawn(1, trials[2], 300)]:
        tally.add(result)
        worklist.add(result)
    about = About("2026-11-21", "a folder", [ReadError("a.ndjson", 3, "not <b>JSON</b>")], ["Procedure: left out."])
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, summary(tally, trials), trials, worklist, about)
    return path


@pytest.fixture
def opened(browser, report):
    """-> the report in a window without a network; what it asked for and complained of is kept on it."""
    contexts = []

    def open_with(scheme: str = "light", width: int = 1280, script: bool = True):
        context = browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}, offline=True, java_script_enabled=script
        )
        contexts.append(context)
        page = context.new_page()
        page.asked, page.complaints = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda problem: page.complaints.append(str(problem)))
        page.goto(report.as_uri())
        return page

    yield open_with
    for context in contexts:
        context.close()


def patients(page) -> list[str]:
    return page.locator("#work tbody tr:visible td:first-child").all_inner_texts()


def test_the_file_asks_for_nothing_and_breaks_no_policy(opened, report):
    page = opened()
    assert page.asked == [report.as_uri()]
    assert page.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_is_accessible_and_fits_the_window(opened, scheme, width):
    page = opened(scheme, width)
    for details in page.locator("main > section details.r-more").all():
        details.locator("summary").click()
    found = axe.Axe().run(page, options=WCAG)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_sorting_by_a_column_and_back(opened):
    page = opened()
    page.select_option("#f-trial", "NCT02947685")
    heading = page.locator("#work th", has_text="Patient")
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert patients(page)[:3] == ["p1", "p2", "p3"]
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert patients(page)[:3] == ["q2", "q1", "p12"]
    page.locator("#work th", has_text="Missing").get_by_role("button").click()
    assert heading.get_attribute("aria-sort") is None
    assert patients(page)[-2:] == ["q1", "q2"]


def test_filters_narrow_the_list_and_say_how_many_are_left(opened):
    page = opened()
    page.select_option("#f-trial", "NCT02947685")
    page.select_option("#f-missing", label="HER2")
    assert patients(page) == ["q1", "q2"]
    assert page.locator("#found").inner_text().startswith("2 of ")
    page.select_option("#f-missing", label="Nothing")
    page.fill("#f-text", "P1 ")
    assert patients(page) == ["p1", "p10", "p11", "p12"]
    page.select_option("#f-grade", "possible")
    assert patients(page) == []
    page.get_by_role("button", name="Show all").click()
    playwright.expect(page.locator("#work tbody tr:visible")).to_have_count(100)


def test_more_rows_come_when_asked_for(opened):
    page = opened()
    assert len(patients(page)) == 100
    page.get_by_role("button", name="Show more").click()
    assert len(patients(page)) > 100


def test_near_misses_come_fifty_at_a_time_each_id_on_one_line(browser, tmp_path, screening):
    trial = screening.trials["NCT02947685"]
    ids = [f"Patient/00000000-0000-4000-8000-{number:012}" for number in range(70)]
    why = ("HER2 IHC negative (read as 0/1+), ratio <1.8 on 2013-05-19: negative by ASCO/CAP 2018",)
    near = [NearMissRow(one, "", trial.id, "", "changeable", None, ("her2-positive",), why, 1, 2) for one in ids]
    write_report(tmp_path / "near.html", summary(Tally(), [trial]), [trial], (), About(), Lists([], near))
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((tmp_path / "near.html").as_uri())
    rows = page.locator(".r-near tbody tr")
    assert [rows.nth(at).is_visible() for at in (0, 49, 50)] == [True, True, False]
    assert rows.first.bounding_box()["height"] < 80
    more = page.locator("#near").get_by_role("button", name="Show more")
    more.click()
    assert rows.nth(69).is_visible()
    assert more.is_hidden()
    page.close()


def test_without_scripts_the_whole_list_stands_there(opened, report):
    page = opened(script=False)
    assert page.locator("#filters").is_hidden()
    assert page.locator("#work tbody tr:visible").count() == report.read_text("utf-8").count("data-grade=") > 100


def test_on_paper_tables_stay_tables_and_no_row_is_torn(opened):
    page = opened()
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 688, "height": 1000})  # the width of A4 inside its margins
    styles = "e => [getComputedStyle(e).display, getComputedStyle(e).breakInside]"
    assert page.locator(".r-funnel tbody tr").first.evaluate(styles) == ["table-row", "avoid"]
    assert page.locator("#filters").is_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 688
    assert page.pdf(format="A4").startswith(b"%PDF-")
