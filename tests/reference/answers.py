"""The four outcomes with their bases, and how several answers become one."""

from collections.abc import Iterable
from typing import NamedTuple


class Answer(NamedTuple):
    """One criterion for one patient: what, and why."""

    outcome: str
    basis: str


PASS = Answer("pass", "recorded")
SILENT = Answer("pass", "no-record")
NOT_APPLICABLE = Answer("pass", "not-applicable")
FAIL = Answer("fail", "recorded")
ABSENT = Answer("fail", "no-record")
MISSING = Answer("unknown", "missing")
STALE = Answer("unknown", "stale")
CONFLICT = Answer("unknown", "conflict")
UNUSABLE = Answer("unknown", "unusable")
REVIEW = Answer("review", "manual")

_WORST_FIRST = ("fail", "unknown", "review", "pass")


def worst(answers: Iterable[Answer]) -> Answer:
    """Every part has to hold: a fail decides, then an unknown, then a question for a person."""
    found = list(answers)
    for outcome in _WORST_FIRST:
        same = [answer for answer in found if answer.outcome == outcome]
        if same:
            # A pass that something recorded supports is no longer one that rests on silence.
            return PASS if PASS in same else same[0]
    raise ValueError("no answers to choose from")


def unknown(basis: str) -> Answer:
    return Answer("unknown", basis)


def graded(outcomes: Iterable[str], bases: Iterable[str]) -> str:
    """FHIR's match grades: any fail, any unknown, any question or silence, nothing left."""
    seen = set(outcomes)
    if "fail" in seen:
        return "certainly-not"
    if "unknown" in seen:
        return "possible"
    if "review" in seen or "no-record" in set(bases):
        return "probable"
    return "certain"
