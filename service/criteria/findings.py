"""What a rule finds about one patient: an outcome, why, the evidence, and what would settle it."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from service.criteria.facts import Measurement
from service.criteria.logic import Basis, Outcome
from service.criteria.spans import Span

Why = Literal["missing", "stale", "conflict", "unusable"]


class Evidence(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One resource that was looked at: what it says, when, whether it decided, and why not where it did not."""

    reference: str
    says: str
    used: bool
    date: str | UnsetType = UNSET
    why: str | UnsetType = UNSET


class Need(msgspec.Struct, frozen=True, gc=False):
    """An input whose datum would settle a criterion, and why the present one does not do."""

    input: str
    why: Why
    last_date: str = ""


class Finding(msgspec.Struct, frozen=True, gc=False):
    """The outcome of a rule for one patient on one day."""

    outcome: Outcome
    basis: Basis
    reason: str
    evidence: tuple[Evidence, ...] = ()
    needs: tuple[Need, ...] = ()


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """Whether a sign is there: found, maybe (with the basis of the doubt), absent (recorded as not there) or silent."""

    state: Literal["found", "maybe", "absent", "silent"]
    reason: str
    basis: Basis = "recorded"
    evidence: tuple[Evidence, ...] = ()
    needs: tuple[Need, ...] = ()


def passed(reason: str, evidence: tuple[Evidence, ...] = (), basis: Basis = "recorded") -> Finding:
    return Finding("pass", basis, reason, evidence)


def failed(reason: str, evidence: tuple[Evidence, ...] = (), basis: Basis = "recorded") -> Finding:
    return Finding("fail", basis, reason, evidence)


def unknown(basis: Basis, reason: str, evidence: tuple[Evidence, ...] = (), needs: tuple[Need, ...] = ()) -> Finding:
    return Finding("unknown", basis, reason, evidence, needs)


def review(reason: str, evidence: tuple[Evidence, ...] = ()) -> Finding:
    return Finding("review", "manual", reason, evidence)


def not_applicable(reason: str, evidence: tuple[Evidence, ...] = ()) -> Finding:
    return Finding("pass", "not-applicable", reason, evidence)


def cite(reference: str, span: Span | None, says: str, used: bool = True, why: str = "") -> Evidence:
    """Evidence of one resource."""
    return Evidence(reference, says, used, span.text if span else UNSET, why or UNSET)


def cite_measurement(m: Measurement, used: bool = True, why: str = "") -> Evidence:
    span = m.span
    return Evidence(m.ref, m.said, used, UNSET if span is None else span.text, why or UNSET)
