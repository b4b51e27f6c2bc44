"""Windows held against each other: which is the longer. A calendar month has 28 to 31 days, so that not every two can
be told apart."""

from datetime import date
from functools import lru_cache
from typing import Literal

from service.criteria.spans import Window, add_months

_FROM = date(2024, 1, 1).toordinal()
_LEAP_CYCLE = 1461  # days: four years hold every length that months have


def compared(old: Window | None, new: Window | None) -> Literal["same", "longer", "shorter", ""]:
    """What the new window is beside the old one; empty where it depends on the day. None is without an end."""
    (shortest, longest), (least, most) = _days(old), _days(new)
    calendar = all(window is not None and window.unit in ("months", "years") for window in (old, new))
    if (shortest, longest) == (least, most) and (calendar or least == most):
        return "same"
    if longest <= least:
        return "longer"
    return "shorter" if most <= shortest else ""


@lru_cache(64)
def _days(window: Window | None) -> tuple[float, float]:
    """The days of a window, at least and at most."""
    if window is None:
        return float("inf"), float("inf")
    if window.unit in ("days", "weeks"):
        days = float(window.number * (7 if window.unit == "weeks" else 1))
        return days, days
    lengths = [day - add_months(day, -window.months) for day in range(_FROM, _FROM + _LEAP_CYCLE)]
    return float(min(lengths)), float(max(lengths))
