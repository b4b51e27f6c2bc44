"""What an order would do to a patient's trials: the record judged as it is, and as if the order were carried out."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import cache
from typing import Any

import msgspec

from service import alternatives
from service.criteria.logic import RANK
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
# Drafts of these statuses are not going to be carried out, or not until somebody takes them up again.
WITHDRAWN = frozenset({"on-hold", "cancelled", "stopped", "revoked", "entered-in-error"})
_PROCEDURE_KEPT = ("bodySite", "reasonCode", "reasonReference")
_DRUG_KEPT = (
    "medicationCodeableConcept", "medicationReference", "contained", "dosageInstruction", "dispenseRequest",
    "reasonCode", "reasonReference",
)  # fmt: skip


class Order(msgspec.Struct, frozen=True):
    """A draft order: its reference among the drafts, what it says, what it is once carried out (FHIR JSON), how it
    came, and the day on which it is carried out, 0 for the as-of date."""

    reference: str
    says: str
    carried_out: bytes
    draft: dict[str, Any] = {}
    planned: int = 0


def read_orders(drafts: Any, patient: str, day: int, only: Iterable[str] = ()) -> list[Order]:
    """The orders among drafts (a Bundle, with or without a type, a list or one resource) in which something is picked.
    Clients send drafts that are not yet valid, so only what is needed is read; `only` keeps those references."""
    wanted = set(only)
    found = []
    everything = list(_resources(drafts))
    products = [r for r in everything if r.get("resourceType") == "Medication"]
    medications = {f"Medication/{product.get('id')}": product.get("code") for product in products}
    for number, resource in enumerate(everything, 1):
        kind = resource.get("resourceType")
        if kind not in ORDERS or resource.get("doNotPerform") is True or _text_of(resource, "status") in WITHDRAWN:
            continue
        identifier = resource.get("id")
        named = identifier if isinstance(identifier, str) and _ID.fullmatch(identifier) else f"draft-{number}"
        reference = f"{kind}/{named}"
        concept = resource.get("medicationCodeableConcept" if kind == "MedicationRequest" else "code")
        behind = resource.get("medicationReference")
        if (wanted and reference not in wanted) or not (concept or behind):
            continue  # nothing is picked yet
        if not concept and (concept := medications.get(_text_of(behind, "reference"))):
            resource = resource | {"medicationCodeableConcept": concept}
            del resource["medicationReference"]
        planned = _planned(resource)
        carried = _carried_out(resource, named, patient, max(day, planned))
        says = _says(concept) or _text_of(behind, "display") or "the order"
        draft = {"subject": {"reference": f"Patient/{patient}"}} | resource
        found.append(Order(reference, says, msgspec.json.encode(carried), draft, planned if planned > day else 0))
    return found


def _planned(resource: dict[str, Any]) -> int:
    """The first day on which an order says that it is to be carried out; 0 where it says none."""
    timings = [resource.get("occurrenceTiming")]
    instructions = resource.get("dosageInstruction")
    if isinstance(instructions, list):
        timings += [entry.get("timing") for entry in instructions if isinstance(entry, dict)]
    said = [resource.get("occurrenceDateTime"), _text_of(resource.get("occurrencePeriod"), "start")]
    for timing in timings:
        if isinstance(timing, dict):
            repeat = timing.get("repeat")
            said.append(_text_of(repeat.get("boundsPeriod") if isinstance(repeat, dict) else None, "start"))
            said += timing["event"] if isinstance(timing.get("event"), list) else []
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


def _resources(drafts: Any) -> Iterable[dict[str, Any]]:
    if isinstance(drafts, dict) and isinstance(drafts.get("entry"), list):
        drafts = [entry.get("resource") for entry in drafts["entry"] if isinstance(entry, dict)]
    for resource in drafts if isinstance(drafts, list) else [drafts]:
        if isinstance(resource, dict):
            yield resource


def _carried_out(resource: dict[str, Any], named: str, patient: str, day: int) -> dict[str, Any]:
    """An ordered drug is taken from the day on; what a ServiceRequest asks for is done on it, or from it on."""
    subject = {"reference": f"Patient/{patient}"}
    if resource["resourceType"] == "ServiceRequest":
        end = _text_of(resource.get("occurrencePeriod"), "end")
        lasts = _day_of(end) > day
        performed = {"performedPeriod": {"start": iso(day), "end": end}} if lasts else {"performedDateTime": iso(day)}
        made = {"resourceType": "Procedure", "status": "completed", **performed}
        kept = {name: resource[name] for name in _PROCEDURE_KEPT if name in resource}
        return made | {"id": named, "subject": subject, "code": resource.get("code")} | kept
    kept = {name: resource[name] for name in _DRUG_KEPT if name in resource}
    taken = {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "authoredOn": iso(day)}
    return taken | {"id": named, "subject": subject} | kept


def _says(concept: Any) -> str:
    """The order in words, as its concept gives them; empty where it gives none."""
    if not isinstance(concept, dict):
        return ""
    codings = concept.get("coding")
    first = codings[0] if isinstance(codings, list) and codings and isinstance(codings[0], dict) else {}
    said = concept.get("text") or first.get("display") or first.get("code")
    return said if isinstance(said, str) else ""


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
    open later than it does now. The record is decoded once; `base` is the server it came from, where that is known.

    An order for a later day is judged on that day. Orders of which none closes a trial are judged together too."""
    present = screening.of_document(document, patient, base)

    @cache
    def without(on: int) -> PatientResult:
        return screening.screen(present, on, plan)

    def carried_out(*done: Order) -> PatientResult:
        added = [read_document(order.carried_out, "order", strict=False) for order in done]
        record = screening.of_document(joined([document, *added], document.name), patient, base)
        return screening.screen(record, _day_of_all(done, day), plan)

    found: list[Effect] = []
    for order in orders:
        before = without(order.planned or day)
        effects_of_it = list(_differences(order, before, carried_out(order)))
        if effects_of_it and order.reference.startswith("MedicationRequest/"):
            drugs = _alternatives(screening, order, before.patient)
            minded = {name: _minded(before, carried_out(other)) for name, other in drugs}
            effects_of_it = _with_alternatives(effects_of_it, minded)
        found += effects_of_it
    return found if len(orders) < 2 else [*found, *_together(orders, found, day, without, carried_out)]


def _day_of_all(orders: Sequence[Order], day: int) -> int:
    return max(order.planned or day for order in orders)


def _together(
    orders: Sequence[Order],
    alone: Sequence[Effect],
    day: int,
    without: Callable[[int], PatientResult],
    carried_out: Callable[..., PatientResult],
) -> Iterable[Effect]:
    """The trials that several orders close and none of them alone: an effect of the last of the fewest that do."""
    known = {effect.trial for effect in alone}
    first = _differences(orders[-1], without(_day_of_all(orders, day)), carried_out(*orders))
    for trial in [effect.trial for effect in first if effect.trial not in known]:
        needed = list(orders)
        for order in orders:
            fewer = [o for o in needed if o is not order] or needed
            left = _differences(fewer[-1], without(_day_of_all(fewer, day)), carried_out(*fewer))
            if any(e.trial == trial for e in left):
                needed = fewer
        last = needed[-1]
        for effect in _differences(last, without(_day_of_all(needed, day)), carried_out(*needed)):
            if effect.trial == trial:
                others = tuple(order.says for order in needed[:-1])
                yield msgspec.structs.replace(effect, together_with=others)


def _alternatives(screening: Screening, order: Order, patient: str) -> list[tuple[str, Order]]:
    """The same order with each other drug of its purpose, by that drug's name."""
    record = screening.of_document(_alone(order, patient.removeprefix("Patient/")), patient)
    taken = frozenset(name for name in alternatives.names() if list(record.exposures(frozenset({name}))))
    done = msgspec.json.decode(order.carried_out)
    return [
        (name, msgspec.structs.replace(order, carried_out=msgspec.json.encode(alternatives.instead(done, code, name))))
        for code, name in alternatives.others(taken)
    ]


def _minded(before: PatientResult, after: PatientResult) -> frozenset[str]:
    """The trials of which some criterion is answered worse than before: failed, open or left to a person."""
    old = {(t.trial, c.id): RANK[c.outcome] for t in before.results for c in t.criteria}
    return frozenset(
        t.trial for t in after.results for c in t.criteria if RANK[c.outcome] < old.get((t.trial, c.id), 0)
    )


def _with_alternatives(found: list[Effect], minded: dict[str, frozenset[str]]) -> list[Effect]:
    """The effects, each with the drugs that its trial does not mind. `minded`: by drug, the trials that do."""
    return [
        msgspec.structs.replace(
            effect, alternatives=tuple(name for name, trials in minded.items() if effect.trial not in trials)
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
        closes_from=iso(order.planned) if order.planned else "",
        failure=after.failure or "",
        until=(after.until or "") if not reopens else "",
    )
