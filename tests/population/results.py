"""Results made by hand, and drawn at random, for tests of what is made of them."""

import random
from collections.abc import Sequence

from service.criteria.catalogue import Trial
from service.criteria.findings import Evidence
from service.criteria.logic import grade
from service.criteria.results import Change, CriterionResult, Needed, Order, PatientResult, TrialResult

AS_OF = "2026-11-21"
BASIS = {"pass": "recorded", "fail": "recorded", "unknown": "missing", "review": "manual"}
LVEF = Order("http://loinc.org", "10230-1", "LVEF by US")


def criterion(name: str, outcome: str, reason: str = "so it is", *evidence: Evidence) -> CriterionResult:
    return CriterionResult(name, "inclusion", f"Asks for {name}", "I1", outcome, BASIS[outcome], reason, evidence)


def needed(name: str, *settles: str, why: str = "missing") -> Needed:
    return Needed(name, why, settles or (name,), order=LVEF)


def trial_result(
    outcomes: Sequence[CriterionResult],
    needs: Sequence[Needed] = (),
    trial: str = "T1",
    change: Change | None = None,
    title: str = "A trial",
) -> TrialResult:
    graded = grade((c.outcome, c.basis) for c in outcomes)
    return TrialResult(trial, "2026-01-01", title, "recruiting", graded, change, tuple(needs), tuple(outcomes))


def patient(
    name: str,
    outcomes: str | Sequence[CriterionResult],
    needs: Sequence[Needed] = (),
    change: Change | None = None,
    as_of: str = AS_OF,
) -> PatientResult:
    """One patient of the trial T1; `pfu` are the outcomes of its criteria c0, c1, c2."""
    words = {"p": "pass", "f": "fail", "u": "unknown", "r": "review"}
    if isinstance(outcomes, str):
        outcomes = [criterion(f"c{i}", words[letter]) for i, letter in enumerate(outcomes)]
    return PatientResult(f"Patient/{name}", as_of, "0.1.0", (trial_result(outcomes, needs, change=change),))


def drawn(seed: int, trial: Trial, number: int) -> list[PatientResult]:
    """Patients of a real trial with outcomes at random: many fail early, some are dead."""
    luck = random.Random(seed)
    easy = luck.choice((0.02, 0.1, 0.3))
    made = []
    for i in range(number):
        weights = (1 - 2 * easy, easy, easy * 0.9, easy * 0.1)
        outcomes = [
            CriterionResult(c.id, c.type, c.text, c.source, o, BASIS[o], "", ())
            for c in trial.criteria
            for o in luck.choices(("pass", "fail", "unknown", "review"), weights)
        ]
        if luck.random() < easy / 5:
            outcomes = [criterion("alive", "fail")]
        unknown = [c.id for c in outcomes if c.outcome == "unknown"]
        needs = [needed(name, why=luck.choice(("missing", "stale"))) for name in unknown]
        made.append(PatientResult(f"Patient/{i}", AS_OF, "0.1.0", (trial_result(outcomes, needs, trial.id),)))
    return made
