"""What of a long record can say nothing: results of no input that is asked for; diagnoses, procedures and drugs that no
value set knows and no name stands in.

They are most of a record that was kept for years. Who reads lines keeps their text, in case another resource refers to
them, and nothing else.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from service.mappers import wire
from service.mappers.condition import DiagnosisMapper
from service.mappers.drug_names import DrugNames
from service.mappers.inputs import Inputs
from service.mappers.observation import Library
from service.mappers.procedure import named_procedures
from service.mappers.terminology import Terminology

MAX_KNOWN = 20_000  # of a kind: codes, or codes with their words, that are remembered
MAX_WORDS = 500  # characters of words that are remembered with a code

_Coding = tuple[str | None, str | None]
_Words = tuple[str | None, str | None, str | None, str | None]


class Sieve:
    """Tells which resources say nothing. `asked` are the names of the inputs that are asked for; all where it is None.

    `mute` has the tests by the type of resource. A code counts as saying something whether or not its system is right.
    A rule that asks for another input all the same gets it (`Record.measurements`), at the price of a second reading.
    """

    def __init__(self, library: Library, asked: Collection[str] | None = None) -> None:
        self._terminology = terminology = library.terminology
        self._diagnoses = DiagnosisMapper(terminology, library.calendar)
        self.asked: Collection[str] = library.inputs.by_name if asked is None else asked
        self._results = _Results(terminology, library.inputs, self.asked)
        self._conditions = _Concepts(self._names_no_condition)
        self._procedures = _Concepts(self._names_no_procedure)
        self._drugs = _Concepts(DrugNames(terminology, lambda _: (None, "")).says_unknown)
        self.mute: Mapping[type, Callable[[Any], bool]] = {
            wire.Observation: self._is_mute_result,
            wire.Condition: lambda condition: self._conditions.is_mute(condition.code),
            wire.Procedure: lambda procedure: self._procedures.is_mute(procedure.code),
            wire.MedicationStatement: self._is_mute_event,
            wire.MedicationRequest: self._is_mute_event,
            wire.MedicationAdministration: self._is_mute_event,
            wire.MedicationDispense: self._is_mute_event,
        }

    def _is_mute_result(self, result: wire.Observation) -> bool:
        code, speaks = result.code, self._results
        if code is not None and code.coding is not None:
            for coding in code.coding:
                if coding is not None and speaks[coding.system, coding.code]:
                    return False
        return result.component is None or not any(
            speaks[coding.system, coding.code]
            for part in result.component
            for coding in (part.code and part.code.coding) or ()
            if coding is not None
        )

    def _names_no_condition(self, code: wire.CodeableConcept) -> bool:
        found = self._terminology.look_up("condition", code)
        return not found.any and not self._diagnoses.named(wire.Condition(code=code))

    def _names_no_procedure(self, code: wire.CodeableConcept) -> bool:
        found = self._terminology.look_up("procedure", code)
        return not found.any and not named_procedures(wire.Procedure(code=code), self._terminology)

    def _is_mute_event(self, event: wire.MedicationEvent) -> bool:
        return event.medicationReference is None and self._drugs.is_mute(event.medicationCodeableConcept)


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
        if len(self) > MAX_KNOWN:
            self.clear()
        system, code, display, text = words
        mute = self[words] = self._says_nothing(wire.CodeableConcept([wire.Coding(system, code, display)], text))
        return mute

    def is_mute(self, concept: wire.CodeableConcept | None) -> bool:
        if concept is None:
            return False
        codings = concept.coding
        coding = codings[0] if codings and len(codings) == 1 else None
        if coding is None or len(coding.display or "") + len(concept.text or "") > MAX_WORDS:
            return self._says_nothing(concept)
        return self[coding.system, coding.code, coding.display, concept.text]
