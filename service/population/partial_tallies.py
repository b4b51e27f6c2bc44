"""Parts of a trial's counts: what changes with the calendar alone, and how near those are whom it is not for."""

from datetime import date, timedelta

import msgspec

from service.criteria.results import Change, TrialResult
from service.population.near_misses import near_miss


class ChangeTally(msgspec.Struct, omit_defaults=True):
    """Grades that change with the calendar alone: `grades` is keyed `from>to`, `because` by criterion."""

    grades: dict[str, int] = {}
    because: dict[str, int] = {}

    def add(self, result: TrialResult, change: Change) -> None:
        key = f"{result.grade}>{change.grade}"
        self.grades[key] = self.grades.get(key, 0) + 1
        for criterion in dict.fromkeys(change.because):
            self.because[criterion] = self.because.get(criterion, 0) + 1

    def merge(self, other: "ChangeTally") -> None:
        merge_counts(self.grades, other.grades)
        merge_counts(self.because, other.because)


class FailureTally(msgspec.Struct, omit_defaults=True):
    """Those whom a trial is certainly not for: for good; near misses by `one` or `few` criteria, `until` of them by
    time alone; the rest. `by` counts those of one criterion by it."""

    permanent: int = 0
    one: int = 0
    few: int = 0
    rest: int = 0
    until: int = 0
    by: dict[str, int] = {}

    def add(self, result: TrialResult) -> None:
        failing = near_miss(result)
        if not failing:
            self.permanent += result.failure == "permanent"
            self.rest += result.failure != "permanent"
            return
        self.until += result.failure == "until"
        if len(failing) > 1:
            self.few += 1
            return
        self.one += 1
        self.by[failing[0].id] = self.by.get(failing[0].id, 0) + 1

    def merge(self, other: "FailureTally") -> None:
        for name in ("permanent", "one", "few", "rest", "until"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        merge_counts(self.by, other.by)


def is_within(change: Change, as_of: str, days: int) -> bool:
    """Whether a change comes within so many days of a day, the last of them included."""
    return date.fromisoformat(change.date) <= date.fromisoformat(as_of) + timedelta(days)


def merge_counts(into: dict[str, int], other: dict[str, int]) -> None:
    for key, count in other.items():
        into[key] = into.get(key, 0) + count
