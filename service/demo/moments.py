"""FHIR dates as the times that they cover, and how a search compares them (https://hl7.org/fhir/R4/search.html#date)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Span(NamedTuple):
    """From `start` up to and without `end`; a date covers its whole day, month or year, a time its second."""

    start: datetime
    end: datetime


def span_of(text: str) -> Span:
    """What a FHIR date, dateTime or instant covers, in UTC where it tells no zone. ValueError for anything else."""
    match = _DATE.fullmatch(text)
    if not match:
        raise ValueError("a FHIR date was expected")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    written = f"{year}-{month or '01'}-{day or '01'}T{hour or '00'}:{minute or '00'}:{second or '00'}"
    micros = (fraction or "").ljust(6, "0")[:6]
    offset = "+00:00" if zone in (None, "Z") else zone
    try:
        start = datetime.fromisoformat(f"{written}.{micros}{offset}").astimezone(UTC)
        return Span(start, _end(start, [part for part in (month, day, hour, second, fraction) if part]))
    except OverflowError:
        raise ValueError("a date within the calendar was expected") from None


def _end(start: datetime, parts: list[str]) -> datetime:
    match len(parts):
        case 0:
            return _LAST if start.year == 9999 else start.replace(year=start.year + 1)
        case 1:
            return _LAST if (start.year, start.month) == (9999, 12) else _next_month(start)
        case 2:
            return start + timedelta(days=1)
        case 3:
            return start + timedelta(minutes=1)
        case 4:
            return start + timedelta(seconds=1)
        case _:
            return start + timedelta(microseconds=10 ** (6 - min(len(parts[-1]), 6)))


def _next_month(start: datetime) -> datetime:
    return (start.replace(day=1) + timedelta(days=31)).replace(day=1)


def span_of_element(value: Any) -> Span | None:
    """What a date or a Period of a resource covers; None where it tells no time. An open Period has no end."""
    try:
        if isinstance(value, str):
            return span_of(value)
        if isinstance(value, dict) and ("start" in value or "end" in value):
            start = span_of(value["start"]).start if "start" in value else _FIRST
            return Span(start, span_of(value["end"]).end if "end" in value else _LAST)
    except ValueError:
        pass
    return None


Comparison = Callable[[Span, Span], bool]


def _within(found: Span, asked: Span) -> bool:
    return asked.start <= found.start and found.end <= asked.end


def _after(found: Span, asked: Span) -> bool:
    return found.end > asked.end


def _before(found: Span, asked: Span) -> bool:
    return found.start < asked.start


COMPARISONS: dict[str, Comparison] = {
    "eq": _within,
    "gt": _after,
    "lt": _before,
    "ge": lambda found, asked: _after(found, asked) or _within(found, asked),
    "le": lambda found, asked: _before(found, asked) or _within(found, asked),
}
