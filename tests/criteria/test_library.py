"""The trial library: which version of a trial is in effect on a day, which answer where none is named, what a result
says of a file that nobody has checked."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from msgspec import UNSET

from service.criteria.catalogue import load_trials, trial_files
from service.criteria.results import PatientResult, TrialResult
from service.errors import TrialError
from service.screening import Screening, encode
from tests.builders import Record, patient
from tests.criteria.test_trial_files import HEAD, criterion, trial_in

DAY = date(2026, 11, 21)
ARMS = """\
arms:
  - {name: A, type: experimental, description: one}
  - {name: B, type: experimental, description: other}
"""
OLD = "{age: {at-least: 18}}"
YOUNG = "{age: {below: 18}}"
UNTOLD = "{measurement: anc, at-least: 1500 /mm3, within: 28 days}"


def with_arms(*criteria: tuple[str, str]) -> str:
    """A trial of two arms; each criterion is a rule and the arms that ask for it (all where empty)."""
    text = HEAD.replace("criteria:\n", f"{ARMS}criteria:\n")
    for number, (rule, arms) in enumerate(criteria):
        text += criterion(rule, f"c{number}") + (f"    arms: {arms}\n" if arms else "")
    return text


Judged = Callable[[str], TrialResult]


def screened(text: str, folder: Path, on: date = DAY) -> PatientResult:
    screening = Screening([trial_in(folder, text)], on=on)
    record = screening.read(encode(Record({}).put(patient=patient("1960-03-05")).bundle()))
    return screening.screen(record, on, screening.plan_for(screening.wanted(["NCT00000001"])))


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    return lambda text: screened(text, tmp_path).results[0]


# -- arms


def test_a_trial_is_open_to_whom_one_of_its_arms_is(judged: Judged) -> None:
    found = judged(with_arms((OLD, ""), (OLD, "A"), (YOUNG, "B")))
    assert found.grade == "certain"
    assert [(arm.arm, arm.grade) for arm in found.arms or ()] == [("A", "certain"), ("B", "certainly-not")]
    assert [c.arms for c in found.criteria] == [UNSET, ("A",), ("B",)]


def test_what_every_arm_asks_for_closes_all_of_them(judged: Judged) -> None:
    found = judged(with_arms((YOUNG, ""), (OLD, "A")))
    assert (found.grade, [arm.grade for arm in found.arms or ()]) == ("certainly-not", ["certainly-not"] * 2)


def test_an_arm_without_a_criterion_of_its_own_is_judged_by_the_common_ones(judged: Judged) -> None:
    found = judged(with_arms((OLD, ""), (YOUNG, "A")))
    assert (found.grade, [arm.grade for arm in found.arms or ()]) == ("certain", ["certainly-not", "certain"])


def test_a_criterion_asked_for_several_arms_counts_in_each(judged: Judged) -> None:
    assert judged(with_arms((OLD, ""), (YOUNG, "[A, B]"))).grade == "certainly-not"


def test_nothing_is_needed_for_an_arm_that_is_out_of_question(judged: Judged) -> None:
    closed = judged(with_arms((YOUNG, "A"), (UNTOLD, "A"), ("{sex: male}", "B"), (UNTOLD, "B")))
    assert (closed.grade, closed.needed) == ("certainly-not", ())
    open_ = judged(
        with_arms((YOUNG, "A"), (UNTOLD.replace("anc", "platelets").replace("1500", "100000"), "A"), (UNTOLD, "B"))
    )
    assert (open_.grade, [need.input for need in open_.needed]) == ("possible", ["anc"])


def test_arms_are_told_only_where_they_differ(judged: Judged) -> None:
    assert judged(with_arms((OLD, ""))).arms is UNSET


def test_a_failing_arm_does_not_hide_a_change_of_another(judged: Judged) -> None:
    """Turning 67 closes the arm that was open; the other one fails all the year."""
    found = judged(with_arms((YOUNG, "A"), ("{age: {below: 67}}", "B")))
    assert found.grade == "certain"
    assert found.changes_on is not None
    assert (found.changes_on.date, found.changes_on.grade, found.changes_on.because) == (
        "2027-03-05",
        "certainly-not",
        ("c1",),
    )


def test_an_arm_that_the_trial_does_not_name_is_a_mistake(screening: Screening, tmp_path: Path) -> None:
    folder = trial_in(tmp_path, with_arms((OLD, ""), (OLD, "[A, C]")))
    with pytest.raises(TrialError) as caught:
        load_trials(screening.vocabulary, [folder])
    assert caught.value.problems == (
        f"{folder}/trial.yaml:25:15: c1 → arms → entry 2: no arm called C; known are A, B",
    )


# -- drafts


def test_a_result_names_the_file_that_judged_and_nothing_of_an_active_one(judged: Judged, tmp_path: Path) -> None:
    found = judged(HEAD + criterion(OLD))
    assert found.digest == load_trials(Screening().vocabulary, [tmp_path])["NCT00000001"].digest[:16]
    assert (found.status, found.criteria[0].draft, found.grade) == (UNSET, UNSET, "certain")


def test_a_draft_says_so_and_is_never_certain(judged: Judged) -> None:
    found = judged(HEAD.replace("status: active", "status: draft") + criterion(OLD))
    assert (found.status, found.grade, found.criteria[0].draft) == ("draft", "probable", UNSET)


def test_a_trial_with_a_rule_that_nobody_checked_is_a_draft_whatever_its_file_says(judged: Judged) -> None:
    found = judged(HEAD + criterion(OLD) + '    draft: "Age > 18 years"\n')
    assert (found.status, found.grade, found.criteria[0].draft) == ("draft", "probable", True)


def test_a_retired_trial_says_so(judged: Judged) -> None:
    assert judged(HEAD.replace("status: active", "status: retired") + criterion(OLD)).status == "retired"


def test_drafts_and_retired_trials_answer_only_where_they_are_named_or_drafts_are_wanted(tmp_path: Path) -> None:
    for name in ("draft", "retired", "active"):
        text = HEAD.replace("status: active", f"status: {name}").replace("NCT00000001", name)
        trial_in(tmp_path / name, text + criterion(OLD))
    screening, with_drafts = Screening([tmp_path]), Screening([tmp_path], drafts=True)
    own = {"draft", "retired", "active"}
    assert {t.id for t in screening.used.trials} & own == {"active"}
    assert {t.id for t in with_drafts.used.trials} & own == {"active", "draft"}
    assert [t.id for t in screening.wanted(["retired", "draft"]).trials] == ["retired", "draft"]
    assert screening.plan_for(screening.wanted([])) is screening.plan


def test_only_enabled_trials_answer_where_some_are_listed(tmp_path: Path) -> None:
    screening = Screening([trial_in(tmp_path / "one", HEAD + criterion(OLD))], enabled=["NCT00000001"])
    assert [t.id for t in screening.used.trials] == ["NCT00000001"]
    with pytest.raises(TrialError, match="ENABLED_TRIALS: no trial called NCT0000001; did you mean NCT00000001"):
        Screening([tmp_path / "one"], enabled=["NCT0000001"])


# -- versions


def versioned(folder: Path, name: str, **dates: str) -> Path:
    lines = "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in dates.items())
    return trial_in(
        folder / name, HEAD.replace("EXAMPLE", name).replace("criteria:\n", f"{lines}criteria:\n") + criterion(OLD)
    )


@pytest.mark.parametrize(
    ("day", "taken", "used"),
    [
        (date(2025, 12, 31), "first", False),  # none has begun
        (date(2026, 1, 1), "first", True),
        (date(2026, 5, 31), "first", True),
        (date(2026, 6, 1), "second", True),
        (date(2026, 12, 31), "second", True),
        (date(2027, 1, 1), "second", False),  # the last one has ended
    ],
)
def test_of_versions_side_by_side_the_one_in_effect_on_the_day_answers(
    tmp_path: Path, day: date, taken: str, used: bool
) -> None:
    versioned(tmp_path / "NCT00000001", "second", effective_from="2026-06-01", effective_to="2026-12-31")
    versioned(tmp_path / "NCT00000001", "first", effective_from="2026-01-01")
    screening = Screening([tmp_path], on=day)
    assert screening.trials["NCT00000001"].short_name == taken
    assert ("NCT00000001" in {t.id for t in screening.used.trials}) is used


def test_two_versions_that_begin_alike_are_a_mistake(screening: Screening, tmp_path: Path) -> None:
    versioned(tmp_path, "a", effective_from="2026-06-01")
    versioned(tmp_path, "b", effective_from="2026-06-01")
    with pytest.raises(TrialError) as caught:
        load_trials(screening.vocabulary, [tmp_path])
    assert caught.value.problems == (
        f"{tmp_path}/b/trial.yaml:1:1: a version of NCT00000001 in effect from 2026-06-01 stands in "
        f"{tmp_path}/a/trial.yaml too; versions side by side differ in `effective-from`",
    )


def test_versions_of_a_later_folder_replace_all_of_an_earlier_one(screening: Screening, tmp_path: Path) -> None:
    versioned(tmp_path / "one", "old", effective_from="2020-01-01")
    versioned(tmp_path / "one", "new", effective_from="2026-01-01")
    versioned(tmp_path / "two", "own")
    folders = [tmp_path / "one", tmp_path / "two"]
    assert load_trials(screening.vocabulary, folders, day="2026-11-21")["NCT00000001"].short_name == "own"


def test_trial_files_lie_up_to_two_folders_deep(tmp_path: Path) -> None:
    for name in (".", "a", "a/1", "a/1/x"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "trial.yaml").write_text("", "utf-8")
    assert [str(p.relative_to(tmp_path)) for p in trial_files(tmp_path)] == [
        "trial.yaml",
        "a/trial.yaml",
        "a/1/trial.yaml",
    ]


def test_a_version_that_ends_before_it_begins_is_a_mistake(screening: Screening, tmp_path: Path) -> None:
    versioned(tmp_path, "a", effective_from="2026-06-02", effective_to="2026-06-01")
    with pytest.raises(TrialError, match="effective-to: a day on or after 2026-06-02"):
        load_trials(screening.vocabulary, [tmp_path])
    versioned(tmp_path / "one-day", "b", effective_from="2026-06-02", effective_to="2026-06-02")
    assert load_trials(screening.vocabulary, [tmp_path / "one-day"])["NCT00000001"].effective_to == "2026-06-02"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("review-by: 21.11.2026", "review-by: a date such as 2026-11-21 was expected"),
        ('review-by: "2026-02-30"', "review-by: a date such as 2026-11-21 was expected"),
        ("example: maybe", "example: true or false was expected"),
        ("sites: {name: Clinic}", "sites: a list was expected"),
        ("source-items: [{item: I1, digest: abc}]", "digest: a digest was expected: 16 of the signs"),
        ("source-items: [{digest: 0123456789abcdef}]", "item: item is missing"),
        ("owner: ''", "owner: a text was expected"),
    ],
)
def test_a_mistake_in_what_is_told_of_a_file_names_its_place(
    screening: Screening, tmp_path: Path, line: str, said: str
) -> None:
    folder = trial_in(tmp_path, HEAD.replace("criteria:\n", f"{line}\ncriteria:\n") + criterion(OLD))
    with pytest.raises(TrialError) as caught:
        load_trials(screening.vocabulary, [folder])
    assert caught.value.problems[0].startswith(f"{folder}/trial.yaml:11:")
    assert said in caught.value.problems[0]


def test_everything_that_may_be_told_of_a_file_is_read(screening: Screening, tmp_path: Path) -> None:
    told = (
        "owner: Trials office\nreview-by: 2027-01-31\neffective-from: 2026-01-01\neffective-to: 2026-12-31\n"
        "example: true\nsource-items:\n"
        "  - {item: I1, digest: 0123456789abcdef}\n  - {item: E1, digest: '1234567890123456'}\n"
    )
    folder = trial_in(tmp_path, HEAD.replace("criteria:\n", f"{told}criteria:\n") + criterion(OLD))
    trial = load_trials(screening.vocabulary, [folder])["NCT00000001"]
    assert (trial.owner, trial.review_by, trial.example) == ("Trials office", "2027-01-31", True)
    assert (trial.effective_from, trial.effective_to) == ("2026-01-01", "2026-12-31")
    assert [(s.item, s.digest) for s in trial.source_items] == [("I1", "0123456789abcdef"), ("E1", "1234567890123456")]


def test_a_link_that_leads_back_is_followed_once(tmp_path: Path) -> None:
    file = trial_in(tmp_path / "a", "") / "trial.yaml"
    (tmp_path / "a" / "again").symlink_to("../a", target_is_directory=True)
    assert trial_files(tmp_path) == [file]


def test_a_file_that_is_no_text_is_told_in_plain_words(screening: Screening, tmp_path: Path) -> None:
    trial_in(tmp_path, "").joinpath("trial.yaml").write_bytes(b"id: \xff")
    with pytest.raises(TrialError, match="a text in UTF-8 was expected; byte 5 is none"):
        load_trials(screening.vocabulary, [tmp_path])
