"""Static checks: what cannot be meant is a mistake, what may be meant a warning; each with its line and column."""

from collections.abc import Callable
from pathlib import Path

import pytest

from service.library.checking import Checked, check_files
from service.screening import Screening
from tests.criteria.test_trial_files import HEAD, criterion, trial_in

Checking = Callable[[str], Checked]


@pytest.fixture
def checked(screening: Screening, tmp_path: Path) -> Checking:
    return lambda text: check_files(screening, [trial_in(tmp_path, text) / "trial.yaml"])


def rules(*written: str) -> str:
    return HEAD + "".join(criterion(rule, f"c{n}") for n, rule in enumerate(written))


def said(lines: tuple[str, ...]) -> list[str]:
    """Lines without the folder of the file."""
    return [line[line.index("trial.yaml") :] for line in lines]


ANC = "{measurement: anc, at-least: 1500 /mm3, within: 28 days}"
MISTAKES = {
    "two criteria that nobody can meet": (
        [ANC, "{measurement: anc, less-than: 1.5 10*3/uL, within: 28 days}"],
        "trial.yaml:21:5: c1 → rule: ANC less than 1.5 ×10³/µL, but at least 1,500 /mm³ in c0: nobody can meet both",
    ),
    "an exclusion and an inclusion": (
        [ANC, "{absent: {measurement: anc, at-least: 1000 /mm3, within: 28 days}}"],
        "trial.yaml:21:5: c1 → rule: ANC not at least 1,000 /mm³, but at least 1,500 /mm³ in c0: nobody can meet both",
    ),
    "within one rule": (
        ["{all-of: [{measurement: ecog, at-most: 1, within: 1 day}, {measurement: ecog, at-least: 2, within: 1 day}]}"],
        "trial.yaml:16:5: c0 → rule: ECOG performance status at least 2, but at most 1 here too: nobody can meet both",
    ),
    "within a branch": (
        [
            "{any-of: [{sex: male}, {all-of: [{measurement: ecog, at-most: 1, within: 1 day}, "
            "{measurement: ecog, at-least: 2, within: 1 day}]}]}"
        ],
        "trial.yaml:16:5: c0 → rule: ECOG performance status at most 1, and at least 2: nobody can meet both",
    ),
    "ages": (
        ["{age: {below: 18}}", "{age: {at-least: 18}}"],
        "trial.yaml:21:5: c1 → rule: age at least 18 years, but below 18 years in c0: nobody can meet both",
    ),
    "genders": (
        ["{sex: male}", "{sex: female}"],
        "trial.yaml:21:5: c1 → rule: the other gender is asked for in c0: nobody can meet both",
    ),
    "a diagnosis asked for and ruled out": (
        ["{present: {diagnosis: cirrhosis}}", "{absent: {diagnosis: cirrhosis}}"],
        "trial.yaml:21:5: c1 → rule: cirrhosis of the liver, now: asked for and ruled out (c0, c1)",
    ),
    "no value can meet it": (
        ["{measurement: ecog, more-than: 4, within: 28 days}"],
        "trial.yaml:16:5: c0 → rule: ECOG performance status more than 4: no value that is read can meet it",
    ),
    "both branches the same": (
        [f"{{when: {{diagnosis: cirrhosis}}, then: {ANC}, otherwise: {ANC}}}"],
        "trial.yaml:16:5: c0 → rule: `then` and `otherwise` say the same: `when` decides nothing",
    ),
    "a branch that is never reached": (
        [
            f"{{when: {{diagnosis: cirrhosis}}, then: {ANC}, otherwise: {{when: {{diagnosis: cirrhosis}}, "
            "then: {sex: male}, otherwise: {sex: female}}}"
        ],
        "trial.yaml:16:5: c0 → rule: `when` asks inside for what it has asked already: one branch can never be reached",
    ),
    "a part that stands twice": (
        [f"{{any-of: [{ANC}, {ANC}]}}"],
        "trial.yaml:16:5: c0 → rule: stands twice: ANC at least 1,500 /mm³, newest result within the last 28 days",
    ),
    "the others never decide": (
        [f"{{any-of: [{ANC}, {{wish: tissue}}]}}"],
        "trial.yaml:16:5: c0 → rule: a wish, never in the way: tissue: always passes, so the others never decide",
    ),
    "a rule that never decides": (
        ["{doubtful: {wish: tissue}, because: the source is not clear}"],
        "trial.yaml:16:5: c0 → rule: never decides: it always comes out as unknown",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_cannot_be_meant_is_a_mistake(checked: Checking, name: str) -> None:
    written, line = MISTAKES[name]
    assert line in said(checked(rules(*written)).mistakes)


WARNINGS = {
    "every value meets it": (
        ["{measurement: ecog, at-most: 4, within: 28 days}"],
        "trial.yaml:16:5: c0 → rule: ECOG performance status at most 4: every value that is read meets it",
    ),
    "a part that says nothing": (
        [f"{{all-of: [{ANC}, {{wish: tissue}}]}}"],
        "trial.yaml:16:5: c0 → rule: a wish, never in the way: tissue: always passes, so it says nothing here",
    ),
    "no window": (
        ["{measurement: anc, at-least: 1500 /mm3}"],
        "trial.yaml:16:5: c0 → rule: ANC without `within`: a result of any age counts; usual is 28 days",
    ),
    "a window of years": (
        ["{measurement: anc, at-least: 1500 /mm3, within: 50 years}"],
        "trial.yaml:16:5: c0 → rule: ANC within 50 years: so old a result tells little; usual is 28 days",
    ),
    "one of two limits is idle": (
        [ANC, "{measurement: anc, at-least: 1000 /mm3, within: 28 days}"],
        "trial.yaml:21:5: c1 → rule: ANC at least 1,000 /mm³, and at least 1,500 /mm³ in c0: one of them is idle",
    ),
    "a long time without therapy": (
        ["{washout: chemotherapy, within: 11 years}"],
        "trial.yaml:16:5: c0 → rule: 11 years is a very long window",
    ),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_what_may_be_meant_is_a_warning(checked: Checking, name: str) -> None:
    written, line = WARNINGS[name]
    found = checked(rules(*written))
    assert (said(found.warnings), found.mistakes) == ([line], ())


@pytest.mark.parametrize(
    "written",
    [
        [ANC, "{measurement: anc, at-most: 1500 /mm3, within: 28 days}"],  # just 1,500 meets both
        [ANC, "{measurement: platelets, less-than: 1500 /mm3, within: 28 days}"],
        [
            "{measurement: alt, at-most: 2 x ULN, within: 28 days}",
            "{measurement: alt, at-least: 10 U/L, within: 28 days}",
        ],
        ["{age: {below: 19}}", "{age: {at-least: 18}}"],
        ["{sex: male}", "{sex: male}"],
        ["{present: {diagnosis: cirrhosis}}", "{absent: {diagnosis: cirrhosis, then: review}}"],
        ["{measurement: ecog, at-least: 4, within: 28 days}"],
        ["{measurement: ecog, at-most: 3, within: 28 days}"],
        ["{measurement: ecog, more-than: 0, within: 28 days}"],
        ["{measurement: anc, at-least: 1500 /mm3, within: 24 months}"],
        ["{washout: chemotherapy, within: 10 years}"],
        [ANC, "{measurement: anc, at-least: 1000 /mm3, within: 7 days}"],  # a fresher one is asked for besides
        [f"{{any-of: [{ANC}, {{sex: male}}]}}"],
        [f"{{when: {{diagnosis: cirrhosis}}, then: {ANC}, otherwise: {{sex: male}}}}"],
        ["{review: Is it so?}"],
        ["{wish: tissue}"],
    ],
)
def test_what_makes_sense_is_not_remarked_on(checked: Checking, written: list[str]) -> None:
    found = checked(rules(*written))
    assert (found.mistakes, found.warnings) == ((), ())


def of_type(kind: str, text: str, rule: str) -> str:
    return HEAD + criterion(rule, text=text).replace("type: inclusion", f"type: {kind}")


LOW = "{measurement: anc, less-than: 1000 /mm3, within: 28 days}"
ENOUGH = "{measurement: anc, at-least: 1000 /mm3, within: 28 days}"


@pytest.mark.parametrize(
    ("kind", "text", "rule", "wrong"),
    [
        ("exclusion", "ANC below 1,000", LOW, True),
        ("exclusion", "ANC below 1,000", ENOUGH, False),
        ("exclusion", "ANC below 1,000", f"{{absent: {LOW}}}", False),
        ("exclusion", "ANC below 1,000", f"{{absent: {ENOUGH}}}", True),
        ("inclusion", "ANC ≥ 1000", ENOUGH, False),
        ("inclusion", "ANC ≥ 1000", LOW, True),
        ("inclusion", "ANC ≥ 1000", f"{{absent: {LOW}}}", False),
        ("inclusion", "ANC of 1000", LOW, False),  # the text does not tell
        ("inclusion", "more than 500 and less than 1000", ENOUGH, False),  # the text tells both
        ("exclusion", "Cirrhosis", "{present: {diagnosis: cirrhosis}}", True),
        ("exclusion", "Cirrhosis", "{absent: {diagnosis: cirrhosis}}", False),
        ("inclusion", "Cirrhosis", "{present: {diagnosis: cirrhosis}}", False),
    ],
)
def test_a_rule_that_seems_the_wrong_way_round_is_a_warning(
    checked: Checking, kind: str, text: str, rule: str, wrong: bool
) -> None:
    found = checked(of_type(kind, f'"{text}"', rule))
    assert found.mistakes == ()
    assert bool(found.warnings) is wrong


def told(line: str) -> str:
    return HEAD.replace("criteria:\n", f"{line}\ncriteria:\n") + criterion("{sex: male}")


@pytest.mark.parametrize(
    ("line", "warned"),
    [
        ("review-by: 2020-01-01", "review-by: was to be reviewed by 2020-01-01"),
        ("review-by: 9999-01-01", ""),
        ("effective-to: 2020-01-01", "effective-to: active, but in effect only until 2020-01-01"),
        ("effective-to: 9999-01-01", ""),
    ],
)
def test_a_file_that_is_due_is_a_warning(checked: Checking, line: str, warned: str) -> None:
    assert said(checked(told(line)).warnings) == ([f"trial.yaml:11:1: {warned}"] if warned else [])


def test_a_draft_in_an_active_trial_is_a_mistake_and_none_in_a_draft(checked: Checking) -> None:
    text = HEAD + criterion("{age: {at-least: 18}}") + '    draft: "Age > 18"\n'
    assert said(checked(text).mistakes) == [
        "trial.yaml:17:5: a → draft: an active trial has no drafts: check the rule and take `draft` away"
    ]
    assert checked(text.replace("status: active", "status: draft")).mistakes == ()


def test_criteria_of_different_arms_do_not_contradict_each_other(checked: Checking) -> None:
    arms = "arms: [{name: A, type: other, description: a}, {name: B, type: other, description: b}]\n"
    head = HEAD.replace("criteria:\n", f"{arms}criteria:\n")
    young, old = criterion("{age: {below: 18}}", "young"), criterion("{age: {at-least: 18}}", "old")
    apart = head + young + "    arms: A\n" + old + "    arms: B\n"
    assert checked(apart).mistakes == ()
    assert len(checked(apart.replace("arms: B", "arms: [A, B]")).mistakes) == 1
    assert len(checked(apart.replace("    arms: B\n", "")).mistakes) == 1


def test_a_name_without_a_code_is_a_mistake_and_one_of_several_a_warning(tmp_path: Path) -> None:
    sets = tmp_path / "sets"
    sets.mkdir()
    sets.joinpath("condition-cirrhosis.json").write_text(
        '{"resourceType": "ValueSet", "id": "condition-cirrhosis", "title": "Cirrhosis", "status": "active",'
        ' "compose": {"include": []}}',
        "utf-8",
    )
    screening = Screening(value_set_folders=[sets])
    alone = trial_in(tmp_path / "one", rules("{absent: {diagnosis: cirrhosis}}"))
    found = check_files(screening, [alone / "trial.yaml"])
    assert [line.rpartition(": ")[2] for line in found.mistakes] == [
        "no value set has a code for it, so no record can hold it"
    ]
    among = trial_in(tmp_path / "two", rules("{absent: {diagnosis: [cirrhosis, alcohol-dependence]}}"))
    found = check_files(screening, [among / "trial.yaml"])
    assert [line.rpartition(": ")[2] for line in found.warnings] == ["no value set has a code for cirrhosis"]


def test_an_id_in_two_files_is_a_mistake(screening: Screening, tmp_path: Path) -> None:
    folders = [trial_in(tmp_path / name, HEAD + criterion("{sex: male}")) for name in "ab"]
    found = check_files(screening, [folder / "trial.yaml" for folder in folders])
    assert len(found.mistakes) == 1
    assert f"stands in {folders[0]}/trial.yaml too" in found.mistakes[0]


def test_a_file_that_cannot_be_read_is_told_beside_those_that_can(screening: Screening, tmp_path: Path) -> None:
    wrong = trial_in(tmp_path / "a", "id: [\n") / "trial.yaml"
    right = trial_in(tmp_path / "b", rules("{measurement: anc, at-least: 1500 /mm3}")) / "trial.yaml"
    found = check_files(screening, [wrong, right])
    assert (len(found.trials), len(found.mistakes), len(found.warnings)) == (1, 1, 1)


def test_nothing_is_remarked_on_the_built_in_trials(screening: Screening) -> None:
    found = check_files(screening, [Path(trial.path) for trial in screening.trials.trials])
    assert (found.mistakes, found.warnings) == ((), ())
