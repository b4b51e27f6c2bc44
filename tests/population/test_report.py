"""The report: what it says, that it stands alone, that hostile text stays text and hidden counts stay hidden."""

import base64
import hashlib
import re
from pathlib import Path

import msgspec
import pytest

from service.criteria.catalogue import Trial
from service.criteria.results import Change, PatientResult
from service.population import report
from service.population.funnel import full_width, funnel
from service.population.report import About, ReadError, write_report
from service.population.report_lists import Lists, near_view
from service.population.rows import NearMissRow, UpcomingRow
from service.population.summary import Tally, summary
from service.population.worklist import WorkItem, Worklist, work_items
from service.screening import Screening

from .results import criterion, needed, patient

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e&\"'"


def crowd(letters: str, number: int, change: Change | None = None) -> list[PatientResult]:
    needs = [needed(f"input-{i}", f"c{i}") for i, letter in enumerate(letters) if letter == "u"]
    return [patient(f"{letters}-{i}", letters, needs, change) for i in range(number)]


@pytest.fixture
def trial(screening: Screening) -> Trial:
    """A trial T1 with the criteria c0, c1 and c2."""
    real = screening.trials["NCT02947685"]
    own = tuple(
        msgspec.structs.replace(c, id=f"c{i}", text=f"Asks for c{i}", source=f"I{i}")
        for i, c in enumerate(real.criteria[-3:])
    )
    return msgspec.structs.replace(real, id="T1", short_name="The trial", criteria=own)


@pytest.fixture
def page(tmp_path: Path, trial: Trial):
    """-> the report of patients, as text."""

    def made(patients: list[PatientResult], below: int = 0, about: About | None = None, of: Trial = trial) -> str:
        tally, worklist = Tally(), Worklist()
        for result in patients:
            tally.add(result)
            worklist.add(result)
        path = tmp_path / "report.html"
        write_report(path, summary(tally, [of], below), [of], worklist, about or About())
        return path.read_text("utf-8")

    return made


def words(page: str) -> str:
    """What a reader reads, in one line."""
    body = page[page.index("<main") : page.index("</main>")]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def test_the_count_is_a_range_where_data_are_missing(page):
    told = words(page(crowd("ppp", 3) + crowd("upp", 4) + crowd("fpp", 5)))
    assert "3 to 7 of 12 screened" in told
    assert "At least 3 fit as far as records tell; at most 7, if all that is missing turns out well." in told


def test_the_count_is_one_number_where_nothing_is_missing(page):
    assert "3 of 8 screened" in words(page(crowd("ppp", 3) + crowd("fpp", 5)))


def test_failed_and_unknown_stand_apart_at_each_criterion(page):
    told = words(page(crowd("ppp", 1) + crowd("fup", 2) + crowd("ufp", 3) + crowd("puf", 4)))
    rows = re.findall(r"Asks for c\d I\d (\d+) (\d+) (\d+) ", told)
    assert rows[:3] == [("2", "3", "8"), ("3", "4", "5"), ("4", "0", "1")]


def test_a_sentence_says_whom_a_missing_input_would_settle(page):
    told = words(page(crowd("upp", 41) + crowd("uup", 71)))
    assert "Data on input 0 would settle 41 of 112 possible patients." in told
    assert "Not on record for 112." in told
    assert "Settles nobody alone, but is wanted together with other data Input 1." in told
    assert "hangs for 41 on one missing input alone, for 71 on several together" in told


def test_changes_are_told_in_a_sentence_and_by_grade_and_criterion(page):
    soon, late = Change("2026-12-01", "certainly-not", ("c1",)), Change("2027-06-01", "possible", ("c1",))
    told = words(page(crowd("ppp", 2, soon) + crowd("upp", 1, late)))
    assert "the grade changes in the next 90 days for 2 patients: the trial opens to 0 and closes for 2." in told
    assert "2: from “fits” to “does not fit”." in told
    assert "2 of them by: Asks for c1." in told
    assert "2026-12-01" in told
    assert "Nobody’s grade changes in the next 90 days" in words(page(crowd("upp", 1, late)))


def test_the_likely_number_is_told_with_what_it_rests_on(page):
    told = words(page(crowd("ppp", 30) + crowd("upp", 40) + crowd("fpp", 30)))
    assert "Most likely 50, 43 to 57 nine times in ten. If what is missing is as in the patients who have it." in told
    assert "It misleads where data are missing for a reason" in told
    assert "Asks for c0 50% 60 60" in told


def test_no_likely_number_where_nobody_has_the_data(page):
    told = words(page(crowd("upp", 4)))
    assert (
        "No estimate of the likely number: nobody here has data on 1 of the criteria that are open: Asks for c0."
        in told
    )
    assert "Most likely" not in told
    assert "Nobody fits yet as far as records tell; at most 4" in told


def test_of_many_criteria_without_data_the_first_are_named(page, trial):
    first, other = trial.criteria[0], msgspec.structs.replace
    five = other(trial, criteria=tuple(other(first, id=f"c{i}", text=f"Asks {i}") for i in range(5)))
    unknown = [criterion(f"c{i}", "unknown") for i in range(5)]
    told = words(page([patient("p", unknown, [needed("x", *(c.id for c in unknown))])], of=five))
    assert "nobody here has data on 5 of the criteria that are open: Asks 0; Asks 1; Asks 2; and 2 more." in told


@pytest.mark.parametrize(
    ("one", "two", "by_time", "said"),
    [
        (1, 0, 0, "Kept out, but not for good, by one criterion alone: 1; by two: 0."),
        (12, 2, 3, "Kept out, but not for good, by one criterion alone: 12; by two: 2; 3 of these only for a time."),
        (None, 7, None, "Kept out, but not for good, by one criterion alone: hidden; by two: 7; hidden of these only"),
    ],
)
def test_near_misses_are_counted_in_a_sentence(trial, one, two, by_time, said):
    counts = {"oneCriterion": one, "twoCriteria": two, "byTime": by_time, "byCriterion": []}
    told = near_view({"nearMisses": counts}, trial)
    assert told is not None
    assert told.sentence.startswith(said)


def test_who_changes_soon_and_near_misses_are_listed_and_left_out_with_small_counts(tmp_path, trial):
    soon = UpcomingRow("Patient/p1", "", "T1", "", "2026-12-02", "opens", "certainly-not", "probable", ("c0", "c1"))
    near = NearMissRow("Patient/p2", "", "T1", "", "until", "2026-12-09", ("c2",), (f"so {EVIL}",), 1, 3)
    for below in (0, 5):
        write_report(tmp_path / "r.html", summary(Tally(), [trial], below), [trial], (), About(), Lists([soon], [near]))
        text = (tmp_path / "r.html").read_text("utf-8")
        assert ("p1 The trial becomes open does not fit → probably fits" in words(text)) is (below == 0)
        assert ("2026-12-09" in text) is (below == 0)
        assert "<script>alert" not in text


def test_nothing_is_loaded_from_elsewhere(page):
    text = page(crowd("upp", 3))
    assert re.findall(r"""(?:src|srcset|action|data|poster)\s*=\s*["'](?!data:,)[^"']*""", text) == []
    assert re.findall(r"@import|url\(", text) == []
    links = set(re.findall(r"""<link[^>]*href="([^"]*)""", text))
    assert links == {"data:,"}


def test_the_policy_names_exactly_what_is_inlined(page):
    text = page(crowd("ppp", 1))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text).group(1).replace("&#39;", "'")
    for element, directive in (("style", "style-src"), ("script", "script-src")):
        [inlined] = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inlined.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"<[a-z][^>]*\s(?:style|on[a-z]+)=", text)  # would be refused


def test_hostile_text_is_shown_as_text(page, trial):
    evil = msgspec.structs.replace(
        trial,
        short_name=EVIL,
        title=EVIL,
        version=EVIL,
        registry_url="javascript:alert(1)",
        criteria=tuple(msgspec.structs.replace(c, text=EVIL, source=EVIL) for c in trial.criteria),
    )
    about = About(EVIL, EVIL, (ReadError(EVIL, 1, EVIL),), (EVIL,), (EVIL,))
    outcomes = [criterion("c0", "unknown"), criterion(EVIL, "review"), criterion("c2", "pass")]
    text = page([patient(EVIL, outcomes, [needed(EVIL, "c0")])], about=about, of=evil)
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "javascript:" not in text
    assert "\u202e" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_hidden_counts_stay_hidden_everywhere(page):
    many = crowd("ppp", 40) + crowd("fpp", 30)
    told = words(page(many + crowd("upp", 4), below=5))
    assert "Small counts are hidden. Counts of 1 to 4 patients" in told
    assert re.findall(r"\b[1-4] (?:of|May fit|possible)", told) == []
    assert "hidden May fit" in told
    assert "upp-1" not in told  # the rows would give the count away
    assert "Left out, since its rows would give hidden counts away." in told


def test_the_worklist_tells_what_is_missing_and_what_a_person_judges(page):
    told = words(page([*crowd("urp", 1), *crowd("fpp", 1)]))
    assert "urp-0 The trial May fit Input 0 C1" in told
    assert "fpp-0" not in told


def test_only_the_best_are_listed_and_the_rest_named(page, monkeypatch):
    monkeypatch.setattr(report, "LIMIT", 3)
    told = words(page(crowd("uup", 2) + crowd("ppp", 2) + crowd("upp", 1)))
    assert "The best 3 are here; all are in results.ndjson ." in told
    assert [name for name in ("ppp-0", "ppp-1", "upp-0", "uup-0") if name in told] == ["ppp-0", "ppp-1", "upp-0"]


def test_what_could_not_be_read_is_told(page):
    about = About(errors=[ReadError("a.ndjson", n, "not JSON") for n in range(60)], gaps=["Procedure: left out."])
    told = words(page(crowd("ppp", 1), about=about))
    assert "60 inputs could not be read and are in no count." in told
    assert "The first 50; all are in errors.ndjson ." in told
    assert "Procedure: left out." in told


def test_an_empty_screening_has_a_report_too(page):
    told = words(page([]))
    assert "0 patients screened for 1 trial" in told
    assert "No patient is left to look at" in told


def test_a_report_that_fails_leaves_the_old_one(tmp_path, page, trial):
    page(crowd("ppp", 1))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def broken():
        yield WorkItem("Patient/a", "T1", "certain")
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        write_report(tmp_path / "report.html", summary(Tally(), [trial]), [trial], broken(), About())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_worklist_keeps_the_best_in_bounded_room():
    items = [WorkItem(f"Patient/{i:04}", "T1", "possible", ("x",) * (i % 7), unknown=i % 7) for i in range(3_000)]
    worklist = Worklist(limit=10)
    worklist.extend(items)
    assert len(worklist.kept) <= 200
    assert list(worklist) == sorted(items, key=lambda item: item.rank)[:10]
    assert worklist.total == 3_000


def test_worklists_of_parts_merge_to_that_of_the_whole():
    results = crowd("ppp", 5) + crowd("upp", 5) + crowd("uup", 5)
    whole, parts = Worklist(limit=7), [Worklist(limit=7), Worklist(limit=7)]
    for i, result in enumerate(results):
        whole.add(result)
        parts[i % 2].add(result)
    sent = msgspec.json.decode(msgspec.json.encode(parts[1]), type=Worklist)
    parts[0].merge(sent)
    assert (list(parts[0]), parts[0].total) == (list(whole), 15)


def test_those_ruled_out_are_on_no_worklist():
    assert list(work_items(crowd("fpp", 1)[0])) == []


def step(entered: int, fail: int, doubt: int = 0) -> dict:
    remaining = entered - fail
    return {"id": "c", "entered": entered, "fail": fail, "unknown": doubt, "remaining": remaining}


@pytest.mark.parametrize(
    ("steps", "width"),
    [
        ([step(1000, 751), step(249, 0)], 249),  # less than a quarter is left: bars start after it
        ([step(1000, 749), step(251, 0)], 1000),
        ([step(10_000, 9_000), step(1000, 900), step(100, 10)], 100),
        ([step(100, 100), step(0, 0)], 100),
        ([step(0, 0)], 0),
        ([], 0),
    ],
)
def test_bars_are_drawn_to_those_left_after_the_steep_steps(steps, width):
    assert full_width(steps) == width


def test_bars_never_leave_their_box():
    steps = [step(1000, 990) | {"remainingKnown": 7}, step(10, 4) | {"remainingKnown": 3}]
    rows = funnel({"attrition": steps, "criteria": [{"id": "c", "text": "", "type": "", "source": ""}]})
    assert [row.cut for row in rows] == [True, False]
    for row in rows:
        assert row.segments[-1].start + row.segments[-1].width == pytest.approx(100)
    assert [(s.key, s.width) for s in rows[1].segments] == [("known", 30), ("doubt", 30), ("out", 40)]
