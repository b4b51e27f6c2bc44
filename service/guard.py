"""What an order would do to a patient's trials: the record judged as it is, and as if the order were carried out."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import msgspec

from service import alternatives
from service.criteria.logic import RANK
from service.criteria.plan import Plan
from service.criteria.results import Effect, PatientResult, TrialResult
from service.criteria.spans import iso
from service.errors import RecordError
from service.guard_drafts import Order, is_full_url, read_orders
from service.mappers.documents import Document, read_document
from service.screening import Screening

MAX_ORDERS = 100  # each is judged on its own; more than a session of ordering ever holds
__all__ = ["MAX_ORDERS", "Order", "effects", "may_matter", "read_orders", "with_orders"]


def may_matter(screening: Screening, plan: Plan, order: Order, patient: str) -> bool:
    """Whether any rule reads what the order is about; asked before anything of the patient is."""
    try:
        record = screening.of_document(_alone(order, patient), f"Patient/{patient}")
    except RecordError:
        return True
    return bool(plan.asked_of(record) & ~plan.person)


def _alone(order: Order, patient: str) -> Document:
    """The record of a patient of whom nothing but the order is known."""
    if is_full_url(patient):  # one without an id
        known = b'{"fullUrl":%b,"resource":{"resourceType":"Patient"}}' % msgspec.json.encode(patient)
        bundle = b'{"resourceType":"Bundle","type":"collection","entry":[%b,{"resource":%b}]}'
        return read_document(bundle % (known, order.carried_out), "order", strict=False)
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
    """The trials that each order would close: those open to the patient now, and no others are judged again. The record
    is read once; `base` is the server it came from, where that is known.

    An order for a later day is judged on that day, on which the trial must be open too. Orders of which none closes a
    trial are judged together too."""
    present = screening.of_document(document, patient, base)
    now = screening.screen(present, day, plan)
    of_now = plan.of({found.trial for found in now.results if found.grade != "certainly-not"})
    if not of_now.plans:
        return []

    def carried_out(*done: Order) -> PatientResult:
        added = [read_document(order.carried_out, "order", strict=False) for order in done]
        record = screening.and_more(present, document, added, patient, base)
        return screening.screen(record, _day_of_all(done, day), of_now)

    @cache
    def untouched(on: int) -> PatientResult:
        """What is found on a day without any order, of the trials that are open to the patient now."""
        return screening.screen(present, on, of_now)

    @cache
    def minded(on: int, other: bytes) -> frozenset[str]:
        return _minded(untouched(on), carried_out(Order("", "", other, planned=on)))

    found: list[Effect] = []
    for order in orders:
        before = untouched(order.planned or day)
        effects_of_it = list(_differences(order, before, carried_out(order)))
        if effects_of_it and order.reference.startswith("MedicationRequest/"):
            drugs = _alternatives(screening, order, before.patient)
            by_drug = {name: minded(order.planned or day, other) for name, other in drugs}
            effects_of_it = _with_alternatives(effects_of_it, by_drug)
        found += effects_of_it
    return found if len(orders) < 2 else [*found, *_together(orders, found, day, untouched, carried_out)]


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


def _alternatives(screening: Screening, order: Order, patient: str) -> list[tuple[str, bytes]]:
    """The same order, carried out, with each other drug of its purpose, by that drug's name. Of orders that differ in
    their drugs alone these are equal."""
    record = screening.of_document(_alone(order, patient.removeprefix("Patient/")), patient)
    taken = frozenset(name for name in alternatives.names() if list(record.exposures(frozenset({name}))))
    done = msgspec.json.decode(order.carried_out) | {"id": "alternative"}
    return [
        (name, msgspec.json.encode(alternatives.instead(done, code, name))) for code, name in alternatives.others(taken)
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


def _differences(order: Order, before: PatientResult, then: PatientResult) -> Iterable[Effect]:
    after = {result.trial: result for result in then.results}
    for found in before.results:
        changed = after[found.trial]
        if found.grade != "certainly-not" and changed.grade == "certainly-not":
            yield _effect(order, found, changed)


def _reopens(result: TrialResult) -> str:
    """The first day known on which a trial that is closed is open to the patient again; empty for none in a year."""
    change = result.changes_on
    return change.date if change is not None and change.grade != "certainly-not" else ""


def _effect(order: Order, before: TrialResult, after: TrialResult) -> Effect:
    reopens = _reopens(after)
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
        closes_from=iso(order.planned) if order.planned else "",
        failure=after.failure or "",
        until=(after.until or "") if not reopens else "",
    )
