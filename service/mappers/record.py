"""One patient's record: the resources of a document that are theirs, found under the concepts they speak of.

Reading indexes resources by code and stops there; a resource becomes a fact when a rule asks for it. What was set
aside is named in `notices`, what is known to be missing in `gaps`.
"""

from collections.abc import Collection, Iterable, Sequence
from copy import copy
from typing import Any

import msgspec

from service.criteria.facts import (
    Allergy,
    Diagnosis,
    Exposure,
    Match,
    Measurement,
    Operation,
    Person,
    Standing,
    first_gap,
)
from service.criteria.spans import Span
from service.mappers import wire
from service.mappers.allergy import map_allergy
from service.mappers.condition import DiagnosisMapper
from service.mappers.dates import between
from service.mappers.documents import VOID, Item, PassedOver
from service.mappers.integrity import look_through, problem_of
from service.mappers.medication import ExposureMapper, doses_told_twice
from service.mappers.observation import Library, says_no_value
from service.mappers.procedure import kinds_of_procedure, map_procedure, named_procedures
from service.mappers.references import References
from service.mappers.results import Results, rare_time

MEDICATION_TYPES = ("MedicationStatement", "MedicationRequest", "MedicationAdministration", "MedicationDispense")
# Found where another resource refers to them; they are no facts of their own.
_NOT_INDEXED = frozenset({wire.Patient, wire.Medication, wire.Substance})


class _Claim(msgspec.Struct, gc=False):
    """A Condition or Procedure under a concept."""

    item: Item
    standing: Standing
    why: str


class Record:
    """`criteria.facts.PatientRecord`, over decoded FHIR resources."""

    def __init__(self, person: Person, library: Library, gaps: list[tuple[str, str]]) -> None:
        self.person = person
        self._notices: dict[str, None] = {}
        self.library = library
        self._gaps: dict[str, str] = {}
        for kind, reason in gaps:
            self._gaps.setdefault(kind, reason)
        self._conditions: dict[str, list[_Claim]] = {}
        self._unmatched: list[Item] = []
        self._procedures: dict[str, list[_Claim]] = {}
        self._events: list[Item] = []
        self._allergy_items: list[Item] = []
        self._references = References()
        self._diagnosed: dict[int, Diagnosis | None] = {}
        self._operated: dict[int, Operation | None] = {}
        self._exposed: list[Exposure] | None = None
        self._exposures_by: dict[frozenset[str], list[Match[Exposure]]] = {}
        self._allergies: list[Allergy] | None = None
        self._mapper = DiagnosisMapper(library.terminology, library.calendar)
        self._results = Results(person, library, self._mapper, self._notices)

    # -- what the rules ask for

    @property
    def has_gaps(self) -> bool:
        return bool(self._gaps)

    def holds(self) -> Iterable[tuple[str, Iterable[str]]]:
        if self._unmatched:
            self._match_by_words()
        yield "input", self._results.seen
        yield "condition", self._conditions
        yield "procedure", self._procedures
        if self._events:
            for exposure in self._all_exposures():
                yield "drug", exposure.ingredients
                if exposure.possible:
                    yield "drug", exposure.possible

    def measurements(self, name: str) -> Sequence[Measurement]:
        return self._results.measurements(name)

    def diagnoses(self, concepts: Collection[str]) -> Sequence[Match[Diagnosis]]:
        if self._unmatched:
            self._match_by_words()
        found = []
        for concept, claims in self._conditions.items():
            if concept in concepts:
                for claim in claims:
                    diagnosis = self._diagnosis(claim.item)
                    if diagnosis is not None:
                        found.append(Match(diagnosis, claim.standing, claim.why, concept))
        return found if len(found) < 2 else sorted(found, key=_by_reference)

    def operations(self, concepts: Collection[str]) -> Sequence[Match[Operation]]:
        found = []
        for concept, claims in self._procedures.items():
            if concept in concepts:
                for claim in claims:
                    operation = self._operation(claim.item)
                    if operation is not None:
                        found.append(Match(operation, claim.standing, claim.why, concept))
        return found if len(found) < 2 else sorted(found, key=_by_reference)

    def exposures(self, ingredients: frozenset[str]) -> Sequence[Match[Exposure]]:
        if not self._events:
            return ()
        known = self._exposures_by.get(ingredients)
        if known is None:
            known = self._exposures_by[ingredients] = list(of_ingredients(self._all_exposures(), ingredients))
        return known

    def nameless_drugs(self) -> Sequence[Exposure]:
        return [e for e in self._all_exposures() if e.nameless] if self._events else ()

    def allergies(self) -> Sequence[Allergy]:
        if self._allergies is None:
            self._allergies = []
            for item in self._allergy_items:
                made = map_allergy(
                    item.resource, self.reference(item), self.person, self.library.terminology, self.library.calendar,
                    self.problem_of(item),
                )  # fmt: skip
                if made is not None:
                    self._allergies.append(made)
            self._allergies.sort(key=_reference)
        return self._allergies

    @property
    def whole(self) -> bool:
        return not self._gaps

    def unread(self, *types: str) -> str:
        return first_gap(self._gaps, types)

    # -- filling it

    def add_all(self, items: list[Item]) -> None:
        """Index the patient's own resources."""
        by_type: dict[type, list[Item]] = {}
        observations: list[Item] = []
        for item in items:
            kind = item.resource.__class__
            if kind is wire.Observation:
                observations.append(item)
            elif kind not in _NOT_INDEXED:
                by_type.setdefault(kind, []).append(item)
        self._results.add(observations)
        conditions = [(item, *self._mapper.coded(item.resource)) for item in by_type.pop(wire.Condition, [])]
        look_through([*self._results.newest(), *[item for item, sure, ambiguous, _ in conditions if sure or ambiguous]])
        for item, sure, ambiguous, why in conditions:
            self._add_condition(item, sure, ambiguous, why)
        for item in by_type.pop(wire.Procedure, []):
            self._add_procedure(item, item.resource)
        self._allergy_items = by_type.pop(wire.AllergyIntolerance, [])
        self._results.reports = by_type.pop(wire.DiagnosticReport, [])
        self._events = [item for items in by_type.values() for item in items]

    def and_more(self, items: Sequence[Item]) -> "Record":
        """This record with further procedures and records of drugs, all of them the patient's and none of them another
        version of one that is there. What is found in the rest is found once for both, and its notices are in this."""
        if self._unmatched:
            self._match_by_words()
        more = copy(self)
        more._procedures = {concept: list(claims) for concept, claims in self._procedures.items()}
        more._operated = dict(self._operated)  # by what stands in memory at a place, so not to be shared
        more._events = [*self._events, *(item for item in items if item.resource.__class__ is not wire.Procedure)]
        more._exposed, more._exposures_by = None, {}
        more._references = self._references.and_more(items)
        for item in items:
            if item.resource.__class__ is wire.Procedure:
                more._add_procedure(item, item.resource)
        return more

    def name_problem(self, item: Item) -> None:
        """Name a resource of which something cannot be read; where that is its code, its type was not read whole."""
        said = f"{self.reference(item)}: {item.problem}"
        if not any(notice.startswith(said) for notice in self._notices):  # of the Patient it was said before
            self.notice(said)
        code = getattr(item.resource, "code", None)
        if hasattr(item.resource, "code") and not any(c and c.code for c in (code.coding if code else None) or ()):
            self._gaps.setdefault(type(item.resource).__name__, f"{self.reference(item)}: its code cannot be read")

    def lose(self, item: Item, reason: str) -> None:
        """A resource that is, or may be, the patient's cannot be used: silence about its type proves nothing."""
        kind = type(item.resource).__name__
        self.notice(f"{self.reference(item)}: {reason}")
        self._gaps.setdefault(kind, f"{self.reference(item)} cannot be read")

    def take_in_part(self, item: Item) -> None:
        """A resource of which elements may be missing: what it says counts. One that does not say its value, or what it
        is about, may have had it."""
        resource = item.resource
        if isinstance(resource, wire.Observation):
            lacks = "a value" if says_no_value(resource) else ""
        else:
            lacks = "a code" if hasattr(resource, "code") and resource.code is None else ""
        if lacks:
            item.problem = item.problem or f"sent in part (SUBSETTED), without {lacks}"

    def know(self, items: list[Item], base: str, passed_over: PassedOver) -> None:
        """Remember where resources are found when others refer to them; see References."""
        self._references = References(items, base, passed_over)
        self._results.know(self._references)

    def find(self, reference: str) -> Item | None:
        """The item a reference leads to, inside this record."""
        return self._references.find(reference)

    def reference(self, item: Item) -> str:
        return item.reference

    def _add_condition(self, item: Item, sure: tuple[str, ...], ambiguous: tuple[str, ...], why: str) -> None:
        problem = self.problem_of(item) if sure or ambiguous else ""
        for concept in sure:
            standing: Standing = "unusable" if problem else "sure"
            self._conditions.setdefault(concept, []).append(_Claim(item, standing, problem))
        for concept in ambiguous:
            self._conditions.setdefault(concept, []).append(_Claim(item, "ambiguous", problem or why))
        if not sure and not ambiguous:
            self._unmatched.append(item)

    def _match_by_words(self) -> None:
        """Conditions whose codes say nothing are looked at by their words, once."""
        items, self._unmatched = self._unmatched, []
        for item in items:
            for concept in self._mapper.named(item.resource):
                self._conditions.setdefault(concept, []).append(
                    _Claim(item, "ambiguous", "named in text, without a known code")
                )

    def _add_procedure(self, item: Item, resource: wire.Procedure) -> None:
        found = self.library.terminology.look_up("procedure", resource.code)
        if not found.any:
            told = dict.fromkeys(kinds_of_procedure(resource, self.library.terminology), "told by its category alone")
            named = named_procedures(resource, self.library.terminology)
            told |= dict.fromkeys(named, "named in text, without a known code")
            for concept, why in told.items():
                self._procedures.setdefault(concept, []).append(_Claim(item, "ambiguous", why))
            return
        problem = self.problem_of(item)
        for concept in found.sure:
            standing: Standing = "unusable" if problem else "sure"
            self._procedures.setdefault(concept, []).append(_Claim(item, standing, problem))
        for concept in found.ambiguous:
            why = problem or "a code without a system, under a wrong one, or refined"
            self._procedures.setdefault(concept, []).append(_Claim(item, "ambiguous", why))

    def problem_of(self, item: Item) -> str:
        """Why a resource decides nothing; empty where nothing is wrong."""
        return problem_of(item)

    def _diagnosis(self, item: Item) -> Diagnosis | None:
        key = id(item)
        if key not in self._diagnosed:
            self._diagnosed[key] = self._mapper.map(item.resource, item.reference, self.person, self._assessed_on)
        return self._diagnosed[key]

    def _assessed_on(self, reference: str) -> Span | None:
        """The date of the Observation or report that a stage rests on."""
        item = self.find(reference)
        if item is None or not isinstance(item.resource, wire.Observation | wire.DiagnosticReport):
            return None
        if (item.resource.status or "").lower() in VOID or problem_of(item):
            return None
        if isinstance(item.resource, wire.DiagnosticReport):
            report: wire.DiagnosticReport = item.resource
            if report.effectiveDateTime is None and report.effectivePeriod is not None:
                return between(*self.library.calendar.period(report.effectivePeriod))
            return self.library.calendar.read(report.effectiveDateTime)
        return rare_time(item.resource, self.library.calendar)[0]

    def _operation(self, item: Item) -> Operation | None:
        key = id(item)
        if key not in self._operated:
            self._operated[key] = map_procedure(
                item.resource, self.reference(item), self.person, self.library.terminology, self.library.calendar
            )
        return self._operated[key]

    def _all_exposures(self) -> list[Exposure]:
        if self._exposed is None:
            mapper = ExposureMapper(self.library.terminology, self.library.calendar, self._found, self._mapper.coded)
            self._exposed = []
            look_through(self._events)
            for item in self._events:
                made = mapper.map(item.resource, self.reference(item), self.problem_of(item))
                if made is not None:
                    self._exposed.append(made)
            self._exposed = sorted(doses_told_twice(self._exposed), key=_reference)
        return self._exposed

    def _found(self, reference: str) -> tuple[object | None, str]:
        """What a drug record refers to, and why it may not be used."""
        item = self.find(reference)
        return (item.resource, self.problem_of(item)) if item else (None, "")

    def notice(self, text: str) -> None:
        """Something a reader must know of how the record was read."""
        self._notices[text] = None

    @property
    def notices(self) -> Sequence[str]:
        return tuple(self._notices)


def _reference(fact: Any) -> str:
    """Facts in the order of their references: the order of the resources in a document changes nothing."""
    reference: str = fact.ref
    return reference


def _by_reference(match: Match[Any]) -> tuple[str, str]:
    return match.fact.ref, match.concept


def of_ingredients(exposures: Iterable[Exposure], wanted: frozenset[str]) -> Iterable[Match[Exposure]]:
    for exposure in exposures:
        if not exposure.ingredients.isdisjoint(wanted):
            standing: Standing = "sure" if exposure.certain else "unusable" if exposure.broken else "provisional"
            yield Match(exposure, standing, exposure.why)
        elif not exposure.possible.isdisjoint(wanted):
            yield Match(exposure, "ambiguous", exposure.why)
