"""The result of screening one patient against trials: a value that holds its evidence. Everything else renders it."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from service.criteria.findings import Evidence, Why
from service.criteria.logic import Basis, Failure, Grade, Outcome


class CriterionResult(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One criterion. `site_default` tells what the site, not the source, decided of it; `failure` whether a fail
    is for good, ends with the calendar alone (from the day `until`), or takes another record to change."""

    id: str
    type: str
    text: str
    source: str
    outcome: Outcome
    basis: Basis
    reason: str
    evidence: tuple[Evidence, ...]
    draft: bool | UnsetType = UNSET
    arms: tuple[str, ...] | UnsetType = UNSET
    site_default: str | UnsetType = UNSET
    failure: Failure | UnsetType = UNSET
    until: str | UnsetType = UNSET


class ArmGrade(msgspec.Struct, frozen=True, gc=False):
    """How a patient stands with one arm, cohort or dose level."""

    arm: str
    grade: Grade


class Order(msgspec.Struct, frozen=True, gc=False):
    """What to order: a code with its system."""

    system: str
    code: str
    display: str


class Needed(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A missing input: why the present one does not do, which criteria it would settle, what to order, which trials it
    would serve at once. `label` is what a reader calls it, `lacks` what the present one misses beside its value."""

    input: str
    why: Why
    settles: tuple[str, ...]
    last_date: str | UnsetType = UNSET
    order: Order | UnsetType = UNSET
    label: str = ""
    trials: tuple[str, ...] = ()
    lacks: str | UnsetType = UNSET


class SmallestSets(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The smallest sets of missing inputs, the least effort first, that could make a possible trial probable, and those
    that could close it."""

    probable: tuple[tuple[str, ...], ...] = ()
    certainly_not: tuple[tuple[str, ...], ...] = ()

    def worth_telling(self, needed: Sequence["Needed"]) -> bool:
        """Whether they say more than that everything missing is needed."""
        return len(self.probable) > 1 or (len(self.probable) == 1 and len(self.probable[0]) < len(needed))


class Change(msgspec.Struct, frozen=True, gc=False):
    """When the grade changes with the calendar alone, to what, and by which criteria."""

    date: str
    grade: Grade
    because: tuple[str, ...]


class TrialResult(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """`digest` names the trial file that judged; `status` is told of drafts and retired trials; `arms` where some
    criterion is asked for some arms only. `smallest_sets` stand with a possible trial; `failure` and `until` with one
    that is certainly not for the patient: what its failed criteria come to together. `decided_early`: the one criterion
    decides, and the others were not asked."""

    trial: str
    version: str
    title: str
    recruitment: str
    grade: Grade
    changes_on: Change | None
    needed: tuple[Needed, ...]
    criteria: tuple[CriterionResult, ...]
    digest: str | UnsetType = UNSET
    status: Literal["draft", "retired"] | UnsetType = UNSET
    arms: tuple[ArmGrade, ...] | UnsetType = UNSET
    smallest_sets: SmallestSets | UnsetType = UNSET
    failure: Failure | UnsetType = UNSET
    until: str | UnsetType = UNSET
    decided_early: bool | UnsetType = UNSET


class Effect(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What one order does to one trial: the grade before and after, by which criteria, from when it is open again.
    `alternatives` are drugs of the same purpose that would leave the trial as it is, for a person to judge.

    `closes_from` is the day of an order for later, `together_with` names other orders without which it closes nothing,
    `failure` and `until` (where it lies beyond a year) tell how the trial may open again."""

    order: str
    says: str
    trial: str
    before: str
    after: str
    criteria: tuple[str, ...]
    reasons: tuple[str, ...]
    open_again: str = ""
    alternatives: tuple[str, ...] = ()
    closes_from: str = ""
    together_with: tuple[str, ...] = ()
    failure: str = ""
    until: str = ""


class RestsOn(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What the answers for a trial rest on besides the record, by criterion: passes on silence alone, what the site
    decided, how an unclear source was read; and the readings that concern the whole trial."""

    trial: str
    silence: tuple[str, ...]
    site_defaults: dict[str, str]
    interpretations: dict[str, str]
    of_the_trial: tuple[str, ...]


class PatientResult(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    patient: str
    as_of: str
    trialhook: str
    results: tuple[TrialResult, ...]
    notices: tuple[str, ...] | UnsetType = UNSET
    what_if: tuple[Effect, ...] | UnsetType = UNSET
    rests_on: tuple[RestsOn, ...] | UnsetType = UNSET


class Problem(msgspec.Struct, frozen=True):
    code: str
    message: str


class PatientError(msgspec.Struct, frozen=True):
    """A patient that could not be read at all."""

    patient: str | None
    error: Problem
