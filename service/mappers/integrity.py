"""What makes a resource unusable although it is well-formed: a key that stands twice, a modifier that nobody knows.

https://hl7.org/fhir/R4/extensibility.html#modifierExtension and https://hl7.org/fhir/R4/resource.html#implicit-rules
"""

from typing import Any

import msgspec

from service.mappers.documents import Item, duplicate_key

_MAY_MODIFY = (b"modifierExtension", b"implicitRules")
MODIFIED = "a modifierExtension that is not known"
OTHER_RULES = "implicitRules that are not known"


def problem_of(item: Item) -> str:
    """Why a resource decides nothing; empty where nothing is wrong with it."""
    if item.problem:
        return item.problem
    raw = bytes(item.raw)
    if any(name in raw for name in _MAY_MODIFY) and (problem := _modified(raw)):
        return problem
    return "" if item.checked else duplicate_key(raw)


def _modified(raw: bytes) -> str:
    try:
        whole = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return "cannot be read"
    if whole.get("implicitRules"):
        return OTHER_RULES
    return MODIFIED if _holds_modifier(whole) else ""


def _holds_modifier(value: Any) -> bool:
    """Whether a modifierExtension stands anywhere in a resource; an empty one modifies nothing."""
    pending = [value]
    while pending:
        inner = pending.pop()
        if isinstance(inner, dict):
            if inner.get("modifierExtension") not in (None, []):
                return True
            pending += inner.values()
        elif isinstance(inner, list):
            pending += inner
    return False
