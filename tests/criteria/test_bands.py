"""Two limits of one value: between them, both ends as they are worded."""

import pytest

from service.errors import TrialError
from service.screening import Screening
from tests.builders import ago, laboratory, loinc
from tests.criteria.one_rule import judged

HBA1C, ALT = loinc("4548-4"), loinc("1742-6")
CLOSED = "{measurement: hba1c, at-least: 7 %, at-most: 10.5 %}"
OPEN = "{measurement: hba1c, more-than: 7 %, less-than: 10.5 %}"


@pytest.mark.parametrize(
    ("rule", "value", "comparator", "outcome"),
    [
        (CLOSED, "7.0", None, "pass"),
        (CLOSED, "6.99", None, "fail"),
        (CLOSED, "10.5", None, "pass"),
        (CLOSED, "10.51", None, "fail"),
        (CLOSED, "10.5", ">", "fail"),
        (CLOSED, "7", ">=", "unknown"),
        (CLOSED, "7", "<", "fail"),
        (CLOSED, "9", "<", "unknown"),
        (OPEN, "7.0", None, "fail"),
        (OPEN, "7.01", None, "pass"),
        (OPEN, "10.49", None, "pass"),
        (OPEN, "10.5", None, "fail"),
    ],
)
def test_a_value_passes_between_its_limits(
    screening: Screening, rule: str, value: str, comparator: str | None, outcome: str
) -> None:
    found = judged(screening, rule, laboratory(HBA1C, _decimal(value), "%", ago(7), comparator=comparator))
    assert found.outcome == outcome, found.reason


def test_the_reason_names_both_limits(screening: Screening) -> None:
    found = judged(screening, CLOSED, laboratory(HBA1C, 12, "%", ago(7)))
    assert found.reason == f"HbA1c 12 % on {ago(7)}, at least 7 % and at most 10.5 % asked for"


def test_a_limit_may_be_a_multiple_of_normal_beside_one_that_is_not(screening: Screening) -> None:
    rule = "{measurement: alt, at-least: 10 U/L, at-most: 2 x ULN}"
    assert judged(screening, rule, laboratory(ALT, 80, "U/L", ago(7), high=40)).outcome == "pass"
    assert judged(screening, rule, laboratory(ALT, 81, "U/L", ago(7), high=40)).outcome == "fail"
    assert judged(screening, rule, laboratory(ALT, 9, "U/L", ago(7))).outcome == "fail"
    assert judged(screening, rule, laboratory(ALT, 30, "U/L", ago(7))).outcome == "unknown"


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ("at-least: 9 %, at-most: 8 %", "no value is at least 9 % and at most 8 %"),
        ("more-than: 8 %, at-most: 8 %", "no value is more than 8 % and at most 8 %"),
        ("at-least: 8 %, more-than: 7 %", "one of at-least, more-than, at-most, less-than was expected"),
        ("at-least: 53 mmol/mol", "a limit of hba1c is written in %; results in mmol/mol are converted"),
    ],
)
def test_limits_that_no_value_meets_are_a_mistake(screening: Screening, limits: str, message: str) -> None:
    with pytest.raises(TrialError, match=message):
        judged(screening, f"{{measurement: hba1c, {limits}}}")


def _decimal(text: str) -> float | int:
    return float(text) if "." in text else int(text)
