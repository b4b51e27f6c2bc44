"""The value[x] of an Observation or component, read for one input.

https://hl7.org/fhir/R4/observation.html
"""

from collections.abc import Callable, Iterable
from decimal import Decimal

from service.criteria.amounts import Interval, exactly, whole
from service.mappers import quantities, wire
from service.mappers.concepts import shown
from service.mappers.inputs import Input
from service.mappers.quantities import Problem, Written
from service.mappers.terminology import Terminology

ZERO = Decimal(0)
# What an answer that should be a site or a diagnosis leaves open: that there is one, or may be, and not which.
NAMES_NONE = frozenset({"positive", "yes", "equivocal", "undetermined"})
_MAX_EXPONENT = quantities.MAX_EXPONENT


def measurable(value: Decimal) -> bool:
    """Whether a number may be a measurement at all: none of those read here is negative."""
    return value.is_finite() and value >= ZERO and -_MAX_EXPONENT <= value.adjusted() <= _MAX_EXPONENT


def is_usable(value: Decimal, made: Input) -> bool:
    """Whether a living person can have it; True where the input does not say."""
    for low, high in made.usable:
        if low <= value <= high:
            return True
    return not made.usable


class Impossible(Problem):
    """A number that can be read and that no living person has."""


class ValueReader:
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
        self._impossible = False

    def read(self) -> None:
        part = self.part
        if part.valueQuantity is not None:
            self._try(quantities.shown(part.valueQuantity), self._quantity)
        if part.valueCodeableConcept is not None:
            self._try(self.terminology.shown("answer", part.valueCodeableConcept), self._concept)
        if part.valueInteger is not None:
            self._try(str(part.valueInteger), self._integer)
        if part.valueString is not None:
            self._try(part.valueString, self._string)
        self._read_rare_types()
        if self._present == 0:
            self._without_value()
        elif self._told:
            self.problem = ""
            self.conflicting = self.conflicting or self._impossible

    @property
    def _told(self) -> bool:
        return self.value is not None or bool(self.answers or self.date)

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
        told_before = self._told
        self._present += 1
        try:
            read()
        except Problem as problem:
            self.problem = self.problem or str(problem)
            self._impossible = self._impossible or isinstance(problem, Impossible)
        if not self.said or (self._told and not told_before):  # what is shown is what was read
            self.said = shown[:200]

    def _number(self, written: Written, unit_optional: bool) -> None:
        if "quantity" not in self.input.reads:
            raise Problem(f"a number is no answer to {self.input.label}")
        self._keep(self._possible(quantities.into_input(written, self.input, unit_optional)))

    def _possible(self, interval: Interval) -> Interval:
        made = self.input
        if any(bound is not None and bound < 0 for bound in (interval.low, interval.high)):
            raise Impossible(f"{made.label} is never negative")
        if made.usable and not any(interval.meets(low, high) for low, high in made.usable):
            raise Impossible(f"no living person has this value of {made.label}")
        if not made.score:
            return interval
        numbers = whole(interval)
        if numbers.low is not None and numbers.high is not None and numbers.low > numbers.high:
            raise Impossible(f"{made.label} is a whole number")
        return numbers

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
        if self.input.answer_families and not NAMES_NONE.isdisjoint(found):
            raise Problem(f"yes or positive is no answer to {self.input.label}")
        if self.answers and set(found) != set(self.answers):
            self.conflicting = True
        self.answers = found

    def _quantity(self) -> None:
        quantity = self.part.valueQuantity
        assert quantity is not None
        if not bytes(quantity.value):  # a unit alone; a null is no FHIR
            self._present -= 1
            return
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
        if self.input.answer_families and text.strip().casefold() == "none":
            self._keep_answers(("none",))  # asked for a site or a diagnosis: there is no such thing
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
        if found.ambiguous or self._ambiguous_elsewhere(concept):
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

    def _ambiguous_elsewhere(self, concept: wire.CodeableConcept) -> bool:
        return any(self.terminology.look_up(family, concept).ambiguous for family in self.input.answer_families)

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
        unread = ""
        for concept in self.part.interpretation or ():
            answer = self.terminology.look_up("answer", concept)
            found += answer.sure
            if not answer.sure and (answer.ambiguous or (not concept.coding and concept.text)):
                unread = "an interpretation without a code that is known"
            self.said = self.said or self.terminology.shown("answer", concept)
        try:
            if found and "answer" in self.input.reads:
                self._keep_answers(dict.fromkeys(found))
        except Problem as problem:
            self.problem = str(problem)
            return
        nothing = self.value is None and not self.answers and not self.date
        self.problem = unread if nothing and "answer" in self.input.reads else ""
        self.empty = nothing and not self.problem


def _shown_range(value: wire.Range) -> str:
    low = quantities.shown(value.low) if value.low else ""
    high = quantities.shown(value.high) if value.high else ""
    if low and high:
        return f"{low} to {high}"
    return f"{low} or more" if low else f"up to {high}" if high else "a Range without bounds"


def _shown_ratio(value: wire.Ratio) -> str:
    above = quantities.shown(value.numerator) if value.numerator else "nothing"
    below = quantities.shown(value.denominator) if value.denominator else "nothing"
    return f"{above} : {below}"
