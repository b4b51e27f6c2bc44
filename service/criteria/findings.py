"""What a rule finds about one patient: an outcome, why, the evidence, and what would settle it."""

from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from service.criteria.facts import Measurement
from service.criteria.logic import Basis, Outcome
from service.criteria.spans import Span
from service.criteria.ways import Way, against

Why = Literal["missing", "stale", "conflict", "unusable"]


class Evidence(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One resource that was looked at: what it says, when, whether it decided, and why not where it did not."""

    reference: str
    says: str
    used: bool
    date: str | UnsetType = UNSET
    why: str | UnsetType = UNSET


class Need(msgspec.Struct, frozen=True, gc=False):
    """An input whose datum would settle a criterion, and why the present one does not do. `lacks` is what a datum that
    is there misses."""

    input: str
    why: Why
    last_date: str = ""
    lacks: str = ""


class Finding(msgspec.Struct, frozen=True, gc=False):
    """The outcome of a rule for one patient on one day.

    `ways` are the sets of needed inputs of which each alone may be enough for a pass, none where no datum is; where
    they are not told it takes all of `needs`. `closing` are the sets that may lead to a fail; where they are not told,
    whatever spoils every way does.
    `lasting` is a fail that no later record can lift: what has happened cannot be undone. `site_default` names what the
    site, and not the trial, decided.
    """

    outcome: Outcome
    basis: Basis
    reason: str
    evidence: tuple[Evidence, ...] = ()
    needs: tuple[Need, ...] = ()
    ways: tuple[Way, ...] | None = None
    lasting: bool = False
    site_default: str = ""
    closing: tuple[Way, ...] | None = None

    def all_ways(self) -> tuple[Way, ...]:
        """The sets of inputs of which each may be enough; none where no datum settles it."""
        if self.ways is not None:
            return self.ways
        return (frozenset(need.input for need in self.needs),) if self.needs else ()

    def all_closing(self) -> tuple[Way, ...]:
        """The sets of inputs of which each may lead to a fail."""
        return against(self.all_ways()) if self.closing is None else self.closing


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """Whether a sign is there: found, maybe (with the basis of the doubt), absent (recorded as not there) or silent.

    `lasting`: once found it stays so. `site_default` names what the site decided."""

    state: Literal["found", "maybe", "absent", "silent"]
    reason: str
    basis: Basis = "recorded"
    evidence: tuple[Evidence, ...] = ()
    needs: tuple[Need, ...] = ()
    lasting: bool = False
    site_default: str = ""


def passed(reason: str, evidence: tuple[Evidence, ...] = (), basis: Basis = "recorded") -> Finding:
    return Finding("pass", basis, reason, evidence)


def failed(
    reason: str, evidence: tuple[Evidence, ...] = (), basis: Basis = "recorded", lasting: bool = False
) -> Finding:
    return Finding("fail", basis, reason, evidence, lasting=lasting)


def lasting(finding: Finding) -> Finding:
    """The finding; where it fails, for good."""
    return msgspec.structs.replace(finding, lasting=True) if finding.outcome == "fail" else finding


def unknown(basis: Basis, reason: str, evidence: tuple[Evidence, ...] = (), needs: tuple[Need, ...] = ()) -> Finding:
    return Finding("unknown", basis, reason, evidence, needs)


def left_open(finding: Finding) -> Finding:
    """An unknown that no datum turns into a pass: what is missing beside what is on record can only close it."""
    return msgspec.structs.replace(finding, ways=(), closing=finding.all_closing())


def review(reason: str, evidence: tuple[Evidence, ...] = ()) -> Finding:
    return Finding("review", "manual", reason, evidence)


def not_applicable(reason: str, evidence: tuple[Evidence, ...] = ()) -> Finding:
    return Finding("pass", "not-applicable", reason, evidence)


def newest_first(evidence: Iterable[Evidence]) -> list[Evidence]:
    """As a reader wants it: the newest first, what has no date last."""
    return sorted(evidence, key=lambda e: e.date if isinstance(e.date, str) else "", reverse=True)


def cite(reference: str, span: Span | None, says: str, used: bool = True, why: str = "") -> Evidence:
    """Evidence of one resource."""
    return Evidence(reference, says, used, span.text if span else UNSET, why or UNSET)


def cite_measurement(m: Measurement, used: bool = True, why: str = "") -> Evidence:
    span = m.span
    return Evidence(m.ref, m.said, used, UNSET if span is None else span.text, why or UNSET)
