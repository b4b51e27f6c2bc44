"""Anticancer therapy that a diagnosis or a procedure tells without naming a drug: an encounter for chemotherapy, an
infusion procedure, a history of chemotherapy. It counts where neither a name nor a date is asked for; else in doubt."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from service.criteria.drugs import CYCLE_PERHAPS, CYCLE_SURELY, Nameless
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Diagnosis
from service.criteria.findings import Evidence, cite
from service.criteria.overlap import Overlaps
from service.criteria.signs import told
from service.criteria.spans import Span, of_days, up_to

Course = Literal["over", "goes-on", "listed", "given"]


class Event(msgspec.Struct, frozen=True):
    """One mention: start and last day, whether it may be relied on and needs no name, and whether it is over, goes on,
    is still listed among the problems, or was one treatment."""

    reference: str
    says: str
    start: Span | None
    span: Span | None
    counts: bool
    course: Course

    def cite(self, used: bool = False) -> Evidence:
        return cite(self.reference, self.span, self.says, used, "" if used else "therapy without a name")


def events(ev: Evaluation, kinds: Iterable[Nameless]) -> list[Event]:
    """Every mention that no drug record of the same days explains."""
    found: list[Event] = []
    for kind in kinds:
        found += _diagnosed(ev, kind)
        found += _performed(ev, kind)
    return found


def _diagnosed(ev: Evaluation, kind: Nameless) -> Iterable[Event]:
    for match in ev.record.diagnoses(kind.conditions | kind.histories):
        diagnosis = match.fact
        if diagnosis.verification == "refuted" or not ev.counts(diagnosis.onset):
            continue
        history = match.concept in kind.histories
        span = up_to(diagnosis.date) if history and diagnosis.date is not None else diagnosis.date
        if not history and _explained(ev, kind, span, span):
            continue
        certain = match.standing == "sure" and diagnosis.verification != "provisional"
        course = "over" if history else _encounter(diagnosis)
        yield Event(diagnosis.ref, told(diagnosis), span, span, certain and kind.surely, course)


def _performed(ev: Evaluation, kind: Nameless) -> Iterable[Event]:
    for match in ev.record.operations(kind.procedures):
        operation = match.fact
        if not ev.counts(operation.start) or _explained(ev, kind, operation.start, operation.end):
            continue
        certain = match.standing == "sure" and operation.certain
        course: Course = "goes-on" if operation.ongoing else "given"
        yield Event(operation.ref, operation.says, operation.start, operation.end, certain and kind.surely, course)


def _encounter(diagnosis: Diagnosis) -> Course:
    if diagnosis.status in ("inactive", "remission", "resolved"):
        return "over"
    return "listed" if diagnosis.status else "given"


def goes_on(ev: Evaluation, event: Event) -> bool | None:
    """Whether a treatment is going on: as an antineoplastic told by its administrations does."""
    if event.course in ("over", "goes-on"):
        return event.course == "goes-on"
    if event.span is None:
        return None
    if ev.within(event.span, CYCLE_SURELY):
        return True
    if event.course == "listed":
        return None  # still on the list of problems: no date says till when
    return False if ev.within(event.span, CYCLE_PERHAPS) is False else None


def _explained(ev: Evaluation, kind: Nameless, start: Span | None, end: Span | None) -> bool:
    """Whether a drug record tells what was given then: one whose own days, as far as they are told, touch these."""
    if start is None or end is None or end.open_start:
        return False
    return ev.shared(_days_of_drugs, kind).meet(of_days(start.first, end.last, ""))


def _days_of_drugs(ev: Evaluation, kind: Nameless) -> Overlaps:
    """When drugs that it may have been were taken."""
    days: list[Span] = []
    for match in ev.record.exposures(kind.may_be):
        exposure = match.fact
        if match.standing != "sure" or exposure.start is None:
            continue
        last = exposure.start.last
        if exposure.end_told and exposure.end is not None:
            last = exposure.end.last
        elif exposure.supply is not None:
            last = exposure.supply.last
        elif exposure.course == "active":
            last = ev.today
        days.append(of_days(exposure.start.first, last, ""))
    return Overlaps.of(days)
