"""The Observations of one record, found under the inputs they speak of, and read when a rule asks for them."""

from collections.abc import Sequence

import msgspec

from service.criteria.facts import Person, Standing
from service.criteria.spans import Span, up_to
from service.mappers import wire
from service.mappers.condition import DiagnosisMapper
from service.mappers.dates import Calendar
from service.mappers.documents import VOID, Item
from service.mappers.identity import without_version
from service.mappers.inputs import Input
from service.mappers.integrity import problem_of
from service.mappers.observation import DECIDES, Library, ObservedValue, Source, observed_span, standing_of
from service.mappers.references import References

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
_SURE: tuple[Standing, str] = ("sure", "")
_AMBIGUOUS: tuple[Standing, str] = ("ambiguous", "a code without a system, under a wrong one, or refined")
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


class Results:
    """Results by input. `notices` are the record's, to which what a reader must know is added. Like Source, it does not
    lead back to the record."""

    def __init__(self, person: Person, library: Library, mapper: DiagnosisMapper, notices: dict[str, None]) -> None:
        self.seen: dict[str, list[_Seen]] = {}
        self.reports: list[Item] = []
        self._person = person
        self._library = library
        self._source = Source(person, library)
        self._mapper = mapper
        self._notices = notices
        self._references = References()
        self._left_out: dict[str, bytes] = {}  # results that were passed over, until one of another input is asked for
        self._measured: dict[str, list[ObservedValue]] = {}
        self._report_of: dict[str, str] | None = None

    def know(self, references: References) -> None:
        """Remember where resources are found that results refer to."""
        self._references = references
        self._left_out = references.passed_over.texts.get("Observation", {})

    def newest(self) -> list[Item]:
        """Of each input the result that will most likely be asked for."""
        return [_newest_item(seen) for seen in self.seen.values()]

    def measurements(self, name: str) -> Sequence[ObservedValue]:
        known = self._measured.get(name)
        if known is None:
            if self._left_out and name not in self._references.passed_over.asked:
                self._add_left_out()
            seen = self.seen.get(name)
            if seen is None:
                known = self._measured[name] = []
                return known
            known = [m for s in seen if (m := self._measure(s)) is not None]
            if len(known) == 1:
                known[0].work_out()
            elif known:
                _work_out_newest(known)
                known.sort(key=_by_reference)
            self._measured[name] = known
        return known

    def add(self, items: list[Item]) -> None:
        """The busiest loop of reading: most Observations speak of nothing that any rule asks for."""
        index = self._library.terminology.indexes["observation"]
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
        self.add([Item(wire.decode_resource(raw), raw) for raw in raws.values()])

    def _see(self, item: Item, code: wire.CodeableConcept | None, component: wire.Component | None) -> None:
        found = self._library.terminology.look_up("observation", code)
        if not found.any:
            return
        by_concept = self._library.inputs.by_concept
        for concepts, certain in ((found.sure, True), (found.ambiguous, False)):
            for concept in concepts:
                for made, mark in by_concept.get(concept, ()):
                    if made.about and not self._is_about(item.resource, made):
                        continue
                    self.seen.setdefault(made.name, []).append(_Seen(item, component, made, mark, certain))

    def _is_about(self, resource: wire.Observation, made: Input) -> bool:
        """Whether a result of a general code is of this input: its components say what it is about."""
        look_up = self._library.terminology.look_up
        told = [
            (look_up("observation", part.code).sure, look_up("answer", part.valueCodeableConcept).sure)
            for part in resource.component or ()
        ]
        return all(
            any(concept in codes and not answers.isdisjoint(said) for codes, said in told)
            for concept, answers in made.about
        )

    def _measure(self, seen: _Seen) -> ObservedValue | None:
        item = seen.item
        resource: wire.Observation = item.resource
        given = _SURE if resource.status in DECIDES else standing_of(resource.status)
        if given is None:
            return None
        if given[0] == "sure" and given[1]:
            self._notices[f"{item.reference}: {given[1]}"] = None
        if item.problem:
            given = _SURE  # the problem decides how far it may be relied on
        elif not seen.certain and given[0] == "sure":
            given = _AMBIGUOUS
        focus = self._focus(item) if resource.focus else _NO_FOCUS
        if focus is None and item.problem:
            focus = _NO_FOCUS  # what cannot be read may be about the patient
        if focus is None:
            self._notices[f"{item.reference}: its focus is another subject, not used"] = None
            return None
        text = resource.effectiveDateTime
        calendar = self._library.calendar
        span, written = (calendar.read(text), True) if text is not None else rare_time(resource, calendar)
        made = ObservedValue(self._source, item, seen.component, seen.made, seen.mark, given, span)
        if span is None and (written or "effective" in item.problem):
            made.date_lost = True
        if focus:
            made.focus = focus
        if self.reports and seen.made.name.startswith("her2"):
            made.report = self._report(item)
        return made

    def _focus(self, seen: Item) -> frozenset[str] | None:
        """The concepts of the Conditions an Observation is about; None where it is about another subject."""
        concepts: set[str] = set()
        for reference in seen.resource.focus or ():
            name = reference.reference or ""
            item = self._references.find(name)
            kind = (
                type(item.resource).__name__
                if item
                else _kind_named(reference) or _kind_inside(seen.holder or seen, name)
            )
            if kind == "Patient" and (item is None or item.reference == self._person.ref or name == self._person.ref):
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
            for report in self.reports:
                if (report.resource.status or "").lower() in VOID or problem_of(report):
                    continue
                for result in report.resource.result or ():
                    found = self._references.find(result.reference or "")
                    if found is not None:
                        self._report_of[found.reference] = report.reference
        held = item.holder or item
        if isinstance(held.resource, wire.DiagnosticReport):
            return held.reference
        return self._report_of.get(held.reference, "")


def rare_time(resource: wire.Observation, calendar: Calendar) -> tuple[Span | None, bool]:
    """When it was true where no effectiveDateTime says so, and whether a date is written; the issue date proves "then
    or earlier"."""
    span, written = observed_span(resource, calendar)
    if span is None and not written:
        issued = calendar.read(resource.issued)
        return (up_to(issued) if issued is not None else None), False
    return span, written


def _by_reference(result: ObservedValue) -> str:
    """The order of the resources in a document changes nothing."""
    return result.ref


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
