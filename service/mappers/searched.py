"""Whether what came of a search is what was asked for: resources of that type, and of that patient.

A server that ignores a parameter, or answers another question, has said nothing about the patient; neither has it
proven anything by what it left out.
"""

from collections.abc import Iterable

import msgspec

from service.mappers import wire
from service.mappers.documents import Document
from service.mappers.identity import Identity

FOREIGN = "some that came are not this patient's, so others may be missing"
SOMETHING_ELSE = "something else was sent"
_ASIDE = frozenset({"include", "outcome"})


def answers_otherwise(document: Document, bodies: Iterable[bytes], kind: str) -> bool:
    """Whether the pages of a search of one type hold matches and none of them is of that type, or a page says nothing
    at all. The bodies are those that the document was read from."""
    if any(type(item.resource).__name__ == kind for item in document.items):
        return False
    return any(_is_of_something_else(body) for body in bodies)


def foreign_types(document: Document, kinds: Iterable[str], patient: str, base: str) -> list[str]:
    """Those of the types of which some resource is not the patient's, or nobody's; `patient` is an id, `base` the
    server that the resources came from, where it is known."""
    identity = Identity(wire.Patient(id=patient), "", base)
    owned = {wire.CLINICAL_TYPES[kind] for kind in kinds} - {wire.Patient}
    found: dict[str, None] = {}
    for item in document.items:
        resource = item.resource
        kind = resource.__class__
        if kind not in owned:
            continue
        subject = resource.patient if kind is wire.AllergyIntolerance else resource.subject
        if subject is None and item.problem:  # perhaps it has one that cannot be read, which is told elsewhere
            continue
        if not identity.owns(subject.reference if subject else None, item.full_url):
            found[kind.__name__] = None
    return list(found)


def _is_of_something_else(body: bytes) -> bool:
    try:
        bundle = wire.decode_bundle(body)
    except (msgspec.DecodeError, RecursionError):  # told where the document was read
        return False
    if bundle.type is None and bundle.total is None and bundle.entry is None:
        return True
    return any(not _stands_aside(entry) for entry in bundle.entry or ())


def _stands_aside(entry: wire.Entry) -> bool:
    """What a result may hold besides its matches."""
    if entry.search is not None and entry.search.mode in _ASIDE:
        return True
    try:
        return wire.decode_kind(entry.resource).resourceType == "OperationOutcome"
    except (msgspec.DecodeError, RecursionError):
        return False
