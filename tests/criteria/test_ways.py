"""Sets of missing inputs: the smallest ones, what is enough for all parts or for one, and what can spoil every way."""

from itertools import chain, combinations

from hypothesis import given
from hypothesis import strategies as st

from service.criteria.ways import against, of_all, of_any, smallest
from tests.properties.records import REPEATABLE

INPUTS = "abcde"
WAYS = st.lists(st.frozensets(st.sampled_from(INPUTS), min_size=1, max_size=3), min_size=1, max_size=4).map(tuple)
PARTS = st.lists(WAYS, min_size=1, max_size=3)


def sets() -> list[frozenset[str]]:
    return [frozenset(c) for c in chain.from_iterable(combinations(INPUTS, n) for n in range(len(INPUTS) + 1))]


def enough(known: frozenset[str], ways: tuple[frozenset[str], ...]) -> bool:
    return any(way <= known for way in ways)


@REPEATABLE
@given(PARTS)
def test_what_is_enough_for_all_is_enough_for_each(parts: list[tuple[frozenset[str], ...]]) -> None:
    together = of_all(parts)
    for known in sets():
        assert enough(known, together) == all(enough(known, ways) for ways in parts)


@REPEATABLE
@given(PARTS)
def test_what_is_enough_for_one_is_enough_for_any(parts: list[tuple[frozenset[str], ...]]) -> None:
    either = of_any(parts)
    for known in sets():
        assert enough(known, either) == any(enough(known, ways) for ways in parts)


@REPEATABLE
@given(WAYS)
def test_what_spoils_them_all_touches_every_way_and_nothing_smaller_does(ways: tuple[frozenset[str], ...]) -> None:
    found = against(ways)
    for spoilt in sets():
        assert any(way <= spoilt for way in found) == all(way & spoilt for way in ways)


@REPEATABLE
@given(WAYS)
def test_no_set_holds_another_and_the_smallest_come_first(ways: tuple[frozenset[str], ...]) -> None:
    found = smallest(ways)
    assert not any(one < other for one in found for other in found)
    assert [len(way) for way in found] == sorted(len(way) for way in found)
    assert smallest(reversed(ways)) == found


def test_a_part_without_any_way_leaves_none() -> None:
    assert of_all([(frozenset("a"),), ()]) == ()
    assert of_any([(frozenset("a"),), ()]) == (frozenset("a"),)
    assert against(()) == ()
