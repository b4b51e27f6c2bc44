"""Evaluate a record against trials: every criterion, the grade, what is missing."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from service import __version__
from service.criteria.catalogue import Criterion, Trial
from service.criteria.change import NEVER, Standing, first_changes, standing
from service.criteria.evaluation import Evaluation, Site
from service.criteria.facts import PatientRecord
from service.criteria.findings import Evidence, Finding
from service.criteria.lexicon import Lexicon
from service.criteria.lifting import Lifts, of_trial
from service.criteria.logic import GRADES, Failure, Grade
from service.criteria.plan import Plan, TrialPlan, result_of
from service.criteria.results import (
    ArmGrade,
    Change,
    CriterionResult,
    Needed,
    PatientResult,
    SmallestSets,
    TrialResult,
)
from service.criteria.settling import needed, smallest_sets, trials_by_input
from service.criteria.spans import iso

_RANK = {name: rank for rank, name in enumerate(GRADES)}


def evaluate(
    record: PatientRecord, plan: Plan, today: int, lexicon: Lexicon, site: Site | None = None
) -> PatientResult:
    """One patient against every trial, as of one day. Pure: the same arguments give the same result."""
    dead = death(Evaluation(record, today))
    if dead:
        results = [dead_result(p, dead) for p in plan.plans]
    else:
        held = plan.asked_of(record)

        @cache  # a day that several answers name is evaluated once
        def on(day: int) -> Evaluation:
            return Evaluation(record, day, site, plan.silence, held)

        ev = on(today)
        trials = [judged(ev, p, held) for p in plan.plans]
        changes = first_changes([j.standing for j in trials], today, _day_of_death(record), on)
        lifts = Lifts(ev, held, on)
        serves = trials_by_input({j.trial.id: j.unknown for j in trials if j.standing.grade == "possible"})
        results = [_result(j, change, lifts, serves, lexicon) for j, change in zip(trials, changes, strict=True)]
    return result_for(record, plan, today, results)


def result_for(record: PatientRecord, plan: Plan, today: int, results: list[TrialResult]) -> PatientResult:
    """The trials' results as one: the best grade first, then those that are open."""
    if len(results) > 1:
        results.sort(key=lambda r: (_RANK[r.grade], r.trial not in plan.open, r.trial))
    notices = tuple(record.notices)
    return PatientResult(record.person.ref, iso(today), __version__, tuple(results), notices or UNSET)


def death(ev: Evaluation) -> CriterionResult | None:
    """The one criterion of the dead; None for the living."""
    person = ev.record.person
    died = person.died
    if not person.dead and (died is None or not ev.counts(died)):
        return None
    said = f"deceased {died.text}" if died is not None else "deceased"
    evidence = (Evidence(person.ref, said, True, died.text if died is not None else UNSET),)
    return CriterionResult(
        "alive", "inclusion", "The patient is alive", "record", "fail", "recorded", said, evidence,
        failure="permanent",
    )  # fmt: skip


def dead_result(plan: TrialPlan, dead: CriterionResult) -> TrialResult:
    trial = plan.trial
    return TrialResult(
        trial.id, trial.version, trial.title, trial.recruitment, "certainly-not", None, (), (dead,), *plan.file,
        failure="permanent",
    )  # fmt: skip


class Judged(NamedTuple):
    """One trial on the as-of date: its criteria, the unknown ones among them that matter, where it stands, and where
    each arm does if they differ."""

    trial: Trial
    criteria: list[CriterionResult]
    unknown: list[tuple[Criterion, Finding]]
    standing: Standing
    arms: dict[str, Grade]


def judged(ev: Evaluation, plan: TrialPlan, held: int) -> Judged:
    """One trial: its criteria with their evidence, and the grade."""
    silence = plan.silence(held)
    criteria, findings, answers = list(silence.criteria), list(silence.findings), set(silence.answers)
    for place, question in silence.asked:
        finding = findings[place] = ev.find(question.rule)
        answers.add((finding.outcome, finding.basis))
        result = result_of(question.criterion, finding)
        criteria[place] = result if ev.record.whole else _read_in_part(ev.record, result)
    arms = plan.grade_by_arm(findings) if plan.arms else {}
    stands = standing(ev, plan, silence, findings, plan.grade(findings, answers))
    unknown = [(q.criterion, f) for q, f in zip(plan.questions, findings, strict=True) if f.outcome == "unknown"]
    return Judged(plan.trial, criteria, _in_open_arms(unknown, arms), stands, arms)


def _read_in_part(record: PatientRecord, criterion: CriterionResult) -> CriterionResult:
    """What was recorded decides also where more of its type was not read; then the reason says so."""
    if criterion.basis != "recorded":
        return criterion
    kinds = {e.reference.rpartition("/")[0].rpartition("/")[2] for e in criterion.evidence if e.used} - {"Patient"}
    gap = record.unread(*kinds) if kinds else ""
    return msgspec.structs.replace(criterion, reason=f"{criterion.reason} (read in part: {gap})") if gap else criterion


def _result(
    found: Judged, change: Change | None, lifts: Lifts, serves: Mapping[str, tuple[str, ...]], lexicon: Lexicon
) -> TrialResult:
    trial, plan, graded = found.trial, found.standing.plan, found.standing.grade
    by_arm = tuple(ArmGrade(arm, own) for arm, own in found.arms.items())
    missing: tuple[Needed, ...] = ()
    sets: SmallestSets | UnsetType = UNSET
    failure: Failure | UnsetType = UNSET
    until: str | UnsetType = UNSET
    criteria = lifts.told(found.criteria, found.standing.today, plan)
    if graded == "possible":
        missing, sets = needed(found.unknown, serves, lexicon), smallest_sets(found.unknown, lexicon)
    elif graded == "certainly-not":
        failure, until = of_trial(criteria, plan.arms)
    return TrialResult(
        trial.id, trial.version, trial.title, trial.recruitment, graded, change, missing, tuple(criteria),
        *plan.file, by_arm or UNSET, sets, failure, until,
    )  # fmt: skip


def _in_open_arms(
    unknown: list[tuple[Criterion, Finding]], arms: Mapping[str, Grade]
) -> list[tuple[Criterion, Finding]]:
    """Without the criteria that only arms ask for that are out of question."""
    return [pair for pair in unknown if not pair[0].arms or any(arms[a] != "certainly-not" for a in pair[0].arms)]


def _day_of_death(record: PatientRecord) -> int:
    """The day from which a patient who is alive on the as-of date is dead, where the record tells one."""
    died = record.person.died
    return died.first if died is not None else NEVER
