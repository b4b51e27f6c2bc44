"""The explanation page: what it says of a result, in which order, and that nothing said in a record becomes markup."""

from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import pairwise

import msgspec
import pytest

from service.criteria.catalogue import Arm, Criterion, Publication, Site, Trial
from service.criteria.findings import Evidence
from service.criteria.logic import GRADES, Basis, Grade, Outcome
from service.criteria.results import Change, CriterionResult, Needed, Order, PatientResult, TrialResult
from service.demo import AS_OF
from service.render.explain import (
    at_start,
    expired_page,
    explain_page,
    in_words,
    input_name,
    phase,
    recruitment,
    web_address,
)
from service.screening import Screening

HOSTILE = """<script>alert(1)</script><img src=x onerror=alert(1)>"'&{{ 7*7 }}</li></bdi>"""
VOID = {"meta", "link", "rect", "path", "circle", "br", "img", "input"}


class Node:
    """An element with its attributes, its parent's chain of tags, and all text below it."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list[Node] = []
        self.texts: list[str] = []

    def all(self) -> Iterator["Node"]:
        for child in self.children:
            yield child
            yield from child.all()

    def of(self, tag: str = "", css: str = "") -> list["Node"]:
        return [
            node
            for node in self.all()
            if (not tag or node.tag == tag) and (not css or css in node.attributes.get("class", "").split())
        ]

    def by_id(self, name: str) -> "Node":
        return next(node for node in self.all() if node.attributes.get("id") == name)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())


class Tree(HTMLParser):
    """Reads a page and insists that every element is closed where it was opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.root = Node("", {})
        self.open = [self.root]
        self.feed(page)
        self.close()
        assert self.open == [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Node(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for node in self.open:
            node.texts.append(data)


def a_criterion(
    name: str, outcome: Outcome, basis: Basis = "recorded", evidence: tuple[Evidence, ...] = (), reason: str = ""
) -> CriterionResult:
    return CriterionResult(
        name, "inclusion", f"text of {name}", f"I-{name}", outcome, basis, reason or f"why {name}", evidence
    )


ANC = Evidence("Observation/anc-2", "2.1 10*3/uL", True, "2026-11-10")
OLD = Evidence("Observation/anc-1", "0.9 10*3/uL", False, "2026-05-01", "older than 28 days")
LVEF_ORDER = Order("http://loinc.org", "10230-1", "Ejection fraction")
LVEF = Needed("lvef", "stale", ("lvef",), "2026-05-01", LVEF_ORDER, "LVEF")
MIXED = (
    a_criterion("anc", "pass", evidence=(ANC, OLD)),
    a_criterion("surgery", "pass", "no-record"),
    a_criterion("pregnancy", "pass", "not-applicable"),
    a_criterion("consent", "review", "manual"),
    a_criterion("lvef", "unknown", "stale"),
    a_criterion("age", "fail"),
)


def a_trial(screening: Screening, **changes: object) -> Trial:
    return msgspec.structs.replace(screening.trials["NCT03304080"], **changes)


def a_result(
    *criteria: CriterionResult,
    grade: Grade = "certainly-not",
    needed: tuple[Needed, ...] = (),
    change: Change | None = None,
) -> TrialResult:
    return TrialResult("NCT03304080", "2021-07-09", "A title", "completed", grade, change, needed, criteria)


def a_patient(result: TrialResult, *notices: str) -> PatientResult:
    return PatientResult("Patient/p1", AS_OF, "0.1.0", (result,), notices or msgspec.UNSET)


Draw = Callable[..., Node]


@pytest.fixture
def draw(screening: Screening) -> Draw:
    """The page of a result, read."""

    def drawn(result: TrialResult, *notices: str, **changes: object) -> Node:
        link_for = changes.pop("link_for", None)
        page = explain_page(a_patient(result, *notices), result, a_trial(screening, **changes), link_for)  # type: ignore[arg-type]
        return Tree(page).root

    return drawn


def test_the_criteria_stand_in_the_order_in_which_they_matter(draw: Draw) -> None:
    page = draw(a_result(*MIXED))
    assert [group.attributes["id"] for group in page.of("section", "group")] == [
        "in-the-way",
        "missing",
        "to-judge",
        "fits",
    ]
    ids = [node.attributes["id"] for node in page.of("li", "criterion")]
    assert ids == [f"criterion-{name}" for name in ("age", "lvef", "consent", "anc", "surgery", "pregnancy")]


def test_a_group_without_criteria_is_left_out_and_counted_as_none(draw: Draw) -> None:
    page = draw(a_result(a_criterion("anc", "pass"), grade="certain"))
    assert [group.attributes["id"] for group in page.of("section", "group")] == ["fits"]
    assert [count.text for count in page.of("li", "count")] == ["0 in the way", "0 missing", "0 to judge", "1 fit"]
    assert [link.attributes["href"] for link in page.of(css="counts")[0].of("a")] == ["#fits"]


def test_a_pass_on_silence_is_marked_and_no_other_is(draw: Draw) -> None:
    page = draw(a_result(*MIXED))
    marked = [node.attributes["id"] for node in page.of("li", "criterion") if node.of(css="silence")]
    assert marked == ["criterion-surgery"]
    assert page.by_id("criterion-surgery").of("svg", "sign-silent")
    assert not page.by_id("criterion-anc").of("svg", "sign-silent")


def test_a_fail_on_silence_is_not_marked_as_a_fit(draw: Draw) -> None:
    page = draw(a_result(a_criterion("cancer", "fail", "no-record")))
    assert "criterion-cancer" in [node.attributes.get("id") for node in page.by_id("in-the-way").all()]
    assert not page.of(css="silence")


def test_a_criterion_shows_text_place_reason_and_both_kinds_of_evidence(draw: Draw) -> None:
    shown = draw(a_result(*MIXED)).by_id("criterion-anc")
    for said in ("text of anc", "I-anc", "why anc", "2 records looked at, 1 used"):
        assert said in shown.text
    used, aside = (row.text for row in shown.of(css="evidence")[0].of("li"))
    assert used == "2026-11-10 2.1 10*3/uL Used Observation/anc-2"
    assert aside == "2026-05-01 0.9 10*3/uL Set aside: older than 28 days Observation/anc-1"


def test_evidence_without_a_date_says_so(draw: Draw) -> None:
    page = draw(a_result(a_criterion("age", "pass", evidence=(Evidence("Patient/p1", "born 1960", True),))))
    assert page.of(css="evidence")[0].text == "no date born 1960 Used Patient/p1"


def test_a_criterion_tells_how_its_source_was_read_where_that_is_written(draw: Draw, screening: Screening) -> None:
    rule = screening.trials["NCT03304080"].criteria[0].rule
    read = Criterion("anc", "inclusion", "text of anc", "I11", rule, "read as per mm³")
    page = draw(a_result(a_criterion("anc", "pass"), a_criterion("age", "pass")), criteria=(read,))
    assert "read as per mm³" in page.by_id("criterion-anc").text
    assert not page.by_id("criterion-age").of(css="read-as")


def test_what_is_missing_says_why_since_when_what_to_order_and_what_it_settles(draw: Draw) -> None:
    page = draw(a_result(a_criterion("lvef", "unknown", "stale"), grade="possible", needed=(LVEF,)))
    need = page.by_id("missing").of(css="needs")[0]
    assert "LVEF too old, last 2026-05-01" in need.text
    assert "Order Ejection fraction LOINC 10230-1" in need.text
    assert [link.attributes["href"] for link in need.of("a")] == ["#criterion-lvef"]


def test_a_result_that_is_there_without_its_upper_limit_is_not_said_to_be_missing(draw: Draw) -> None:
    limit = "upper limit of normal"
    need = Needed("alt", "missing", ("alt",), "2026-05-01", label=f"ALT with its {limit}", lacks=limit)
    page = draw(a_result(a_criterion("alt", "unknown", "missing"), grade="possible", needed=(need,)))
    told = page.of(css="needs")[0].text
    assert "ALT with its upper limit of normal what is on record has none, last 2026-05-01" in told


def test_a_need_without_order_or_date_shows_neither(draw: Draw) -> None:
    need = Needed("her2-antibody", "missing", ("lvef",), label="antibody against HER2")
    page = draw(a_result(a_criterion("lvef", "unknown", "missing"), grade="possible", needed=(need,)))
    assert (
        page.of(css="needs")[0].text == "What would settle it Antibody against HER2 not on record Settles: text of lvef"
    )


@pytest.mark.parametrize(
    ("grade", "criteria", "headline", "sentence"),
    [
        ("certain", (a_criterion("a", "pass"),), "Fits", "Every criterion is met by what is on record."),
        (
            "probable",
            (a_criterion("a", "review", "manual"), a_criterion("b", "pass", "no-record")),
            "Probably fits",
            "Nothing on record stands in the way; 1 point is left for a person to judge and 1 criterion fits only"
            " because nothing is on record.",
        ),
        (
            "probable",
            (a_criterion("a", "review", "manual"), a_criterion("b", "review", "manual")),
            "Probably fits",
            "Nothing on record stands in the way; 2 points are left for a person to judge.",
        ),
        (
            "possible",
            (a_criterion("a", "unknown", "missing"), a_criterion("b", "unknown", "stale")),
            "May fit",
            "Nothing on record stands in the way, but 2 criteria cannot be decided yet.",
        ),
        ("certainly-not", (a_criterion("a", "fail"),), "Does not fit", "1 criterion stands in the way."),
        (
            "certainly-not",
            (a_criterion("a", "fail"), a_criterion("b", "fail")),
            "Does not fit",
            "2 criteria stand in the way.",
        ),
    ],
)
def test_the_verdict_is_told_in_plain_words(
    draw: Draw, grade: Grade, criteria: tuple[CriterionResult, ...], headline: str, sentence: str
) -> None:
    words = draw(a_result(*criteria, grade=grade)).of(css="verdict-words")[0]
    assert words.of("h2")[0].text == headline
    assert words.of("p")[0].text == sentence


def test_a_change_with_the_calendar_is_told_with_its_criteria(draw: Draw) -> None:
    change = Change("2026-12-02", "possible", ("lvef", "something else"))
    page = draw(a_result(a_criterion("lvef", "pass"), grade="certain", change=change))
    told = "From 2 December 2026, if nothing new is recorded, the answer will be “may fit”: "
    assert f"{told}text of lvef; something else." in page.of(css="verdict-words")[0].text


def test_a_trial_that_is_closed_says_so_and_an_open_one_does_not(draw: Draw) -> None:
    result = a_result(a_criterion("anc", "pass"), grade="certain")
    closed = draw(result, recruitment="completed", recruitment_date="2023-07-09")
    assert "not open for enrolment. Registry status: completed (9 July 2023)." in closed.of(css="verdict")[0].text
    assert "not open" not in draw(result, recruitment="recruiting").of(css="verdict")[0].text


def test_the_trial_is_named_with_phase_status_and_registry(draw: Draw) -> None:
    page = draw(a_result(*MIXED), short_name="PEARL", title="A trial of pearls")
    assert page.of("h1")[0].text == "PEARL"
    assert "A trial of pearls" in page.text
    facts = page.of(css="facts")[0]
    assert "Phase 1/2" in facts.text
    assert "Completed" in facts.text
    assert facts.of("a")[0].attributes["href"] == "https://clinicaltrials.gov/study/NCT03304080"


def test_the_foot_names_day_versions_and_record(draw: Draw) -> None:
    foot = draw(a_result(*MIXED)).of("footer", "foot")[0].text
    for said in ("Patient/p1", "2026-11-21", "2021-07-09", "trialhook 0.1.0"):
        assert said in foot


def test_notices_are_listed_last_in_details_and_only_where_there_are_any(draw: Draw) -> None:
    with_some = draw(a_result(*MIXED), "Observation/x: no subject").of("main")[0]
    assert with_some.of("details")[-1].of("li")[0].text == "Observation/x: no subject"
    assert not draw(a_result(*MIXED)).of(css="notices")


def test_references_are_text_unless_links_are_given(draw: Draw) -> None:
    result = a_result(*MIXED)
    assert not draw(result).of(css="evidence-ref")[0].of("a")
    linked = draw(result, link_for=lambda ref: f"/fhir/{ref}" if ref == "Observation/anc-2" else None)
    hrefs = [[a.attributes["href"] for a in cell.of("a")] for cell in linked.of(css="evidence-ref")]
    assert hrefs == [["/fhir/Observation/anc-2"], []]


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://clinicaltrials.gov/study/NCT1", True),
        ("HTTP://example.org", True),
        ("/fhir/Observation/1", True),
        ("javascript:alert(1)", False),
        (" javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org/x", False),
        ("/\\example.org", False),
        ("https://", False),
        ("", False),
        (None, False),
    ],
)
def test_only_addresses_of_the_web_or_of_this_host_become_links(address: str | None, kept: bool) -> None:
    assert web_address(address) == (address if kept else "")


def test_a_registry_address_that_is_a_script_is_no_link(draw: Draw) -> None:
    page = draw(a_result(*MIXED), registry_url="javascript:alert(1)", link_for=lambda _: "javascript:alert(2)")
    assert not [a for a in page.of("a") if a.attributes["href"].lower().startswith("javascript")]


def hostile_page(draw: Draw) -> Node:
    evidence = Evidence(HOSTILE, HOSTILE, False, HOSTILE, HOSTILE)
    criteria = tuple(
        CriterionResult(f"c{i}", HOSTILE, HOSTILE, HOSTILE, outcome, "recorded", HOSTILE, (evidence,))
        for i, outcome in enumerate(("fail", "unknown", "review", "pass"))
    )
    need = Needed(HOSTILE, "stale", ("c1",), HOSTILE, Order(HOSTILE, HOSTILE, HOSTILE), HOSTILE)
    result = a_result(*criteria, needed=(need,), change=Change(HOSTILE, "possible", (HOSTILE,)))
    return draw(
        result,
        HOSTILE,
        id=HOSTILE,
        short_name=HOSTILE,
        title=HOSTILE,
        sponsor=HOSTILE,
        registry_url=HOSTILE,
        phases=(HOSTILE,),
        recruitment_date=HOSTILE,
        recruitment_note=HOSTILE,
        enrolled=HOSTILE,
        source=HOSTILE,
        arms=(Arm(HOSTILE, "other", HOSTILE),),
        sites=(Site(HOSTILE, HOSTILE),),
        results=(Publication(HOSTILE, HOSTILE, HOSTILE),),
        interpretations=(HOSTILE,),
        link_for=lambda reference: f"/fhir/{reference}",
    )


def test_hostile_text_of_trial_and_record_stays_text(draw: Draw) -> None:
    page = hostile_page(draw)
    assert not page.of("script")
    assert not page.of("img")
    assert HOSTILE in page.of("h1")[0].text
    assert page.by_id("criterion-c0").of(css="reason")[0].text == HOSTILE
    assert page.by_id("criterion-c0").of(css="evidence-says")[0].text == HOSTILE


def test_signs_that_reorder_or_hide_text_are_taken_out(draw: Draw) -> None:
    page = draw(a_result(a_criterion("anc", "pass", reason="ANC \u202e001\u2069\u0007 fine")))
    assert page.by_id("criterion-anc").of(css="reason")[0].text == "ANC 001 fine"


@pytest.mark.parametrize("make", ["hostile", "plain", "expired"])
def test_the_page_keeps_to_the_content_security_policy(draw: Draw, make: str) -> None:
    pages = {
        "hostile": lambda: hostile_page(draw),
        "plain": lambda: draw(a_result(*MIXED)),
        "expired": lambda: Tree(expired_page()).root,
    }
    for node in pages[make]().all():
        assert node.tag not in {"script", "style", "iframe", "form", "base"}
        assert not [name for name in node.attributes if name == "style" or name.startswith("on")]
        if node.tag == "link":
            assert node.attributes["href"].startswith("../static/")


def test_static_files_are_looked_for_where_the_caller_says(screening: Screening) -> None:
    result = a_result(*MIXED)
    page = explain_page(a_patient(result), result, a_trial(screening), static="/assets")
    assert '"/assets/trialhook.css"' in page
    assert "../static" not in page


def test_ids_are_unique_and_every_inner_link_leads_somewhere(draw: Draw) -> None:
    page = draw(a_result(*MIXED, needed=(LVEF,)), "a notice")
    ids = [node.attributes["id"] for node in page.all() if "id" in node.attributes]
    assert len(ids) == len(set(ids))
    inner = {a.attributes["href"][1:] for a in page.of("a") if a.attributes["href"].startswith("#")}
    assert inner <= set(ids)


def test_headings_never_skip_a_level(draw: Draw) -> None:
    page = draw(a_result(*MIXED, needed=(LVEF,)))
    levels = [int(node.tag[1]) for node in page.all() if node.tag in {"h1", "h2", "h3", "h4", "h5", "h6"}]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_expired_page_says_what_to_do() -> None:
    page = Tree(expired_page()).root
    assert page.of("h1")[0].text == "This link is no longer valid"
    assert len(page.of("ol")[0].of("li")) == 3


@pytest.mark.parametrize("grade", GRADES)
def test_every_grade_has_a_headline(draw: Draw, grade: Grade) -> None:
    assert draw(a_result(a_criterion("a", "pass"), grade=grade)).by_id("verdict").text


@pytest.mark.parametrize(
    ("phases", "said"),
    [
        (("phase-1", "phase-2"), "Phase 1/2"),
        (("phase-3",), "Phase 3"),
        (("early-phase-1",), "Early phase 1"),
        (("not-applicable",), "No phase"),
        ((), ""),
    ],
)
def test_phases_in_words(phases: tuple[str, ...], said: str) -> None:
    assert phase(phases) == said


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("active-not-recruiting", "Active, not recruiting"),
        ("not-yet-recruiting", "Not yet recruiting"),
        ("unknown", "Recruitment status unknown"),
    ],
)
def test_recruitment_in_words(code: str, said: str) -> None:
    assert recruitment(code) == said


def test_dates_in_words_leave_what_is_no_whole_date() -> None:
    assert in_words("2026-11-01") == "1 November 2026"
    assert in_words("2026-11") == "2026-11"


def test_inputs_are_written_as_readers_write_them() -> None:
    assert input_name("lvef") == "LVEF"
    assert input_name("her2-antibody") == "HER2 antibody"
    assert input_name("disease-status") == "Disease status"
    assert input_name("hemoglobin") == "Haemoglobin"
    assert input_name("no-prior-cdk46") == "No prior CDK4/6"
    assert input_name("recist-disease") == "RECIST disease"
    assert at_start("haemoglobin") == "Haemoglobin"
    assert at_start("hCG") == "hCG"
    assert at_start("") == ""
