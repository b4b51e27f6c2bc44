"""Days as intervals: a FHIR date is a year, a month, a day or an instant; a comparison holds over all of it or not."""

from calendar import monthrange
from datetime import UTC, date, datetime
from typing import NamedTuple

# The first day that Python knows stands for "some time in the past".
LONG_AGO = 1


class Span(NamedTuple):
    """The first and the last day on which something can have been (ordinals, both included)."""

    first: int
    last: int


def instant(text: str) -> datetime | None:
    """The moment, where the text tells a time of day."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if "T" in text else None


def span(text: str | None) -> Span | None:
    """A time with an offset falls on its day in UTC; a plain date is that day; a partial one is an interval."""
    if not text:
        return None
    moment = instant(text)
    if moment is not None:
        day = moment.astimezone(UTC).date().toordinal()
        return Span(day, day)
    parts = [int(part) for part in text.split("-")]
    if len(parts) == 3:
        day = date(*parts).toordinal()
        return Span(day, day)
    if len(parts) == 2:
        year, month = parts
        return Span(date(year, month, 1).toordinal(), date(year, month, monthrange(year, month)[1]).toordinal())
    return Span(date(parts[0], 1, 1).toordinal(), date(parts[0], 12, 31).toordinal())


def period(value: dict) -> Span | None:
    """A Period is an interval; an open side is open."""
    start, end = span(value.get("start")), span(value.get("end"))
    if start is None and end is None:
        return None
    return Span(start.first if start else LONG_AGO, end.last if end else date.max.toordinal())


def until(when: Span | None, as_of: int) -> Span | None:
    """Cut at the as-of date. What lies wholly after it is dropped by `after`, before this is asked."""
    return Span(min(when.first, as_of), min(when.last, as_of)) if when else None


def after(when: Span | None, day: int) -> bool:
    return when is not None and when.first > day


def months_before(day: int, months: int) -> int:
    """Calendar months: a day that the month lacks is the month's last."""
    whole = date.fromordinal(day)
    year, month = divmod(whole.year * 12 + whole.month - 1 - months, 12)
    return date(year, month + 1, min(whole.day, monthrange(year, month + 1)[1])).toordinal()


def birthday(born: int, age: int) -> int:
    """The day of the birthday; 29 February becomes 1 March in common years."""
    whole = date.fromordinal(born)
    try:
        return whole.replace(year=whole.year + age).toordinal()
    except ValueError:
        return date(whole.year + age, 3, 1).toordinal()


def since(when: Span, day: int) -> bool | None:
    """On or after the day: yes, no, or it depends on where in the interval it was."""
    if when.first >= day:
        return True
    return False if when.last < day else None


def within(when: Span, as_of: int, days: int) -> bool | None:
    """Within N days includes day N."""
    return since(when, as_of - days)


def compare(first: Span, second: Span) -> int | None:
    """-1 before, 1 on or after (surely), None where it depends on the day."""
    if first.first >= second.last:
        return 1
    return -1 if first.last < second.first else None
