"""How long to wait before a request is tried again: what the server asks for, at least a growing pause of our own."""

import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_PAUSE = 5.0
_SECONDS = re.compile(r"[0-9]{1,9}")


def pause(first: float, attempt: int) -> float:
    """Seconds before another attempt, the first being 0: doubling, capped, and shortened by chance by up to a half so
    that callers who failed together do not come back together."""
    return min(first * 2.0**attempt, LONGEST_PAUSE) * random.uniform(0.5, 1.0)


def asked_for(headers: Mapping[str, str]) -> float | None:
    """Seconds that Retry-After asks for, given as seconds or as a date (RFC 9110 section 10.2.3); None without one. A
    date is compared with the response's own Date, so that a server's wrong clock does no harm."""
    text = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    until = _date(text)
    if until is None:
        return None
    now = _date(headers.get("Date", "")) or datetime.now(UTC)
    return max((until - now).total_seconds(), 0.0)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
