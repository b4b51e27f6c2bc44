"""The trials arranged for asking: which criteria a record says anything about, and what silence answers for the rest.

Every key that some rule reads has a bit. A record that holds none of a rule's keys, and was read completely, gets the
finding of an empty record, worked out once; only the others are judged. The same holds for the rules and signs inside
a rule.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from copy import copy
from functools import reduce
from operator import or_
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from service.criteria import keys
from service.criteria.catalogue import Criterion, Trial, Trials
from service.criteria.evaluation import Anchor, Evaluation, Rule, Sign
from service.criteria.facts import Allergy, Diagnosis, Exposure, Match, Measurement, Operation, PatientRecord, Person
from service.criteria.findings import Finding, Sighting
from service.criteria.logic import Basis, Grade, Outcome, best, grade, grade_by_arm
from service.criteria.results import CriterionResult
from service.criteria.schema import DIGEST_LENGTH

MAX_KNOWN = 1024  # kinds of silence kept of a trial
FAMILIES = ("input", "condition", "procedure", "drug")


class Question(NamedTuple):
    """One criterion of a trial: the bits of what its rule reads, and the answer of silence, also as it is graded."""

    reads: int
    criterion: Criterion
    rule: Rule
    silence: Finding
    silent_result: CriterionResult
    silent_grade: tuple[Outcome, Basis]


class Asked(NamedTuple):
    """A criterion that fails where a record holds none of these keys, whatever else it holds: what is asked first."""

    keys: frozenset[str]
    criterion: Criterion
    rule: Rule


class Silence(NamedTuple):
    """What is known of a trial before any rule is asked: the answers of silence to all questions, and at which places
    the record holds something that a rule reads."""

    asked: tuple[tuple[int, Question], ...]
    findings: tuple[Finding, ...]
    criteria: tuple[CriterionResult, ...]
    answers: frozenset[tuple[Outcome, Basis]]


class TrialPlan(msgspec.Struct, frozen=True):
    """A trial's questions. `arms` are named where some criterion is asked for some of them only."""

    trial: Trial
    questions: tuple[Question, ...]
    is_open: bool
    is_draft: bool = False
    arms: tuple[str, ...] = ()
    file: tuple[str, Literal["draft", "retired"] | UnsetType] = ("", UNSET)
    reads: int = 0
    anchors: tuple[Asked, ...] = ()
    known: dict[int, Silence] = msgspec.field(default_factory=dict)

    def silence(self, held: int) -> Silence:
        """The silence around what a record holds: records that hold the same share it."""
        mask = held & self.reads
        found = self.known.get(mask)
        if found is None:
            found = _silence(self.questions, mask)
            if len(self.known) < MAX_KNOWN:
                self.known[mask] = found
        return found

    def grade(self, findings: Sequence[Finding], answers: set[tuple[Outcome, Basis]] | None = None) -> Grade:
        """The grade of the findings of all questions, in their order; `answers` where they are at hand as a set.

        A draft is never certain: a person has yet to agree with its rules.
        """
        if self.arms:
            graded = best(self.grade_by_arm(findings).values())
        else:
            graded = grade(answers or {(f.outcome, f.basis) for f in findings})
        return "probable" if self.is_draft and graded == "certain" else graded

    def grade_by_arm(self, findings: Sequence[Finding]) -> dict[str, Grade]:
        """The grade of each arm; none where every criterion is asked for all."""
        common: list[tuple[Outcome, Basis]] = []
        own: dict[str, list[tuple[Outcome, Basis]]] = {arm: [] for arm in self.arms}
        for question, finding in zip(self.questions, findings, strict=True):
            answer = finding.outcome, finding.basis
            arms = question.criterion.arms
            for answers in (own[arm] for arm in arms) if arms else (common,):
                answers.append(answer)
        graded = grade_by_arm(common, own)
        return {arm: "probable" if self.is_draft and g == "certain" else g for arm, g in graded.items()}


def _plan(trial: Trial, questions: tuple[Question, ...]) -> TrialPlan:
    divided = any(criterion.arms for criterion in trial.criteria)
    arms = tuple(arm.name for arm in trial.arms) if divided else ()
    reads = reduce(or_, (question.reads for question in questions), 0)
    file = file_of(trial)
    anchors = tuple(_anchors(trial.criteria))
    return TrialPlan(trial, questions, trial.is_open, file[1] == "draft", arms, file, reads, anchors)


def _anchors(criteria: Iterable[Criterion]) -> Iterator[Asked]:
    """What a trial's diagnoses alone may decide, for all arms."""
    for criterion in criteria:
        wanted = criterion.rule.anchor() if isinstance(criterion.rule, Anchor) and not criterion.arms else frozenset()
        if wanted and keys.are_conditions(wanted):
            yield Asked(wanted, criterion, criterion.rule)


def file_of(trial: Trial) -> tuple[str, Literal["draft", "retired"] | UnsetType]:
    """Which file judges, and what it is worth where it is not in use."""
    standing = trial.standing
    return trial.digest[:DIGEST_LENGTH], UNSET if standing == "active" else standing


def _silence(questions: Sequence[Question], held: int) -> Silence:
    return Silence(
        tuple((place, question) for place, question in enumerate(questions) if question.reads & held),
        tuple(question.silence for question in questions),
        tuple(question.silent_result for question in questions),
        frozenset(question.silent_grade for question in questions if not question.reads & held),
    )


class Plan:
    """All questions of a set of trials."""

    def __init__(self, trials: Trials) -> None:
        self.trials = trials
        self._bit: dict[str, int] = {}
        self.bits: dict[str, dict[str, int]] = {family: {} for family in FAMILIES}
        self.silence: dict[int, tuple[int, Finding | Sighting]] = {}
        empty = Evaluation(_EmptyRecord(), 1)
        self.plans = tuple(
            _plan(trial, tuple(self._question(c, empty) for c in trial.criteria)) for trial in trials.trials
        )
        self.open = frozenset(of_trial.trial.id for of_trial in self.plans if of_trial.is_open)
        self.person = self._bit.get(keys.PERSON, 0)
        self.allergies = self._bit.get(keys.ALLERGIES, 0)
        self.nameless = self._bit.get(keys.NAMELESS, 0)

    def of(self, trials: Collection[str]) -> "Plan":
        """The same questions, of some of the trials only."""
        some = copy(self)
        some.plans = tuple(plan for plan in self.plans if plan.trial.id in trials)
        return some

    def _question(self, criterion: Criterion, empty: Evaluation) -> Question:
        silence = empty.find(criterion.rule)
        for part in _parts(criterion.rule):
            if id(part) not in self.silence:
                answer = empty.see(part) if hasattr(part, "look") else empty.find(part)
                self.silence[id(part)] = self._bits_of(part), answer
        graded = (silence.outcome, silence.basis)
        reads = self._bits_of(criterion.rule)
        return Question(reads, criterion, criterion.rule, silence, result_of(criterion, silence), graded)

    def _bits_of(self, part: Rule | Sign) -> int:
        bits = 0
        for key in part.reads():
            bits |= self._bit_of(key)
        return bits

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
                if name in bits:
                    mask |= bits[name]
        if record.allergies():
            mask |= self.allergies
        if record.nameless_drugs():
            mask |= self.nameless
        return mask


def _parts(whole: Any) -> Iterator[Any]:
    """The rules and signs that a rule is made of, which the trials keep alive."""
    for name in getattr(whole, "__struct_fields__", ()):
        value = getattr(whole, name)
        for part in value if isinstance(value, tuple) else (value,):
            if hasattr(part, "look") or hasattr(part, "judge"):
                yield part
            yield from _parts(part)


def result_of(criterion: Criterion, finding: Finding) -> CriterionResult:
    return CriterionResult(
        criterion.id, criterion.type, criterion.text, criterion.source, finding.outcome, finding.basis, finding.reason,
        finding.evidence, True if criterion.draft else UNSET, criterion.arms or UNSET, finding.site_default or UNSET,
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

    @property
    def whole(self) -> bool:
        return True

    def unread(self, *types: str) -> str:
        return ""

    def holds(self) -> Iterable[tuple[str, Iterable[str]]]:
        return ()
