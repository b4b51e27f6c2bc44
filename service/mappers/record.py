"""One patient's record: the resources of a document that are theirs, found under the concepts they speak of.

Reading indexes resources by code and stops there; a resource becomes a fact when a rule asks for it. What was set
aside is named in `notices`, what is known to be missing in `gaps`.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from service.criteria.facts import Allergy, Diagnosis, Exposure, Match, Measurement, Operation, Person, Standing
from service.criteria.spans import Span, up_to
from service.mappers import wire
from service.mappers.allergy import map_allergy
from service.mappers.condition import DiagnosisMapper
from service.mappers.dates import between
from service.mappers.documents import VOID, Item, PassedOver
from service.mappers.identity import without_version
from service.mappers.inputs import Input
from service.mappers.integrity import look_through, problem_of
from service.mappers.medication import ExposureMapper, doses_told_twice
from service.mappers.observation import DECIDES, Library, ObservedValue, Source, observed_span, standing_of
from service.mappers.procedure import kinds_of_procedure, map_procedure, named_procedures

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


# Found where another resource refers to them; they are no facts of their own.
_NOT_INDEXED = frozenset({wire.Patient, wire.Medication, wire.Substance})


_SURE: tuple[Standing, str] = ("sure", "")
_AMBIGUOUS: tuple[Standing, str] = ("ambiguous", "a code without a system or under a wrong one")
_NO_FOCUS: frozenset[str] = frozenset()


class _Seen(msgspec.Struct, gc=False):
    """An Observation, or a component, under an input."""

    item: Item
    component: wire.Component | None
    made: Input
    mark: str
    certain: bool


class _Holder(msgspec.Struct, gc=False):
    """A resource that holds others."""

    contained: list[wire.Kind] | None = None


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
        self._source = Source(person, library)
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
        self._passed_over = PassedOver()
        self._left_out: dict[str, bytes] = {}  # results that were passed over, until one of another input is asked for
        self._base = ""
        self._by_reference: dict[str, Item] | None = None
        self._measured: dict[str, list[ObservedValue]] = {}
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
            if self._left_out and name not in self._passed_over.asked:
                self._add_left_out()
            seen = self._seen.get(name)
            if seen is None:
                known = self._measured[name] = []
                return known
            known = [m for s in seen if (m := self._measure(s)) is not None]
            if len(known) == 1:
                known[0].work_out()
            elif known:
                _work_out_newest(known)
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

    def unread(self, *types: str) -> str:
        if not self._gaps:
            return ""
        for kind in ("*", *types):
            if kind in self._gaps:
                return self._gaps[kind]
        return ""

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
        self._add_observations(observations)
        conditions = [(item, *self._mapper.coded(item.resource)) for item in by_type.pop(wire.Condition, [])]
        newest = [_newest_item(seen) for seen in self._seen.values()]
        look_through([*newest, *[item for item, sure, ambiguous, _ in conditions if sure or ambiguous]])
        for item, sure, ambiguous, why in conditions:
            self._add_condition(item, sure, ambiguous, why)
        for item in by_type.pop(wire.Procedure, []):
            self._add_procedure(item, item.resource)
        self._allergy_items = by_type.pop(wire.AllergyIntolerance, [])
        self._reports = by_type.pop(wire.DiagnosticReport, [])
        self._events = [item for items in by_type.values() for item in items]

    def name_problem(self, item: Item) -> None:
        """Name a resource of which something cannot be read; where that is its code, its type was not read whole."""
        self.notice(f"{self.reference(item)}: {item.problem}")
        code = getattr(item.resource, "code", None)
        if hasattr(item.resource, "code") and not any(c and c.code for c in (code.coding if code else None) or ()):
            self.lose(item, "its code cannot be read")

    def lose(self, item: Item, reason: str) -> None:
        """A resource that is, or may be, the patient's cannot be used: silence about its type proves nothing."""
        kind = type(item.resource).__name__
        self.notice(f"{self.reference(item)}: {reason}")
        self._gaps.setdefault(kind, f"{self.reference(item)} cannot be read")

    def know(self, items: list[Item], base: str, passed_over: PassedOver) -> None:
        """Remember where resources are found when others refer to them; `base` is the patient's own server.
        `passed_over` are further resources of the patient's, which hardly anything but a reference asks for."""
        self._items = items
        self._base = base
        self._passed_over = passed_over
        self._left_out = passed_over.texts.get("Observation", {})

    def find(self, reference: str) -> Item | None:
        """The item a reference leads to, inside this record. The id alone counts only within the patient's server."""
        if self._by_reference is None:
            self._by_reference = dict(_names(self._items, self._base))
        plain = without_version(reference)
        found = self._named(plain)
        if found is None and self._base and plain.startswith(self._base):
            found = self._named(plain[len(self._base) :])
        elif found is None and not self._base and plain.startswith(("http://", "https://")):
            found = self._named("/".join(plain.rsplit("/", 2)[1:]))
            if found is not None and found.full_url:
                found = None
        return found

    def _named(self, name: str) -> Item | None:
        known = self._by_reference
        assert known is not None
        found = known.get(name)
        if found is None and self._passed_over.texts:
            kind, _, identifier = name.partition("/")
            raw = self._passed_over.texts.get(kind, {}).get(identifier)
            if raw is not None:
                found = known[name] = Item(wire.decode_resource(raw), raw)
        return found

    def reference(self, item: Item) -> str:
        return item.reference

    def _add_observations(self, items: list[Item]) -> None:
        """The busiest loop of reading: most Observations speak of nothing that any rule asks for."""
        index = self.library.terminology.indexes["observation"]
        known = index.known
        for item in items:
            resource: wire.Observation = item.resource
            code = resource.code
            if code is not None and code.coding is not None:
                for coding in code.coding:
                    if coding is not None and coding.code:
                        found = known.get((coding.system, coding.code)) or index.found(coding.system, coding.code)
                        if found.any:
                            self._see(item, code, None)
                            break
            if resource.component is not None:
                for component in resource.component:
                    self._see(item, component.code, component)

    def _add_left_out(self) -> None:
        """A rule asks for more than was foreseen: what was passed over is read after all."""
        raws, self._left_out = self._left_out, {}
        self._add_observations([Item(wire.decode_resource(raw), raw) for raw in raws.values()])

    def _see(self, item: Item, code: wire.CodeableConcept | None, component: wire.Component | None) -> None:
        found = self.library.terminology.look_up("observation", code)
        if not found.any:
            return
        by_concept = self.library.inputs.by_concept
        for concepts, certain in ((found.sure, True), (found.ambiguous, False)):
            for concept in concepts:
                for made, mark in by_concept.get(concept, ()):
                    if made.about and not self._is_about(item.resource, made):
                        continue
                    self._seen.setdefault(made.name, []).append(_Seen(item, component, made, mark, certain))

    def _is_about(self, resource: wire.Observation, made: Input) -> bool:
        """Whether a result of a general code is of this input: its components say what it is about."""
        look_up = self.library.terminology.look_up
        told = [
            (look_up("observation", part.code).sure, look_up("answer", part.valueCodeableConcept).sure)
            for part in resource.component or ()
        ]
        return all(
            any(concept in codes and not answers.isdisjoint(said) for codes, said in told)
            for concept, answers in made.about
        )

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
            why = problem or "a code without a system or under a wrong one"
            self._procedures.setdefault(concept, []).append(_Claim(item, "ambiguous", why))

    def problem_of(self, item: Item) -> str:
        """Why a resource decides nothing; empty where nothing is wrong."""
        return problem_of(item)

    def _measure(self, seen: _Seen) -> ObservedValue | None:
        item = seen.item
        resource: wire.Observation = item.resource
        given = _SURE if resource.status in DECIDES else standing_of(resource.status)
        if given is None:
            return None
        if given[0] == "sure" and given[1]:
            self.notice(f"{self.reference(item)}: {given[1]}")
        if item.problem:
            given = _SURE  # the problem decides how far it may be relied on
        elif not seen.certain and given[0] == "sure":
            given = _AMBIGUOUS
        focus = self._focus(item) if resource.focus else _NO_FOCUS
        if focus is None and item.problem:
            focus = _NO_FOCUS  # what cannot be read may be about the patient
        if focus is None:
            self.notice(f"{self.reference(item)}: its focus is another subject, not used")
            return None
        text = resource.effectiveDateTime
        span = self.library.calendar.read(text) if text is not None else self._rare_time(resource)
        made = ObservedValue(self._source, item, seen.component, seen.made, seen.mark, given, span)
        if span is None and (text is not None or "effective" in item.problem):
            made.date_lost = True
        if focus:
            made.focus = focus
        if self._reports and seen.made.name.startswith("her2"):
            made.report = self._report(item)
        return made

    def _rare_time(self, resource: wire.Observation) -> Span | None:
        """When it was true where no effectiveDateTime says so; the issue date proves "then or earlier"."""
        span, written = observed_span(resource, self.library.calendar)
        if span is None and not written:
            issued = self.library.calendar.read(resource.issued)
            return up_to(issued) if issued is not None else None
        return span

    def _focus(self, seen: Item) -> frozenset[str] | None:
        """The concepts of the Conditions an Observation is about; None where it is about another subject."""
        concepts: set[str] = set()
        for reference in seen.resource.focus or ():
            name = reference.reference or ""
            item = self.find(name)
            kind = type(item.resource).__name__ if item else _kind_named(reference) or _kind_inside(seen, name)
            if kind == "Patient" and (
                item is None or self.reference(item) == self.person.ref or name == self.person.ref
            ):
                if item is None:
                    return None
                continue
            if kind not in _OWN_FOCUS:
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
                if (report.resource.status or "").lower() in VOID:
                    continue
                for result in report.resource.result or ():
                    found = self.find(result.reference or "")
                    if found is not None:
                        self._report_of[self.reference(found)] = self.reference(report)
        return self._report_of.get(self.reference(item), "")

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
        if (item.resource.status or "").lower() in VOID:
            return None
        if isinstance(item.resource, wire.DiagnosticReport):
            report: wire.DiagnosticReport = item.resource
            if report.effectiveDateTime is None and report.effectivePeriod is not None:
                return between(*self.library.calendar.period(report.effectivePeriod))
            return self.library.calendar.read(report.effectiveDateTime)
        return self._rare_time(item.resource)

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


def _names(items: list[Item], base: str) -> Iterable[tuple[str, Item]]:
    """Under which references items are found: a relative one leads only to what is on the patient's server, or on none
    that is told."""
    for item in items:
        if item.resource.id and (not base or not item.full_url or item.full_url.startswith((base, "urn:"))):
            yield f"{type(item.resource).__name__}/{item.resource.id}", item
        if item.full_url:
            yield without_version(item.full_url), item


def _reference(fact: Any) -> str:
    """Facts in the order of their references: the order of the resources in a document changes nothing."""
    reference: str = fact.ref
    return reference


def _newest_item(seen: list[_Seen]) -> Item:
    """The one of several results that will most likely be asked for."""
    if len(seen) == 1:
        return seen[0].item
    return max(seen, key=lambda s: s.item.resource.effectiveDateTime or "").item


def _work_out_newest(results: list[ObservedValue]) -> None:
    """Of several results the newest is asked for, the others rarely are."""
    latest = max((m.span.start for m in results if m.span is not None), default=0.0)
    for m in results:
        if m.span is not None and m.span.end >= latest:
            m.work_out()


def _by_reference(match: Match[Any]) -> tuple[str, str]:
    return match.fact.ref, match.concept


def _kind_inside(item: Item, name: str) -> str:
    """The type of a contained resource; empty where there is none of that name."""
    if not name.startswith("#"):
        return ""
    try:
        inner = msgspec.json.decode(item.raw, type=_Holder).contained
    except msgspec.DecodeError:
        return ""
    return next((c.resourceType or "" for c in inner or () if c.id == name[1:]), "")


def _kind_named(reference: wire.Reference) -> str:
    """The resource type a reference names without being found."""
    parts = without_version(reference.reference or "").rsplit("/", 2)
    return parts[-2] if len(parts) > 1 else reference.type or ""


def of_ingredients(exposures: Iterable[Exposure], wanted: frozenset[str]) -> Iterable[Match[Exposure]]:
    for exposure in exposures:
        if not exposure.ingredients.isdisjoint(wanted):
            standing: Standing = "sure" if exposure.certain else "unusable" if exposure.broken else "provisional"
            yield Match(exposure, standing, exposure.why)
        elif not exposure.possible.isdisjoint(wanted):
            yield Match(exposure, "ambiguous", exposure.why)
