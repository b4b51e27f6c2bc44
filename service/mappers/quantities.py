"""Numbers with units, as FHIR and free text write them, into decimal intervals. Nothing is guessed and nothing rounded.

Quantity, Range and Ratio: https://hl7.org/fhir/R4/datatypes.html#Quantity
"""

import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import msgspec

from service.criteria.amounts import Interval
from service.mappers import units, wire
from service.mappers.inputs import Input

UCUM = "http://unitsofmeasure.org"
_UCUM_NAMES = frozenset(
    {UCUM, "https://unitsofmeasure.org", "urn:oid:2.16.840.1.113883.6.8", "http://unitsofmeasure.org/"}
)
_WORDS = {
    "less than or equal to": "<=", "greater than or equal to": ">=", "less than": "<", "greater than": ">",
    "more than": ">", "at least": ">=", "at most": "<=", "not more than": "<=", "no more than": "<=", "up to": "<=",
    "under": "<", "below": "<", "over": ">", "above": ">", "≤": "<=", "≥": ">=", "=<": "<=", "=>": ">=",
    "<": "<", ">": ">", "<=": "<=", ">=": ">=", "=": "",
}  # fmt: skip
_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_TEXT = re.compile(
    rf"\s*(?P<comparator>{'|'.join(re.escape(w) for w in sorted(_WORDS, key=len, reverse=True))})?\s*"
    rf"(?P<low>{_NUMBER})(?:\s*(?:-|–|—|to)\s*(?P<high>\d+(?:\.\d+)?))?\s*(?P<unit>[^\d\s.,;<>=+-].*?|10[*^].*?)?\s*\Z",
    re.IGNORECASE,
)
_ANNOTATION = re.compile(r"\{[^{}]*\}")
_SCORE = re.compile(r"\s*([0-3])\s*\+\s*\Z")
MAX_TEXT = 120
MAX_EXPONENT = 30


class Problem(ValueError):
    """Why a value cannot be used, in words for a reader."""


class Written(msgspec.Struct, frozen=True, gc=False):
    """A number or interval as written, with its unit code and unit text."""

    interval: Interval
    code: str = ""
    text: str = ""

    @property
    def has_unit(self) -> bool:
        return bool(self.code or self.text)


def number(raw: msgspec.Raw) -> Decimal | None:
    """A JSON number as an exact decimal; None where there is none. A number in quotes is none."""
    text = bytes(raw)
    if not text or text == b"null":
        return None
    try:
        value = Decimal(text.decode("ascii"))
    except (InvalidOperation, UnicodeDecodeError):
        raise Problem("the value is not a number") from None
    if not value.is_finite() or abs(value.adjusted()) > MAX_EXPONENT:
        raise Problem("the value is beyond any measurement")
    return value


def compared(value: Decimal, comparator: str | None) -> Interval:
    """A value with a FHIR comparator as an interval."""
    match comparator:
        case None | "":
            return Interval(value, value)
        case "<":
            return Interval(None, value, high_open=True)
        case "<=":
            return Interval(None, value)
        case ">":
            return Interval(value, None, low_open=True)
        case ">=":
            return Interval(value, None)
    raise Problem(f"the comparator {comparator[:10]} is not one of < <= >= >")


def of_quantity(quantity: wire.Quantity) -> Written:
    """A Quantity as written. Problem where it holds no number."""
    value = number(quantity.value)
    if value is None:
        raise Problem("the Quantity has no value")
    code, text = _unit_of(quantity)
    return Written(compared(value, quantity.comparator), code, text)


def _unit_of(quantity: wire.Quantity) -> tuple[str, str]:
    code = (quantity.code or "").strip()
    text = (quantity.unit or "").strip()
    if code and quantity.system not in _UCUM_NAMES:
        # a code of no system or another one is no UCUM code; it may still be a spelling of a unit
        return ("", text or code) if quantity.system is None else ("", text)
    return code, text


def of_range(span: wire.Range) -> Written:
    """A Range: between its bounds, either of which may be missing. The unit is that of the bounds."""
    bounds = [None if q is None or not bytes(q.value) else of_quantity(q) for q in (span.low, span.high)]
    low, high = bounds
    if low is None and high is None:
        raise Problem("the Range has no bounds")
    if low and high and (low.code, low.text) != (high.code, high.text) and low.has_unit and high.has_unit:
        raise Problem("the Range's bounds have different units")
    unit = high if high and high.has_unit else low or high
    assert unit is not None
    interval = Interval(low.interval.low if low else None, high.interval.high if high else None)
    if interval.low is not None and interval.high is not None and interval.low > interval.high:
        raise Problem("the Range's low is above its high")
    return Written(interval, unit.code, unit.text)


def of_ratio(ratio: wire.Ratio) -> Written:
    """A Ratio as its quotient, in the unit of numerator per denominator."""
    if ratio.numerator is None or ratio.denominator is None:
        raise Problem("the Ratio lacks a numerator or denominator")
    above, below = of_quantity(ratio.numerator), of_quantity(ratio.denominator)
    interval = _divided(above.interval, below.interval)
    code = _per(above.code or _as_code(above.text), below.code or _as_code(below.text))
    return Written(interval, code, "")


def _as_code(text: str) -> str:
    return units.normalised(text) if text else ""


def _per(above: str, below: str) -> str:
    if not below or below == "1":
        return above or "1"
    return f"{above if above and above != '1' else ''}/{below}"


def _divided(above: Interval, below: Interval) -> Interval:
    for bound in (above.low, below.low):
        if bound is not None and bound < 0:
            raise Problem("the Ratio has a negative part")
    if (below.low is None or below.low == 0) and below.exact is not None:
        raise Problem("the Ratio's denominator is zero")
    zero = Decimal(0)
    low = zero if below.high is None or above.low is None else above.low / below.high
    high = None if above.high is None or not below.low else above.high / below.low
    low_open = above.low_open or below.high_open or below.high is None
    return Interval(low, high, low_open, above.high_open or below.low_open)


def of_text(text: str) -> Written | None:
    """Free text that is, as a whole, a number, a comparator and a number, or a range, with or without a unit."""
    if len(text) > MAX_TEXT:
        return None
    found = _TEXT.match(text)
    if found is None:
        return None
    low = Decimal(found["low"])
    unit = (found["unit"] or "").strip()
    if found["high"] is not None:
        high = Decimal(found["high"])
        if found["comparator"] or low > high:
            return None
        return Written(Interval(low, high), "", unit)
    return Written(compared(low, _WORDS[(found["comparator"] or "=").lower()]), "", unit)


def score_of_text(text: str) -> int | None:
    """0+ to 3+, as immunohistochemistry is scored."""
    found = _SCORE.match(text)
    return int(found[1]) if found else None


def into(written: Written, unit: str, molar_mass: Decimal | None, unit_optional: bool) -> Interval:
    """The interval in the unit asked for: the UCUM code first, then the unit text. Problem where neither will do."""
    if written.code:
        try:
            return written.interval.scaled(units.factor(written.code, unit, molar_mass))
        except units.UnreadableUnit:
            if not written.text:
                raise Problem(f"the unit {written.code} cannot be read") from None
        except units.UnitError:
            raise Problem(_not_converted(written.code, unit)) from None
    if written.text:
        try:
            return written.interval.scaled(units.factor(written.text, unit, molar_mass))
        except units.UnitError:
            raise Problem(_not_converted(written.text[:40], unit)) from None
    if unit_optional:
        return written.interval
    raise Problem("the value has no unit")


def _not_converted(unit: str, wanted: str) -> str:
    """A unit of 1 is that of a plain number, which no reader would know by it."""
    if wanted == "1":
        return f"a plain number was expected, without the unit {unit}"
    return f"{'a plain number' if unit == '1' else f'the unit {unit}'} cannot be converted to {wanted}"


def into_input(written: Written, made: Input, unit_optional: bool) -> Interval:
    """The interval in an input's own unit, by one of its conversions where no factor leads there. Problem where neither
    will do, or where the code it came under is told in another unit only."""
    unit = _ANNOTATION.sub("", units.normalised(written.code or written.text))
    if made.only_unit and unit not in (made.only_unit, ""):
        raise Problem(f"under this code {made.label} is told in {made.only_unit}, not in {unit[:40]}")
    for name, times, plus in made.conversions:
        if unit == name:
            return _moved(written.interval, times, plus)
    return into(written, made.unit, made.molar_mass, unit_optional)


def _moved(interval: Interval, times: Decimal, plus: Decimal) -> Interval:
    low, high = (None if bound is None else bound * times + plus for bound in (interval.low, interval.high))
    return Interval(low, high, interval.low_open, interval.high_open)


def shown(quantity: wire.Quantity) -> str:
    """A Quantity as it stands, for evidence."""
    value = bytes(quantity.value).decode("utf-8", "replace")
    return f"{quantity.comparator or ''}{value} {unit_said(quantity.unit, quantity.code, quantity.system)}".strip()


@lru_cache(4096)
def unit_said(text: str | None, code: str | None, system: str | None = UCUM) -> str:
    """A unit for a reader: its text, and its code beside it where the two say different things, for the code counts."""
    unit = text or code or ""
    unit = "" if unit == "1" else unit
    if not (text and code) or text == code or system not in _UCUM_NAMES:
        return unit
    try:
        alike = units.factor(text.strip(), code.strip(), None) == 1
    except units.UnreadableUnit:
        alike = True  # words, such as "percent of predicted"
    except units.UnitError:
        alike = False
    return unit if alike else f"{unit} (coded {code})"
