"""What clinicians answered to cards: ids, codes and times. Free text never comes this far."""

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

OTHER_REASON = "other"

_IDENTIFIER = re.compile(r"[A-Za-z0-9._:/-]{0,128}")
_SYSTEM = re.compile(r"[!-~]{0,255}")


class FeedbackItem(msgspec.Struct, frozen=True):
    """One answer to one card. ValueError for anything that could be free text: it might name a patient."""

    card: str
    trial: str
    service: str
    outcome: Literal["accepted", "overridden"]
    at: datetime
    suggestions: tuple[str, ...] = ()
    reason: str = ""
    reason_system: str = ""
    had_comment: bool = False

    def __post_init__(self) -> None:
        for name in (self.card, *self.suggestions):
            UUID(name)
        for identifier in (self.trial, self.service, self.reason):
            _require(_IDENTIFIER, identifier)
        _require(_SYSTEM, self.reason_system)
        if self.outcome not in ("accepted", "overridden"):
            raise ValueError("an outcome of CDS Hooks was expected")
        if self.at.tzinfo is None or not 2000 <= self.at.year < 2200:
            raise ValueError("a time with its zone was expected")


def offered_reason(code: str, system: str, offered: Collection[tuple[str, str]]) -> tuple[str, str]:
    """The (code, system) of an override reason where we offer it, otherwise ("other", "").

    A client may send a code without its system (the public sandbox does) or one of its own making.
    """
    for known_code, known_system in offered:
        if code == known_code and system in ("", known_system):
            return known_code, known_system
    return OTHER_REASON, ""


def feedback_rows(items: Iterable[FeedbackItem]) -> list[dict[str, Any]]:
    """One row a card, outcome and suggestion, the latest of equal ones; sorted, so that no two writers cross."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for item in sorted(items, key=lambda item: item.at):
        for suggestion in item.suggestions or ("",):
            row = _row(item, suggestion)
            found[row["card"], row["outcome"], row["suggestion"]] = row
    return [found[key] for key in sorted(found)]


def _require(pattern: re.Pattern[str], text: str) -> None:
    if not pattern.fullmatch(text):
        raise ValueError("an identifier or a code was expected")


def _row(item: FeedbackItem, suggestion: str) -> dict[str, Any]:
    at = item.at.astimezone(UTC)
    return {
        "card": str(UUID(item.card)),
        "outcome": item.outcome,
        "suggestion": str(UUID(suggestion)) if suggestion else "",
        "trial": item.trial,
        "service": item.service,
        "reason": item.reason,
        "reason_system": item.reason_system,
        "had_comment": item.had_comment,
        "at": int(at.timestamp()),
        "day": at.date().isoformat(),
    }
