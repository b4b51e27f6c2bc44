"""How far a length of time reaches from a day: hours, days and weeks as they are, months and years by the calendar."""

from datetime import date
from fractions import Fraction
from math import ceil, floor

from service.criteria import spans
from service.criteria.spans import FOREVER, Span
from service.mappers import quantities, wire
from service.mappers.quantities import Problem

_DAYS = {"d": Fraction(1), "wk": Fraction(7), "h": Fraction(1, 24), "min": Fraction(1, 1440), "s": Fraction(1, 86_400)}
_MONTHS = {"mo": 1, "a": 12}
# Units as UCUM codes, and the words in use for them.
_UNITS = {
    "s": ("s", "sec", "secs", "second", "seconds"),
    "min": ("min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
    "wk": ("wk", "wks", "w", "week", "weeks"),
    "mo": ("mo", "mos", "mo_j", "mo_g", "mo_s", "mth", "mths", "month", "months"),
    "a": ("a", "a_j", "a_g", "a_t", "y", "yr", "yrs", "year", "years"),
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words}
_LAST_DAY = date.max.toordinal()
_LONGEST = 200  # years: nobody takes a drug longer, whatever a length of time says
_MOST = {unit: Fraction(_LONGEST * 366) / days for unit, days in _DAYS.items()} | {
    unit: Fraction(_LONGEST * 12, months) for unit, months in _MONTHS.items()
}


def after(start: Span, low: wire.Quantity | None, high: wire.Quantity | None, unit: str = "") -> Span | None:
    """The day that lies between two lengths after a start; without the lower one, from the start on. `unit` is meant
    where none is written. None where the upper length is not told or cannot be read."""
    farthest = _reach(start.last, high, unit)
    if farthest is None:
        return None
    nearest = _reach(start.first, low, unit) or (start.first, start.first)
    first, last = min(nearest[0], farthest[1]), farthest[1]
    return spans.of_days(first, last, shown_day(last))


def shown_day(day: int) -> str:
    """A day for a reader; those beyond the calendar are no end."""
    return spans.iso(day) if day < _LAST_DAY else "no end"


def after_exactly(start: Span, length: wire.Quantity, unit: str = "") -> Span | None:
    """The day that lies one length after a start. With a comparator it is a bound: `<10 d` has an upper one alone."""
    comparator = length.comparator or ""
    return after(
        start, None if comparator.startswith("<") else length, None if comparator.startswith(">") else length, unit
    )


def _reach(day: int, length: wire.Quantity | None, default: str) -> tuple[int, int] | None:
    """The first and last day that may lie a length after a day: two where it is no whole number of days or months."""
    if length is None:
        return None
    try:
        number = quantities.number(length.value)
    except Problem:
        return None
    unit = _unit_of(length) or ("" if length.code or length.unit else default)
    if number is None or number < 0 or not unit:
        return None
    count = min(Fraction(number), _MOST[unit])
    if unit in _DAYS:
        return day + floor(count * _DAYS[unit]), day + ceil(count * _DAYS[unit])
    if day >= _LAST_DAY:
        return FOREVER, FOREVER
    months = count * _MONTHS[unit]
    return spans.add_months(day, floor(months)), spans.add_months(day, ceil(months))


def _unit_of(length: wire.Quantity) -> str:
    """The UCUM code of a length's unit, by its code or else by its words; empty where neither is known."""
    for written in (length.code, length.unit):
        word = (written or "").strip().lower().replace("(s)", "s").rstrip(".")
        if word in _UNIT_OF:
            return _UNIT_OF[word]
    return ""
