"""A draft order as a client is to write it back: postponed, and valid FHIR R4 where the draft was not quite."""

from typing import Any

import msgspec

from service.mappers.validation import problems_of

# Elements of which a MedicationRequest and a ServiceRequest may have several; clients send one without its list.
_LISTS = frozenset({
    "basedOn", "bodySite", "category", "contained", "detectedIssue", "dosageInstruction", "eventHistory", "extension",
    "identifier", "instantiatesCanonical", "instantiatesUri", "insurance", "locationCode", "locationReference", "note",
    "orderDetail", "reasonCode", "reasonReference", "relevantHistory", "replaces", "specimen",
    "supportingInformation",
})  # fmt: skip
_EMPTY: tuple[Any, ...] = (None, "", [], {})
# Intents of what nobody is to carry out yet.
_INTENDED = frozenset({"proposal", "plan", "option"})


def postponed(draft: dict[str, Any]) -> dict[str, Any] | None:
    """The draft on hold, without what is empty and with lists where they belong. None where it is not valid even then:
    what a clinician wrote is not taken out of an order.

    One that was never signed becomes a plan: an order on hold may have been taken before, and a record reads it so."""
    held = {name: _as_list(name, value) for name, value in _filled(draft).items()}
    held |= {"status": "on-hold", "intent": _intent(draft)}
    return held if next(problems_of(msgspec.json.encode(held), "draft"), None) is None else None


def prepare() -> None:
    """Load what checks an order, so that no call waits for it: half a second."""
    for kind, about in (("MedicationRequest", "medicationCodeableConcept"), ("ServiceRequest", "code")):
        postponed({"resourceType": kind, "subject": {"display": "nobody"}, about: {"text": "nothing"}})


def _as_list(name: str, value: Any) -> Any:
    return [value] if name in _LISTS and not isinstance(value, list) else value


def _intent(draft: dict[str, Any]) -> str:
    intent = _code(draft.get("intent"))
    unsigned = _code(draft.get("status")) in ("", "draft")
    return "plan" if unsigned and intent not in _INTENDED else intent or "order"


def _code(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, str) else ""


def _filled(value: Any) -> Any:
    """Without members that are null or empty, which FHIR JSON does not know; a null in a list keeps its place."""
    if isinstance(value, dict):
        members = {name: _filled(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if member not in _EMPTY}
    if isinstance(value, list):
        return [member for member in map(_filled, value) if member is None or member not in _EMPTY]
    return value
