"""The trials arranged for asking: which criteria a record says anything about, and what silence answers for the rest.

Every key that some rule reads has a bit. A record that holds none of a rule's keys, and was read completely, gets the
finding of an empty record, worked out once; only the others are judged.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import msgspec

from service.criteria import keys
from service.criteria.catalogue import Criterion, Trial, Trials
from service.criteria.evaluation import Evaluation, Rule
from service.criteria.facts import Allergy, Diagnosis, Exposure, Match, Measurement, Operation, PatientRecord, Person
from service.criteria.findings import Finding
from service.criteria.results import CriterionResult

FAMILIES = ("input", "condition", "procedure", "drug")


class Question(NamedTuple):
    """One criterion of a trial: the bits of what its rule reads, and the answer of silence."""

    reads: int
    criterion: Criterion
    rule: Rule
    silence: Finding
    silent_result: CriterionResult


class TrialPlan(msgspec.Struct, frozen=True):
    trial: Trial
    questions: tuple[Question, ...]
    is_open: bool


class Plan:
    """All questions of a set of trials."""

    def __init__(self, trials: Trials) -> None:
        self.trials = trials
        self._bit: dict[str, int] = {}
        self.bits: dict[str, dict[str, int]] = {family: {} for family in FAMILIES}
        empty = Evaluation(_EmptyRecord(), 1)
        self.plans = tuple(
            TrialPlan(trial, tuple(self._question(c, empty) for c in trial.criteria), trial.is_open)
            for trial in trials.trials
        )
        self.person = self._bit.get(keys.PERSON, 0)
        self.allergies = self._bit.get(keys.ALLERGIES, 0)
        self.nameless = self._bit.get(keys.NAMELESS, 0)

    def _question(self, criterion: Criterion, empty: Evaluation) -> Question:
        reads = 0
        for key in criterion.rule.reads():
            reads |= self._bit_of(key)
        silence = empty.find(criterion.rule)
        return Question(reads, criterion, criterion.rule, silence, result_of(criterion, silence))

    def _bit_of(self, key: str) -> int:
        bit = self._bit.get(key)
        if bit is None:
            bit = self._bit[key] = 1 << len(self._bit)
            family, _, name = key.partition(" ")
            if family in self.bits:
                self.bits[family][name] = bit
        return bit

    def asked_of(self, record: PatientRecord) -> int:
        """The bits of everything a record holds; every bit where something was not read completely."""
        if record.has_gaps:
            return -1
        mask = self.person
        for family, names in record.holds():
            bits = self.bits[family]
            for name in names:
                mask |= bits.get(name, 0)
        if record.allergies():
            mask |= self.allergies
        if record.nameless_drugs():
            mask |= self.nameless
        return mask


def result_of(criterion: Criterion, finding: Finding) -> CriterionResult:
    return CriterionResult(
        criterion.id, criterion.type, criterion.text, criterion.source, finding.outcome, finding.basis, finding.reason,
        finding.evidence,
    )  # fmt: skip


class _EmptyRecord:
    """A record that was read completely and holds nothing."""

    person = Person("")
    notices: Sequence[str] = ()
    has_gaps = False

    def measurements(self, name: str) -> Sequence[Measurement]:
        return ()

    def diagnoses(self, concepts: Collection[str]) -> Sequence[Match[Diagnosis]]:
        return ()

    def operations(self, concepts: Collection[str]) -> Sequence[Match[Operation]]:
        return ()

    def exposures(self, ingredients: frozenset[str]) -> Sequence[Match[Exposure]]:
        return ()

    def nameless_drugs(self) -> Sequence[Exposure]:
        return ()

    def allergies(self) -> Sequence[Allergy]:
        return ()

    def unread(self, *types: str) -> str:
        return ""

    def holds(self) -> Iterable[tuple[str, Iterable[str]]]:
        return ()
