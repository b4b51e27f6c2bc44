"""What came with a call for one prefetch key: absent, null, empty, incomplete, failed and wrong are different things.

Only what is complete may be silence.
"""

import re
from collections.abc import Mapping, Sequence
from enum import Enum, auto

import msgspec
from msgspec import Raw

from service.errors import RecordError
from service.mappers import wire
from service.mappers.documents import SEVERE, Document, read_document
from service.mappers.searched import SOMETHING_ELSE, answers_otherwise
from service.prefetch import PATIENT, Query

_NULL = Raw(b"null")
_KIND = re.compile(rb'\s*\{\s*"resourceType"\s*:\s*"([A-Za-z]{1,64})"')
# Issue codes (http://hl7.org/fhir/issue-type) that asking again does not help
_REFUSED = frozenset({"security", "login", "forbidden", "suppressed", "not-supported", "unknown"})
ONE_ALONE = "one was sent alone, not the result of a search"


class State(Enum):
    """What came for one prefetch key."""

    COMPLETE = auto()
    ABSENT = auto()
    NULL = auto()
    INCOMPLETE = auto()
    FAILED = auto()
    REFUSED = auto()
    WRONG = auto()


class Supplied(msgspec.Struct):
    """One prefetch key: its state, why it does not suffice, and whatever could be read of it."""

    state: State
    reason: str = ""
    document: Document | None = None


def read_supplied(query: Query, prefetch: Mapping[str, Raw]) -> Supplied:
    """What a call's prefetch holds for a query."""
    what = f"{query.type} resources"
    raw = prefetch.get(query.key)
    if not raw:
        return Supplied(State.ABSENT, f"{what} did not come with the call")
    if raw == _NULL:
        return Supplied(State.NULL, f"{what}: the caller had none to send")
    kind = _kind(raw)
    if kind == "OperationOutcome":
        return _failed(what, [raw])
    if kind not in ("Bundle", query.type) or (kind == "Bundle" and query.key == PATIENT):
        return Supplied(State.WRONG, f"{what}: {SOMETHING_ELSE}")
    try:
        document = read_document(bytes(raw), query.key, strict=False)
    except RecordError:
        return Supplied(State.WRONG, f"{what}: what was sent cannot be read")
    if document.gaps and document.outcomes and not document.items and (errors := _errors_alone(raw)):
        return _failed(what, errors)
    if document.gaps:
        return Supplied(State.INCOMPLETE, f"{what}: {document.gaps[0][1]}", document)
    if kind != "Bundle" and query.key != PATIENT:
        return Supplied(State.INCOMPLETE, f"{what}: {ONE_ALONE}", document)
    if answers_otherwise(document, (raw,), query.type):
        return Supplied(State.WRONG, f"{what}: {SOMETHING_ELSE}", document)
    return Supplied(State.COMPLETE, "", document)


def _kind(raw: Raw) -> str:
    """The resource type of a JSON object, where it is one; usually it stands first."""
    head = _KIND.match(memoryview(raw)[:200])
    if head:
        return head[1].decode()
    try:
        return wire.decode_kind(raw).resourceType or ""
    except (msgspec.DecodeError, RecursionError):
        return ""


def _failed(what: str, outcomes: Sequence[Raw]) -> Supplied:
    """A search that failed, by what was said instead of a result."""
    refused = any(issue.code in _REFUSED for outcome in outcomes for issue in _issues(outcome))
    return Supplied(State.REFUSED if refused else State.FAILED, f"{what}: the caller's search failed")


def _errors_alone(raw: Raw) -> list[Raw]:
    """What a Bundle holds that holds nothing but errors; nothing of any other."""
    resources = [entry.resource for entry in wire.decode_bundle(raw).entry or () if entry.resource]
    is_error = (any((issue.severity or "").lower() in SEVERE for issue in _issues(one)) for one in resources)
    return resources if all(is_error) else []


def _issues(raw: Raw) -> Sequence[wire.Issue]:
    """The issues of an OperationOutcome; none of anything else."""
    try:
        outcome = wire.decode_resource(raw)
    except (msgspec.DecodeError, RecursionError):
        return ()
    return outcome.issue or () if isinstance(outcome, wire.OperationOutcome) else ()
