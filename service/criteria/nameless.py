"""Anticancer therapy that a diagnosis or a procedure tells without naming a drug: an encounter for chemotherapy, an
infusion procedure, a history of chemotherapy. It counts where neither a name nor a date is asked for; else in doubt."""

from collections.abc import Iterable

import msgspec

from service.criteria.drugs import CYCLE_PERHAPS, CYCLE_SURELY, Nameless
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Diagnosis
from service.criteria.findings import Evidence, cite
from service.criteria.signs import told
from service.criteria.spans import Span, up_to


class Event(msgspec.Struct, frozen=True):
    """One mention: start and last day, whether it may be relied on and needs no name, whether it is going on."""

    reference: str
    says: str
    start: Span | None
    span: Span | None
    counts: bool
    now: bool | None

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
        now = False if history else _encounter_now(ev, diagnosis)
        yield Event(diagnosis.ref, told(diagnosis), span, span, certain and kind.surely, now)


def _performed(ev: Evaluation, kind: Nameless) -> Iterable[Event]:
    for match in ev.record.operations(kind.procedures):
        operation = match.fact
        if not ev.counts(operation.start) or _explained(ev, kind, operation.start, operation.end):
            continue
        certain = match.standing == "sure" and operation.certain
        now = True if operation.ongoing else _running(ev, operation.end)
        yield Event(operation.ref, operation.says, operation.start, operation.end, certain and kind.surely, now)


def _encounter_now(ev: Evaluation, diagnosis: Diagnosis) -> bool | None:
    if diagnosis.status in ("inactive", "remission", "resolved"):
        return False
    now = _running(ev, diagnosis.date)
    return None if now is False and diagnosis.status else now  # still on the list of problems: no date says till when


def _running(ev: Evaluation, day: Span | None) -> bool | None:
    """Whether a treatment last given on a day is going on: as of an antineoplastic told by its administrations."""
    if day is None:
        return None
    if ev.within(day, CYCLE_SURELY):
        return True
    return False if ev.within(day, CYCLE_PERHAPS) is False else None


def _explained(ev: Evaluation, kind: Nameless, start: Span | None, end: Span | None) -> bool:
    """Whether a drug record tells what was given then: one whose own days, as far as they are told, touch these."""
    if start is None or end is None or end.open_start:
        return False
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
        if exposure.start.first <= end.last and last >= start.first:
            return True
    return False
