"""Whose grade changes with the calendar alone in the days to come: who becomes eligible, who stops fitting."""

from service.criteria.logic import GRADES
from service.criteria.results import Change, PatientResult, TrialResult
from service.population.partial_tallies import ChangeTally, is_within
from service.population.ranked import Ranked
from service.population.rows import UpcomingRow


class Upcoming:
    """Collects the first change of each patient and trial within some days, 1 to 365, and counts them by trial. Its
    `rows` come by day, those that open before those that close; with a limit only the first. A row takes some 300
    bytes."""

    def __init__(self, days: int, limit: int = 0) -> None:
        self.days = days
        self.counts: dict[str, ChangeTally] = {}
        self.rows = Ranked[UpcomingRow](_rank, limit)

    def add(self, result: PatientResult) -> None:
        for trial in result.results:
            change = trial.changes_on
            if change is not None and is_within(change, result.as_of, self.days):
                self.counts.setdefault(trial.trial, ChangeTally()).add(trial, change)
                self.rows.add(_row(result, trial, change))


_ORDER = ("opens", "better", "worse", "closes")


def _rank(row: UpcomingRow) -> tuple[str, int, str, str]:
    return row.date, _ORDER.index(row.kind), row.patient, row.trial


def kind_of(before: str, after: str) -> str:
    """`opens` from certainly not, `closes` to it; else `better` or `worse`."""
    if before == "certainly-not":
        return "opens"
    if after == "certainly-not":
        return "closes"
    return "better" if GRADES.index(after) < GRADES.index(before) else "worse"


def _row(result: PatientResult, trial: TrialResult, change: Change) -> UpcomingRow:
    return UpcomingRow(
        patient=result.patient,
        as_of=result.as_of,
        trial=trial.trial,
        version=trial.version,
        date=change.date,
        kind=kind_of(trial.grade, change.grade),
        grade=trial.grade,
        changes_to=change.grade,
        because=change.because,
    )
