"""Overlapping times are those that a comparison of each with each finds."""

from hypothesis import given
from hypothesis import strategies as st

from service.criteria.overlap import Overlaps, all_before, is_older, latest_start
from service.criteria.spans import Span, of_days, up_to

DAYS = st.builds(lambda first, length: of_days(first, first + length, ""), st.integers(1, 40), st.integers(0, 9))
TIMES = st.one_of(st.none(), DAYS, DAYS.map(up_to))


def apart(one: Span | None, other: Span | None) -> bool:
    return one is not None and other is not None and (one.before(other) or other.before(one))


@given(st.lists(TIMES, max_size=12), TIMES)
def test_some_time_is_met_where_one_may_be_the_same(times: list[Span | None], asked: Span | None) -> None:
    assert Overlaps.of(times).meet(asked) is any(not apart(time, asked) for time in times)


@given(st.lists(TIMES, max_size=12), st.integers(0, 12), TIMES)
def test_only_what_was_added_is_met(times: list[Span | None], count: int, asked: Span | None) -> None:
    overlaps = Overlaps(times)
    for time in times[:count]:
        overlaps.add(time)
    assert overlaps.meet(asked) is any(not apart(time, asked) for time in times[:count])


@given(st.lists(TIMES, max_size=12))
def test_older_is_what_is_certainly_before_some_other(times: list[Span | None]) -> None:
    latest = latest_start(times)
    for time in times:
        older = time is not None and any(other is not None and time.before(other) for other in times)
        assert is_older(time, latest) is older


@given(st.lists(TIMES, min_size=1, max_size=6), st.lists(TIMES, min_size=1, max_size=6))
def test_all_are_before_where_each_is_before_each(some: list[Span | None], others: list[Span | None]) -> None:
    expected = all(a is not None and b is not None and a.before(b) for a in some for b in others)
    assert all_before(some, others) is expected
