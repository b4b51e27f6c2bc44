"""The fast engine and the plain reference, made apart from the same rules, give the same answers on made-up patients.

Where they differ, the rules decide which of them is wrong. What the rules leave open is named in OPEN_BASES.
"""

import json
from collections import Counter
from decimal import Decimal
from functools import cache
from typing import NamedTuple

import pytest

from service.screening import Screening

from .engine import TRIALS, grade, judge
from .patients import AS_OF, patient

PATIENTS = 300
BLOCK = 20

# An absence that something found does not disturb: "recorded" is what a resource says, "no-record" is nothing found,
# and a finding that does not count (long ago, ended, refuted) is neither.
_SET_ASIDE = frozenset(("recorded", "no-record"))
# A code or a text that does not settle what it is, beside a doubtful or incompletely read record.
_NAME_OR_READING = frozenset(("missing", "unusable"))
# Of several reasons for an unknown, the page does not say which is told.
_SEVERAL_DOUBTS = frozenset(("missing", "unusable", "conflict", "stale"))

# Criteria whose basis the page leaves open: the bases that count as the same there, and why.
OPEN_BASES: dict[str, tuple[frozenset[str], ...]] = {
    **dict.fromkeys(
        ("active-infection", "bleeding-diathesis", "gi-absorption", "liver-disease", "other-malignancy"),
        (_SET_ASIDE, _NAME_OR_READING),
    ),
    # A text that names the drug in a record of unknown status.
    **dict.fromkeys(
        ("no-prior-cdk46", "no-prior-tdm1", "prior-pertuzumab", "prior-taxane", "prior-trastuzumab"),
        (_NAME_OR_READING,),
    ),
    # One receptor with an unusable value, the other with values that contradict each other.
    "hormone-receptor-positive": (frozenset(("unusable", "conflict")),),
    # Courses that ended long ago, or began before the metastasis; names, dates and statuses in doubt at once.
    **dict.fromkeys(
        (
            *("adjuvant-her2-washout", "concurrent-therapy", "cyp3a4", "lines-of-therapy"),
            *("no-prior-metastatic-therapy", "recent-anticancer-therapy", "recent-chemo-radiotherapy"),
        ),
        (_SET_ASIDE, _SEVERAL_DOUBTS),
    ),
    # Events long ago; a class and a heart failure in doubt at once.
    **dict.fromkeys(("cardiac-event", "heart-failure", "substance-use"), (_SET_ASIDE, _SEVERAL_DOUBTS)),
    # A pregnancy that is over: found, and no longer one.
    "pregnancy-lactation": (_SET_ASIDE,),
    # Three hormones of which each may be missing, old or of another range.
    **dict.fromkeys(("menopause-or-suppression", "postmenopausal"), (_SEVERAL_DOUBTS,)),
    # Between the trial's two limits the row says unknown, and no more.
    "bilirubin": (frozenset(("missing", "unusable", "conflict")),),
    # No induction, or one whose first day is not known, beside statuses that contradict each other or of which one
    # says nothing.
    "no-progression-after-induction": (frozenset(("missing", "unusable", "conflict")),),
    # A negative test, or none needed: both pass.
    "pregnancy-test": (frozenset(("recorded", "not-applicable")),),
}

# Outcomes that the page allows a criterion; manual ones are left out.
PRESENCE = frozenset(("pass", "unknown"))
ALL = frozenset(("pass", "fail", "unknown"))
EXPECTED: dict[tuple[str, str], frozenset[str]] = {
    **{("NCT02947685", name): PRESENCE for name in ("induction-chemo-her2",)},
    **{("HIC-2000023405", name): PRESENCE for name in ("prior-pertuzumab", "lines-of-therapy", "active-infection")},
    **{("NCT03709082", name): PRESENCE for name in ("prior-taxane", "prior-trastuzumab")},
    **{("NCT03304080", name): PRESENCE for name in ("active-infection", "gi-absorption")},
    **{(trial, "contraception"): PRESENCE | {"review"} for trial in ("NCT03304080", "HIC-2000023405")},
    ("NCT03304080", "brain-metastases"): PRESENCE | {"review"},
    ("HIC-2000023405", "concurrent-therapy"): PRESENCE | {"review"},
    ("HIC-2000023405", "cns-metastases"): ALL | {"review"},
    **{(trial, "leptomeningeal"): ALL | {"review"} for trial in ("NCT03304080", "NCT03709082")},
    **{(trial, "allergy"): ALL | {"review"} for trial in ("NCT03304080", "HIC-2000023405", "NCT03709082")},
    ("NCT03304080", "cyp3a4"): ALL | {"review"},
    ("NCT03304080", "no-prior-metastatic-therapy"): ALL | {"review"},
    ("NCT02947685", "metastatic-breast-cancer"): ALL | {"review"},
    ("NCT02947685", "metastatic-specimen"): frozenset(("pass",)),
}


class Answered(NamedTuple):
    """What one side says of one criterion."""

    outcome: str
    basis: str


class Opinion(NamedTuple):
    """One trial for one patient, as one side sees it."""

    grade: str
    criteria: dict[str, Answered]
    reasons: dict[str, str]


@cache
def _screening() -> Screening:
    return Screening()


@cache
def _document(seed: int) -> bytes:
    return json.dumps(patient(seed)).encode()


@cache
def _reference(seed: int) -> dict[str, Opinion]:
    judged = judge(json.loads(_document(seed), parse_float=Decimal), AS_OF)
    return {
        trial: Opinion(grade(answers), {name: Answered(*answer) for name, answer in answers.items()}, {})
        for trial, answers in judged.items()
    }


@cache
def _fast(seed: int) -> dict[str, Opinion]:
    screening = _screening()
    result = screening.screen(screening.read(_document(seed), "patient"), AS_OF)
    return {
        trial.trial: Opinion(
            trial.grade,
            {c.id: Answered(c.outcome, c.basis) for c in trial.criteria},
            {c.id: c.reason for c in trial.criteria},
        )
        for trial in result.results
    }


def _blocks() -> list[range]:
    return [range(first, first + BLOCK) for first in range(0, PATIENTS, BLOCK)]


def _same_basis(criterion: str, ours: str, theirs: str) -> bool:
    return ours == theirs or any({ours, theirs} <= open_here for open_here in OPEN_BASES.get(criterion, ()))


def _disagreements(seed: int) -> list[str]:
    """One line for everything on which the two sides differ, with what the fast engine gives as its reason."""
    found = []
    for trial, ours in _reference(seed).items():
        theirs = _fast(seed)[trial]
        if set(ours.criteria) != set(theirs.criteria):
            found.append(f"seed {seed} {trial}: other criteria: {set(ours.criteria) ^ set(theirs.criteria)}")
            continue
        if ours.grade != theirs.grade:
            found.append(f"seed {seed} {trial}: grade {ours.grade}, engine {theirs.grade}")
        for name, answer in ours.criteria.items():
            other = theirs.criteria[name]
            agreed = answer.outcome == other.outcome and _same_basis(name, answer.basis, other.basis)
            if not agreed:
                said = f"{answer.outcome} ({answer.basis}), engine {other.outcome} ({other.basis})"
                found.append(f"seed {seed} {trial} {name}: {said}: {theirs.reasons[name]}")
    return found


@pytest.mark.parametrize("seeds", _blocks(), ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")
def test_the_fast_engine_and_the_plain_reference_agree(seeds: range) -> None:
    found = [line for seed in seeds for line in _disagreements(seed)]
    assert not found, "\n".join(["", *found])


def test_a_seed_always_makes_the_same_patient() -> None:
    assert [patient(seed) for seed in range(10)] == [patient(seed) for seed in range(10)]


def test_every_trial_and_criterion_of_the_engine_has_a_second_opinion() -> None:
    living = next(seed for seed in range(PATIENTS) if "alive" not in _fast(seed)["NCT03304080"].criteria)
    assert {trial: set(opinion.criteria) for trial, opinion in _fast(living).items()} == {
        trial: set(rules) for trial, rules in TRIALS.items()
    }


def test_every_outcome_that_a_criterion_can_have_occurs() -> None:
    seen: Counter[tuple[str, str, str]] = Counter()
    for seed in range(PATIENTS):
        for trial, opinion in _reference(seed).items():
            seen.update((trial, name, answer.outcome) for name, answer in opinion.criteria.items())
    missing = [
        f"{trial} {name} never {outcome}"
        for trial, rules in TRIALS.items()
        for name in rules
        for outcome in sorted(_possible(trial, name))
        if not seen[trial, name, outcome]
    ]
    assert not missing, "\n".join(["", *missing])


def test_every_grade_that_a_trial_can_have_occurs() -> None:
    seen = {(trial, opinion.grade) for seed in range(PATIENTS) for trial, opinion in _reference(seed).items()}
    # No trial is without a question for a person, so none is ever certain.
    assert seen == {(trial, told) for trial in TRIALS for told in ("certainly-not", "possible", "probable")}


def _possible(trial: str, name: str) -> frozenset[str]:
    manual = {answer.outcome for seed in range(PATIENTS) if (answer := _answer(seed, trial, name))} == {"review"}
    return frozenset(("review",)) if manual else EXPECTED.get((trial, name), ALL)


def _answer(seed: int, trial: str, name: str) -> Answered | None:
    return _reference(seed)[trial].criteria.get(name)
