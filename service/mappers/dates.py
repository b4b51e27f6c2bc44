"""FHIR date, dateTime and instant as spans of days in the configured time zone.

A partial date is the whole month or year, a time with an offset falls on its day in the zone, a time without one is
taken as the zone's own. https://hl7.org/fhir/R4/datatypes.html#dateTime
"""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation

from service.criteria import spans
from service.criteria.spans import DAY_SECONDS, LONG_AGO, Span
from service.mappers import wire

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?\Z", re.ASCII)
_TIME = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(\.\d+)?)?\s*(Z|z|[+-]\d{2}:?\d{2})?\Z", re.ASCII
)
_FARTHEST = timedelta(hours=14)  # no zone lies farther from UTC, and FHIR allows no more
_CACHE_LIMIT = 100_000
_COMPARATORS = (None, "<", "<=", ">=", ">")
# Age units as UCUM codes and the words in use, in months (days and weeks stand apart).
_AGE_MONTHS = {"a": 12, "year": 12, "years": 12, "y": 12, "yr": 12, "yrs": 12, "mo": 1, "month": 1, "months": 1}
_AGE_DAYS = {"d": 1, "day": 1, "days": 1, "wk": 7, "week": 7, "weeks": 7}


class Calendar:
    """Reads dates in one time zone; equal texts are read once."""

    def __init__(self, zone: tzinfo = UTC) -> None:
        self.zone = zone
        self._seen: dict[str, Span | None] = {}

    def read(self, text: str | None) -> Span | None:
        """A FHIR date or dateTime; None where there is none or it cannot be read."""
        if text is None:
            return None
        try:
            return self._seen[text]
        except KeyError:
            pass
        if len(self._seen) > _CACHE_LIMIT:
            self._seen.clear()
        span = self._seen[text] = self._parse(text.strip())
        return span

    def _parse(self, text: str) -> Span | None:
        if found := _DATE.match(text):
            return _whole(found)
        if found := _TIME.match(text):
            return self._moment(found)
        return None

    def _moment(self, found: re.Match[str]) -> Span | None:
        year, month, day, hour, minute = (int(found[i]) for i in range(1, 6))
        second = int(found[6] or 0)
        leap = second == 60
        try:
            moment = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=UTC)
            offset = _offset(found[8])
            if offset is not None:
                moment = (moment - offset).astimezone(self.zone)
        except (ValueError, OverflowError):
            return None
        ordinal = moment.toordinal()
        at = ordinal * DAY_SECONDS + moment.hour * 3600 + moment.minute * 60 + moment.second + float(found[7] or 0)
        if found[6] is None:
            return Span(ordinal, ordinal, at, at + 59, moment.date().isoformat())
        return Span(ordinal, ordinal, at, at, moment.date().isoformat())

    def period(self, period: wire.Period | None) -> tuple[Span | None, Span | None]:
        if period is None:
            return None, None
        return self.read(period.start), self.read(period.end)

    def today(self) -> int:
        """The current day in the zone, as an ordinal. The only clock of the mappers; callers at the edge use it."""
        return datetime.now(self.zone).date().toordinal()


def _whole(found: re.Match[str]) -> Span | None:
    year = int(found[1])
    month = int(found[2]) if found[2] else None
    try:
        if month is None:
            return spans.of_days(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal(), found[0])
        if found[3]:
            ordinal = date(year, month, int(found[3])).toordinal()
            return spans.of_days(ordinal, ordinal, found[0])
        last = monthrange(year, month)[1]
        return spans.of_days(date(year, month, 1).toordinal(), date(year, month, last).toordinal(), found[0])
    except ValueError:
        return None


def _offset(text: str | None) -> timedelta | None:
    """None where the time has no offset."""
    if text is None:
        return None
    if text in "Zz":
        return timedelta(0)
    digits = text[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if size > _FARTHEST or digits[2:] > "59":
        raise ValueError("no offset of any zone")
    return -size if text[0] == "-" else size


def between(start: Span | None, end: Span | None) -> Span | None:
    """Some moment between two dates, as a Period or a Range tells an onset; an open end is open."""
    if start is None and end is None:
        return None
    if start is None:
        assert end is not None
        return spans.up_to(end)
    if end is None:
        return Span(start.first, spans.FOREVER, start.start, float("inf"), f"{start.text} or later")
    if end.last < start.first:
        return None
    text = start.text if start.text == end.text else f"{start.text} to {end.text.removeprefix('at age ')}"
    return Span(start.first, end.last, start.start, end.end, text)


def at_age(birth: Span | None, age: wire.Quantity | None) -> Span | None:
    """The span in which someone is of an age: an age in years lasts a year; one with a comparator is open at that end.

    None where the birth date or the unit is not known.
    """
    if birth is None or age is None or age.comparator not in _COMPARATORS:
        return None
    low, high = age_day(birth.first, age, 0), age_day(birth.last, age, 0 if _is_below(age) else 1)
    if low is None or high is None:
        return None
    text = _said(age)
    if age.comparator in ("<", "<="):
        return spans.up_to(spans.of_days(high - 1, high - 1, text))
    at = spans.of_days(low, max(low, high - 1), text)
    if age.comparator in (">", ">="):  # more than 60 may be 60 and a day
        return Span(at.first, spans.FOREVER, at.start, float("inf"), text)
    return at


def _is_below(age: wire.Quantity) -> bool:
    """Whether an age is told as less than a whole number: the day on which it is reached is none of it."""
    value = _number(age)
    return age.comparator == "<" and value is not None and value == int(value)


def _said(age: wire.Quantity) -> str:
    """`at age 62`, `at age 746 months`: whatever is not years is told with its unit."""
    value, unit = f"{age.comparator or ''}{_number(age)}", _age_unit(age)
    name = "week" if unit.startswith("w") else "day" if unit in _AGE_DAYS else "month"
    if _AGE_MONTHS.get(unit) == 12:
        return f"at age {value}"
    return f"at age {value} {name}{'' if value == '1' else 's'}"


def at_ages(birth: Span | None, ages: wire.Range) -> Span | None:
    """Some moment between two ages; where one is not told, that end is open. None where an age told is not known."""
    low, high = at_age(birth, ages.low), at_age(birth, ages.high)
    if (ages.low and low is None) or (ages.high and high is None):
        return None
    return between(low, high)


def age_day(born: int, age: wire.Quantity, further: int) -> int | None:
    """The day on which someone born on a day reaches an age, `further` of its units later; None for an odd unit."""
    value = _number(age)
    unit = _age_unit(age)
    if value is None or value < 0 or value.adjusted() > 4 or born == LONG_AGO:
        return None
    whole = int(value) + further
    if unit in _AGE_DAYS:
        return born + _AGE_DAYS[unit] * whole
    if unit in _AGE_MONTHS:
        months = _AGE_MONTHS[unit]
        return spans.birthday(born, whole) if months == 12 else spans.add_months(born, whole)
    return None


def _age_unit(age: wire.Quantity) -> str:
    return (age.code or age.unit or "a").strip().lower()


def _number(quantity: wire.Quantity) -> Decimal | None:
    try:
        value = Decimal(bytes(quantity.value).decode())
    except (InvalidOperation, UnicodeDecodeError):
        return None
    return value if value.is_finite() else None
