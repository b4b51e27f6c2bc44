"""Three values of a fact as Kleene's strong tables give them, and the grade of a trial from its outcomes."""

from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.criteria.logic import (
    AND,
    GRADES,
    NOT,
    OR,
    OUTCOMES,
    RANK,
    TRUTH,
    Basis,
    Outcome,
    agreed,
    both,
    either,
    grade,
)

REPEATABLE = settings(derandomize=True, deadline=None, database=None, max_examples=200)
TRUTHS = st.sampled_from((True, False, None))

# rows and columns in the order true, false, not known
KNOWN = {"T": True, "F": False, "U": None}
KLEENE_AND = """
    T F U
    F F F
    U F U
"""
KLEENE_OR = """
    T T T
    T F U
    T U U
"""

# what each outcome may rest on
BASES: dict[Outcome, tuple[Basis, ...]] = {
    "pass": ("recorded", "no-record", "not-applicable"),
    "fail": ("recorded", "no-record"),
    "unknown": ("missing", "stale", "conflict", "unusable"),
    "review": ("manual",),
}
PAIRS = [(outcome, basis) for outcome, bases in BASES.items() for basis in bases]
PASSES = st.lists(st.sampled_from([("pass", "recorded"), ("pass", "not-applicable")]), max_size=4)


def _cells(table: str) -> dict[tuple[bool | None, bool | None], bool | None]:
    rows = [line.split() for line in table.split("\n") if line.strip()]
    return {
        (left, right): KNOWN[cell]
        for left, row in zip(KNOWN.values(), rows, strict=True)
        for right, cell in zip(KNOWN.values(), row, strict=True)
    }


@pytest.mark.parametrize(
    ("table", "ask", "written"), [(AND, both, KLEENE_AND), (OR, either, KLEENE_OR)], ids=["and", "or"]
)
def test_and_and_or_are_kleenes(
    table: dict[tuple[bool | None, bool | None], bool | None],
    ask: Callable[[bool | None, bool | None], bool | None],
    written: str,
) -> None:
    expected = _cells(written)
    assert table == expected
    assert {pair: ask(*pair) for pair in expected} == expected


def test_not_is_kleenes() -> None:
    assert NOT == {True: False, False: True, None: None}


@REPEATABLE
@given(TRUTHS, TRUTHS, TRUTHS)
def test_and_and_or_are_commutative_and_associative(a: bool | None, b: bool | None, c: bool | None) -> None:
    for ask in (both, either):
        assert ask(a, b) is ask(b, a)
        assert ask(ask(a, b), c) is ask(a, ask(b, c))


@REPEATABLE
@given(TRUTHS, TRUTHS, TRUTHS)
def test_and_and_or_distribute_and_absorb(a: bool | None, b: bool | None, c: bool | None) -> None:
    assert both(a, either(b, c)) is either(both(a, b), both(a, c))
    assert either(a, both(b, c)) is both(either(a, b), either(a, c))
    assert both(a, either(a, b)) is a
    assert either(a, both(a, b)) is a


@REPEATABLE
@given(TRUTHS, TRUTHS)
def test_de_morgan_and_double_negation_hold(a: bool | None, b: bool | None) -> None:
    assert NOT[both(a, b)] is either(NOT[a], NOT[b])
    assert NOT[either(a, b)] is both(NOT[a], NOT[b])
    assert NOT[NOT[a]] is a


@REPEATABLE
@given(TRUTHS, TRUTHS, st.booleans())
def test_learning_what_was_not_known_never_overturns_an_answer(a: bool | None, b: bool | None, learnt: bool) -> None:
    known = learnt if a is None else a
    for ask in (both, either):
        before = ask(a, b)
        assert before is None or ask(known, b) is before


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([], None),
        ([True], True),
        ([False, False], False),
        ([None, None], None),
        ([True, True, False], None),
        ([True, None], None),
        ([False, None], None),
    ],
)
def test_answers_agree_only_where_all_say_the_same(answers: list[bool | None], expected: bool | None) -> None:
    assert agreed(answers) is expected


def test_outcomes_stand_in_the_order_of_how_far_they_hold_up_a_trial() -> None:
    assert OUTCOMES == ("fail", "unknown", "review", "pass")
    assert sorted(RANK, key=RANK.__getitem__) == list(OUTCOMES)
    assert set(OUTCOMES) - {"review"} == TRUTH
    assert GRADES == ("certain", "probable", "possible", "certainly-not")


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([("pass", "recorded")], "certain"),
        ([("pass", "not-applicable"), ("pass", "recorded")], "certain"),
        ([("pass", "no-record")], "probable"),
        ([("review", "manual")], "probable"),
        ([("pass", "recorded"), ("review", "manual")], "probable"),
        ([("unknown", "missing")], "possible"),
        ([("unknown", "stale"), ("review", "manual"), ("pass", "no-record")], "possible"),
        ([("fail", "recorded")], "certainly-not"),
        ([("fail", "no-record")], "certainly-not"),
        ([("unknown", "conflict"), ("fail", "recorded"), ("pass", "recorded")], "certainly-not"),
    ],
)
def test_the_grade_of_a_trial_is_that_of_the_reference(outcomes: list[tuple[Outcome, Basis]], expected: str) -> None:
    assert grade(outcomes) == expected
    assert grade(reversed(outcomes)) == expected


def _by_the_sentence(outcomes: list[tuple[Outcome, Basis]]) -> str:
    """The four sentences of the reference, one after the other."""
    said = {outcome for outcome, _ in outcomes}
    if "fail" in said:
        return "certainly-not"
    if "unknown" in said:
        return "possible"
    if "review" in said or ("pass", "no-record") in outcomes:
        return "probable"
    return "certain"


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_combination_of_outcomes_has_the_grade_the_reference_says(size: int) -> None:
    for chosen in combinations(PAIRS, size):
        assert grade(chosen) == _by_the_sentence(list(chosen)), chosen


@REPEATABLE
@given(st.lists(st.sampled_from(PAIRS), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_criteria_changes_no_grade(outcomes: list[tuple[Outcome, Basis]], shuffler: object) -> None:
    mixed = list(outcomes)
    shuffler.shuffle(mixed)  # type: ignore[attr-defined]
    assert grade(mixed) == grade(outcomes)


@REPEATABLE
@given(st.lists(st.sampled_from(PAIRS), min_size=1, max_size=8), st.sampled_from(PAIRS))
def test_a_further_criterion_never_makes_a_grade_better(
    outcomes: list[tuple[Outcome, Basis]], further: tuple[Outcome, Basis]
) -> None:
    assert GRADES.index(grade([*outcomes, further])) >= GRADES.index(grade(outcomes))


@REPEATABLE
@given(st.lists(st.sampled_from(PAIRS), min_size=1, max_size=8), PASSES)
def test_recorded_passes_change_no_grade(
    outcomes: list[tuple[Outcome, Basis]], passes: list[tuple[Outcome, Basis]]
) -> None:
    assert grade([*passes, *outcomes]) == grade(outcomes)
