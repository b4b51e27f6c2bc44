"""The tables of a screening as rows: one a patient, trial and criterion; one a patient and trial; and on request those
whose grade changes soon, and near misses."""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from service.criteria.results import CriterionResult, PatientResult, TrialResult


class CriterionRow(NamedTuple):
    patient: str
    as_of: str
    trial: str
    version: str
    criterion: str
    type: str
    source: str
    outcome: str
    basis: str
    reason: str
    evidence: str
    evidence_date: str
    failure: str
    until: str


class TrialRow(NamedTuple):
    patient: str
    as_of: str
    trial: str
    version: str
    recruitment: str
    grade: str
    changes_on: str
    changes_to: str
    failed: int
    unknown: int
    review: int
    missing: str
    to_judge: str
    failure: str
    until: str
    decided_early: str


class UpcomingRow(NamedTuple):
    """One patient and trial whose grade changes with the calendar alone."""

    patient: str
    as_of: str
    trial: str
    version: str
    date: str
    kind: str
    grade: str
    changes_to: str
    because: tuple[str, ...]


class NearMissRow(NamedTuple):
    """One patient and trial that few criteria stand between."""

    patient: str
    as_of: str
    trial: str
    version: str
    failure: str
    until: str
    failing: tuple[str, ...]
    reasons: tuple[str, ...]
    failed: int
    unknown: int


def criterion_rows(result: PatientResult) -> Iterator[CriterionRow]:
    for trial in result.results:
        for criterion in trial.criteria:
            yield _criterion(result, trial, criterion)


def trial_rows(result: PatientResult) -> Iterator[TrialRow]:
    for trial in result.results:
        yield _trial(result, trial)


def _criterion(result: PatientResult, trial: TrialResult, c: CriterionResult) -> CriterionRow:
    used = [evidence for evidence in c.evidence if evidence.used]
    return CriterionRow(
        patient=result.patient,
        as_of=result.as_of,
        trial=trial.trial,
        version=trial.version,
        criterion=c.id,
        type=c.type,
        source=c.source,
        outcome=c.outcome,
        basis=c.basis,
        reason=c.reason,
        evidence=" ".join(evidence.reference for evidence in used),
        evidence_date=max((evidence.date for evidence in used if evidence.date is not UNSET), default=""),
        failure=told(c.failure),
        until=told(c.until),
    )


def _trial(result: PatientResult, trial: TrialResult) -> TrialRow:
    outcomes = [c.outcome for c in trial.criteria]
    change = trial.changes_on
    return TrialRow(
        patient=result.patient,
        as_of=result.as_of,
        trial=trial.trial,
        version=trial.version,
        recruitment=trial.recruitment,
        grade=trial.grade,
        changes_on=change.date if change else "",
        changes_to=change.grade if change else "",
        failed=outcomes.count("fail"),
        unknown=outcomes.count("unknown"),
        review=outcomes.count("review"),
        missing=" ".join(need.input for need in trial.needed),
        to_judge=" ".join(c.id for c in trial.criteria if c.outcome == "review"),
        failure=told(trial.failure),
        until=told(trial.until),
        decided_early="yes" if trial.decided_early is True else "",
    )


def told(value: str | UnsetType) -> str:
    """What may not be told, as text."""
    return "" if value is UNSET else value
