"""Observation and its components as measurements of an input. Values are read when a rule asks for them.

https://hl7.org/fhir/R4/observation.html
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import Raw

from service.criteria.amounts import Interval, exactly
from service.criteria.facts import Person, Standing, UpperLimit
from service.criteria.spans import Span
from service.mappers import quantities, wire
from service.mappers.concepts import shown, texts
from service.mappers.dates import Calendar, age_day
from service.mappers.documents import Item
from service.mappers.inputs import Input, Inputs
from service.mappers.integrity import problem_of
from service.mappers.quantities import UCUM, Problem, Written
from service.mappers.terminology import Terminology

DECIDES = frozenset({"final", "amended", "corrected"})
NEVER = frozenset({"entered-in-error", "cancelled"})
# http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation and its v2 ancestor
_FLAG_SYSTEMS = ("v3-observationinterpretation", "v2-0078", "v2/0078", "observation-interpretation")
# http://terminology.hl7.org/CodeSystem/referencerange-meaning
_MEANINGS = {"normal": "normal", "postmenopausal": "postmenopausal", "post-menopausal": "postmenopausal"}
_SEXES = {"248152002": "female", "248153007": "male", "female": "female", "male": "male", "f": "female", "m": "male"}
_OTHER_METHODS = ("muga", "nuclear", "radionuclide", "scintigra", "magnetic", "mri", "cmr", "tomograph", "angiogra")
_ECHO_METHODS = ("echo", "ultraso")
_EXERTION = ("exertion", "exercise", "ambulat", "walk", "6mwt")
_OXYGEN = ("on oxygen", "supplemental", "nasal cannula", "with oxygen", "on o2", "l/min")
_ROOM_AIR = ("room air",)


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
        reader = _ValueReader(self.input, part, self._source.library.terminology)
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
        if not _measurable(value) or not _is_usable(value, made):
            return False
        self.value = Interval(value, value)
        self.answers = _NO_ANSWERS
        self.date = None
        self.problem = ""
        self.conflicting = self.empty = False
        self.said = f"{written} {quantity.unit or quantity.code}"
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
        self.said = shown(concept)[:200]
        return True

    def _is_plain_score(self, part: wire.Observation | wire.Component) -> bool:
        """The usual case, kept short: one whole number of a score. False: read it in full."""
        made = self.input
        if not made.score or made.grades or "quantity" not in made.reads or _has_other_value(part, "integer"):
            return False
        value = Decimal(part.valueInteger or 0)
        if value < _ZERO or not _is_usable(value, made):
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
        self.flags = frozenset(_flags(interpretation)) if interpretation else _NO_ANSWERS

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
            if not _measurable(value):
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
        self.specimen = (specimen.reference or "") if specimen else ""

    def _upper_limits(self) -> Iterable[UpperLimit]:
        for entry in self._part.referenceRange or ():
            fits = (
                True if entry.appliesTo is None and entry.age is None else _fits(entry, self._source.person, self.span)
            )
            if fits is False:
                continue
            bounds = _bounds(entry, self.input, self._part)
            if bounds is not None:
                yield UpperLimit(bounds[0], bounds[1], _meaning(entry), fits is True)

    def _circumstances(self) -> Iterable[str]:
        if self._item_mark:
            yield self._item_mark
        words = texts(self._resource.method).lower()
        if words:
            for mark, names in (("other-method", _OTHER_METHODS), ("echo", _ECHO_METHODS)):
                if any(name in words for name in names):
                    yield mark
                    break
        if self.input.name == "oxygen-saturation":
            yield from _breathing(self._resource, words, self._source.library.terminology)


_NO_ANSWERS: frozenset[str] = frozenset()
_NO_LIMITS: tuple[UpperLimit, ...] = ()
_ZERO = Decimal(0)
_MAX_EXPONENT = quantities.MAX_EXPONENT
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


def _measurable(value: Decimal) -> bool:
    """Whether a number may be a measurement at all: none of those read here is negative."""
    return value.is_finite() and value >= _ZERO and -_MAX_EXPONENT <= value.adjusted() <= _MAX_EXPONENT


def _is_usable(value: Decimal, made: Input) -> bool:
    """Whether a living person can have it; True where the input does not say."""
    for low, high in made.usable:
        if low <= value <= high:
            return True
    return not made.usable


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


class _ValueReader:
    """Reads the value[x] of an Observation or component for one input."""

    def __init__(self, made: Input, part: wire.Observation | wire.Component, terminology: Terminology) -> None:
        self.input = made
        self.part = part
        self.terminology = terminology
        self.value: Interval | None = None
        self.answers: tuple[str, ...] = ()
        self.date = ""
        self.problem = ""
        self.conflicting = False
        self.empty = False
        self.said = ""
        self._present = 0

    def read(self) -> None:
        part = self.part
        if part.valueQuantity is not None:
            self._try(quantities.shown(part.valueQuantity), self._quantity)
        if part.valueCodeableConcept is not None:
            self._try(shown(part.valueCodeableConcept), self._concept)
        if part.valueInteger is not None:
            self._try(str(part.valueInteger), self._integer)
        if part.valueString is not None:
            self._try(part.valueString, self._string)
        self._read_rare_types()
        if self._present == 0:
            self._without_value()
        elif self.value is not None or self.answers or self.date:
            self.problem = ""

    def _read_rare_types(self) -> None:
        part = self.part
        if part.valueRange is not None:
            self._try(_shown_range(part.valueRange), self._range)
        if part.valueRatio is not None:
            self._try(_shown_ratio(part.valueRatio), self._ratio)
        if part.valueBoolean is not None:
            self._try("true" if part.valueBoolean else "false", self._boolean)
        if part.valueDateTime is not None:
            self._try(part.valueDateTime, self._date)
        for name in ("valueSampledData", "valueTime", "valuePeriod"):
            found = getattr(part, name)
            if found is not None and found != wire.NOTHING:
                self._try(name, self._no_such_type)

    def _try(self, shown: str, read: Callable[[], None]) -> None:
        self._present += 1
        self.said = self.said or shown[:200]
        try:
            read()
        except Problem as problem:
            self.problem = self.problem or str(problem)

    def _number(self, written: Written, unit_optional: bool) -> None:
        if "quantity" not in self.input.reads:
            raise Problem(f"a number is no answer to {self.input.label}")
        self._keep(self._possible(quantities.into_input(written, self.input, unit_optional)))

    def _possible(self, interval: Interval) -> Interval:
        made = self.input
        if any(bound is not None and bound < 0 for bound in (interval.low, interval.high)):
            raise Problem(f"{made.label} is never negative")
        if made.usable and not any(interval.meets(low, high) for low, high in made.usable):
            raise Problem(f"no living person has this value of {made.label}")
        if made.score and interval.exact is not None and interval.exact != interval.exact.to_integral_value():
            raise Problem(f"{made.label} is a whole number")
        return interval

    def _keep(self, interval: Interval) -> None:
        if self.value is not None and self.value != interval:
            self.conflicting = True
        self.value = interval

    def _keep_answers(self, answers: Iterable[str]) -> None:
        found = tuple(answers)
        score = self.input.score
        if score and (numbers := [a for a in found if a.startswith(f"{score}-")]):
            for answer in numbers:
                self._keep(self._possible(exactly(Decimal(answer[len(score) + 1 :]))))
            return
        if self.answers and set(found) != set(self.answers):
            self.conflicting = True
        self.answers = found

    def _quantity(self) -> None:
        quantity = self.part.valueQuantity
        assert quantity is not None
        written = quantities.of_quantity(quantity)
        if self.input.grades:
            self._grade(written, needs_unit=True)
        else:
            self._number(written, unit_optional=False)

    def _integer(self) -> None:
        value = self.part.valueInteger
        assert value is not None
        written = Written(exactly(Decimal(value)))
        if self.input.grades:
            self._grade(written, needs_unit=False)
        else:
            self._number(written, unit_optional=bool(self.input.score))

    def _grade(self, written: Written, needs_unit: bool) -> None:
        """A number that is an answer: 2 of immunohistochemistry is 2+."""
        interval = quantities.into(written, "1", None, unit_optional=not needs_unit)
        if interval.exact is None or interval.exact not in (0, 1, 2, 3):
            raise Problem(f"{self.input.label} is 0, 1+, 2+ or 3+")
        self._keep_answers((f"{self.input.grades}-{int(interval.exact)}",))

    def _string(self) -> None:
        self._free_text(self.part.valueString or "")

    def _free_text(self, text: str) -> None:
        if self.input.grades and (score := quantities.score_of_text(text)) is not None:
            self._keep_answers((f"{self.input.grades}-{score}",))
            return
        written = quantities.of_text(text)
        if written is None:
            raise Problem("free text that is not a number, a range or a score")
        if self.input.grades:
            self._grade(written, needs_unit=False)
        else:
            self._number(written, self.input.unit_optional_in_text)

    def _range(self) -> None:
        assert self.part.valueRange is not None
        self._number(quantities.of_range(self.part.valueRange), unit_optional=False)

    def _ratio(self) -> None:
        assert self.part.valueRatio is not None
        self._number(quantities.of_ratio(self.part.valueRatio), unit_optional=False)

    def _boolean(self) -> None:
        if "answer" not in self.input.reads or self.input.score or self.input.grades:
            self._no_such_type()
        self._keep_answers(("positive" if self.part.valueBoolean else "negative",))

    def _date(self) -> None:
        if "date" not in self.input.reads:
            self._no_such_type()
        self.date = self.part.valueDateTime or ""

    def _no_such_type(self) -> None:
        raise Problem(f"a type of value that {self.input.label} cannot have")

    def _concept(self) -> None:
        concept = self.part.valueCodeableConcept
        assert concept is not None
        if "answer" not in self.input.reads:
            self._concept_of_number(concept)
            return
        found = self.terminology.look_up("answer", concept)
        if "not-known" in found.sure:
            self._present -= 1
            return
        answers = [*found.sure, *self._named_elsewhere(concept)]
        if answers:
            self._keep_answers(answers)
            return
        if found.ambiguous:
            raise Problem(f"the answer's code has no system or a wrong one: {shown(concept)[:60]}")
        if not concept.coding and concept.text:
            self._free_text(concept.text)
            return
        raise Problem(f"an answer that is not known: {shown(concept)[:60]}")

    def _named_elsewhere(self, concept: wire.CodeableConcept) -> Iterable[str]:
        """Answers that are sites or diagnoses, as `site:liver`."""
        for family in self.input.answer_families:
            for name in self.terminology.look_up(family, concept).sure:
                yield f"{family}:{name}"

    def _concept_of_number(self, concept: wire.CodeableConcept) -> None:
        if "not-known" in self.terminology.look_up("answer", concept).sure:
            self._present -= 1
        elif not concept.coding and concept.text and "quantity" in self.input.reads:
            self._free_text(concept.text)
        else:
            self._no_such_type()

    def _without_value(self) -> None:
        """No value: an interpretation may serve, else there is nothing."""
        found: list[str] = []
        for concept in self.part.interpretation or ():
            found += self.terminology.look_up("answer", concept).sure
            self.said = self.said or shown(concept)
        try:
            if found and "answer" in self.input.reads:
                self._keep_answers(dict.fromkeys(found))
        except Problem as problem:
            self.problem = str(problem)
            return
        self.problem = ""
        self.empty = self.value is None and not self.answers and not self.date


def observed_span(resource: wire.Observation, calendar: Calendar) -> tuple[Span | None, bool]:
    """When it was true of the patient, and whether anything was written there. The issue date alone proves no more
    than "then or earlier"."""
    read = calendar.read
    if resource.effectiveDateTime is not None:
        return read(resource.effectiveDateTime), True
    if resource.effectiveInstant is not None:
        return read(resource.effectiveInstant), True
    if resource.effectivePeriod is not None:
        start, end = calendar.period(resource.effectivePeriod)
        return end or start, True
    if resource.effectiveTiming is not None:
        events = [span for text in resource.effectiveTiming.event or () if (span := read(text)) is not None]
        if events:
            return max(events, key=lambda span: span.end), True
        repeat = resource.effectiveTiming.repeat
        start, end = calendar.period(repeat.boundsPeriod if repeat else None)
        return end or start, True
    return None, False


def standing_of(status: str | None) -> tuple[Standing, str] | None:
    """How far an Observation of a status may be relied on; None where it never counts."""
    if status in DECIDES:
        return "sure", ""
    plain = (status or "").strip().lower()
    if plain in DECIDES:
        return "sure", f"status written {status}"
    if plain in NEVER:
        return None
    return "provisional", f"status {plain[:24]}" if plain else "no status"


def _flags(concepts: list[wire.CodeableConcept] | None) -> Iterable[str]:
    for concept in concepts or ():
        for coding in concept.coding or ():
            if coding and coding.code and any(s in (coding.system or "").lower() for s in _FLAG_SYSTEMS):
                yield coding.code.upper()


def _breathing(resource: wire.Observation, words: str, terminology: Terminology) -> Iterable[str]:
    """How oxygen saturation was measured: on exertion, under oxygen, on room air."""
    said = f"{texts(resource.code)} {words}".lower()
    for mark, names in (("exertion", _EXERTION), ("room-air", _ROOM_AIR), ("oxygen", _OXYGEN)):
        if any(name in said for name in names):
            yield mark
    for component in resource.component or ():
        found = terminology.look_up("observation", component.code)
        if "inhaled-oxygen" in found.sure and component.valueQuantity is not None:
            try:
                flow = quantities.number(component.valueQuantity.value)
            except Problem:
                continue
            if flow is not None and flow > _room_air(component.valueQuantity):
                yield "oxygen"


def _room_air(quantity: wire.Quantity) -> Decimal:
    """The largest value that is still room air: 21 % of oxygen inspired, or no flow."""
    return Decimal(21) if "%" in (quantity.code or quantity.unit or "") else Decimal(0)


def _meaning(entry: wire.ReferenceRange) -> str:
    if entry.type is None:
        return "normal"
    for coding in entry.type.coding or ():
        if coding and coding.code:
            return _MEANINGS.get(coding.code.lower(), "other")
    text = (entry.type.text or "").strip().lower()
    return "normal" if not text else _MEANINGS.get(text.removesuffix(" range").replace(" ", "-"), "other")


def _fits(entry: wire.ReferenceRange, person: Person, span: Span | None) -> bool | None:
    """Whether a range is for this patient; None where that cannot be told."""
    fits: bool | None = True
    sexes = [_sex_of(concept) for concept in entry.appliesTo or ()]
    told = {sex for sex in sexes if sex}
    if told:
        if person.gender in ("female", "male"):
            if person.gender not in told:
                return False
        else:
            fits = None
    if any(not sex for sex in sexes):
        fits = None
    if entry.age is not None:
        of_age = _age_fits(entry.age, person, span)
        if of_age is not True:
            fits = of_age
    return fits


def _sex_of(concept: wire.CodeableConcept) -> str:
    for coding in concept.coding or ():
        if coding and coding.code and coding.code.lower() in _SEXES:
            return _SEXES[coding.code.lower()]
    return _SEXES.get((concept.text or "").strip().lower(), "")


def _age_fits(ages: wire.Range, person: Person, span: Span | None) -> bool | None:
    """Whether the patient was of an age when it was measured; None where that cannot be told."""
    if person.birth is None or span is None or span.open_start:
        return None
    for bound, is_low in ((ages.low, True), (ages.high, False)):
        if bound is None:
            continue
        reached = _reached_age(bound, 0 if is_low else 1, person.birth, span)
        if reached is None:
            return None
        if reached is not is_low:
            return False
    return True


def _reached_age(bound: wire.Quantity, more: int, birth: Span, span: Span) -> bool | None:
    """Whether someone had reached an age (`more` units later) on a day."""
    earliest, latest = age_day(birth.first, bound, more), age_day(birth.last, bound, more)
    if earliest is None or latest is None:
        return None
    return True if span.first >= latest else False if span.last < earliest else None


def _bounds(
    entry: wire.ReferenceRange, made: Input, part: wire.Observation | wire.Component
) -> tuple[Decimal | None, Decimal | None] | None:
    """Low and high of a range in the input's unit; a bound without a unit has the value's."""
    try:
        if entry.low is None and entry.high is None:
            return _text_bounds(entry.text, made, part)
        low = _bound(entry.low, made, part)
        high = _bound(entry.high, made, part)
    except Problem:
        return None
    if any(bound is not None and bound < 0 for bound in (low, high)):
        return None
    return None if low is None and high is None else (low, high)


def _bound(quantity: wire.Quantity | None, made: Input, part: wire.Observation | wire.Component) -> Decimal | None:
    if quantity is None or not bytes(quantity.value):
        return None
    written = quantities.of_quantity(quantity)
    if quantity.comparator:
        written = Written(exactly(quantities.number(quantity.value) or Decimal(0)), written.code, written.text)
    if not written.has_unit:
        written = Written(written.interval, *_value_unit(part))
    return quantities.into(written, made.unit, made.molar_mass, unit_optional=False).low


def _value_unit(part: wire.Observation | wire.Component) -> tuple[str, str]:
    """The unit of the value beside a range."""
    quantity = part.valueQuantity
    if quantity is None and part.valueRange is not None:
        quantity = part.valueRange.high or part.valueRange.low
    if quantity is not None and (quantity.code or quantity.unit):
        written = quantities.of_quantity(wire.Quantity(Raw(b"1"), None, quantity.unit, quantity.system, quantity.code))
        return written.code, written.text
    if part.valueString is not None and (written_text := quantities.of_text(part.valueString)) is not None:
        return written_text.code, written_text.text
    return "", ""


def _text_bounds(
    text: str | None, made: Input, part: wire.Observation | wire.Component
) -> tuple[Decimal | None, Decimal | None] | None:
    written = quantities.of_text(text) if text else None
    if written is None or written.interval.exact is not None:
        return None
    if not written.has_unit:
        written = Written(written.interval, *_value_unit(part))
    interval = quantities.into(written, made.unit, made.molar_mass, unit_optional=False)
    return interval.low, interval.high


def _shown_range(value: wire.Range) -> str:
    low = quantities.shown(value.low) if value.low else ""
    high = quantities.shown(value.high) if value.high else ""
    return f"{low} to {high}"


def _shown_ratio(value: wire.Ratio) -> str:
    above = quantities.shown(value.numerator) if value.numerator else ""
    below = quantities.shown(value.denominator) if value.denominator else ""
    return f"{above} : {below}"
