"""What a trial file may name: inputs, concepts, drugs, procedures, cancers. Rules see names; codes stay elsewhere."""

from decimal import Decimal
from typing import Protocol

import msgspec

from service.criteria.cancer import Cancer
from service.criteria.drugs import Drugs
from service.criteria.spans import Window
from service.criteria.therapy import Therapy


class InputInfo(msgspec.Struct, frozen=True):
    """An input that a rule can hold against a limit or show. `usable`: the values a living person can have, in `unit`;
    `ranges`: results come with an upper limit of normal; `answers`: results may be coded answers."""

    name: str
    label: str
    unit: str = ""
    window: Window | None = None
    order: tuple[str, str, str] | None = None
    usable: tuple[Decimal, Decimal] | None = None
    ranges: bool = False
    answers: bool = False


class DiagnosisInfo(msgspec.Struct, frozen=True):
    """A diagnosis by name: which concepts, read how, and which answers of Observations say the same."""

    name: str
    label: str
    concepts: tuple[str, ...]
    reading: str = "has"
    observed: tuple[tuple[str, frozenset[str]], ...] = ()


class ProcedureInfo(msgspec.Struct, frozen=True):
    name: str
    label: str
    concepts: tuple[str, ...]


class ClassInfo(msgspec.Struct, frozen=True):
    """A graded class of an illness, such as NYHA, and the grades there are."""

    name: str
    label: str
    input: str
    prefix: str
    illness: tuple[str, ...]
    grades: frozenset[int] = frozenset()


class Lexicon(Protocol):
    """Look-ups raise KeyError for an unknown name; `names` lists what there is, for suggestions."""

    def __hash__(self) -> int: ...

    def input(self, name: str) -> InputInfo: ...

    def scale(self, input_name: str, unit: str) -> Decimal:
        """The factor from a unit into the input's own; ValueError where they do not measure the same."""

    def diagnosis(self, name: str) -> DiagnosisInfo: ...

    def procedure(self, name: str) -> ProcedureInfo: ...

    def drugs(self, *names: str) -> Drugs: ...

    def therapy(self, name: str) -> Therapy: ...

    def cancer(self, name: str) -> Cancer: ...

    def classes(self, name: str) -> ClassInfo: ...

    def order(self, name: str) -> tuple[str, str, str] | None:
        """What to order where this input is missing: system, code, display."""

    def effort(self, name: str) -> int:
        """How much it takes to have what is missing: 0 a question or a look into the record … 4 a tissue sample."""

    def title(self, name: str) -> str:
        """What a reader calls something that is missing: an input, a diagnosis, a procedure, a drug or a therapy."""

    def names(self, kind: str) -> list[str]: ...
