"""Decimal intervals: what is known of a value, compared with a limit. Nothing is rounded."""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import msgspec


class Interval(msgspec.Struct, frozen=True, gc=False):
    """A value known exactly (`low == high`) or between bounds; None is unbounded, `open` bounds are not included."""

    low: Decimal | None
    high: Decimal | None
    low_open: bool = False
    high_open: bool = False

    @property
    def exact(self) -> Decimal | None:
        low, high = self.low, self.high
        return low if low is not None and (low is high or low == high) else None

    def scaled(self, factor: Decimal) -> "Interval":
        """The same value in a unit `factor` times smaller; `factor` is positive."""
        if factor == 1:
            return self
        return Interval(
            None if self.low is None else self.low * factor,
            None if self.high is None else self.high * factor,
            self.low_open,
            self.high_open,
        )

    def meets(self, low: Decimal, high: Decimal) -> bool:
        """Whether some value of the interval lies in [low, high]."""
        above = self.low is None or self.low < high or (self.low == high and not self.low_open)
        below = self.high is None or self.high > low or (self.high == low and not self.high_open)
        return above and below


def whole(value: Interval) -> Interval:
    """The whole numbers of an interval: below 3 is at most 2."""
    low, high = value.low, value.high
    if low is not None:
        low = low.to_integral_value(ROUND_FLOOR) + 1 if value.low_open else low.to_integral_value(ROUND_CEILING)
    if high is not None:
        high = high.to_integral_value(ROUND_CEILING) - 1 if value.high_open else high.to_integral_value(ROUND_FLOOR)
    return Interval(low, high)


def exactly(value: Decimal) -> Interval:
    return Interval(value, value)


def at_least(value: Interval, limit: Decimal) -> bool | None:
    """value ≥ limit."""
    if value.low is not None and value.low >= limit:
        return True
    if value.high is not None and (value.high < limit or (value.high == limit and value.high_open)):
        return False
    return None


def more_than(value: Interval, limit: Decimal) -> bool | None:
    """value > limit."""
    if value.low is not None and (value.low > limit or (value.low == limit and value.low_open)):
        return True
    if value.high is not None and value.high <= limit:
        return False
    return None


def at_most(value: Interval, limit: Decimal) -> bool | None:
    """value ≤ limit."""
    if value.low is not None and (value.low > limit or (value.low == limit and value.low_open)):
        return False
    return True if value.high is not None and value.high <= limit else None


def less_than(value: Interval, limit: Decimal) -> bool | None:
    """value < limit."""
    reached = at_least(value, limit)
    return None if reached is None else not reached


COMPARISONS: dict[str, Callable[[Interval, Decimal], bool | None]] = {
    "at-least": at_least,
    "more-than": more_than,
    "at-most": at_most,
    "less-than": less_than,
}
