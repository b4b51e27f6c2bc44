"""What an order would do to a patient's trials: the record judged as it is, and as if the order were carried out."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from service import alternatives
from service.criteria.plan import Plan
from service.criteria.results import Effect, PatientResult, TrialResult
from service.criteria.spans import iso
from service.errors import RecordError
from service.mappers.documents import Document, read_document
from service.mappers.joining import joined
from service.screening import Screening

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
# Orders that change what a record says of a patient, and what carrying them out leaves in it.
ORDERS = ("MedicationRequest", "ServiceRequest")
MAX_ORDERS = 100  # each is judged on its own; more than a session of ordering ever holds


class Order(msgspec.Struct, frozen=True):
    """A draft order: its reference among the drafts, what it says, what it is once carried out (FHIR JSON), and how it
    came."""

    reference: str
    says: str
    carried_out: bytes
    draft: dict[str, Any] = {}


def read_orders(drafts: Any, patient: str, day: int, only: Iterable[str] = ()) -> list[Order]:
    """The orders among drafts (a Bundle, with or without a type, a list or one resource) in which something is picked.
    Clients send drafts that are not yet valid, so only what is needed is read; `only` keeps those references."""
    wanted = set(only)
    found = []
    for number, resource in enumerate(_resources(drafts), 1):
        kind = resource.get("resourceType")
        if kind not in ORDERS or resource.get("doNotPerform") is True:
            continue
        identifier = resource.get("id")
        named = identifier if isinstance(identifier, str) and _ID.fullmatch(identifier) else f"draft-{number}"
        reference = f"{kind}/{named}"
        concept = resource.get("medicationCodeableConcept" if kind == "MedicationRequest" else "code")
        if (wanted and reference not in wanted) or not (concept or resource.get("medicationReference")):
            continue  # nothing is picked yet
        carried = _carried_out(resource, named, patient, day)
        found.append(Order(reference, _says(concept), msgspec.json.encode(carried), resource))
    return found


def _resources(drafts: Any) -> Iterable[dict[str, Any]]:
    if isinstance(drafts, dict) and isinstance(drafts.get("entry"), list):
        drafts = [entry.get("resource") for entry in drafts["entry"] if isinstance(entry, dict)]
    for resource in drafts if isinstance(drafts, list) else [drafts]:
        if isinstance(resource, dict):
            yield resource


def _carried_out(resource: dict[str, Any], named: str, patient: str, day: int) -> dict[str, Any]:
    """An ordered drug is taken from the day on; what a ServiceRequest asks for is done on it."""
    subject = {"reference": f"Patient/{patient}"}
    if resource["resourceType"] == "ServiceRequest":
        made = {"resourceType": "Procedure", "status": "completed", "performedDateTime": iso(day)}
        return made | {"id": named, "subject": subject, "code": resource.get("code")}
    kept = {
        name: resource[name]
        for name in ("medicationCodeableConcept", "medicationReference", "contained", "dosageInstruction")
        if name in resource
    }
    taken = {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "authoredOn": iso(day)}
    return taken | {"id": named, "subject": subject} | kept


def _says(concept: Any) -> str:
    """The order in words, as its concept gives them."""
    if not isinstance(concept, dict):
        return "the order"
    codings = concept.get("coding")
    first = codings[0] if isinstance(codings, list) and codings and isinstance(codings[0], dict) else {}
    said = concept.get("text") or first.get("display") or first.get("code")
    return said if isinstance(said, str) and said else "the order"


def may_matter(screening: Screening, plan: Plan, order: Order, patient: str) -> bool:
    """Whether any rule reads what the order is about; asked before anything of the patient is."""
    try:
        record = screening.of_document(_alone(order, patient), f"Patient/{patient}")
    except RecordError:
        return True
    return bool(plan.asked_of(record) & ~plan.person)


def _alone(order: Order, patient: str) -> Document:
    """The record of a patient of whom nothing but the order is known."""
    person = msgspec.json.encode({"resourceType": "Patient", "id": patient})
    return read_document(b"[%b,%b]" % (person, order.carried_out), "order", strict=False)


def effects(
    screening: Screening,
    plan: Plan,
    document: Document,
    patient: str,
    day: int,
    orders: Sequence[Order],
    base: str = "",
) -> list[Effect]:
    """What each order would do that somebody should know: a trial closed that is open to the patient, or one that would
    open later than it does now. The record is decoded once; `base` is the server it came from, where that is known."""
    now = screening.screen(screening.of_document(document, patient, base), day, plan)

    def closed(order: Order) -> list[Effect]:
        added = read_document(order.carried_out, "order", strict=False)
        record = screening.of_document(joined([document, added], document.name), patient, base)
        return list(_differences(order, now, screening.screen(record, day, plan)))

    found: list[Effect] = []
    for order in orders:
        effects_of_it = closed(order)
        if effects_of_it and order.reference.startswith("MedicationRequest/"):
            effects_of_it = _with_alternatives(effects_of_it, _alternatives(screening, order, now.patient), closed)
        found += effects_of_it
    return found


def _alternatives(screening: Screening, order: Order, patient: str) -> list[tuple[str, Order]]:
    """The same order with each other drug of its purpose, by that drug's name."""
    record = screening.of_document(_alone(order, patient.removeprefix("Patient/")), patient)
    taken = frozenset(name for name in alternatives.names() if list(record.exposures(frozenset({name}))))
    carried_out = msgspec.json.decode(order.carried_out)
    return [
        (name, Order(order.reference, name, msgspec.json.encode(alternatives.instead(carried_out, code, name))))
        for code, name in alternatives.others(taken)
    ]


def _with_alternatives(
    found: list[Effect], drugs: list[tuple[str, Order]], closed: Callable[[Order], list[Effect]]
) -> list[Effect]:
    """The effects, each with the drugs that would not close its trial."""
    closes = {name: {effect.trial for effect in closed(order)} for name, order in drugs}
    return [
        msgspec.structs.replace(
            effect, alternatives=tuple(n for n, trials in closes.items() if effect.trial not in trials)
        )
        for effect in found
    ]


def with_orders(
    screening: Screening, plan: Plan, document: Document, patient: str, day: int, drafts: Any
) -> PatientResult:
    """The result of a record, and what the orders among drafts would do (`whatIf`)."""
    result = screening.screen(screening.of_document(document, patient), day, plan)
    orders = read_orders(drafts, result.patient.removeprefix("Patient/"), day)
    return msgspec.structs.replace(result, what_if=tuple(effects(screening, plan, document, patient, day, orders)))


def _differences(order: Order, now: PatientResult, then: PatientResult) -> Iterable[Effect]:
    after = {result.trial: result for result in then.results}
    for before in now.results:
        changed = after[before.trial]
        if changed.grade != "certainly-not":
            continue
        opens, reopens = _opens(before), _opens(changed)
        if opens and (not reopens or reopens > opens):
            yield _effect(order, before, changed, opens, reopens)


def _opens(result: TrialResult) -> str:
    """The first day known on which the trial is open to the patient; "0" for now, empty for none within a year."""
    if result.grade != "certainly-not":
        return "0"
    change = result.changes_on
    return change.date if change is not None and change.grade != "certainly-not" else ""


def _effect(order: Order, before: TrialResult, after: TrialResult, opens: str, reopens: str) -> Effect:
    old = {c.id: c for c in before.criteria}
    changed = [
        c
        for c in after.criteria
        if c.outcome == "fail" and (c.id not in old or old[c.id].outcome != "fail" or old[c.id].reason != c.reason)
    ]
    return Effect(
        order=order.reference,
        says=order.says,
        trial=before.trial,
        before=before.grade,
        after=after.grade,
        criteria=tuple(c.id for c in changed),
        reasons=tuple(c.reason for c in changed),
        open_again=reopens,
        open_before="" if opens == "0" else opens,
    )
