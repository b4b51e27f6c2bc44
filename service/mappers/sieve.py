"""What of a long record can say nothing: results of no input that is asked for; diagnoses, procedures and drugs that no
value set knows and no name stands in.

They are most of a record that was kept for years. Who reads lines keeps their text, in case another resource refers to
them, and nothing else.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from service.mappers import wire
from service.mappers.condition import DiagnosisMapper
from service.mappers.documents import PassedOver, Rest
from service.mappers.drug_names import DrugNames
from service.mappers.inputs import Inputs
from service.mappers.observation import Library
from service.mappers.procedure import named_procedures
from service.mappers.terminology import Terminology

MAX_KNOWN = 20_000  # of a kind: codes, or codes with their words, that are remembered
MAX_WORDS = 500  # characters of words that are remembered with a code

_NO_RESULTS = frozenset({*wire.CLINICAL_TYPES, *wire.OTHER_TYPES} - {"Observation"})
_decode_kinds = msgspec.json.Decoder(list[wire.Kind] | None).decode

_Coding = tuple[str | None, str | None]
_Words = tuple[str | None, str | None, str | None, str | None]


class Sieve:
    """Tells which resources say nothing. `asked` are the names of the inputs that are asked for; all where it is None.

    A code counts as saying something whether or not its system is right. A rule that asks for another input all the
    same gets it (`Record.measurements`), at the price of a second reading.
    """

    def __init__(self, library: Library, asked: Collection[str] | None = None) -> None:
        self._terminology = terminology = library.terminology
        self._diagnoses = DiagnosisMapper(terminology, library.calendar)
        self.asked: Collection[str] = library.inputs.by_name if asked is None else asked
        self._results = _Results(terminology, library.inputs, self.asked)
        self._conditions = _Concepts(self._names_no_condition)
        self._procedures = _Concepts(self._names_no_procedure)
        self._drugs = _Concepts(DrugNames(terminology, lambda _: (None, "")).says_unknown)
        self._mute: Mapping[type, Callable[[Any], bool]] = {
            wire.Observation: self._is_mute_result,
            wire.Condition: self._conditions.is_mute,
            wire.Procedure: self._is_mute_procedure,
            wire.MedicationStatement: self._is_mute_event,
            wire.MedicationRequest: self._is_mute_event,
            wire.MedicationAdministration: self._is_mute_event,
            wire.MedicationDispense: self._is_mute_event,
        }

    def sift(self, resources: Sequence[bytes], subject: str) -> tuple[PassedOver, Rest] | None:
        """What of these JSON texts is well-formed, of this `subject` (a reference as it is written) and can say
        nothing, and the rest. None where two versions of one resource may be among them: which counts is told by both.

        Most lines of a long record end in this loop as results of one code, so it hardly calls anything.
        """
        glance, speaks, test_of = wire.glance, self._results, self._mute.get
        texts: dict[type, dict[str, bytes]] = {kind: {} for kind in self._mute}
        results = texts[wire.Observation]
        rest: Rest = []
        for place, raw in enumerate(resources):
            try:
                resource = glance(raw)
            except (msgspec.DecodeError, RecursionError):
                rest.append((place, None))
                continue
            if resource.__class__ is wire.Glance:
                code, owner = resource.code, resource.subject
                plain = not resource.component and not resource.contained
                if code is not None and plain and resource.id and owner and owner.reference == subject:
                    for coding in code.coding or ():
                        if coding is not None and speaks[coding.system, coding.code]:
                            break
                    else:
                        results[resource.id] = raw
                        continue
                resource = _whole(raw)
            is_mute = test_of(resource.__class__)
            if is_mute is not None and is_mute(resource) and _is_of(subject, resource):
                texts[resource.__class__][resource.id] = raw
            else:
                rest.append((place, resource))
        passed_over = {kind: found for kind, found in texts.items() if found}
        read: list[Any] = [resource for _, resource in rest if resource.__class__ in passed_over]
        if len(rest) + sum(map(len, passed_over.values())) < len(resources) or any(
            resource.id in passed_over[resource.__class__] for resource in read
        ):
            return None
        return PassedOver({kind.__name__: alike for kind, alike in passed_over.items()}, self.asked), rest

    def _is_mute_result(self, result: wire.Observation) -> bool:
        return not _may_hold_results(result.contained) and not any(
            self._results[coding.system, coding.code]
            for part in (result, *(result.component or ()))
            for coding in (part.code and part.code.coding) or ()
            if coding is not None
        )

    def _names_no_condition(self, code: wire.CodeableConcept) -> bool:
        found = self._terminology.look_up("condition", code)
        return not found.any and not self._diagnoses.named(wire.Condition(code=code))

    def _names_no_procedure(self, code: wire.CodeableConcept) -> bool:
        found = self._terminology.look_up("procedure", code)
        return not found.any and not named_procedures(wire.Procedure(code=code), self._terminology)

    def _is_mute_procedure(self, procedure: wire.Procedure) -> bool:
        category = procedure.category
        return self._procedures.is_mute(procedure) and (category is None or self._procedures.says_nothing(category))

    def _is_mute_event(self, event: wire.MedicationEvent) -> bool:
        return event.medicationReference is None and self._drugs.says_nothing(event.medicationCodeableConcept)


def _whole(raw: bytes) -> wire.Observation | None:
    """A result with all that is read of it; None where it is malformed."""
    try:
        resource = wire.decode_resource(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    return resource if isinstance(resource, wire.Observation) else None


def _may_hold_results(contained: msgspec.Raw) -> bool:
    """Whether a result may be among what another one contains, or something that cannot be read."""
    try:
        kinds = _decode_kinds(contained) if contained else None
        return any(held.resourceType not in _NO_RESULTS for held in kinds or ())
    except (msgspec.DecodeError, RecursionError):
        return True


def _is_of(subject: str, resource: Any) -> bool:
    """Whether a resource has an id, and is of a subject as it is written."""
    return bool(resource.id) and resource.subject is not None and resource.subject.reference == subject


class _Results(dict[_Coding, bool]):
    """By system and code: whether a result, or a component, may be of an input that is asked for."""

    def __init__(self, terminology: Terminology, inputs: Inputs, asked: Collection[str]) -> None:
        super().__init__()
        self._found = terminology.indexes["observation"].found
        self._feeding = frozenset(
            concept for concept, pairs in inputs.by_concept.items() if any(made.name in asked for made, _ in pairs)
        )

    def __missing__(self, coding: _Coding) -> bool:
        if len(self) > MAX_KNOWN:
            self.clear()
        system, code = coding
        found = self._found(system, code) if code else None
        speaks = found is not None and not self._feeding.isdisjoint((*found.sure, *found.ambiguous))
        self[coding] = speaks
        return speaks


class _Concepts(dict[_Words, bool]):
    """By the system, code and display of the one coding, and the text: whether a CodeableConcept says nothing."""

    def __init__(self, says_nothing: Callable[[wire.CodeableConcept], bool]) -> None:
        super().__init__()
        self._says_nothing = says_nothing

    def __missing__(self, words: _Words) -> bool:
        system, code, display, text = words
        mute = self._says_nothing(wire.CodeableConcept([wire.Coding(system, code, display)], text))
        if len(display or "") + len(text or "") <= MAX_WORDS:
            if len(self) > MAX_KNOWN:
                self.clear()
            self[words] = mute
        return mute

    def is_mute(self, resource: wire.Condition | wire.Procedure) -> bool:
        return self.says_nothing(resource.code)

    def says_nothing(self, concept: wire.CodeableConcept | None) -> bool:
        if concept is None:
            return False
        codings = concept.coding
        if not codings or len(codings) > 1 or codings[0] is None:
            return self._says_nothing(concept)
        coding = codings[0]
        return self[coding.system, coding.code, coding.display, concept.text]
