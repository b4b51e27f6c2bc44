"""All-of and any-of over four outcomes: fail < unknown < review < pass, and what the combined basis rests on."""

from itertools import permutations, product

import pytest

from service.criteria.combinations import AllOf, AnyOf
from service.criteria.evaluation import Evaluation
from service.criteria.facts import PatientRecord
from service.criteria.findings import Finding
from service.criteria.logic import TRUTH, Basis, Outcome

# rows and columns: fail, unknown, review, pass
ORDER: tuple[Outcome, ...] = ("fail", "unknown", "review", "pass")
ALL_OF = """
    fail    fail    fail    fail
    fail    unknown unknown unknown
    fail    unknown review  review
    fail    unknown review  pass
"""
ANY_OF = """
    fail    unknown review  pass
    unknown unknown review  pass
    review  review  review  pass
    pass    pass    pass    pass
"""
BASIS: dict[Outcome, Basis] = {"fail": "recorded", "unknown": "missing", "review": "manual", "pass": "recorded"}


class Says:
    """A rule whose finding is given."""

    def __init__(self, outcome: Outcome, basis: Basis | None = None) -> None:
        self.finding = Finding(outcome, basis or BASIS[outcome], outcome)

    def judge(self, ev: Evaluation) -> Finding:
        return self.finding

    def reads(self) -> frozenset[str]:
        return frozenset({f"key {id(self)}"})

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH


def judged(combination: type[AllOf] | type[AnyOf], *rules: Says) -> Finding:
    nobody: PatientRecord = None  # type: ignore[assignment]  # no given finding looks at a record
    return combination(rules).judge(Evaluation(nobody, 1))


@pytest.mark.parametrize(("combination", "table"), [(AllOf, ALL_OF), (AnyOf, ANY_OF)], ids=["all-of", "any-of"])
def test_combinations_follow_the_table(combination: type[AllOf] | type[AnyOf], table: str) -> None:
    cells = table.split()
    for (left, right), expected in zip(product(ORDER, ORDER), cells, strict=True):
        assert judged(combination, Says(left), Says(right)).outcome == expected, (left, right)


@pytest.mark.parametrize("combination", [AllOf, AnyOf])
def test_the_order_of_parts_changes_no_outcome_and_not_whether_it_rests_on_silence(
    combination: type[AllOf] | type[AnyOf],
) -> None:
    parts: list[tuple[Outcome, Basis]] = [("pass", "no-record"), ("pass", "recorded"), ("pass", "not-applicable")]
    for chosen in (parts, [*parts, ("unknown", "conflict"), ("unknown", "missing")], [*parts, ("review", "manual")]):
        found = {
            (made.outcome, made.basis == "no-record")
            for order in permutations(chosen)
            if (made := judged(combination, *(Says(*part) for part in order)))
        }
        assert len(found) == 1, found


@pytest.mark.parametrize(
    ("bases", "expected"),
    [
        (("recorded", "recorded"), "recorded"),
        (("recorded", "no-record"), "no-record"),
        (("no-record", "not-applicable"), "no-record"),
        (("recorded", "not-applicable"), "recorded"),
        (("not-applicable", "not-applicable"), "not-applicable"),
    ],
)
def test_a_whole_pass_rests_on_silence_where_a_part_does(bases: tuple[Basis, ...], expected: Basis) -> None:
    assert judged(AllOf, *(Says("pass", basis) for basis in bases)).basis == expected


def test_one_recorded_pass_is_enough_for_any_of() -> None:
    assert judged(AnyOf, Says("pass", "no-record"), Says("pass", "recorded")).basis == "recorded"
    assert judged(AnyOf, Says("pass", "no-record"), Says("unknown")).basis == "no-record"


def test_an_unknown_of_several_doubts_names_the_conflict() -> None:
    assert judged(AllOf, Says("unknown", "missing"), Says("unknown", "conflict")).basis == "conflict"
    assert judged(AnyOf, Says("unknown", "stale"), Says("unknown", "conflict"), Says("fail")).basis == "conflict"


def test_a_combination_reads_what_its_parts_read() -> None:
    parts = (Says("pass"), Says("fail"))
    assert AllOf(parts).reads() == AnyOf(parts).reads() == parts[0].reads() | parts[1].reads()
