"""Near misses: patients a trial is certainly not for by few criteria, none of them for good.

Whoever has no record of the disease at all is near nothing: every criterion that fails has to fail by something
recorded.
"""

from msgspec import UNSET

from service.criteria.results import CriterionResult, PatientResult, TrialResult
from service.population.ranked import Ranked
from service.population.rows import NearMissRow, told

FEW = 2  # failing criteria at most
NEARNESS = ("until", "changeable", "permanent")  # of a failure: ends by itself, by another record, never


def near_miss(result: TrialResult) -> tuple[CriterionResult, ...]:
    """The criteria that stand in the way of a near miss; none where the result is not one."""
    if result.grade != "certainly-not" or result.failure in (UNSET, "permanent"):
        return ()
    failing = tuple(c for c in result.criteria if c.outcome == "fail")
    few = len(failing) <= FEW and all(c.failure != "permanent" and c.basis != "no-record" for c in failing)
    return failing if few else ()


class NearMisses:
    """Collects the near misses of a population: in `rows` the nearest first; with a limit only these. A row takes some
    500 bytes."""

    def __init__(self, limit: int = 0) -> None:
        self.rows = Ranked[NearMissRow](rank, limit)

    def add(self, result: PatientResult) -> None:
        for trial in result.results:
            if failing := near_miss(trial):
                self.rows.add(_row(result, trial, failing))


def rank(row: NearMissRow) -> tuple[int, int, str, int, str, str]:
    """Lower is nearer: fewest criteria, those that time alone removes before others, by the day on which it does."""
    return row.failed, NEARNESS.index(row.failure), row.until, row.unknown, row.patient, row.trial


def _row(result: PatientResult, trial: TrialResult, failing: tuple[CriterionResult, ...]) -> NearMissRow:
    return NearMissRow(
        patient=result.patient,
        as_of=result.as_of,
        trial=trial.trial,
        version=trial.version,
        failure=told(trial.failure),
        until=told(trial.until),
        failing=tuple(c.id for c in failing),
        reasons=tuple(c.reason for c in failing),
        failed=len(failing),
        unknown=sum(c.outcome == "unknown" for c in trial.criteria),
    )
