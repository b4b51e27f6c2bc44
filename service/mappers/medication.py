"""MedicationStatement, MedicationRequest, MedicationAdministration and MedicationDispense as exposures to ingredients.

https://hl7.org/fhir/R4/medicationstatement.html
"""

from typing import Literal

import msgspec

from service.criteria.facts import Exposure
from service.criteria.spans import FOREVER, Span
from service.mappers import wire
from service.mappers.dates import Calendar
from service.mappers.drug_forms import DEPOT_DAYS, depot_days, dosages_of, route_of
from service.mappers.drug_names import DrugNames
from service.mappers.drug_reasons import Coded, ReasonReader, Resolve
from service.mappers.drug_times import DrugTimes
from service.mappers.terminology import Terminology

_Course = Literal["active", "on-hold", "ended", "point"]
_TAKEN: dict[str, dict[str, _Course]] = {
    "MedicationStatement": {"active": "active", "completed": "ended", "stopped": "ended", "on-hold": "on-hold"},
    "MedicationRequest": {"active": "active", "completed": "ended", "stopped": "ended", "on-hold": "on-hold"},
    "MedicationAdministration": {
        "in-progress": "point", "completed": "point", "stopped": "point", "on-hold": "point",
    },
    "MedicationDispense": {"completed": "point"},
}  # fmt: skip
_NOT_TAKEN = frozenset(
    {"not-taken", "not-done", "intended", "draft", "cancelled", "declined", "preparation", "entered-in-error"}
)
_NOT_HANDED_OVER = frozenset({"in-progress", "on-hold", "stopped"})
_ORDERS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_KINDS = {
    "MedicationStatement": "statement",
    "MedicationRequest": "order",
    "MedicationAdministration": "administration",
    "MedicationDispense": "dispense",
}


class ExposureMapper:
    """Maps the medication resources of one patient. `resolve` finds a resource of the record by its reference, and says
    why it may not be used; `coded` tells the concepts of a Condition."""

    def __init__(self, terminology: Terminology, calendar: Calendar, resolve: Resolve, coded: Coded) -> None:
        self._names = DrugNames(terminology, resolve)
        self._times = DrugTimes(calendar)
        self._reasons = ReasonReader(terminology, resolve, coded)

    def map(self, event: wire.MedicationEvent, ref: str, problem: str = "") -> Exposure | None:
        """The exposure, or None where the drug was not taken, or where it says that no drug is."""
        kind = type(event).__name__
        course, why = _course(event, kind)
        if course is None:
            return None
        named = self._names.read(event)
        if named.none_known and named.nameless:
            return None
        problem = problem or named.problem
        depot = bool(named.sure & DEPOT_DAYS.keys())
        times = self._times.read(event, course, depot)
        dosages = dosages_of(event)
        return Exposure(
            ref=ref,
            says="; ".join(dict.fromkeys(s for s in named.said if s)) or "a drug without a name",
            kind=_KINDS[kind],
            ingredients=frozenset(named.sure),
            possible=frozenset(named.possible - named.sure),
            nameless=named.nameless,
            why="; ".join(w for w in (problem or why, named.why) if w),
            certain=not problem and not why,
            broken=bool(problem),
            course=course,
            start=times.start,
            end=times.end,
            end_told=times.told,
            supply=times.supply,
            running=_is_running(event),
            form=route_of(dosages) or named.form,
            depot=depot,
            depot_days=depot_days(named, dosages),
            reason=self._reasons.read(event),
        )


def _course(event: wire.MedicationEvent, kind: str) -> tuple[_Course | None, str]:
    """-> (course, why it is not certain). A course of None: not taken."""
    why = ""
    if isinstance(event, wire.MedicationRequest):
        intent = (event.intent or "").strip().lower()
        if event.doNotPerform or (intent and intent not in _ORDERS):
            return None, ""
        why = "" if intent else "an order without an intent"
    status = (event.status or "").strip().lower()
    known = _TAKEN[kind].get(status)
    if known is not None:
        return known, why
    if status in _NOT_TAKEN or (kind == "MedicationDispense" and status in _NOT_HANDED_OVER):
        return None, ""
    given = kind in ("MedicationAdministration", "MedicationDispense")
    return "point" if given else "active", f"status {status[:24]}" if status else "no status"


def _is_running(event: wire.MedicationEvent) -> bool:
    """An administration in progress whose Period is open: https://hl7.org/fhir/R4/datatypes.html#Period"""
    if not isinstance(event, wire.MedicationAdministration) or event.effectivePeriod is None:
        return False
    return (event.status or "").strip().lower() == "in-progress" and event.effectivePeriod.end is None


def doses_told_twice(exposures: list[Exposure]) -> list[Exposure]:
    """An order that ended without telling when, and the doses given for it, are one: from the first of them on the
    doses tell what was taken. They are those from the order's day until the next order of the drug."""
    doses = [e for e in exposures if e.course == "point" and e.start is not None and e.certain]
    if not doses:
        return exposures
    by_drug: dict[str, tuple[list[Exposure], list[Exposure]]] = {}
    for order in (e for e in exposures if e.kind == "order" and e.start is not None):
        for ingredient in order.ingredients:
            by_drug.setdefault(ingredient, ([], []))[0].append(order)
    for dose in doses:
        for ingredient in dose.ingredients:
            by_drug.setdefault(ingredient, ([], []))[1].append(dose)
    return [_with_doses(e, by_drug) if _ended_untold(e) else e for e in exposures]


def _ended_untold(exposure: Exposure) -> bool:
    return exposure.kind == "order" and exposure.course == "ended" and not exposure.end_told


def _with_doses(order: Exposure, by_drug: dict[str, tuple[list[Exposure], list[Exposure]]]) -> Exposure:
    if order.start is None or not order.ingredients:
        return order
    first_doses: list[Span] = []
    for ingredient in order.ingredients:
        orders, doses = by_drug[ingredient]
        later = [o.start.first for o in orders if o.start is not None and o.start.first > order.start.last]
        until = min(later, default=FOREVER)
        given = [d.start for d in doses if d.start is not None and order.start.first <= d.start.last < until]
        if not given:
            return order
        first_doses.append(min(given, key=lambda span: span.start))
    return msgspec.structs.replace(order, doses_from=max(first_doses, key=lambda span: span.start))
