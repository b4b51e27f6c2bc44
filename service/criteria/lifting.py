"""How a failed criterion may come to pass: never, with the calendar alone, or when something else is recorded."""

from collections.abc import Callable, Sequence

from msgspec import UNSET, UnsetType, structs

from service.criteria.evaluation import Evaluation, Rule
from service.criteria.findings import Finding
from service.criteria.logic import Failure
from service.criteria.plan import TrialPlan
from service.criteria.results import CriterionResult
from service.criteria.spans import FOREVER, iso

MAX_DAYS = 200  # looked at for one criterion; a record names a few
_BEST_FIRST: tuple[Failure, ...] = ("until", "changeable", "permanent")


class Lifts:
    """Works out, for one record, how fails may be lifted. `ev` is the evaluation of the as-of date, `held` the bits of
    what the record holds, `on` gives the evaluation of another day."""

    def __init__(self, ev: Evaluation, held: int, on: Callable[[int], Evaluation]) -> None:
        self._ev = ev
        self._held = held
        self._on = on

    def told(
        self, criteria: list[CriterionResult], findings: Sequence[Finding], plan: TrialPlan
    ) -> list[CriterionResult]:
        """The criteria; those that fail tell how that may be lifted."""
        told = criteria
        for place, finding in enumerate(findings):
            if finding.outcome == "fail":
                if told is criteria:
                    told = list(criteria)
                question = plan.questions[place]
                told[place] = self._told(criteria[place], finding, question.rule, question.reads)
        return told

    def _told(self, result: CriterionResult, finding: Finding, rule: Rule, reads: int) -> CriterionResult:
        if finding.lasting:
            return structs.replace(result, failure="permanent")
        day = self._lifted(rule) if reads & self._held else FOREVER
        if day == FOREVER:
            return structs.replace(result, failure="changeable")
        return structs.replace(result, failure="until", until=iso(day))

    def _lifted(self, rule: Rule) -> int:
        """The first day on which the calendar alone has ended the fail, FOREVER where there is none. A result that only
        grows too old ends nothing: what it said may still be so, and from then on a new one is asked for."""
        day = self._ev.next_change(rule)
        for _ in range(MAX_DAYS):
            if day == FOREVER:
                return day
            ev = self._on(day)
            finding = ev.find(rule)
            if finding.outcome != "fail":
                return FOREVER if finding.basis == "stale" else day
            day = ev.next_change(rule)
        return FOREVER


def of_trial(
    criteria: Sequence[CriterionResult], arms: Sequence[str] = ()
) -> tuple[Failure | UnsetType, str | UnsetType]:
    """What a trial's failed criteria come to together: `permanent` where one of them lasts, `changeable` where another
    record is needed, else `until` the last of their days. With arms, what the nearest arm comes to."""
    failed = [c for c in criteria if c.outcome == "fail"]
    if not arms:
        return _together(failed)
    found = [_together([c for c in failed if c.arms is UNSET or arm in c.arms]) for arm in arms]
    return min(found, key=lambda told: (_BEST_FIRST.index(told[0]) if told[0] is not UNSET else 0, str(told[1])))


def _together(failed: Sequence[CriterionResult]) -> tuple[Failure | UnsetType, str | UnsetType]:
    kinds = {c.failure for c in failed}
    if "permanent" in kinds:
        return "permanent", UNSET
    if "changeable" in kinds:
        return "changeable", UNSET
    days = [c.until for c in failed if c.until is not UNSET]
    return ("until", max(days)) if days else (UNSET, UNSET)
