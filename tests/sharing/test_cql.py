"""The CQL of a trial as text: every criterion is there, what is not said is told, nothing of an author's breaks it.

What the text means is held by an engine: `tests/live/test_cql.py`.
"""

import re
from collections.abc import Callable

import pytest

from service.criteria.catalogue import Trial
from service.screening import Screening
from service.sharing.cql import DRAFT, PERSON, as_cql
from tests.criteria.test_trial_files import criterion

Compiled = Callable[[str], Trial]
DEFINE = re.compile(r'^define "([^"]+)":', re.M)
VALUE_SET = re.compile(r'^valueset "([^"]+)"', re.M)


def body_of(text: str, name: str) -> str:
    """The expression of one define."""
    return text.partition(f'define "{name}":\n')[2].partition("\n\n")[0]


def test_every_criterion_has_one_define(trial: Trial, library: Screening) -> None:
    cql = as_cql(trial, library)
    defines = DEFINE.findall(cql.text)
    assert len(set(defines)) == len(defines)
    assert [defines.count(cql.defines[c.id]) for c in trial.criteria] == [1] * len(trial.criteria)
    assert "Grade" in defines


def test_what_is_not_said_stands_in_the_header_and_as_null(trial: Trial, library: Screening) -> None:
    cql = as_cql(trial, library)
    header = " ".join(cql.text.partition("\nlibrary ")[0].replace("\n//", "").split())
    for item in cql.unsaid:
        assert f"- {item.criterion}{'' if item.whole else ' (in part)'}: {' '.join(item.why.split())}" in header
        assert item.whole is (body_of(cql.text, cql.defines[item.criterion]) == "  null as Boolean")


def test_what_only_a_person_judges_is_null(trial: Trial, library: Screening) -> None:
    said = {item.criterion for item in as_cql(trial, library).unsaid if item.why == PERSON and item.whole}
    assert said == {c.id for c in trial.criteria if c.rule.outcomes() == {"review"}}


def test_every_value_set_that_is_named_is_declared_and_given(trial: Trial, library: Screening) -> None:
    cql = as_cql(trial, library)
    declared = VALUE_SET.findall(cql.text)
    named = set(re.findall(r'(?: in |: )"([a-z]+-[^"]+|[A-Z0-9-]+-[a-z][^"]*)"', cql.text))
    assert named <= set(declared)
    assert declared == [resource["id"] for resource in cql.value_sets.resources()]


def test_no_kind_of_rule_is_dropped(trial: Trial, library: Screening) -> None:
    cql = as_cql(trial, library)
    whole = {item.criterion for item in cql.unsaid if item.whole}
    for c in trial.criteria:
        assert (body_of(cql.text, cql.defines[c.id]) == "  null as Boolean") is (c.id in whole)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("{age: {at-least: 18, below: 76}}", 'AgeInYearsAt("As of") >= 18 and AgeInYearsAt("As of") < 76'),
        ("{sex: female}", "when 'female' then true\n    when 'male' then false\n    else null"),
        ("{measurement: anc, at-least: 1500 /mm3}", ">= 1.5 '10*3/uL'"),
        ("{measurement: hemoglobin, more-than: 9 g/dL}", "> 9.0 'g/dL'"),
        ("{measurement: hba1c, at-least: 7 %, at-most: 10.5 %}", "<= 10.5 '%'"),
        ("{measurement: anc, at-least: 1500 /mm3, within: 28 days}", '"Inside"(R, "As of" - 28 days)'),
        ("{measurement: anc, at-least: 1500 /mm3, within: 1 year}", '"Inside"(R, "As of" - 1 year)'),
        ("{measurement: alt, at-most: 2.5 x ULN}", '"Times normal"(R, "Units of alt", \'U/L\') <= 2.5'),
        ("{measurement: ecog, at-most: 2}", 'in "answer-ecog-2" then 2.0'),
        ("{absent: {diagnosis: cirrhosis}}", 'return all "Now"(C)'),
        ("{absent: {diagnosis: pancreatitis}}", 'return all "Ever"(C)'),
        ("{absent: {diagnosis: stroke, within: 6 months}}", '"Begun since"(C, "As of" - 6 months)'),
        ("{absent: {drug: insulin, taken: now}}", "D.sure and D.now"),
        ("{absent: {procedure: radiotherapy, within: 14 days}}", '"Done since"(P, "As of" - 14 days)'),
        ("{washout: chemotherapy, within: 14 days}", 'D.last, "As of" - 14 days)'),
        ("{receptor: er}", ">= 1.0 '%'"),
        ("{wish: a specimen}", "  true"),
    ],
)
def test_rules_are_told_with_their_own_numbers(compiled: Compiled, library: Screening, rule: str, says: str) -> None:
    cql = as_cql(compiled(rule), library)
    assert says in body_of(cql.text, "a")
    assert not cql.unsaid


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("{her2: asco-cap-2018}", "HER2 positive by the ASCO/CAP guideline"),
        ("{measurement: lvef, more-than: 50 %, method: echo}", "results by another method"),
        ("{given-since-metastasis: all, cancer: breast, all-of: [chemotherapy]}", "given: chemotherapy"),
        ("{for: child-bearing, rule: {sex: female}}", "who may bear children"),
    ],
)  # fmt: skip
def test_a_kind_that_cql_does_not_say_is_told(compiled: Compiled, library: Screening, rule: str, why: str) -> None:
    said = as_cql(compiled(rule), library).unsaid
    assert [item.criterion for item in said] == ["a"]
    assert why in said[0].why


def test_what_only_leaves_doubt_or_asks_a_person_is_never_a_fail(compiled: Compiled, library: Screening) -> None:
    doubt = as_cql(compiled("{absent: {diagnosis: cirrhosis, then: unknown}}"), library)
    sure = as_cql(compiled("{absent: {diagnosis: cirrhosis}}"), library)
    assert body_of(doubt.text, "a").rstrip(") \n").endswith("and null")
    assert "and null" not in body_of(sure.text, "a")


def test_a_draft_that_nobody_checked_is_null(compiled: Compiled, library: Screening) -> None:
    written = criterion("{age: {at-least: 18}}") + "    draft: 18 years and older\n"
    cql = as_cql(compiled(written), library)
    assert [(item.criterion, item.why, item.whole) for item in cql.unsaid] == [("a", DRAFT, True)]
    assert body_of(cql.text, "a") == "  null as Boolean"
    assert ", draft; file" in cql.text


def test_the_grade_with_arms_is_the_best_arms(compiled: Compiled, library: Screening) -> None:
    arms = "arms:\n  - {name: A, type: other, description: a}\n  - {name: B, type: other, description: b}\n"
    only = criterion("{age: {below: 70}}", id="b") + "    arms: [B]\n"
    cql = as_cql(compiled(criterion("{age: {at-least: 18}}") + only + arms), library)
    said = body_of(cql.text, "Grade number")
    assert said.startswith("  Max({")
    assert [line.strip() for line in said.splitlines() if "Grade of" in line] == [
        '"Grade of"({ "a" }),', '"Grade of"({ "a", "b" })',
    ]  # fmt: skip


def test_words_of_an_author_stay_words(compiled: Compiled, library: Screening) -> None:
    odd = 'It\'s \\"odd\\"\\n*/ define \\u2028x'
    cql = as_cql(compiled(criterion("{age: {at-least: 18}}", id='"a\\"b\'\\\\c"', text=f'"{odd}"')), library)
    assert 'define "a\\"b\'\\\\c":' in cql.text
    lines = cql.text.splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("define ") and "Grade" not in line)
    assert all(line.startswith("//") for line in lines[place - 2 : place] if line)
    assert not [line for line in lines if line.lstrip().startswith(("*/", 'x"'))]


@pytest.mark.parametrize("name", ["Grade", "Now", "Drug records", "condition-cirrhosis", "Patient"])
def test_a_criterion_may_have_any_name(compiled: Compiled, library: Screening, name: str) -> None:
    cql = as_cql(compiled(criterion("{age: {at-least: 18}}", id=name)), library)
    assert cql.defines[name] == f"{name} (criterion)"
    assert len(set(DEFINE.findall(cql.text))) == len(DEFINE.findall(cql.text))


def test_the_same_trial_gives_the_same_text(trial: Trial, library: Screening) -> None:
    assert as_cql(trial, library).text == as_cql(trial, library).text
