"""What makes a resource unusable although it is well-formed: a key that stands twice, a modifier that nobody knows. And
which one was sent in part, so that what it does not say proves nothing.

https://hl7.org/fhir/R4/extensibility.html#modifierExtension and https://hl7.org/fhir/R4/resource.html#implicit-rules
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from service.mappers import wire
from service.mappers.documents import Item
from service.mappers.json_text import duplicate_key

MODIFIED = "a modifierExtension that is not known"
OTHER_RULES = "implicitRules that are not known"
_PART = b'"SUBSETTED"'
_ESCAPED_LETTER = re.compile(rb"\\u00[4-7]")  # an ASCII letter, which a name may be written with


def problem_of(item: Item) -> str:
    """Why a resource decides nothing; empty where nothing is wrong with it."""
    if item.sound:
        return ""
    if item.problem:
        return item.problem
    raw = bytes(item.raw)
    if _may_be_modified(raw) and (problem := _modified(raw)):
        return problem
    return "" if item.checked else duplicate_key(raw)


def problem_of_holder(item: Item) -> str:
    """`problem_of` one that contains others, whatever modifies one of those alone."""
    problem = problem_of(item)
    if problem != MODIFIED:
        return problem
    own = {name: value for name, value in msgspec.json.decode(item.raw).items() if name != "contained"}
    return MODIFIED if _holds_modifier(own) else ""


def is_part(resource: wire.Resource) -> bool:
    """Whether its server says that elements may be missing (https://hl7.org/fhir/R4/search.html#summary)."""
    meta = resource.meta
    return meta is not None and bool(meta.tag) and _PART in bytes(meta.tag)


def look_through(items: Iterable[Item]) -> None:
    """Look at resources that will surely be asked about all at once, which costs half of one by one. Where something
    is wrong with any, nothing is said of them here."""
    fresh = {id(item): item for item in items if not item.problem and not item.sound}.values()
    if len(fresh) < 2:
        return
    together = b"[%b]" % b",".join([item.raw for item in fresh])
    if _may_be_modified(together):
        return
    if not all(item.checked for item in fresh) and duplicate_key(together):
        return
    for item in fresh:
        item.sound = True


def _may_be_modified(raw: bytes) -> bool:
    if b"modifierExtension" in raw or b"implicitRules" in raw:
        return True
    # most texts hold no backslash, and one byte is found much faster than two
    return b"\\" in raw and _ESCAPED_LETTER.search(raw) is not None


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
