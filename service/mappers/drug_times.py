"""When a drug was taken, as its record tells: a course, a dose, a supply, an order with its dosages."""

import msgspec

from service.criteria import spans
from service.criteria.spans import FOREVER, LONG_AGO, Span
from service.mappers import wire
from service.mappers.dates import Calendar
from service.mappers.lengths_of_time import after, after_exactly, shown_day

_NOT_TOLD = "not told"


class Times(msgspec.Struct, frozen=True, gc=False):
    """Start and end; `told` is False where the end is a span in which it must lie. `supply`: see Exposure."""

    start: Span | None = None
    end: Span | None = None
    told: bool = False
    supply: Span | None = None


class DrugTimes:
    """Reads the times of one patient's drug records."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar

    def read(self, event: wire.MedicationEvent, course: str, depot: bool) -> Times:
        """The times of a record whose status makes it an active, on-hold or ended course, or a point in time."""
        if isinstance(event, wire.MedicationDispense):
            return self._handed_over(event, depot)
        start, end = self._told(event)
        if end is not None and start is not None and end.last < start.first:
            end = None
        if course == "point":
            return Times(start, end or start, True)
        if end is not None:
            return Times(start, end, True)
        return Times(start, self._ended_by(event, start) if course == "ended" else None)

    def _told(self, event: wire.MedicationEvent) -> tuple[Span | None, Span | None]:
        match event:
            case wire.MedicationStatement() | wire.MedicationAdministration():
                start, end = self._calendar.period(event.effectivePeriod)
                return start or self._calendar.read(event.effectiveDateTime), end
            case wire.MedicationRequest():
                return self._ordered(event)
        return None, None

    def _handed_over(self, event: wire.MedicationDispense, depot: bool) -> Times:
        """A depot that is handed over is a dose. Of anything else no record tells when it was over: not before its
        supply is, if that is told, and then not as long again after it."""
        read = self._calendar.read
        start = read(event.whenHandedOver) or read(event.whenPrepared)
        supply = None
        if start is not None and event.daysSupply is not None:
            supply = after_exactly(start, event.daysSupply, "d")
        if depot or start is None:
            return Times(start, start, depot, supply)
        if supply is None:
            return Times(start, self._ended_by(event, start))
        again = supply.last + supply.last - start.last
        return Times(start, spans.of_days(supply.first, again, _NOT_TOLD), False, supply)

    def _ordered(self, order: wire.MedicationRequest) -> tuple[Span | None, Span | None]:
        """From the first dosage's beginning to the last one's end; where some dosage tells none, to the end of the
        dispense's validity."""
        plan = _Plan(self._calendar.read(order.authoredOn))
        for dosage in order.dosageInstruction or ():
            plan.add(dosage, self._calendar)
        if plan.end is not None and not plan.open_ended:
            return plan.start, plan.end
        request = order.dispenseRequest
        valid = self._calendar.period(request.validityPeriod)[1] if request is not None else None
        return plan.start, _later(plan.end, valid) if valid is not None else None

    def _ended_by(self, event: wire.MedicationEvent, start: Span | None) -> Span:
        """Some moment between the start and the first of dateAsserted and lastUpdated (the as-of date cuts it too)."""
        known = [self._calendar.read(event.meta.lastUpdated)] if event.meta else []
        if isinstance(event, wire.MedicationStatement):
            known.append(self._calendar.read(event.dateAsserted))
        last = min((span.last for span in known if span is not None), default=FOREVER)
        first = LONG_AGO if start is None else start.first
        return spans.of_days(first, max(first, last), _NOT_TOLD)


class _Plan(msgspec.Struct):
    """The dosages of an order, one after another: when the first of them begins and the last of them ends."""

    written: Span | None
    begun: Span | None = None
    end: Span | None = None
    open_ended: bool = False
    numbers: set[bytes] = msgspec.field(default_factory=set)

    @property
    def start(self) -> Span | None:
        return self.begun or self.written

    def add(self, dosage: wire.Dosage, calendar: Calendar) -> None:
        """A dosage that tells no beginning begins with the order. One with a number of its own in the sequence may as
        well follow those before it."""
        repeat = dosage.timing.repeat if dosage.timing is not None else None
        first, last = calendar.period(repeat.boundsPeriod) if repeat is not None else (None, None)
        begins = first or self._follows(bytes(dosage.sequence))
        if first is not None or self.begun is None:
            self.begun = _earlier(self.begun, begins)
        if last is None and repeat is not None and begins is not None:
            last = _bounded(begins, repeat)
        self.end = _later(self.end, last)
        self.open_ended = self.open_ended or last is None

    def _follows(self, number: bytes) -> Span | None:
        start, others = self.start, bool(self.numbers) and number not in self.numbers
        self.numbers |= {number} if number else set()
        if start is None or self.end is None or not others:
            return start
        return spans.of_days(start.first, max(start.last, self.end.last), start.text)


def _bounded(begins: Span, repeat: wire.TimingRepeat) -> Span | None:
    """The end of a dosage whose bounds are a length of time."""
    if repeat.boundsDuration is not None:
        return after_exactly(begins, repeat.boundsDuration)
    if repeat.boundsRange is not None:
        return after(begins, repeat.boundsRange.low, repeat.boundsRange.high)
    return None


def _earlier(one: Span | None, other: Span | None) -> Span | None:
    if one is None or other is None:
        return one or other
    return _lying(one, other, min(one.first, other.first), min(one.last, other.last))


def _later(one: Span | None, other: Span | None) -> Span | None:
    if one is None or other is None:
        return one or other
    return _lying(one, other, max(one.first, other.first), max(one.last, other.last))


def _lying(one: Span, other: Span, first: int, last: int) -> Span:
    """That of two dates which lies so, if one does, else a span of its own."""
    known = next((s for s in (one, other) if (s.first, s.last) == (first, last)), None)
    return known or spans.of_days(first, last, f"{shown_day(first)} to {shown_day(last)}")
