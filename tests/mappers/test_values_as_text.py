"""Texts that are values as a whole: a number, a comparator in signs or words, a range, a score; any other is none."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from service.criteria.amounts import Interval
from service.mappers.quantities import of_text, score_of_text
from tests.builders import SINAI, Json, Loinc, eligible, observation, quantity

LIMIT = Decimal("1.8")
BELOW, UP_TO = Interval(None, LIMIT, high_open=True), Interval(None, LIMIT)
ABOVE, FROM = Interval(LIMIT, None, low_open=True), Interval(LIMIT, None)
COMPARATORS = {
    "<": BELOW, "less than": BELOW, "under": BELOW, "below": BELOW,
    "<=": UP_TO, "=<": UP_TO, "≤": UP_TO, "less than or equal to": UP_TO, "at most": UP_TO, "up to": UP_TO,
    "not more than": UP_TO, "no more than": UP_TO,
    ">": ABOVE, "greater than": ABOVE, "more than": ABOVE, "over": ABOVE, "above": ABOVE,
    ">=": FROM, "=>": FROM, "≥": FROM, "greater than or equal to": FROM, "at least": FROM,
    "=": Interval(LIMIT, LIMIT), "": Interval(LIMIT, LIMIT),
}  # fmt: skip


@pytest.mark.parametrize("written", COMPARATORS)
@pytest.mark.parametrize("form", ["{} 1.8 mg/dL", "  {}1.8mg/dL "])
def test_a_comparator_makes_an_interval(written: str, form: str) -> None:
    for comparator in (written, written.capitalize()):
        found = of_text(form.format(comparator))
        assert found is not None
        assert (found.interval, found.text) == (COMPARATORS[written], "mg/dL")


@pytest.mark.parametrize("dash", ["-", "–", "—", " - ", " to "])
def test_two_numbers_are_a_range_with_its_bounds(dash: str) -> None:
    found = of_text(f"55{dash}60 %")
    assert found is not None
    assert (found.interval, found.text) == (Interval(Decimal(55), Decimal(60)), "%")


@pytest.mark.parametrize("text", ["1.8", "74 K/uL", "74 10*3/uL", "74 10^3/uL", "-2 mg/dL", "+2 mg/dL"])
def test_a_number_is_itself_with_the_unit_that_follows(text: str) -> None:
    number, _, unit = text.partition(" ")
    found = of_text(text)
    assert found is not None
    assert (found.interval, found.text) == (Interval(Decimal(number), Decimal(number)), unit)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "about 1.8",
        "1,8 mg/dL",
        "1.8, 1.9",
        "60-55 %",
        "<55-60 %",
        "mg/dL",
        "1.8 < 2",
        "<",
        "< <1.8",
        "9" * 121,
    ],
)
def test_any_other_text_is_no_value(text: str) -> None:
    assert of_text(text) is None


@pytest.mark.parametrize(("text", "score"), [("0+", 0), ("1+", 1), (" 2 +", 2), ("3+ ", 3)])
def test_a_score_is_a_digit_up_to_three_with_a_plus(text: str, score: int) -> None:
    assert score_of_text(text) == score


@pytest.mark.parametrize("text", ["4+", "3", "+3", "3++", "13+", "2+ to 3+"])
def test_any_other_text_is_no_score(text: str) -> None:
    assert score_of_text(text) is None


@pytest.mark.parametrize("unread", [quantity(40, "kg"), quantity(40)], ids=["weight", "no-unit"])
def test_a_text_beside_a_value_that_cannot_be_read_is_what_is_shown(judged: Callable[..., Any], unread: Json) -> None:
    both = {"valueQuantity": unread, "valueString": "2.1 10*3/uL"}
    found, _ = judged(eligible(SINAI).put(anc=observation(Loinc.ANC, both)).bundle(), "anc")
    assert (found.outcome, found.evidence[0].says) == ("pass", "2.1 10*3/uL")
