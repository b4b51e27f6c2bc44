"""Draft orders read: what each says, and what it is once it has been carried out.

Clients send drafts that are not yet valid, at every keystroke: only what is needed is read, and what is written in the
wrong shape is read as what it can only mean or left out, so that no warning is lost by it.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import msgspec

from service.criteria.spans import iso
from service.guard_shapes import MISFIT, contained_drugs, fitted, fitted_fields
from service.mappers import wire

# Orders that change what a record says of a patient, and what carrying them out leaves in it.
ORDERS = ("MedicationRequest", "ServiceRequest")
# Drafts of these statuses are not going to be carried out, or not until somebody takes them up again.
WITHDRAWN = frozenset({"on-hold", "cancelled", "stopped", "revoked", "entered-in-error"})
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_ADDRESS = re.compile(r"(?:https?://\S{1,2000}/)?((?:MedicationRequest|ServiceRequest)/[A-Za-z0-9\-.]{1,64})")
_PROCEDURE_KEPT = ("bodySite", "reasonCode")
_DRUG_KEPT = (
    "medicationReference", "contained", "dosageInstruction", "dispenseRequest", "reasonCode", "reasonReference",
)  # fmt: skip


class Order(msgspec.Struct, frozen=True):
    """A draft order: its reference among the drafts, what it says, what it is once carried out (FHIR JSON), how it
    came, and the day on which it is carried out, 0 for the as-of date."""

    reference: str
    says: str
    carried_out: bytes
    draft: dict[str, Any] = {}
    planned: int = 0


class _Entry(msgspec.Struct, frozen=True):
    """One resource among the drafts, and the address that its Bundle gives it."""

    resource: dict[str, Any]
    full_url: str = ""


def read_orders(drafts: Any, patient: str, day: int, only: Iterable[str] = ()) -> list[Order]:
    """The orders among drafts (a Bundle, with or without a type, a list or one resource) in which something is picked.
    `only` keeps those references, which may also be full URLs of the Bundle. `patient` is an id, or the full URL (a
    urn, or an address) of one without."""
    wanted = set(only)
    found = []
    entries = list(_entries(drafts))
    products = _products(entries)
    for number, entry in enumerate(entries, 1):
        resource = entry.resource
        kind = resource.get("resourceType")
        if kind not in ORDERS or resource.get("doNotPerform") is True or _text_of(resource, "status") in WITHDRAWN:
            continue
        reference = _reference(entry, f"draft-{number}")
        if wanted and wanted.isdisjoint((reference, entry.full_url)):
            continue
        order = _order(resource, reference, products, patient, day)
        if order is not None:
            found.append(order)
    return found


def _reference(entry: _Entry, stand_in: str) -> str:
    """By the draft's id; where it has none, by the address that its Bundle gives it."""
    kind, identifier = entry.resource["resourceType"], entry.resource.get("id")
    if isinstance(identifier, str) and _ID.fullmatch(identifier):
        return f"{kind}/{identifier}"
    address = _ADDRESS.fullmatch(entry.full_url)
    return address[1] if address and address[1].startswith(f"{kind}/") else f"{kind}/{stand_in}"


def _products(entries: Iterable[_Entry]) -> dict[str, dict[str, Any]]:
    """The concepts of the Medications among drafts, by all that may refer to them."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if entry.resource.get("resourceType") == "Medication" and (code := _concept(entry.resource.get("code"))):
            names = (f"Medication/{entry.resource.get('id')}", entry.full_url)
            found |= {name: code for name in names if name}
    return found


def _order(
    resource: dict[str, Any], reference: str, products: dict[str, dict[str, Any]], patient: str, day: int
) -> Order | None:
    """None where nothing is picked yet."""
    is_drug = resource["resourceType"] == "MedicationRequest"
    concept = _concept(resource.get("medicationCodeableConcept" if is_drug else "code"))
    behind = fitted(resource.get("medicationReference"), wire.Reference) if is_drug else MISFIT
    if concept or behind is MISFIT or not behind:
        behind = {}
    if not concept and not behind:
        return None
    concept = concept or products.get(_text_of(behind, "reference"), {})
    planned = _planned(resource)
    carried = _carried_out(resource, concept, reference.partition("/")[2], patient, max(day, planned))
    says = _says(concept or _contained(resource, behind)) or _one_line(_text_of(behind, "display")) or "the order"
    draft = {"subject": {"reference": _subject(patient)}} | resource
    return Order(reference, says, msgspec.json.encode(carried), draft, planned if planned > day else 0)


def is_full_url(patient: str) -> bool:
    """Whether a patient is named by the full URL of an entry, having no id."""
    return patient.startswith(("urn:", "http://", "https://"))


def _subject(patient: str) -> str:
    return patient if is_full_url(patient) else f"Patient/{patient}"


def _concept(value: Any) -> dict[str, Any]:
    """What can be read of a concept; empty where there is none."""
    found = fitted(value, wire.CodeableConcept)
    return found if isinstance(found, dict) else {}


def _contained(resource: dict[str, Any], behind: dict[str, Any]) -> dict[str, Any]:
    """What the Medication that an order holds itself is called: its code, or that of its first ingredient."""
    for product in contained_drugs(resource):
        if f"#{product.get('id')}" == _text_of(behind, "reference"):
            parts = [part.get("itemCodeableConcept") for part in product.get("ingredient", ())]
            return next((concept for concept in (product.get("code"), *parts) if concept), {})
    return {}


def _planned(resource: dict[str, Any]) -> int:
    """The first day on which an order says that it is to be carried out; 0 where it says none."""
    timings = [fitted(resource.get("occurrenceTiming"), wire.Timing)]
    instructions = fitted(resource.get("dosageInstruction"), list[wire.Dosage])
    timings += [] if instructions is MISFIT else [entry.get("timing") for entry in instructions]
    said = [resource.get("occurrenceDateTime"), _text_of(resource.get("occurrencePeriod"), "start")]
    for timing in timings:
        if isinstance(timing, dict):
            said.append(_text_of(timing.get("repeat", {}).get("boundsPeriod"), "start"))
            said += timing.get("event", ())
    return min((day for text in said if (day := _day_of(text))), default=0)


def _day_of(text: Any) -> int:
    """The day of a date or a time as written; 0 where it is no whole date."""
    try:
        return date.fromisoformat(text[:10]).toordinal() if isinstance(text, str) else 0
    except ValueError:
        return 0


def _text_of(element: Any, name: str) -> str:
    """A text inside an element of a draft; empty where there is none."""
    said = element.get(name) if isinstance(element, dict) else None
    return said if isinstance(said, str) else ""


def _entries(drafts: Any) -> Iterator[_Entry]:
    if isinstance(drafts, dict) and isinstance(drafts.get("entry"), list):
        listed = [(e.get("resource"), _text_of(e, "fullUrl")) for e in drafts["entry"] if isinstance(e, dict)]
    else:
        listed = [(resource, "") for resource in (drafts if isinstance(drafts, list) else [drafts])]
    for resource, full_url in listed:
        if isinstance(resource, dict):
            yield _Entry(resource, full_url)


def _carried_out(
    resource: dict[str, Any], concept: dict[str, Any], named: str, patient: str, day: int
) -> dict[str, Any]:
    """An ordered drug is taken from the day on; what a ServiceRequest asks for is done on it, or from it on."""
    about: dict[str, Any] = {"id": named, "subject": {"reference": _subject(patient)}}
    if resource["resourceType"] == "ServiceRequest":
        end = _text_of(resource.get("occurrencePeriod"), "end")
        lasts = _day_of(end) > day
        performed = {"performedPeriod": {"start": iso(day), "end": end}} if lasts else {"performedDateTime": iso(day)}
        made = {"resourceType": "Procedure", "status": "completed", **performed}
        return made | about | {"code": concept} | fitted_fields(resource, wire.Procedure, _PROCEDURE_KEPT)
    kept = fitted_fields(resource, wire.MedicationRequest, _DRUG_KEPT)
    if concept:
        kept.pop("medicationReference", None)
        kept["medicationCodeableConcept"] = concept
    taken = {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "authoredOn": iso(day)}
    return taken | about | kept


def _says(concept: dict[str, Any]) -> str:
    """The order in words, as its concept gives them; empty where it gives none."""
    first: dict[str, Any] = next(iter(concept.get("coding", ())), {})
    return _one_line(concept.get("text")) or _one_line(first.get("display")) or _one_line(first.get("code"))


def _one_line(text: str | None) -> str:
    """A text without line breaks and signs that reorder or hide others: it stands in sentences of plain text."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text or "").split())
