"""Deciding early: whom every trial excludes for want of the disease that it is about, or by death.

Most of a population. What they have is not asked of any other criterion, so it need not even be read: of a whole
record, Patient and Condition are enough.
"""

from collections.abc import Collection

from msgspec import UNSET, structs

from service.criteria.evaluate import dead_result, death, result_for
from service.criteria.evaluation import Evaluation
from service.criteria.facts import PatientRecord
from service.criteria.keys import conditions
from service.criteria.plan import Plan, TrialPlan, result_of
from service.criteria.results import ArmGrade, CriterionResult, PatientResult, TrialResult

READ = frozenset({"Patient", "Condition"})


def decided_early(record: PatientRecord, plan: Plan, today: int) -> PatientResult | None:
    """The result of one who is certainly not for any trial by what is asked first, with that one criterion for each;
    None where some trial has to be asked as a whole.

    What the record holds of other resource types than READ changes nothing.
    """
    ev = Evaluation(record, today)
    dead = death(ev)
    if dead:
        return result_for(record, plan, today, [dead_result(of_trial, dead) for of_trial in plan.plans])
    held = conditions(*next((names for family, names in record.holds() if family == "condition"), ()))
    results = []
    for of_trial in plan.plans:
        lacking = _lacking(ev, of_trial, held)
        if lacking is None:
            return None
        results.append(_result(of_trial, lacking))
    return result_for(record, plan, today, results)


def _lacking(ev: Evaluation, plan: TrialPlan, held: Collection[str]) -> CriterionResult | None:
    """The first criterion that fails for want of what it asks for; none where that was not read completely."""
    for asked in plan.anchors:
        if asked.keys.isdisjoint(held):
            finding = ev.find(asked.rule)
            if finding.outcome == "fail":
                return structs.replace(result_of(asked.criterion, finding), failure="changeable")
    return None


def _result(plan: TrialPlan, lacking: CriterionResult) -> TrialResult:
    trial = plan.trial
    by_arm = tuple(ArmGrade(arm, "certainly-not") for arm in plan.arms)
    return TrialResult(
        trial.id, trial.version, trial.title, trial.recruitment, "certainly-not", None, (), (lacking,), *plan.file,
        by_arm or UNSET, UNSET, "changeable", UNSET, True,
    )  # fmt: skip
