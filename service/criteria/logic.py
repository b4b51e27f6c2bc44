"""The logic of outcomes, written out: three values of a fact, four outcomes of a criterion.

A fact is True, False or None (not known): Kleene's strong logic. An outcome is read from the patient's side, and the
four form a chain, fail < unknown < review < pass: all-of takes the lowest, any-of the highest. `review` stands above
`unknown` because no more data are wanted for it, and below `pass` because a person has yet to agree.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

Outcome = Literal["pass", "fail", "unknown", "review"]
Basis = Literal["recorded", "no-record", "not-applicable", "missing", "stale", "conflict", "unusable", "manual"]
Grade = Literal["certain", "probable", "possible", "certainly-not"]
Failure = Literal["permanent", "until", "changeable"]

OUTCOMES: tuple[Outcome, ...] = ("fail", "unknown", "review", "pass")
RANK: dict[str, int] = {outcome: rank for rank, outcome in enumerate(OUTCOMES)}
TRUTH: frozenset[Outcome] = frozenset({"pass", "fail", "unknown"})
FAILURES: tuple[Failure, ...] = ("permanent", "until", "changeable")
GRADES: tuple[Grade, ...] = ("certain", "probable", "possible", "certainly-not")

AND: dict[tuple[bool | None, bool | None], bool | None] = {
    (True, True): True,
    (True, False): False,
    (True, None): None,
    (False, True): False,
    (False, False): False,
    (False, None): False,
    (None, True): None,
    (None, False): False,
    (None, None): None,
}
OR: dict[tuple[bool | None, bool | None], bool | None] = {
    (True, True): True,
    (True, False): True,
    (True, None): True,
    (False, True): True,
    (False, False): False,
    (False, None): None,
    (None, True): True,
    (None, False): None,
    (None, None): None,
}
NOT: dict[bool | None, bool | None] = {True: False, False: True, None: None}


def both(a: bool | None, b: bool | None) -> bool | None:
    return AND[a, b]


def either(a: bool | None, b: bool | None) -> bool | None:
    return OR[a, b]


def agreed(answers: Iterable[bool | None]) -> bool | None:
    """The answer that all give; None where they differ or there is none."""
    seen = set(answers)
    return seen.pop() if len(seen) == 1 else None


def grade(outcomes: Iterable[tuple[Outcome, Basis]]) -> Grade:
    """The match grade of a trial: certainly-not with any fail, possible with any unknown, probable where a person has
    to judge or a pass rests on silence, else certain."""
    best: Grade = "certain"
    for outcome, basis in outcomes:
        if outcome == "fail":
            return "certainly-not"
        if outcome == "unknown":
            best = "possible"
        elif best == "certain" and (outcome == "review" or basis == "no-record"):
            best = "probable"
    return best


def grade_by_arm(
    common: Iterable[tuple[Outcome, Basis]], own: Mapping[str, Iterable[tuple[Outcome, Basis]]]
) -> dict[str, Grade]:
    """The grade of each arm: of what every arm asks for and what this one asks for besides."""
    shared = tuple(common)
    return {arm: grade((*shared, *outcomes)) for arm, outcomes in own.items()}


def best(grades: Iterable[Grade]) -> Grade:
    """A trial is open to a patient where one of its arms is."""
    return min(grades, key=GRADES.index)
