"""One patient's record: the resources of a document that are theirs, found under the concepts they speak of.

Reading indexes resources by code and stops there; a resource becomes a fact when a rule asks for it. What was set
aside is named in `notices`, what is known to be missing in `gaps`.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from service.criteria.facts import Allergy, Diagnosis, Exposure, Match, Measurement, Operation, Person, Standing
from service.criteria.spans import Span, up_to
from service.errors import RecordError
from service.mappers import wire
from service.mappers.allergy import map_allergy
from service.mappers.concepts import texts
from service.mappers.condition import DiagnosisMapper
from service.mappers.dates import Calendar
from service.mappers.documents import Document, Item, duplicate_key
from service.mappers.identity import Identity, base_of, without_version
from service.mappers.inputs import Input, Inputs
from service.mappers.medication import ExposureMapper, doses_told_twice, reason_of_concepts
from service.mappers.observation import DECIDES, ObservedValue, observed_span, standing_of
from service.mappers.patient import map_patient
from service.mappers.procedure import map_procedure
from service.mappers.terminology import Terminology

MEDICATION_TYPES = ("MedicationStatement", "MedicationRequest", "MedicationAdministration", "MedicationDispense")
# A focus of these types is a matter of the patient's own body and care; of any other it is another subject.
_OWN_FOCUS = frozenset(
    {
        "Condition",
        "BodyStructure",
        "Specimen",
        "Procedure",
        "Encounter",
        "Observation",
        "DiagnosticReport",
        "Medication",
    }
)


_SHARED_TYPES = frozenset({wire.Patient, wire.Medication, wire.Substance, wire.OperationOutcome})


_SURE: tuple[Standing, str] = ("sure", "")
_NO_FOCUS: frozenset[str] = frozenset()


class Library(msgspec.Struct, frozen=True):
    """What every record is read with."""

    terminology: Terminology
    inputs: Inputs
    calendar: Calendar


class _Seen(msgspec.Struct, gc=False):
    """An Observation, or a component, under an input."""

    item: Item
    component: wire.Component | None
    made: Input
    mark: str
    certain: bool


class _Claim(msgspec.Struct, gc=False):
    """A Condition or Procedure under a concept."""

    item: Item
    standing: Standing
    why: str


class Record:
    """`criteria.facts.PatientRecord`, over decoded FHIR resources."""

    def __init__(self, person: Person, library: Library, gaps: list[tuple[str, str]]) -> None:
        self.person = person
        self.notices: list[str] = []
        self._library = library
        self._gaps: dict[str, str] = {}
        for kind, reason in gaps:
            self._gaps.setdefault(kind, reason)
        self._seen: dict[str, list[_Seen]] = {}
        self._conditions: dict[str, list[_Claim]] = {}
        self._unmatched: list[Item] = []
        self._procedures: dict[str, list[_Claim]] = {}
        self._events: list[Item] = []
        self._allergy_items: list[Item] = []
        self._reports: list[Item] = []
        self._items: list[Item] = []
        self._by_reference: dict[str, Item] | None = None
        self._measured: dict[str, list[Measurement]] = {}
        self._diagnosed: dict[int, Diagnosis | None] = {}
        self._operated: dict[int, Operation | None] = {}
        self._exposed: list[Exposure] | None = None
        self._exposures_by: dict[frozenset[str], list[Match[Exposure]]] = {}
        self._allergies: list[Allergy] | None = None
        self._report_of: dict[str, str] | None = None
        self._mapper = DiagnosisMapper(library.terminology, library.calendar)

    # -- what the rules ask for

    @property
    def has_gaps(self) -> bool:
        return bool(self._gaps)

    def holds(self) -> Iterable[tuple[str, Iterable[str]]]:
        if self._unmatched:
            self._match_by_words()
        yield "input", self._seen
        yield "condition", self._conditions
        yield "procedure", self._procedures
        if self._events:
            for exposure in self._all_exposures():
                yield "drug", exposure.ingredients
                if exposure.possible:
                    yield "drug", exposure.possible

    def measurements(self, name: str) -> Sequence[Measurement]:
        known = self._measured.get(name)
        if known is None:
            known = [m for s in self._seen.get(name, ()) if (m := self._measure(s)) is not None]
            if len(known) > 1:
                known.sort(key=_reference)
            self._measured[name] = known
        return known

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
            known = self._exposures_by[ingredients] = list(_of_ingredients(self._all_exposures(), ingredients))
        return known

    def nameless_drugs(self) -> Sequence[Exposure]:
        return [e for e in self._all_exposures() if e.nameless] if self._events else ()

    def allergies(self) -> Sequence[Allergy]:
        if self._allergies is None:
            self._allergies = []
            for item in self._allergy_items:
                made = map_allergy(
                    item.resource, self.reference(item), self.person, self._library.terminology, self._library.calendar,
                    self._problem(item),
                )  # fmt: skip
                if made is not None:
                    self._allergies.append(made)
            self._allergies.sort(key=_reference)
        return self._allergies

    def unread(self, *types: str) -> str:
        if not self._gaps:
            return ""
        for kind in ("*", *types):
            if kind in self._gaps:
                return self._gaps[kind]
        return ""

    # -- filling it

    def add_all(self, items: list[Item], identity: Identity) -> None:
        """Index the resources that are this patient's; what is another's is named and left out."""
        by_type: dict[type, list[Item]] = {}
        owns = identity.known
        for item in items:
            kind = item.resource.__class__
            if kind in _SHARED_TYPES:
                continue
            subject = item.resource.subject if kind is not wire.AllergyIntolerance else item.resource.patient
            known = subject is not None and owns.get(subject.reference) is True and not identity.watches(item.full_url)
            if not known and not self._is_own(item, subject, identity):
                continue
            found = by_type.get(kind)
            if found is None:
                by_type[kind] = [item]
            else:
                found.append(item)
        self._add_observations(by_type.pop(wire.Observation, []))
        for item in by_type.pop(wire.Condition, []):
            self._add_condition(item, item.resource)
        for item in by_type.pop(wire.Procedure, []):
            self._add_procedure(item, item.resource)
        self._allergy_items = by_type.pop(wire.AllergyIntolerance, [])
        self._reports = by_type.pop(wire.DiagnosticReport, [])
        self._events = [item for items in by_type.values() for item in items]

    def _is_own(self, item: Item, subject: wire.Reference | None, identity: Identity) -> bool:
        own = identity.owns(subject.reference if subject else None, item.full_url)
        if own is None:
            self._notice(f"{self.reference(item)}: no subject, set aside")
        elif not own:
            self._notice(f"{self.reference(item)}: another patient's, not used")
        return bool(own)

    def know(self, items: list[Item]) -> None:
        """Remember where resources are found when others refer to them."""
        self._items = items

    def find(self, reference: str) -> Item | None:
        """The item a reference leads to, inside this record."""
        if self._by_reference is None:
            self._by_reference = dict(_names(self._items))
        plain = without_version(reference)
        found = self._by_reference.get(plain)
        if found is None and plain.startswith(("http://", "https://")):
            found = self._by_reference.get("/".join(plain.rsplit("/", 2)[1:]))
        return found

    def reference(self, item: Item) -> str:
        """What evidence names: Type/id, else the full URL, else the place in the document."""
        kind = type(item.resource).__name__
        if item.resource.id:
            return f"{kind}/{item.resource.id}"
        return item.full_url or (f"{kind} at {item.place}" if item.place else kind)

    def _add_observations(self, items: list[Item]) -> None:
        """The busiest loop of reading: most Observations speak of nothing that any rule asks for."""
        look_up = self._library.terminology.indexes["observation"].found
        for item in items:
            resource: wire.Observation = item.resource
            code = resource.code
            if code is not None and code.coding is not None:
                for coding in code.coding:
                    if coding is not None and coding.code and look_up(coding.system, coding.code).any:
                        self._see(item, resource.code, None)
                        break
            if resource.component is not None:
                for component in resource.component:
                    self._see(item, component.code, component)

    def _see(self, item: Item, code: wire.CodeableConcept | None, component: wire.Component | None) -> None:
        found = self._library.terminology.look_up("observation", code)
        by_concept = self._library.inputs.by_concept
        for concepts, certain in ((found.sure, True), (found.ambiguous, False)):
            for concept in concepts:
                for made, mark in by_concept.get(concept, ()):
                    self._seen.setdefault(made.name, []).append(_Seen(item, component, made, mark, certain))

    def _add_condition(self, item: Item, resource: wire.Condition) -> None:
        sure, ambiguous, why = self._mapper.coded(resource)
        problem = self._problem(item) if sure or ambiguous else ""
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
        found = self._library.terminology.look_up("procedure", resource.code)
        problem = self._problem(item) if found.sure or found.ambiguous else ""
        for concept in found.sure:
            standing: Standing = "unusable" if problem else "sure"
            self._procedures.setdefault(concept, []).append(_Claim(item, standing, problem))
        for concept in found.ambiguous:
            why = problem or "a code without a system or under a wrong one"
            self._procedures.setdefault(concept, []).append(_Claim(item, "ambiguous", why))

    def _problem(self, item: Item) -> str:
        """Why a resource decides nothing: a field that cannot be read, a key twice, a modifier nobody knows."""
        if item.problem:
            return item.problem
        if item.resource.modifierExtension and (problem := _problem_of_extension(item.resource.modifierExtension)):
            return problem
        return "" if item.checked else duplicate_key(item.raw)

    def _measure(self, seen: _Seen) -> Measurement | None:
        item = seen.item
        resource: wire.Observation = item.resource
        if resource.status in DECIDES:
            standing, why = _SURE
        else:
            read = standing_of(resource.status)
            if read is None:
                return None
            standing, why = read
        problem = self._problem(item)
        if not problem and seen.component is not None and seen.component.modifierExtension:
            problem = _problem_of_extension(seen.component.modifierExtension)
        if problem:
            standing, why = "unusable", problem
        elif not seen.certain and standing == "sure":
            standing, why = "ambiguous", "a code without a system or under a wrong one"
        focus = self._focus(resource) if resource.focus else _NO_FOCUS
        if focus is None:
            self._notice(f"{self.reference(item)}: its focus is another subject, not used")
            return None
        text = resource.effectiveDateTime
        span = self._library.calendar.read(text) if text is not None else self._rare_time(resource)
        made = ObservedValue(
            self.reference(item), resource, seen.component, seen.made, seen.mark, standing, why, span, self.person,
            self._library,
        )  # fmt: skip
        if focus:
            made.focus = focus
        if self._reports and seen.made.name.startswith("her2"):
            made.report = self._report(item)
        return made

    def _rare_time(self, resource: wire.Observation) -> Span | None:
        """When it was true where no effectiveDateTime says so; the issue date proves "then or earlier"."""
        span, written = observed_span(resource, self._library.calendar)
        if span is None and not written:
            issued = self._library.calendar.read(resource.issued)
            return up_to(issued) if issued is not None else None
        return span

    def _focus(self, resource: wire.Observation) -> frozenset[str] | None:
        """The concepts of the Conditions an Observation is about; None where it is about another subject."""
        concepts: set[str] = set()
        for reference in resource.focus or ():
            name = reference.reference or ""
            item = self.find(name)
            kind = type(item.resource).__name__ if item else _kind_named(reference)
            if kind == "Patient" and (
                item is None or self.reference(item) == self.person.ref or name == self.person.ref
            ):
                if item is None:
                    return None
                continue
            if kind not in _OWN_FOCUS and kind:
                return None
            if item is not None and kind == "Condition":
                sure, ambiguous, _ = self._mapper.coded(item.resource)
                concepts |= {*sure, *ambiguous}
        return frozenset(concepts)

    def _report(self, item: Item) -> str:
        """The DiagnosticReport that lists an Observation."""
        if self._report_of is None:
            self._report_of = {}
            for report in self._reports:
                if (report.resource.status or "").lower() in ("entered-in-error", "cancelled"):
                    continue
                for result in report.resource.result or ():
                    found = self.find(result.reference or "")
                    if found is not None:
                        self._report_of[self.reference(found)] = self.reference(report)
        return self._report_of.get(self.reference(item), "")

    def _diagnosis(self, item: Item) -> Diagnosis | None:
        key = id(item)
        if key not in self._diagnosed:
            self._diagnosed[key] = self._mapper.map(item.resource, self.reference(item), self.person)
        return self._diagnosed[key]

    def _operation(self, item: Item) -> Operation | None:
        key = id(item)
        if key not in self._operated:
            self._operated[key] = map_procedure(
                item.resource, self.reference(item), self.person, self._library.terminology, self._library.calendar
            )
        return self._operated[key]

    def _all_exposures(self) -> list[Exposure]:
        if self._exposed is None:
            mapper = ExposureMapper(
                self._library.terminology, self._library.calendar, self._resource_of, self._reason_of
            )
            self._exposed = []
            for item in self._events:
                made = mapper.map(item.resource, self.reference(item), self._problem(item))
                if made is not None:
                    self._exposed.append(made)
            self._exposed = sorted(doses_told_twice(self._exposed), key=_reference)
        return self._exposed

    def _resource_of(self, reference: str) -> object | None:
        item = self.find(reference)
        return item.resource if item else None

    def _reason_of(self, reference: str) -> str:
        item = self.find(reference)
        if item is None or not isinstance(item.resource, wire.Condition):
            return ""
        sure, _, _ = self._mapper.coded(item.resource)
        return reason_of_concepts(sure, texts(item.resource.code))

    def _notice(self, text: str) -> None:
        if text not in self.notices:
            self.notices.append(text)


def _names(items: list[Item]) -> Iterable[tuple[str, Item]]:
    for item in items:
        if item.resource.id:
            yield f"{type(item.resource).__name__}/{item.resource.id}", item
        if item.full_url:
            yield without_version(item.full_url), item


def _reference(fact: Any) -> str:
    """Facts in the order of their references: the order of the resources in a document changes nothing."""
    reference: str = fact.ref
    return reference


def _by_reference(match: Match[Any]) -> tuple[str, str]:
    return match.fact.ref, match.concept


def _problem_of_extension(raw: msgspec.Raw) -> str:
    return "" if bytes(raw) in (b"null", b"[]") else "a modifierExtension that is not known"


def _kind_named(reference: wire.Reference) -> str:
    """The resource type a reference names without being found."""
    parts = without_version(reference.reference or "").rsplit("/", 2)
    return parts[-2] if len(parts) > 1 else reference.type or ""


def _of_ingredients(exposures: Iterable[Exposure], wanted: frozenset[str]) -> Iterable[Match[Exposure]]:
    for exposure in exposures:
        if not exposure.ingredients.isdisjoint(wanted):
            standing: Standing = "sure" if exposure.certain else "unusable" if exposure.broken else "provisional"
            yield Match(exposure, standing, exposure.why)
        elif not exposure.possible.isdisjoint(wanted):
            yield Match(exposure, "ambiguous", exposure.why)


def read_record(document: Document, library: Library, patient: str = "", base: str = "") -> Record:
    """The record of the one patient of a document; `patient` (an id or Patient/id) chooses where there are several.

    `base` is the server the document came from, where that is known. RecordError where there is no Patient, or more
    than one and none was asked for.
    """
    chosen = _choose_patient(document, patient)
    person_item = document.items[chosen]
    identity = Identity(person_item.resource, person_item.full_url, base)
    record = _empty_record(person_item, library, document)
    current = _current_versions(document, record)
    record.know(current)
    record.add_all(current, identity)
    return record


def _empty_record(item: Item, library: Library, document: Document) -> Record:
    patient: wire.Patient = item.resource
    unusable = bool(item.problem) or bytes(patient.modifierExtension) not in (b"", b"null", b"[]")
    ref = f"Patient/{patient.id}" if patient.id else item.full_url or "Patient"
    record = Record(map_patient(patient, ref, library.calendar, unusable), library, document.gaps)
    record.notices += document.notices
    if unusable:
        record.notices.append(
            f"{ref}: {item.problem or 'a modifierExtension that is not known'}; its data are not used"
        )
    return record


def _choose_patient(document: Document, asked: str) -> int:
    """The place of the Patient among the items; the newest version of it."""
    wanted = asked.rpartition("/")[2] if asked else ""
    found: dict[str, int] = {}
    for i, item in enumerate(document.items):
        if isinstance(item.resource, wire.Patient):
            server = base_of(item.full_url, "Patient", item.resource.id)
            key = f"{server}{item.resource.id}" if item.resource.id else item.full_url or str(i)
            if key not in found or _newer(item, document.items[found[key]]):
                found[key] = i
    if wanted:
        for key, i in found.items():
            if key.rpartition("/")[2].removeprefix("urn:uuid:") == wanted:
                return i
        raise RecordError("the patient asked for is not in the record", code="no-such-patient")
    if not found:
        raise RecordError("no Patient resource in the record", code="no-patient")
    if len(found) > 1:
        raise RecordError(f"{len(found)} Patients in one record; name one (--patient)", code="several-patients")
    return next(iter(found.values()))


def _current_versions(document: Document, record: Record) -> list[Item]:
    """Of two versions of a resource the newer; deleted ones not at all."""
    names = {(item.resource.__class__, item.resource.id) for item in document.items}
    if len(names) == len(document.items) and not document.deleted:
        return document.items
    newest: dict[tuple[type, str], Item] = {}
    out: list[Item] = []
    older: set[int] = set()
    for item in document.items:
        resource = item.resource
        if resource.id is None:
            out.append(item)
            continue
        key = (resource.__class__, resource.id)
        other = newest.get(key)
        if other is not None and (bytes(item.raw) == bytes(other.raw) or _newer(other, item)):
            continue
        if other is not None and _newer(item, other):
            older.add(id(other))
        elif other is not None:
            name = f"{resource.__class__.__name__}/{resource.id}"
            record.notices.append(f"{name} stands twice with different content and no version; both are read")
        newest[key] = item
        out.append(item)
    deleted = document.deleted
    return [i for i in out if id(i) not in older and f"{i.resource.__class__.__name__}/{i.resource.id}" not in deleted]


def _newer(a: Item, b: Item) -> bool:
    """Whether `a` is certainly the newer version of the same resource."""
    one, other = a.resource.meta, b.resource.meta
    if one is None or other is None:
        return False
    if one.versionId and other.versionId and one.versionId.isdigit() and other.versionId.isdigit():
        return int(one.versionId) > int(other.versionId)
    if one.lastUpdated and other.lastUpdated:
        return bool(one.lastUpdated > other.lastUpdated)
    return False
