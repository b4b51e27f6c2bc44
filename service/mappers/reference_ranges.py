"""Reference ranges: which one is the patient's, and its bounds in the input's own unit.

https://hl7.org/fhir/R4/observation-definitions.html#Observation.referenceRange
"""

from decimal import Decimal

from msgspec import Raw

from service.criteria.amounts import exactly
from service.criteria.facts import Person
from service.criteria.menopause import MENOPAUSE_AGE
from service.criteria.spans import Span
from service.mappers import quantities, wire
from service.mappers.concepts import code_of
from service.mappers.dates import age_day
from service.mappers.inputs import Input
from service.mappers.populations import SEXES, named, of_concept, state_of
from service.mappers.quantities import Problem, Written
from service.mappers.terminology import Terminology

# http://terminology.hl7.org/CodeSystem/referencerange-meaning
_MEANINGS = {"normal": "normal", "postmenopausal": "postmenopausal"}
_OTHER = frozenset({"other"})
_MENOPAUSE_AGE = wire.Quantity(Raw(str(MENOPAUSE_AGE).encode()), None, "a")


def meaning_of(entry: wire.ReferenceRange, terminology: Terminology) -> str:
    if entry.type is None:
        return "normal"
    told = code_of(entry.type, _MEANINGS)
    if not told or told.removesuffix(" range") == "normal":
        return "normal"
    return _MEANINGS.get(state_of(of_concept(entry.type, terminology)), "other")


def told_of(entry: wire.ReferenceRange, terminology: Terminology) -> frozenset[str]:
    """For whom a range is, by `appliesTo` and by a text beside its bounds: sexes, states, and `other` for whatever
    nobody knows."""
    told = [of_concept(concept, terminology) or _OTHER for concept in entry.appliesTo or ()]
    beside = named(entry.text) if entry.low is not None or entry.high is not None else frozenset[str]()
    return beside.union(*told)


def fits_person(entry: wire.ReferenceRange, told: frozenset[str], person: Person, span: Span | None) -> bool | None:
    """Whether a range is for this patient; None where that cannot be told. `told` is of `told_of`."""
    answers = [_sex_fits(told & SEXES, person), _state_fits(told - SEXES, person, span)]
    if entry.age is not None:
        answers.append(_age_fits(entry.age, person, span))
    return False if False in answers else None if None in answers else True


def _sex_fits(sexes: frozenset[str], person: Person) -> bool | None:
    if not sexes or sexes == SEXES:
        return True
    return person.gender in sexes if person.gender in SEXES else None


def _state_fits(states: frozenset[str], person: Person, span: Span | None) -> bool | None:
    """Whether she was in a state that a range is for when it was measured: her age tells it where it tells enough."""
    if not states:
        return True
    if person.gender == "male" and states != _OTHER:
        return False
    if len(states) > 1 or person.birth is None or span is None or span.open_start:
        return None
    past_menopause = states != _OTHER and _reached_age(_MENOPAUSE_AGE, 0, person.birth, span)
    return "postmenopausal" in states if past_menopause else None


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


def bounds_of(
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
    if (low is not None and low < 0) or (high is not None and high <= 0):
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
