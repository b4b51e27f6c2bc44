"""Dates as spans of days: what is known of when something happened, and windows to compare it with.

A full date is a span of one day, a month or a year a longer one, "recorded on, so then or earlier" a span with an
open beginning. Comparisons answer True, False or None (not the same over the whole span).
"""

from calendar import monthrange
from datetime import date
from functools import lru_cache

import msgspec

LONG_AGO = 0
FOREVER = 10_000_000
DAY_SECONDS = 86_400


class Span(msgspec.Struct, frozen=True, gc=False):
    """When something happened: day ordinals `first`..`last`, and seconds `start`..`end` to order events within a day.

    `text` is what is shown: the date as far as it is known.
    """

    first: int
    last: int
    start: float
    end: float
    text: str

    def before(self, other: "Span") -> bool:
        """Certainly earlier; two spans that touch are the same time."""
        return self.end < other.start

    @property
    def open_start(self) -> bool:
        return self.first == LONG_AGO


class Window(msgspec.Struct, frozen=True, gc=False):
    """A length of time before the as-of date: days, weeks, or calendar months and years, counted back from that date
    (a day that the month lacks is its last one)."""

    number: int
    unit: str

    def reach(self, day: int) -> int:
        """The last as-of date on which an event of `day` is still inside the window, its first day included."""
        if self.unit == "days":
            return day + self.number
        if self.unit == "weeks":
            return day + 7 * self.number
        return _last_within(day, self.months)

    def reached(self, day: int) -> int:
        """The first as-of date on which an event of `day` is at least so long ago."""
        if self.unit in ("days", "weeks"):
            return self.reach(day)
        first = add_months(day, self.months)
        return first if add_months(first, -self.months) >= day else first + 1

    @property
    def months(self) -> int:
        return self.number * (12 if self.unit == "years" else 1)

    def __str__(self) -> str:
        return f"{self.number} {self.unit[:-1] if self.number == 1 else self.unit}"


def of_days(first: int, last: int, text: str) -> Span:
    """A span of whole days."""
    return Span(first, last, float(first * DAY_SECONDS), float((last + 1) * DAY_SECONDS - 1), text)


def up_to(span: Span) -> Span:
    """Then or earlier: what a date of recording or issue proves."""
    return Span(LONG_AGO, span.last, float("-inf"), span.end, span.text)


@lru_cache(65536)
def add_months(day: int, months: int) -> int:
    """Calendar months on; a day that the month lacks is its last one."""
    d = date.fromordinal(day)
    index = d.year * 12 + d.month - 1 + months
    year, month = divmod(index, 12)
    if not 1 <= year <= 9999:
        return LONG_AGO if year < 1 else FOREVER
    return date(year, month + 1, min(d.day, monthrange(year, month + 1)[1])).toordinal()


@lru_cache(65536)
def _last_within(day: int, months: int) -> int:
    last = add_months(day, months)
    while last < FOREVER and add_months(last + 1, -months) <= day:  # at most three more days, at a month's end
        last += 1
    return last


@lru_cache(65536)
def birthday(born: int, years: int) -> int:
    """The day on which someone born on day `born` turns `years`; a 29 February falls on 1 March in common years."""
    d = date.fromordinal(born)
    year = d.year + years
    if not 1 <= year <= 9999:
        return LONG_AGO if year < 1 else FOREVER
    try:
        return d.replace(year=year).toordinal()
    except ValueError:
        return date(year, 3, 1).toordinal()


@lru_cache(65536)
def iso(day: int) -> str:
    """A day ordinal as YYYY-MM-DD."""
    return date.fromordinal(day).isoformat()
