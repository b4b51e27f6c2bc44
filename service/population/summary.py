"""summary.json: the counts of a tally, trial by trial, with the attrition in the order of the trial's own file."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from service.criteria.catalogue import Criterion, Trial
from service.population.likely import likely
from service.population.partial_tallies import ChangeTally, FailureTally
from service.population.small_counts import suppress
from service.population.tally import (
    ALIVE,
    HORIZON_DAYS,
    UNDATED,
    CriterionTally,
    NeedTally,
    Tally,
    TrialTally,
)
from service.population.upcoming import Upcoming

__all__ = ["MONTHS", "Tally", "summary"]

MONTHS = 12
_ALIVE = (ALIVE, "inclusion", "The patient is alive", "record")
# Where the cancer has spread is told by diagnoses more than by results: without one, nothing is missing.
_NOT_MEASURED = frozenset({"input metastasis-site"})


def summary(
    tally: Tally, trials: Iterable[Trial], suppress_below: int = 0, upcoming: Upcoming | None = None
) -> dict[str, Any]:
    """The counts, ready to be written as JSON. With `suppress_below` N, counts of 1 to N-1 patients are None, and so
    are the further ones that would give them away (see `small_counts`). With `upcoming`, each trial tells what changes
    within the days that were asked for.

    Trials that nobody was screened for are listed with zeros.
    """
    made: dict[str, Any] = {
        "asOf": tally.as_of or None,
        "trialhook": tally.trialhook or None,
        "suppressBelow": suppress_below if suppress_below > 1 else None,
        "patients": tally.patients,
        "errors": {"total": sum(tally.errors.values()), "byCode": dict(sorted(tally.errors.items()))},
        "trials": [_trial(tally, trial) | _within(trial, upcoming) for trial in trials],
    }
    return suppress(made, suppress_below) if suppress_below > 1 else made


def _trial(tally: Tally, trial: Trial) -> dict[str, Any]:
    counts = tally.trials.get(trial.id) or TrialTally()
    grades = counts.grades
    at_least = grades["certain"] + grades["probable"]
    criteria = list(_criteria(trial, counts))
    return {
        "trial": trial.id,
        "shortName": trial.short_name,
        "title": trial.title,
        "version": trial.version,
        "recruitment": trial.recruitment,
        "screened": counts.screened,
        "decidedEarly": sum(counts.early.values()),
        "grades": dict(grades),
        "bounds": {"atLeast": at_least, "atMost": at_least + grades["possible"]},
        "criteria": [_outcomes(head, row) for head, row in criteria],
        "attrition": (steps := _attrition(counts.screened, criteria)),
        "missing": _missing(counts),
        "settledBy": _settled_by(counts),
        "likely": _likely(counts),
        "nearMisses": _near_misses(counts.failures),
        f"changesWithin{HORIZON_DAYS}Days": changes(counts.changes) if tally.as_of else None,
        "completeness": _completeness(tally.as_of, trial, counts, steps) if tally.as_of else [],
    }


def _within(trial: Trial, upcoming: Upcoming | None) -> dict[str, Any]:
    if upcoming is None:
        return {}
    return {"within": {"days": upcoming.days} | changes(upcoming.counts.get(trial.id) or ChangeTally())}


Head = tuple[str, str, str, str]


def _criteria(trial: Trial, counts: TrialTally) -> Iterable[tuple[Head, CriterionTally]]:
    """In the file's order, the dead first where there are any."""
    if _ALIVE[0] in counts.criteria:
        yield _ALIVE, counts.criteria[_ALIVE[0]]
    for c in trial.criteria:
        yield (c.id, c.type, c.text, c.source), counts.criteria.get(c.id) or CriterionTally()


def _outcomes(head: Head, row: CriterionTally) -> dict[str, Any]:
    made: dict[str, Any] = dict(zip(("id", "type", "text", "source"), head, strict=True))
    return made | {"pass": row.passed, "fail": row.failed, "unknown": row.unknown, "review": row.review}


def _attrition(screened: int, criteria: Iterable[tuple[Head, CriterionTally]]) -> list[dict[str, Any]]:
    """At each criterion, of those still in: who leaves by a fail, who is unknown for the first time, who remains, and
    who of these has nothing unknown so far."""
    steps: list[dict[str, Any]] = []
    still_in = known = screened
    for head, row in criteria:
        step: dict[str, Any] = {"id": head[0], "entered": still_in, "fail": row.leave, "unknown": row.doubt}
        still_in -= row.leave
        known -= row.leave_known + row.doubt
        steps.append(step | {"remaining": still_in, "remainingKnown": known})
    return steps


def _missing(counts: TrialTally) -> list[dict[str, Any]]:
    """The missing inputs, those that settle most alone first."""

    def rank(item: tuple[str, NeedTally]) -> tuple[int, int, str]:
        return -item[1].settles, -item[1].touches, item[0]

    return [
        {
            "input": name,
            "touches": need.touches,
            "settles": need.settles,
            "why": dict(sorted(need.why.items())),
            "order": dict(zip(("system", "code", "display"), need.order, strict=True)) if need.order else None,
        }
        for name, need in sorted(counts.needs.items(), key=rank)
    ]


def _settled_by(counts: TrialTally) -> dict[str, int]:
    rest = counts.grades["possible"] - counts.settled_by_one - counts.settled_together
    return {"oneInput": counts.settled_by_one, "severalInputs": counts.settled_together, "notByInputs": rest}


def _likely(counts: TrialTally) -> dict[str, Any]:
    found = likely(counts)
    return {
        "patients": found.patients,
        "low": found.low,
        "high": found.high,
        "noneKnown": list(found.none_known),
        "rates": [
            {"id": r.criterion, "rate": round(r.rate, 3) if r.known else None, "known": r.known, "near": r.near}
            for r in found.rates
        ],
    }


def _near_misses(failures: FailureTally) -> dict[str, Any]:
    by = sorted(failures.by.items(), key=lambda item: (-item[1], item[0]))
    return {
        "permanent": failures.permanent,
        "oneCriterion": failures.one,
        "twoCriteria": failures.few,
        "further": failures.rest,
        "byTime": failures.until,
        "byCriterion": [{"id": name, "patients": count} for name, count in by],
    }


def changes(counts: ChangeTally) -> dict[str, Any]:
    """Changes with the calendar alone: those that open a trial, those that close it, all by grades and by criterion."""
    pairs = [(*key.split(">"), count) for key, count in sorted(counts.grades.items(), key=lambda i: (-i[1], i[0]))]
    because = sorted(counts.because.items(), key=lambda item: (-item[1], item[0]))
    return {
        "patients": sum(counts.grades.values()),
        "opens": sum(count for before, _, count in pairs if before == "certainly-not"),
        "closes": sum(count for _, after, count in pairs if after == "certainly-not"),
        "grades": [{"from": before, "to": after, "patients": count} for before, after, count in pairs],
        "because": [{"id": name, "patients": count} for name, count in because],
    }


def _completeness(
    as_of: str, trial: Trial, counts: TrialTally, steps: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """For each criterion that results decide: the patients still in at it, by the month of their newest result. Those
    who were decided early were not asked for results."""
    months = last_months(as_of, MONTHS)
    early = sum(counts.early.values())
    entered = {}
    for step in steps:
        entered[step["id"]] = step["entered"] - early
        early -= counts.early.get(step["id"], 0)
    made = []
    for criterion in trial.criteria:
        name = measured_input(criterion)
        if name:
            row = counts.criteria.get(criterion.id) or CriterionTally()
            made.append({"input": name, "criterion": criterion.id} | _by_month(row, months, entered[criterion.id]))
    return made


def _by_month(row: CriterionTally, months: list[str], patients: int) -> dict[str, Any]:
    dated = {month: row.months.get(month, 0) for month in months}
    older = sum(count for month, count in row.months.items() if month != UNDATED and month < months[0])
    undated = row.months.get(UNDATED, 0)
    none = patients - sum(dated.values()) - older - undated
    return {"patients": patients, "months": dated, "older": older, "undated": undated, "none": none}


def measured_input(criterion: Criterion) -> str:
    """What a criterion measures, where results (not diagnoses or drugs) decide it, else nothing: the one input it is
    named after or reads alone; the criterion's own id where it weighs several."""
    reads = criterion.rule.reads()
    results = {key for key in reads - _NOT_MEASURED if key.startswith("input ")}
    if f"input {criterion.id}" in results:
        return criterion.id
    if len(results) * 3 < len(reads) or not results:
        return ""
    return next(iter(results)).removeprefix("input ") if len(results) == 1 else criterion.id


def last_months(as_of: str, number: int) -> list[str]:
    """The months up to that of a day, oldest first, as `2026-11`."""
    day = date.fromisoformat(as_of)
    last = day.year * 12 + day.month - 1
    return [f"{index // 12:04}-{index % 12 + 1:02}" for index in range(last - number + 1, last + 1)]
