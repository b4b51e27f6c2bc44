"""Observation and its components as measurements of an input. Values are read when a rule asks for them.

https://hl7.org/fhir/R4/observation.html"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Literal

import msgspec

from service.criteria.amounts import Interval
from service.criteria.facts import Person, Standing, UpperLimit
from service.criteria.spans import Span
from service.mappers import wire
from service.mappers.circumstances import ECHO_METHODS, OTHER_METHODS, breathing, flags
from service.mappers.concepts import texts
from service.mappers.dates import Calendar
from service.mappers.documents import VOID, Item
from service.mappers.identity import without_version
from service.mappers.inputs import Input, Inputs
from service.mappers.integrity import problem_of
from service.mappers.observed_value import ZERO, ValueReader, is_usable, measurable
from service.mappers.populations import named, state_of
from service.mappers.quantities import UCUM, unit_said
from service.mappers.reference_ranges import bounds_of, fits_person, meaning_of, told_of
from service.mappers.terminology import Terminology

DECIDES = frozenset({"final", "amended", "corrected"})


class ObservedValue:
    """One Observation, or one of its components, under one input: `criteria.facts.Measurement`.

    Most results are never looked at closely, because a newer one speaks. What has to be worked out is worked out when
    it is first asked for, and is a plain attribute from then on.
    """

    __slots__ = (
        "_component", "_given", "_item", "_item_mark", "_resource", "_source", "answers", "conflicting", "date",
        "date_lost", "empty", "flags", "focus", "input", "issued", "limits", "marks", "name", "problem",
        "provisional", "ref", "report", "said", "span", "specimen", "standing", "value", "why",
    )  # fmt: skip

    ref: str
    standing: Standing
    why: str

    def __init__(
        self,
        source: "Source",
        item: Item,
        component: wire.Component | None,
        made: Input,
        mark: str,
        given: tuple[Standing, str],
        span: Span | None,
    ) -> None:
        self.input = made
        self.name = made.name
        self.provisional = given[0] == "provisional"
        self.span = span
        self.date_lost = False
        self.report = ""
        self.focus: frozenset[str] = frozenset()
        self._source = source
        self._item = item
        self._resource: wire.Observation = item.resource
        self._component = component
        self._item_mark = mark
        self._given = given
        self.ref = item.reference

    def __getattr__(self, name: str) -> Any:
        """Called for an attribute that is not there yet."""
        work = _WORK.get(name)
        if work is None:
            raise AttributeError(name)
        work(self)
        return getattr(self, name)

    @property
    def _part(self) -> wire.Observation | wire.Component:
        return self._component or self._resource

    def work_out(self) -> None:
        """Do now what a rule will surely ask for, and what costs nothing because the resource says nothing of it."""
        self._work_out_standing()
        self._work_out_value()
        part, resource = self._part, self._resource
        if part.referenceRange is None:
            self.limits = _NO_LIMITS
        if part.interpretation is None:
            self.flags = _NO_ANSWERS
        if resource.specimen is None:
            self.specimen = ""
        if resource.method is None and not self._item_mark and self.name != "oxygen-saturation":
            self.marks: frozenset[str] = _NO_ANSWERS
        if resource.issued is None:
            self.issued: float | None = None

    def _work_out_standing(self) -> None:
        problem = "" if self._item.sound else problem_of(self._item)
        if self.date_lost and not problem:
            problem = "its date cannot be read"
        self.standing, self.why = ("unusable", problem) if problem else self._given

    def _work_out_value(self) -> None:
        part = self._part
        if part.valueQuantity is not None and self._is_plain_number(part):
            return
        if part.valueCodeableConcept is not None and self._is_plain_answer(part):
            return
        if part.valueInteger is not None and self._is_plain_score(part):
            return
        reader = ValueReader(self.input, part, self._source.library.terminology)
        reader.read()
        self.value: Interval | None = reader.value
        self.answers = frozenset(reader.answers)
        self.date = self._source.library.calendar.read(reader.date) if reader.date else None
        self.problem = reader.problem
        self.conflicting = reader.conflicting
        self.empty = reader.empty
        self.said = reader.said

    def _is_plain_number(self, part: wire.Observation | wire.Component) -> bool:
        """The usual case, kept short: one Quantity with a number and a unit seen before. False: read it in full."""
        quantity, made = part.valueQuantity, self.input
        assert quantity is not None
        if (
            quantity.comparator is not None
            or quantity.system != UCUM
            or not made.reads_plain_numbers
            or _has_other_value(part, "number")
        ):
            return False
        factor = made.factors[quantity.code]
        if factor is None:
            return False
        try:
            written = str(quantity.value, "ascii")
            value = Decimal(written) if factor == 1 else Decimal(written) * factor
        except (ArithmeticError, ValueError):
            return False
        if not measurable(value) or not is_usable(value, made):
            return False
        self.value = Interval(value, value)
        self.answers = _NO_ANSWERS
        self.date = None
        self.problem = ""
        self.conflicting = self.empty = False
        self.said = f"{written} {unit_said(quantity.unit, quantity.code)}".rstrip()
        return True

    def _is_plain_answer(self, part: wire.Observation | wire.Component) -> bool:
        """The usual case, kept short: one coded answer that is known. False: read it in full."""
        concept, made = part.valueCodeableConcept, self.input
        if "answer" not in made.reads or made.score or made.answer_families or _has_other_value(part, "concept"):
            return False
        answers = self._source.library.terminology.look_up("answer", concept).sure
        if not answers or "not-known" in answers:
            return False
        self.value = self.date = None
        self.answers = frozenset(answers)
        self.problem = ""
        self.conflicting = self.empty = False
        self.said = self._source.library.terminology.shown("answer", concept)[:200]
        return True

    def _is_plain_score(self, part: wire.Observation | wire.Component) -> bool:
        """The usual case, kept short: one whole number of a score. False: read it in full."""
        made = self.input
        if not made.score or made.grades or "quantity" not in made.reads or _has_other_value(part, "integer"):
            return False
        value = Decimal(part.valueInteger or 0)
        if value < ZERO or not is_usable(value, made):
            return False
        self.value = Interval(value, value)
        self.answers = _NO_ANSWERS
        self.date = None
        self.problem = ""
        self.conflicting = self.empty = False
        self.said = str(part.valueInteger)
        return True

    def _work_out_flags(self) -> None:
        interpretation = self._part.interpretation
        self.flags = frozenset(flags(interpretation)) if interpretation else _NO_ANSWERS

    def _work_out_limits(self) -> None:
        ranges = self._part.referenceRange
        if ranges is None:
            self.limits = _NO_LIMITS
        elif len(ranges) == 1 and (plain := self._plain_range(ranges[0])) is not None:
            self.limits = (plain,)
        else:
            self.limits = tuple(self._upper_limits())

    def _plain_range(self, entry: wire.ReferenceRange) -> UpperLimit | None:
        """The usual case, kept short: bounds in UCUM units seen before, for anyone. None: read it in full."""
        if entry.appliesTo is not None or entry.age is not None or entry.type is not None or entry.high is None:
            return None
        if entry.text is not None and named(entry.text):
            return None
        bounds: list[Decimal | None] = []
        for bound in (entry.low, entry.high):
            if bound is None:
                bounds.append(None)
                continue
            factor = self.input.factors[bound.code] if bound.system == UCUM and bound.comparator is None else None
            if factor is None:
                return None
            try:
                value = Decimal(str(bound.value, "ascii")) * factor
            except (ArithmeticError, ValueError):
                return None
            if not measurable(value) or (bound is entry.high and not value):
                return None
            bounds.append(value)
        return UpperLimit(bounds[0], bounds[1], "normal", True)

    def _work_out_marks(self) -> None:
        self.marks = frozenset(self._circumstances())

    def _work_out_issued(self) -> None:
        issued = self._source.library.calendar.read(self._resource.issued)
        self.issued = issued.start if issued is not None else None

    def _work_out_specimen(self) -> None:
        specimen = self._resource.specimen
        self.specimen = _same_everywhere(specimen.reference or "", self._item) if specimen else ""

    def _upper_limits(self) -> Iterable[UpperLimit]:
        for entry in self._part.referenceRange or ():
            terminology = self._source.library.terminology
            told = told_of(entry, terminology)
            fits = fits_person(entry, told, self._source.person, self.span)
            if fits is False:
                continue
            bounds = bounds_of(entry, self.input, self._part)
            if bounds is not None:
                yield UpperLimit(*bounds, meaning_of(entry, terminology), fits is True, state_of(told))

    def _circumstances(self) -> Iterable[str]:
        if self._item_mark:
            yield self._item_mark
        words = texts(self._resource.method).lower()
        if words:
            for mark, names in (("other-method", OTHER_METHODS), ("echo", ECHO_METHODS)):
                if any(name in words for name in names):
                    yield mark
                    break
        if self.input.name == "oxygen-saturation":
            yield from breathing(self._resource, words, self._source.library.terminology)


_NO_ANSWERS: frozenset[str] = frozenset()
_NO_LIMITS: tuple[UpperLimit, ...] = ()
_WORK: dict[str, Callable[[ObservedValue], None]] = {
    **dict.fromkeys(
        ("value", "answers", "date", "problem", "conflicting", "empty", "said"), ObservedValue._work_out_value
    ),
    "standing": ObservedValue._work_out_standing,
    "why": ObservedValue._work_out_standing,
    "flags": ObservedValue._work_out_flags,
    "limits": ObservedValue._work_out_limits,
    "marks": ObservedValue._work_out_marks,
    "issued": ObservedValue._work_out_issued,
    "specimen": ObservedValue._work_out_specimen,
}


def _has_other_value(part: wire.Observation | wire.Component, beside: Literal["number", "concept", "integer"]) -> bool:
    return (
        part.valueString is not None
        or (part.valueQuantity is not None and beside != "number")
        or (part.valueCodeableConcept is not None and beside != "concept")
        or (part.valueInteger is not None and beside != "integer")
        or part.valueRange is not None
        or part.valueRatio is not None
        or part.valueBoolean is not None
        or part.valueDateTime is not None
        or part.valueTime is not None
        or part.valuePeriod is not None
        or bool(part.valueSampledData)
    )


def says_no_value(resource: wire.Observation) -> bool:
    """Whether a result tells neither a value nor why there is none."""
    beside = resource.dataAbsentReason or resource.interpretation or resource.component
    return not beside and resource.valueInteger is None and not _has_other_value(resource, "integer")


class Library(msgspec.Struct, frozen=True):
    """What every record is read with."""

    terminology: Terminology
    inputs: Inputs
    calendar: Calendar


class Source(msgspec.Struct, frozen=True, gc=False):
    """What a result is read with. It does not lead back to the record: a record that nothing holds any more is gone at
    once, without waiting for the garbage collector."""

    person: Person
    library: Library


def observed_span(resource: wire.Observation, calendar: Calendar) -> tuple[Span | None, bool]:
    """When it was true of the patient, and whether a date is written there; none is told where the date that counts
    cannot be read. The issue date alone proves no more than "then or earlier"."""
    read = calendar.read
    if resource.effectiveDateTime is not None:
        return read(resource.effectiveDateTime), True
    if resource.effectiveInstant is not None:
        return read(resource.effectiveInstant), True
    if resource.effectivePeriod is not None:
        return _end_or_start(resource.effectivePeriod, calendar)
    if resource.effectiveTiming is not None:
        events = [read(text) for text in resource.effectiveTiming.event or () if text]
        if events:
            known = [span for span in events if span is not None]
            return max(known, key=lambda span: span.end) if len(known) == len(events) else None, True
        repeat = resource.effectiveTiming.repeat
        if repeat is not None and repeat.boundsPeriod is not None:
            return _end_or_start(repeat.boundsPeriod, calendar)
    return None, False


def _end_or_start(period: wire.Period, calendar: Calendar) -> tuple[Span | None, bool]:
    text = period.end or period.start
    return calendar.read(text), bool(text)


def _same_everywhere(reference: str, item: Item) -> str:
    """A reference by which two resources can be told to name one thing: without server and version; a contained one is
    known in its own resource alone, or in the one that holds both."""
    if reference.startswith("#"):
        return f"{(item.holder or item).reference}{reference}"
    plain = without_version(reference)
    return "/".join(plain.rsplit("/", 2)[-2:]) if "/" in plain else plain


def standing_of(status: str | None) -> tuple[Standing, str] | None:
    """How far an Observation of a status may be relied on; None where it never counts."""
    if status in DECIDES:
        return "sure", ""
    plain = (status or "").strip().lower()
    if plain in DECIDES:
        return "sure", f"status written {status}"
    if plain in VOID:
        return None
    return "provisional", f"status {plain[:24]}" if plain else "no status"
