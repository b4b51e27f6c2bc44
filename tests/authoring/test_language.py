"""What imported rules use of the trial language: ages that include a year, limits of one ULN, the site's window."""

import json
from datetime import date

import pytest

from service.criteria.catalogue import compile_trial
from service.criteria.evaluation import Rule
from service.errors import TrialError
from service.screening import Screening
from tests.builders import patient
from tests.criteria.one_rule import ONE_TRIAL, trial_of


def rule_of(screening: Screening, rule: str) -> Rule:
    text = ONE_TRIAL.format(rule=rule)
    return compile_trial(text, "one.yaml", screening.vocabulary).criteria[0].rule


@pytest.mark.parametrize(("born", "outcome"), [("1950-11-21", "fail"), ("1950-11-22", "pass"), ("1951-11-21", "pass")])
def test_at_most_includes_the_whole_year_of_that_age(screening: Screening, born: str, outcome: str) -> None:
    plan = trial_of(screening, "{age: {at-most: 75}}")
    record = screening.read(json.dumps([patient(birth=born)]).encode(), "record")
    assert screening.screen(record, date(2026, 11, 21), plan).results[0].criteria[0].outcome == outcome


def test_below_and_at_most_are_not_both_told(screening: Screening) -> None:
    with pytest.raises(TrialError, match="not both"):
        rule_of(screening, "{age: {below: 75, at-most: 74}}")


def test_uln_alone_is_one_times_uln(screening: Screening) -> None:
    plain, written = (f"{{measurement: bilirubin, at-most: {limit}, within: 28 days}}" for limit in ("ULN", "1 x ULN"))
    assert rule_of(screening, plain) == rule_of(screening, written)


def test_the_sites_window_needs_no_number(screening: Screening) -> None:
    told = "measurement: anc, at-least: 1500 /mm3, window-is: site-default"
    assert rule_of(screening, f"{{{told}}}") == rule_of(screening, f"{{{told}, within: 28 days}}")
    assert rule_of(screening, f"{{{told}}}") != rule_of(screening, f"{{{told}, within: 29 days}}")
