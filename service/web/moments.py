"""Moments as clients write them (RFC 3339), read as far as they can be meant."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

_INSTANT = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})[Tt ](?P<minute>\d{2}:\d{2}):(?P<second>\d{2})(?:\.(?P<part>\d{1,12}))?"
    r"(?P<zone>[Zz]|[+-]\d{2}:\d{2})",
    re.ASCII,
)
_YEARS = range(2001, 2199)


def moment_or_now(told: Any) -> datetime:
    """When it happened: now, where the client does not say so that it can be read, or its clock is decades off."""
    found = _read(told) if isinstance(told, str) else None
    return found if found is not None and found.year in _YEARS else datetime.now(UTC)


def _read(told: str) -> datetime | None:
    """A moment; a leap second is the one after :59."""
    found = _INSTANT.fullmatch(told)
    if found is None:
        return None
    is_leap = found["second"] == "60"
    second = "59" if is_leap else found["second"]
    part = (found["part"] or "").ljust(6, "0")[:6]
    try:
        read = datetime.fromisoformat(f"{found['day']}T{found['minute']}:{second}.{part}{found['zone'].upper()}")
        return read + timedelta(seconds=is_leap)
    except (ValueError, OverflowError):
        return None
