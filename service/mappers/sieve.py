"""What of a long record can say nothing: results of no input that is asked for, procedures that no value set knows.

They are most of a record that was kept for years. Who reads lines keeps their text, in case another resource refers to
them, and nothing else.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from service.mappers import wire
from service.mappers.inputs import Inputs
from service.mappers.procedure import named_procedures
from service.mappers.terminology import Terminology

MAX_KNOWN = 100_000  # codes, or procedures by code and words, that are remembered

_Coding = tuple[str | None, str | None]
_Words = tuple[str | None, str | None, str | None, str | None]


class Sieve:
    """Tells which resources say nothing. `asked` are the names of the inputs that are asked for; all where it is None.

    `mute` has the tests by the type of resource. A code counts as saying something whether or not its system is right.
    """

    def __init__(self, terminology: Terminology, inputs: Inputs, asked: Collection[str] | None = None) -> None:
        self._terminology = terminology
        self._results = _Results(terminology, inputs, inputs.by_name if asked is None else asked)
        self._procedures: dict[_Words, bool] = {}
        self.mute: Mapping[type, Callable[[Any], bool]] = {
            wire.Observation: self._is_mute_result,
            wire.Procedure: self._is_mute_procedure,
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

    def _is_mute_procedure(self, procedure: wire.Procedure) -> bool:
        code = procedure.code
        coding = code.coding[0] if code is not None and code.coding and len(code.coding) == 1 else None
        if code is None or coding is None:
            return self._says_nothing(procedure)
        words = coding.system, coding.code, coding.display, code.text
        known = self._procedures.get(words)
        if known is None:
            if len(self._procedures) > MAX_KNOWN:
                self._procedures.clear()
            known = self._procedures[words] = self._says_nothing(procedure)
        return known

    def _says_nothing(self, procedure: wire.Procedure) -> bool:
        found = self._terminology.look_up("procedure", procedure.code)
        return not found.any and not named_procedures(procedure, self._terminology)


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
