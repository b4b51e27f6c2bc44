"""Run the cases of a trial, and say which outcomes of which criteria no case reaches."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET

from service.cases.casefile import Case, CaseFile, Expected, read_cases
from service.cases.sketch import Sketcher, SketchError
from service.criteria.catalogue import Trial, Trials
from service.criteria.plan import Plan
from service.criteria.results import Effect, TrialResult
from service.errors import RecordError
from service.guard import effects, read_orders
from service.mappers.documents import read_document
from service.screening import Screening

CASES = "cases.yaml"
_ENCODE = msgspec.json.Encoder(decimal_format="number").encode


class Verdict(msgspec.Struct, frozen=True):
    """One case and what came out; no problems where it is as expected."""

    case: Case
    problems: tuple[str, ...]
    result: TrialResult | None = None


class Report(msgspec.Struct, frozen=True):
    """All verdicts of a trial, and the outcomes (criterion, outcome) that no case reaches."""

    trial: str
    verdicts: tuple[Verdict, ...]
    untested: tuple[tuple[str, str], ...]

    @property
    def failed(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.problems]


def names_of(screening: Screening) -> dict[str, Iterable[str]]:
    """What sketches may name, by family."""
    concepts = screening.terminology.concepts
    return {
        "input": sorted(screening.inputs.by_name),
        "diagnosis": sorted(concepts("condition")),
        "drug": sorted(concepts("drug")),
        "procedure": sorted(concepts("procedure")),
        "allergy": [*sorted(concepts("drug")), "none-known"],
    }


def run_cases(screening: Screening, trial: Trial) -> Report | None:
    """Run the cases that stand beside a trial; None where there are none. TrialError where they cannot be read."""
    path = Path(trial.path).parent / CASES
    if not path.is_file():
        return None
    cases = read_cases(path, trial, names_of(screening))
    return judge(screening, trial, cases)


def judge(screening: Screening, trial: Trial, cases: CaseFile) -> Report:
    plan = Plan(Trials((trial,)))
    verdicts = tuple(_verdict(screening, plan, case) for case in cases.cases)
    return Report(trial.id, verdicts, tuple(_untested(trial, verdicts)))


def _verdict(screening: Screening, plan: Plan, case: Case) -> Verdict:
    day = date.fromisoformat(case.as_of)
    try:
        bundle = Sketcher(screening.terminology, screening.inputs, day).bundle(case.sketch)
    except SketchError as problem:
        return Verdict(case, (str(problem),))
    try:
        record = screening.read(_ENCODE(bundle), case.name)
    except (RecordError, msgspec.MsgspecError, TypeError) as problem:  # what stands under `resources` is no FHIR
        return Verdict(case, (f"the case's resources cannot be read: {problem}",))
    result = screening.screen(record, day, plan).results[0]
    problems = [*_problems(case, result), *_trial_problems(case.expected, result)]
    if case.order or case.expected.closes is not None:
        problems += _order_problems(case, _effects(screening, plan, case, _ENCODE(bundle), day))
    return Verdict(case, tuple(problems), result)


def _problems(case: Case, result: TrialResult) -> Iterable[str]:
    found = {criterion.id: criterion for criterion in result.criteria}
    for name, outcome in case.outcomes.items():
        criterion = found.get(name)
        if criterion is None:
            yield f"{name}: not in the result"
        elif criterion.outcome != outcome:
            yield f"{name}: {outcome} expected, {criterion.outcome} came out ({criterion.reason})"
        elif case.basis and criterion.basis != case.basis:
            yield f"{name}: basis {case.basis} expected, {criterion.basis} came out ({criterion.reason})"


def _trial_problems(expected: Expected, result: TrialResult) -> Iterable[str]:
    change = result.changes_on
    sets = result.smallest_sets.probable if result.smallest_sets is not UNSET else ()
    for what, wanted, came in (
        ("grade", expected.grade, result.grade),
        ("failure", expected.failure, result.failure or "none"),
        ("until", expected.until, result.until or "no day"),
        ("changes-on", expected.changes_on, (change.date, change.grade) if change else "no change"),
        ("enough", expected.enough, sets[0] if sets else ()),
    ):
        if wanted and wanted != came:
            yield f"{what} {_shown(wanted)} expected, {_shown(came) or 'nothing'} came out"


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _effects(screening: Screening, plan: Plan, case: Case, record: bytes, day: date) -> list[Effect]:
    """What the case's orders would do to the trial."""
    sketched = Sketcher(screening.terminology, screening.inputs, day).resources(case.order)
    drafts = [_draft(resource) for resource in sketched if resource["resourceType"] != "Patient"]
    document = read_document(record, case.name)
    orders = read_orders(msgspec.json.decode(_ENCODE(drafts)), "case", day.toordinal())
    return effects(screening, plan, document, "case", day.toordinal(), orders)


def _draft(resource: dict[str, Any]) -> dict[str, Any]:
    """A sketched drug or procedure as an order for it."""
    if resource["resourceType"] != "Procedure":
        return {**resource, "resourceType": "MedicationRequest", "status": "draft", "intent": "order"}
    return {**resource, "resourceType": "ServiceRequest", "status": "draft", "intent": "order"}


def _order_problems(case: Case, found: list[Effect]) -> Iterable[str]:
    expected = case.expected
    closed_by = tuple(sorted({name for effect in found for name in effect.criteria}))
    if expected.closes is not None and closed_by != tuple(sorted(expected.closes)):
        wanted = _shown(expected.closes) or "nothing"
        yield f"the orders were expected to close the trial by {wanted}, not by {_shown(closed_by) or 'anything'}"
    until = max((effect.open_again for effect in found), default="")
    if expected.closed_until and until != expected.closed_until:
        yield f"closed until {expected.closed_until} expected, {until or 'no day'} came out"


def _untested(trial: Trial, verdicts: Iterable[Verdict]) -> Iterable[tuple[str, str]]:
    """Outcomes that some patient can have and no case expects; what only a person judges needs no case."""
    reached = {pair for v in verdicts for pair in v.case.outcomes.items()}
    for criterion in trial.criteria:
        possible = criterion.rule.outcomes()
        if len(possible) > 1:
            for outcome in ("pass", "fail", "unknown", "review"):
                if outcome in possible and (criterion.id, outcome) not in reached:
                    yield criterion.id, outcome
