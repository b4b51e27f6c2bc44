"""The patients worth a look, best first: those no recorded fact rules out, and what each still lacks."""

import heapq
from collections.abc import Iterable, Iterator

import msgspec

from service.criteria.logic import GRADES
from service.criteria.results import PatientResult, TrialResult

LIMIT = 5_000


class WorkItem(msgspec.Struct, frozen=True):
    """One patient and trial. `missing` are inputs, `judge` the ids of the criteria that a person must judge, `unknown`
    the number of criteria that cannot be decided."""

    patient: str
    trial: str
    grade: str
    missing: tuple[str, ...] = ()
    judge: tuple[str, ...] = ()
    unknown: int = 0
    changes_on: str = ""
    changes_to: str = ""

    @property
    def rank(self) -> tuple[int, int, int, str, str]:
        """Lower is better: by grade, then by how little is left to find out, then by name."""
        return GRADES.index(self.grade), self.unknown, len(self.missing), self.patient, self.trial


class Worklist(msgspec.Struct):
    """The best of all items that were added, at most `limit` of them, and how many there were. Parts can be merged."""

    limit: int = LIMIT
    total: int = 0
    kept: list[WorkItem] = []

    def add(self, result: PatientResult) -> None:
        self.extend(work_items(result))

    def extend(self, items: Iterable[WorkItem]) -> None:
        for item in items:
            self.total += 1
            self.kept.append(item)
            if len(self.kept) >= 2 * self.limit + 100:  # cut now and then, not at each
                self._cut()

    def merge(self, other: "Worklist") -> None:
        before = self.total
        self.extend(other.kept)
        self.total = before + other.total

    def __iter__(self) -> Iterator[WorkItem]:
        self._cut()
        return iter(self.kept)

    def _cut(self) -> None:
        self.kept = heapq.nsmallest(self.limit, self.kept, key=lambda item: item.rank)


def work_items(result: PatientResult) -> Iterator[WorkItem]:
    """One for each trial that is not certainly not."""
    for trial in result.results:
        if trial.grade != "certainly-not":
            yield _item(result.patient, trial)


def _item(patient: str, trial: TrialResult) -> WorkItem:
    outcomes = [(c.id, c.outcome) for c in trial.criteria]
    change = trial.changes_on
    return WorkItem(
        patient=patient,
        trial=trial.trial,
        grade=trial.grade,
        missing=tuple(need.input for need in trial.needed),
        judge=tuple(name for name, outcome in outcomes if outcome == "review"),
        unknown=sum(outcome == "unknown" for _, outcome in outcomes),
        changes_on=change.date if change else "",
        changes_to=change.grade if change else "",
    )
