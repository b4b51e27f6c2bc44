"""Evaluate a record against trials: every criterion, the grade, what is missing."""

from collections.abc import Iterable

from msgspec import UNSET, UnsetType

from service import __version__
from service.criteria.catalogue import Criterion, Trial
from service.criteria.evaluation import Evaluation, Site
from service.criteria.facts import PatientRecord
from service.criteria.findings import Evidence, Finding, Need
from service.criteria.lexicon import Lexicon
from service.criteria.logic import GRADES, Basis, Outcome, grade
from service.criteria.plan import Plan, TrialPlan, result_of
from service.criteria.results import CriterionResult, Needed, Order, PatientResult, TrialResult
from service.criteria.spans import iso

_RANK = {name: rank for rank, name in enumerate(GRADES)}


def evaluate(
    record: PatientRecord, plan: Plan, today: int, lexicon: Lexicon, site: Site | None = None
) -> PatientResult:
    """One patient against every trial, as of one day. Pure: the same arguments give the same result."""
    dead = _death(Evaluation(record, today))
    if dead:
        results = [_dead_result(p.trial, dead) for p in plan.plans]
    else:
        held = plan.asked_of(record)
        ev = Evaluation(record, today, site, plan.silence, held)
        results = [_result(ev, p, held, lexicon) for p in plan.plans]
    if len(results) > 1:
        open_trials = {p.trial.id for p in plan.plans if p.is_open}
        results.sort(key=lambda r: (_RANK[r.grade], r.trial not in open_trials, r.trial))
    notices = tuple(record.notices)
    return PatientResult(record.person.ref, iso(today), __version__, tuple(results), notices or UNSET)


def _death(ev: Evaluation) -> CriterionResult | None:
    """The one criterion of the dead."""
    person = ev.record.person
    died = person.died
    if not person.dead and (died is None or not ev.counts(died)):
        return None
    said = f"deceased {died.text}" if died is not None else "deceased"
    evidence = (Evidence(person.ref, said, True, died.text if died is not None else UNSET),)
    return CriterionResult("alive", "inclusion", "The patient is alive", "record", "fail", "recorded", said, evidence)


def _dead_result(trial: Trial, dead: CriterionResult) -> TrialResult:
    return TrialResult(trial.id, trial.version, trial.title, trial.recruitment, "certainly-not", None, (), (dead,))


def _result(ev: Evaluation, plan: TrialPlan, held: int, lexicon: Lexicon) -> TrialResult:
    criteria: list[CriterionResult] = []
    unknown: list[tuple[Criterion, Finding]] = []
    pairs: set[tuple[Outcome, Basis]] = set()
    keep, find = criteria.append, ev.find
    for reads, criterion, rule, finding, silent_result, graded_as in plan.questions:
        if reads & held:
            finding = find(rule)
            graded_as = finding.outcome, finding.basis
            keep(result_of(criterion, finding))
        else:
            keep(silent_result)
        pairs.add(graded_as)
        if graded_as[0] == "unknown":
            unknown.append((criterion, finding))
    graded = grade(pairs)
    needed = tuple(_needed(unknown, lexicon)) if graded == "possible" else ()
    trial = plan.trial
    return TrialResult(trial.id, trial.version, trial.title, trial.recruitment, graded, None, needed, tuple(criteria))


def _needed(pairs: Iterable[tuple[Criterion, Finding]], lexicon: Lexicon) -> Iterable[Needed]:
    """The missing inputs of the unknown criteria, those that settle most first."""
    by_input: dict[str, list[str]] = {}
    first: dict[str, Need] = {}
    for criterion, finding in pairs:
        for need in finding.needs:
            settles = by_input.setdefault(need.input, [])
            if criterion.id not in settles:
                settles.append(criterion.id)
            first.setdefault(need.input, need)
    for name in sorted(by_input, key=lambda n: -len(by_input[n])):
        need = first[name]
        yield Needed(name, need.why, tuple(by_input[name]), need.last_date or UNSET, _order(name, lexicon))


def _order(name: str, lexicon: Lexicon) -> Order | UnsetType:
    order = lexicon.order(name)
    return Order(*order) if order else UNSET
