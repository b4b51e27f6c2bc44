"""What an amendment changes, in clinical words, and whether it lets in more patients or fewer."""

from collections.abc import Callable

import pytest

from service.criteria.catalogue import compile_trial
from service.library.amendment import Amendment, compare
from service.screening import Screening
from tests.criteria.test_trial_files import HEAD, criterion

Compare = Callable[[str, str], Amendment]


@pytest.fixture
def compared(screening: Screening) -> Compare:
    def made(old: str, new: str) -> Amendment:
        return compare(*(compile_trial(text, "trial.yaml", screening.vocabulary) for text in (old, new)))

    return made


def rule(written: str) -> str:
    return HEAD + criterion(written)


ANC = "{measurement: anc, at-least: 1500 /mm3, within: 28 days}"
LVEF = "{measurement: lvef, at-least: 50 %, method: echo}"
NO_DRUG = "{absent: {drug: %s}}"


@pytest.mark.parametrize(
    ("old", "new", "kind", "says"),
    [
        (ANC, ANC.replace("1500", "1000"), "loosened", ["ANC at least 1,500 /mm³ → at least 1,000 /mm³"]),
        (ANC, ANC.replace("1500", "2000"), "tightened", ["ANC at least 1,500 /mm³ → at least 2,000 /mm³"]),
        (ANC, ANC.replace("at-least", "more-than"), "tightened", ["ANC at least 1,500 /mm³ → more than 1,500 /mm³"]),
        (ANC, ANC.replace("28 days", "14 days"), "tightened", ["ANC within 28 days → within 14 days"]),
        (ANC, ANC.replace("28 days", "2 months"), "loosened", ["ANC within 28 days → within 2 months"]),
        (ANC, ANC.replace("28 days", "1 month"), "loosened", ["ANC within 28 days → within 1 month"]),
        (
            ANC,
            ANC.replace("28 days", "4 weeks"),
            "changed",
            ["ANC within 28 days → within 4 weeks, which is the same length"],
        ),
        (
            ANC.replace("28 days", "90 days"),
            ANC.replace("28 days", "3 months"),
            "changed",
            ["ANC within 90 days → within 3 months"],
        ),
        (
            ANC.replace("28 days", "12 months"),
            ANC.replace("28 days", "1 year"),
            "changed",
            ["ANC within 12 months → within 1 year, which is the same length"],
        ),
        (LVEF, LVEF.replace(", method: echo", ""), "changed", ["LVEF at least 50 %, by echo → LVEF at least 50 %"]),
        (ANC, ANC.replace(", within: 28 days", ""), "loosened", ["ANC within 28 days → without a window"]),
        (
            ANC,
            ANC.replace("1500", "1000").replace("28", "7"),
            "changed",
            ["ANC at least 1,500 /mm³ → at least 1,000 /mm³", "ANC within 28 days → within 7 days"],
        ),
        (
            ANC,
            ANC.replace("1500 /mm3", "1.5 10*3/uL"),
            "changed",
            ["ANC at least 1,500 /mm³ → at least 1.5 ×10³/µL, which is the same value"],
        ),
        (
            ANC,
            ANC.replace("at-least", "at-most"),
            "changed",
            ["ANC at least 1,500 /mm³ → at most 1,500 /mm³"],
        ),
        (
            f"{{absent: {ANC}}}",
            f"{{absent: {ANC.replace('1500', '1000')}}}",
            "tightened",
            ["ANC at least 1,500 /mm³ → at least 1,000 /mm³"],
        ),
        (
            f"{{absent: {ANC}}}",
            f"{{absent: {ANC.replace('28 days', '14 days')}}}",
            "loosened",
            ["ANC within 28 days → within 14 days"],
        ),
        (
            "{measurement: alt, at-most: 2 x ULN, within: 28 days}",
            "{measurement: alt, at-most: 80 U/L, within: 28 days}",
            "changed",
            ["ALT at most 2 × ULN within 28 days → ALT at most 80 U/L within 28 days"],
        ),
        (
            "{age: {at-least: 18}}",
            "{age: {at-least: 18, below: 70}}",
            "tightened",
            ["age at least 18 years → at least 18 and below 70 years"],
        ),
        ("{age: {at-least: 18}}", "{age: {at-least: 12}}", "loosened", ["age at least 18 years → at least 12 years"]),
        (
            NO_DRUG % "palbociclib",
            NO_DRUG % "[palbociclib, ribociclib]",
            "tightened",
            ["palbociclib → palbociclib or ribociclib: ribociclib added"],
        ),
        (
            NO_DRUG % "[palbociclib, ribociclib]",
            NO_DRUG % "palbociclib",
            "loosened",
            ["palbociclib or ribociclib → palbociclib: ribociclib taken out"],
        ),
        (
            "{present: {drug: palbociclib}}",
            "{present: {drug: [palbociclib, ribociclib]}}",
            "loosened",
            ["palbociclib → palbociclib or ribociclib: ribociclib added"],
        ),
        (
            "{absent: {diagnosis: cirrhosis}}",
            "{absent: [{diagnosis: cirrhosis}, {drug: palbociclib}]}",
            "tightened",
            ["now ruled out: palbociclib ever taken"],
        ),
        (
            "{absent: [{diagnosis: cirrhosis}, {drug: palbociclib}]}",
            "{absent: {diagnosis: cirrhosis}}",
            "loosened",
            ["no longer ruled out: palbociclib ever taken"],
        ),
        (
            "{absent: {diagnosis: cirrhosis}}",
            "{absent: {diagnosis: cirrhosis, then: review}}",
            "loosened",
            ["cirrhosis of the liver, now: fail → review"],
        ),
        (
            "{absent: {diagnosis: cirrhosis, within: 1 year}}",
            "{absent: {diagnosis: cirrhosis, within: 3 years}}",
            "tightened",
            ["cirrhosis of the liver within 1 year → within 3 years"],
        ),
        (
            "{any-of: [{sex: male}, {post-menopausal: required}]}",
            "{any-of: [{sex: male}, {post-menopausal: required}, {present: {drug: goserelin, taken: now}}]}",
            "loosened",
            ["now also: goserelin taken now; nothing on record leaves it unknown"],
        ),
        (
            f"{{all-of: [{ANC}, {{sex: male}}]}}",
            f"{{all-of: [{ANC}]}}",
            "loosened",
            ["no longer: administrative gender male"],
        ),
        (
            f"{{when: {{diagnosis: cirrhosis}}, then: {ANC}, otherwise: {{sex: male}}}}",
            f"{{when: {{diagnosis: cirrhosis}}, then: {ANC.replace('1500', '1000')}, otherwise: {{sex: male}}}}",
            "loosened",
            ["where cirrhosis of the liver, now: ANC at least 1,500 /mm³ → at least 1,000 /mm³"],
        ),
        (
            f"{{for: women, rule: {ANC}}}",
            f"{{for: women, rule: {ANC.replace('1500', '1000')}}}",
            "loosened",
            ["ANC at least 1,500 /mm³ → at least 1,000 /mm³"],
        ),
        (
            "{washout: chemotherapy, within: 14 days}",
            "{washout: chemotherapy, within: 28 days}",
            "tightened",
            ["within 14 days → within 28 days"],
        ),
        (
            "{washout: chemotherapy, within: 14 days}",
            "{washout: chemotherapy, within: 14 days, procedures: radiotherapy}",
            "tightened",
            ["now also: radiotherapy"],
        ),
        (
            "{lines-of-therapy: chemotherapy, cancer: breast, at-most: 2, new-after: 90 days, together: 28 days}",
            "{lines-of-therapy: chemotherapy, cancer: breast, at-most: 3, new-after: 90 days, together: 28 days}",
            "loosened",
            ["at most 2 lines → 3"],
        ),
        ("{sex: male}", "{post-menopausal: required}", "changed", ["administrative gender male → after the menopause"]),
        (
            "{review: Is it so?}",
            "{review: Is it?}",
            "changed",
            ["a person judges: Is it so? → a person judges: Is it?"],
        ),
    ],
)
def test_a_changed_rule_is_told_in_clinical_words(
    compared: Compare, old: str, new: str, kind: str, says: list[str]
) -> None:
    (change,) = compared(rule(old), rule(new)).criteria
    assert (change.change, list(change.says)) == (kind, says)


def test_nothing_differs_between_a_trial_and_itself(screening: Screening) -> None:
    for trial in screening.trials.trials:
        assert compare(trial, trial) == Amendment((), ())


def test_criteria_that_come_and_go_are_told_whole(compared: Compare) -> None:
    found = compared(HEAD + criterion(ANC, "a") + criterion("{sex: male}", "b"), HEAD + criterion(ANC, "a"))
    assert [(c.id, c.change, c.says) for c in found.criteria] == [
        ("b", "removed", ("inclusion: Something", "Administrative gender male."))
    ]
    back = compared(HEAD + criterion(ANC, "a"), HEAD + criterion("{sex: male}", "b") + criterion(ANC, "a"))
    assert [(c.id, c.change) for c in back.criteria] == [("b", "added")]


def test_a_criterion_under_another_id_is_renamed(compared: Compare) -> None:
    (change,) = compared(HEAD + criterion(ANC, "a"), HEAD + criterion(ANC, "b")).criteria
    assert (change.id, change.change, change.says) == ("b", "renamed", ("was a",))


def test_a_change_of_words_alone_is_no_change_of_the_rule(compared: Compare) -> None:
    (change,) = compared(rule(ANC), HEAD + criterion(ANC, text="Enough neutrophils")).criteria
    assert (change.change, change.says) == ("words", ("text: Something → Enough neutrophils",))


def test_arms_and_drafts_are_told(compared: Compare) -> None:
    arms = "arms: [{name: A, type: other, description: a}, {name: B, type: other, description: b}]\n"
    text = HEAD.replace("criteria:\n", f"{arms}criteria:\n") + criterion(ANC)
    (change,) = compared(text, f"{text}    arms: A\n").criteria
    assert (change.change, change.says) == ("loosened", ("asked for all arms → A",))
    (back,) = compared(f"{text}    arms: A\n", f"{text}    arms: [A, B]\n").criteria
    assert (back.change, back.says) == ("tightened", ("asked for A → A, B",))
    (checked,) = compared(f"{text}    draft: said so\n", text).criteria
    assert (checked.change, checked.says) == ("changed", ("a draft → checked",))


def test_facts_are_told_before_and_after(compared: Compare) -> None:
    site = "sites: [{name: Clinic, city: Town}]\n"
    new = HEAD.replace("recruitment: recruiting", "recruitment: completed").replace("criteria:\n", f"{site}criteria:\n")
    found = compared(rule(ANC), new + criterion(ANC)).facts
    assert [(f.fact, f.before, f.after) for f in found] == [
        ("recruitment", "recruiting", "completed"),
        ("site", "", "Clinic, Town"),
    ]
