"""Evaluate a record against trials: every criterion, the grade, what is missing."""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from service import __version__
from service.criteria.catalogue import Criterion, Trial
from service.criteria.change import NEVER, Standing, first_changes, standing
from service.criteria.evaluation import Evaluation, Site
from service.criteria.facts import PatientRecord
from service.criteria.findings import Evidence, Finding, Need
from service.criteria.lexicon import Lexicon
from service.criteria.logic import GRADES, Basis, Outcome, grade
from service.criteria.plan import Plan, TrialPlan, result_of
from service.criteria.results import Change, CriterionResult, Needed, Order, PatientResult, TrialResult
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

        def on(day: int) -> Evaluation:
            return Evaluation(record, day, site, plan.silence, held)

        ev = on(today)
        judged = [_judged(ev, p, held) for p in plan.plans]
        changes = first_changes([j.standing for j in judged], today, _day_of_death(record), on)
        results = [_result(j, change, lexicon) for j, change in zip(judged, changes, strict=True)]
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


class _Judged(NamedTuple):
    """One trial on the as-of date: its criteria, the unknown ones among them, where it stands."""

    trial: Trial
    criteria: list[CriterionResult]
    unknown: list[tuple[Criterion, Finding]]
    standing: Standing


def _judged(ev: Evaluation, plan: TrialPlan, held: int) -> _Judged:
    criteria: list[CriterionResult] = []
    findings: list[Finding] = []
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
        findings.append(finding)
        pairs.add(graded_as)
        if graded_as[0] == "unknown":
            unknown.append((criterion, finding))
    return _Judged(plan.trial, criteria, unknown, standing(ev, plan, held, findings, grade(pairs)))


def _result(judged: _Judged, change: Change | None, lexicon: Lexicon) -> TrialResult:
    trial, graded = judged.trial, judged.standing.grade
    needed = tuple(_needed(judged.unknown, lexicon)) if graded == "possible" else ()
    return TrialResult(
        trial.id, trial.version, trial.title, trial.recruitment, graded, change, needed, tuple(judged.criteria)
    )


def _day_of_death(record: PatientRecord) -> int:
    """The day from which a patient who is alive on the as-of date is dead, where the record tells one."""
    died = record.person.died
    return died.first if died is not None else NEVER


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
        label = lexicon.title(name)
        yield Needed(name, need.why, tuple(by_input[name]), need.last_date or UNSET, _order(name, lexicon), label)


def _order(name: str, lexicon: Lexicon) -> Order | UnsetType:
    order = lexicon.order(name)
    return Order(*order) if order else UNSET
