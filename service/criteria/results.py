"""The result of screening one patient against trials: a value that holds its evidence. Everything else renders it."""

import msgspec
from msgspec import UNSET, UnsetType

from service.criteria.findings import Evidence, Why
from service.criteria.logic import Basis, Grade, Outcome


class CriterionResult(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    id: str
    type: str
    text: str
    source: str
    outcome: Outcome
    basis: Basis
    reason: str
    evidence: tuple[Evidence, ...]


class Order(msgspec.Struct, frozen=True, gc=False):
    """What to order: a code with its system."""

    system: str
    code: str
    display: str


class Needed(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A missing input: why the present one does not do, which criteria it would settle, what to order. `label` is what
    a reader calls it."""

    input: str
    why: Why
    settles: tuple[str, ...]
    last_date: str | UnsetType = UNSET
    order: Order | UnsetType = UNSET
    label: str = ""


class Change(msgspec.Struct, frozen=True, gc=False):
    """When the grade changes with the calendar alone, to what, and by which criteria."""

    date: str
    grade: Grade
    because: tuple[str, ...]


class TrialResult(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    trial: str
    version: str
    title: str
    recruitment: str
    grade: Grade
    changes_on: Change | None
    needed: tuple[Needed, ...]
    criteria: tuple[CriterionResult, ...]


class Effect(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What one order does to one trial: the grade before and after, by which criteria, from when it is open again."""

    order: str
    says: str
    trial: str
    before: str
    after: str
    criteria: tuple[str, ...]
    reasons: tuple[str, ...]
    open_again: str = ""
    open_before: str = ""


class PatientResult(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    patient: str
    as_of: str
    trialhook: str
    results: tuple[TrialResult, ...]
    notices: tuple[str, ...] | UnsetType = UNSET
    what_if: tuple[Effect, ...] | UnsetType = UNSET


class Problem(msgspec.Struct, frozen=True):
    code: str
    message: str


class PatientError(msgspec.Struct, frozen=True):
    """A patient that could not be read at all."""

    patient: str | None
    error: Problem
