"""Intervals against limits: what is certain of every value in one is true or false, the rest is not known."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.criteria.amounts import COMPARISONS, Interval, at_least, at_most, exactly, less_than, more_than

REPEATABLE = settings(derandomize=True, deadline=None, database=None, max_examples=300)
D = Decimal
LIMIT = D("1.5")
NUMBERS = st.integers(-40, 40).map(lambda n: D(n) / 10)


def below(value: str) -> Interval:
    return Interval(None, D(value), high_open=True)


def up_to(value: str) -> Interval:
    return Interval(None, D(value))


def above(value: str) -> Interval:
    return Interval(D(value), None, low_open=True)


def from_(value: str) -> Interval:
    return Interval(D(value), None)


# against 1.5: at least, more than, at most, less than
TABLE: list[tuple[str, Interval, tuple[bool | None, ...]]] = [
    ("1.4", exactly(D("1.4")), (False, False, True, True)),
    ("1.5", exactly(D("1.5")), (True, False, True, False)),
    ("1.50", exactly(D("1.50")), (True, False, True, False)),
    ("1.6", exactly(D("1.6")), (True, True, False, False)),
    ("1.5 and a hair", exactly(D("1.50000000000000000001")), (True, True, False, False)),
    ("<0.2", below("0.2"), (False, False, True, True)),
    ("<1.5", below("1.5"), (False, False, True, True)),
    ("<1.6", below("1.6"), (None, None, None, None)),
    ("<2", below("2"), (None, None, None, None)),
    ("<=1.4", up_to("1.4"), (False, False, True, True)),
    ("<=1.5", up_to("1.5"), (None, False, True, None)),
    ("<=1.6", up_to("1.6"), (None, None, None, None)),
    (">1.4", above("1.4"), (None, None, None, None)),
    (">1.5", above("1.5"), (True, True, False, False)),
    (">1.6", above("1.6"), (True, True, False, False)),
    (">=1.4", from_("1.4"), (None, None, None, None)),
    (">=1.5", from_("1.5"), (True, None, None, False)),
    (">=1.6", from_("1.6"), (True, True, False, False)),
    ("1-1.4", Interval(D(1), D("1.4")), (False, False, True, True)),
    ("1-1.5", Interval(D(1), D("1.5")), (None, False, True, None)),
    ("1.5-2", Interval(D("1.5"), D(2)), (True, None, None, False)),
    ("1.6-2", Interval(D("1.6"), D(2)), (True, True, False, False)),
    ("1-2", Interval(D(1), D(2)), (None, None, None, None)),
    ("anything", Interval(None, None), (None, None, None, None)),
]


@pytest.mark.parametrize(("value", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_value_is_compared_as_the_whole_of_its_interval(value: Interval, expected: tuple[bool | None, ...]) -> None:
    found = tuple(compare(value, LIMIT) for compare in (at_least, more_than, at_most, less_than))
    assert found == expected


def test_the_words_of_a_trial_file_name_the_four_comparisons() -> None:
    assert {"at-least": at_least, "more-than": more_than, "at-most": at_most, "less-than": less_than} == COMPARISONS


def test_nothing_is_rounded() -> None:
    third = exactly(D("1.8"))
    assert at_most(third, D("1.5") * D("1.2")) is True
    assert more_than(third, D("1.5") * D("1.2")) is False
    assert exactly(D("0.1")).scaled(D(3)) == exactly(D("0.3"))


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    """Intervals that hold at least one value."""
    low, high = sorted((draw(NUMBERS), draw(NUMBERS)))
    low_open, high_open = (False, False) if low == high else (draw(st.booleans()), draw(st.booleans()))
    return Interval(draw(st.sampled_from((low, None))), draw(st.sampled_from((high, None))), low_open, high_open)


def _values(interval: Interval, limit: Decimal) -> list[Decimal]:
    """Values of an interval on every side of the limit and of its own bounds."""
    hair = D("0.001")
    marks = [m for m in (interval.low, interval.high, limit) if m is not None]
    tried = [m + step for m in marks for step in (-1000 * hair, -hair, D(0), hair, 1000 * hair)]
    return [
        v
        for v in tried
        if (interval.low is None or v > interval.low or (v == interval.low and not interval.low_open))
        and (interval.high is None or v < interval.high or (v == interval.high and not interval.high_open))
    ]


@REPEATABLE
@given(intervals(), NUMBERS)
def test_an_answer_is_given_exactly_where_all_values_of_the_interval_give_it(value: Interval, limit: Decimal) -> None:
    inside = _values(value, limit)
    plain = {
        at_least: {v >= limit for v in inside},
        more_than: {v > limit for v in inside},
        at_most: {v <= limit for v in inside},
        less_than: {v < limit for v in inside},
    }
    for compare, answers in plain.items():
        assert compare(value, limit) == (answers.pop() if len(answers) == 1 else None)


@REPEATABLE
@given(intervals(), NUMBERS, st.sampled_from([D("0.001"), D("0.0113120"), D(1), D(10), D(1000)]))
def test_another_unit_changes_no_comparison(value: Interval, limit: Decimal, factor: Decimal) -> None:
    for compare in COMPARISONS.values():
        assert compare(value.scaled(factor), limit * factor) is compare(value, limit)


@REPEATABLE
@given(intervals(), NUMBERS, NUMBERS)
def test_a_value_meets_a_range_where_some_value_of_it_lies_there(value: Interval, one: Decimal, other: Decimal) -> None:
    low, high = min(one, other), max(one, other)
    inside = [v for limit in (low, high) for v in _values(value, limit)]
    assert value.meets(low, high) == any(low <= v <= high for v in inside)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (exactly(D(2)), True),
        (exactly(D(25)), True),
        (exactly(D("1.9")), False),
        (exactly(D("25.1")), False),
        (below("2"), False),
        (up_to("2"), True),
        (above("25"), False),
        (from_("25"), True),
        (below("3"), True),
    ],
)
def test_both_ends_of_a_usable_range_are_usable(value: Interval, expected: bool) -> None:
    assert value.meets(D(2), D(25)) is expected


def test_only_a_value_with_two_equal_bounds_is_exact() -> None:
    assert exactly(D(3)).exact == D(3)
    assert Interval(D(1), D(2)).exact is None
    assert up_to("2").exact is None
    assert from_("2").exact is None
