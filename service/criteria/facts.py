"""What is known of one patient, as the rules see it: plain values, no FHIR. The mappers make them.

A fact keeps the reference of the resource it comes from and the words to show for it. `standing` says how far it may
be relied on: `sure` decides; `ambiguous` (a code without its system, text alone) and `unusable` (a modifier nobody
knows, a field that cannot be read) make the answer unknown where they would decide; `provisional` is listed only.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Generic, Literal, Protocol, TypeVar

import msgspec

from service.criteria.amounts import Interval
from service.criteria.spans import Span, up_to

Standing = Literal["sure", "ambiguous", "unusable", "provisional"]
Fact = TypeVar("Fact")


class Person(msgspec.Struct, frozen=True, gc=False):
    """Patient: administrative gender as written, birth date as a span, death as a span (None while living); `flaw` is
    why the resource is unusable."""

    ref: str
    gender: str = ""
    birth: Span | None = None
    birth_sex: str = ""
    died: Span | None = None
    dead: bool = False
    flaw: str = ""


class UpperLimit(msgspec.Struct, frozen=True, gc=False):
    """A reference range's bounds in the unit of the value beside it; `meaning` is normal, postmenopausal or other.
    `certain`: it is surely for this patient; `state`: it is for those who are postmenopausal, premenopausal, pregnant.
    """

    low: Decimal | None
    high: Decimal | None
    meaning: str
    certain: bool
    state: str = ""


class Measurement(Protocol):
    """One Observation, or one component of one, under one input."""

    ref: str
    name: str
    provisional: bool
    span: Span | None
    date_lost: bool
    report: str
    focus: frozenset[str]

    @property
    def standing(self) -> Standing:
        """How far it may be relied on."""

    @property
    def why(self) -> str:
        """Why it may not be relied on; empty where it may."""

    @property
    def issued(self) -> float | None:
        """When it was issued, in seconds."""

    @property
    def specimen(self) -> str:
        """The reference of its specimen; empty where none is told."""

    @property
    def value(self) -> Interval | None:
        """The value in the input's own unit; None where there is none, or only an answer or a problem."""

    @property
    def answers(self) -> frozenset[str]:
        """Coded answers, as concepts."""

    @property
    def date(self) -> Span | None:
        """The value where it is a date."""

    @property
    def problem(self) -> str:
        """Why the value cannot be used; empty where it can."""

    @property
    def conflicting(self) -> bool:
        """Two values that disagree in one resource."""

    @property
    def empty(self) -> bool:
        """Nothing was measured: set aside, an older one may decide."""

    @property
    def flags(self) -> frozenset[str]:
        """The laboratory's interpretation codes."""

    @property
    def limits(self) -> tuple[UpperLimit, ...]:
        """Reference ranges that may fit the patient."""

    @property
    def marks(self) -> frozenset[str]:
        """Circumstances that matter: exertion, oxygen, other-method, echo."""

    @property
    def said(self) -> str:
        """The value as written."""


class Stage(msgspec.Struct, frozen=True, gc=False):
    """A stage inside a Condition: what it says (stage-0 … stage-4, m0, m1), the date of its assessment, and why it may
    not mean that."""

    answers: frozenset[str]
    date: Span | None
    says: str
    doubt: str = ""


class Diagnosis(msgspec.Struct, frozen=True, gc=False):
    """A Condition. `code_says` is remission or history where the code itself does; `status` the clinical status,
    `status_unread` that one is told which FHIR does not know. `recorded` is when the record was made. `abated_between`:
    it ended at some time between two dates or ages, the second of which may be one that is only planned.
    `perhaps_again`: its words alone tell of a recurrence."""

    ref: str
    says: str
    verification: Literal["confirmed", "provisional", "refuted"] = "confirmed"
    status: str = ""
    status_unread: bool = False
    code_says: str = ""
    onset: Span | None = None
    recorded: Span | None = None
    abated: Span | None = None
    abated_between: bool = False
    abated_somehow: bool = False
    encounter_only: bool = False
    sites: frozenset[str] = frozenset()
    stages: tuple[Stage, ...] = ()
    text: str = ""
    related: tuple[str, ...] = ()
    perhaps_again: bool = False

    @property
    def date(self) -> Span | None:
        """The onset, else the recorded date, which proves no more than "then or earlier"; so does every date of a code
        that itself says history."""
        if self.code_says == "history" and self.onset is not None:
            return up_to(self.onset)
        return self.onset or (up_to(self.recorded) if self.recorded else None)


class Exposure(msgspec.Struct, frozen=True, gc=False):
    """A drug that was or may have been taken, from any of the four medication resources.

    `course` is active, on-hold, ended or point (one dose); `end` is told, or bounds the moment it must have ended.
    `supply`: the day through which what was handed over lasts if it is taken on time; nobody tells when it was over.
    A `depot` works for `depot_days` after a dose, 0 where its strength is not told.
    `running`: one that is said to be going on since its start; nobody tells when it was over.
    `doses_from`: an order that doses tell better from that day on.
    `possible` holds ingredients that the record may mean; `nameless` is a drug that tells nothing at all.
    `reason` is cancer, fertility, other, unclear (a code that is not known), or empty where none is recorded.
    """

    ref: str
    says: str
    kind: str
    ingredients: frozenset[str] = frozenset()
    possible: frozenset[str] = frozenset()
    nameless: bool = False
    why: str = ""
    certain: bool = True
    broken: bool = False
    course: Literal["active", "on-hold", "ended", "point"] = "active"
    start: Span | None = None
    end: Span | None = None
    end_told: bool = False
    supply: Span | None = None
    running: bool = False
    doses_from: Span | None = None
    form: str = ""
    depot: bool = False
    depot_days: int = 0
    reason: str = ""


class Operation(msgspec.Struct, frozen=True, gc=False):
    """A Procedure that was done; `certain` is False where the status says unknown."""

    ref: str
    says: str
    certain: bool = True
    why: str = ""
    ongoing: bool = False
    start: Span | None = None
    end: Span | None = None
    sites: frozenset[str] = frozenset()


class Allergy(msgspec.Struct, frozen=True, gc=False):
    """An AllergyIntolerance. `kind` is allergy or intolerance (also: a resolved allergy)."""

    ref: str
    says: str
    ingredients: frozenset[str] = frozenset()
    possible: frozenset[str] = frozenset()
    none_known: bool = False
    certain: bool = True
    why: str = ""
    kind: Literal["allergy", "intolerance"] = "allergy"
    reaction: str = ""
    onset: Span | None = None


class Match(msgspec.Struct, Generic[Fact], frozen=True, gc=False):
    """A fact found under a concept, and how sure it is that it belongs there."""

    fact: Fact
    standing: Standing
    why: str = ""
    concept: str = ""


class PatientRecord(Protocol):
    """Everything read of one patient. Lists are empty where nothing was found; `unread` tells whether that means it."""

    person: Person

    @property
    def notices(self) -> Sequence[str]:
        """What was set aside in reading, for a reader."""

    @property
    def has_gaps(self) -> bool:
        """Whether anything was not read completely."""

    def holds(self) -> Iterable[tuple[str, Iterable[str]]]:
        """The names of everything found, by family: input, condition, procedure, drug."""

    def measurements(self, name: str) -> Sequence[Measurement]:
        """Observations of an input such as `anc`, in any order."""

    def diagnoses(self, concepts: Collection[str]) -> Sequence[Match[Diagnosis]]:
        """Conditions of some concepts, such as `metastasis-liver`; entered in error ones are never there."""

    def operations(self, concepts: Collection[str]) -> Sequence[Match[Operation]]:
        """Procedures of some concepts that were or may have been done."""

    def exposures(self, ingredients: frozenset[str]) -> Sequence[Match[Exposure]]:
        """Drug records that are, or may be, of one of the ingredients; nameless drugs are not among them."""

    def nameless_drugs(self) -> Sequence[Exposure]:
        """Drugs without a usable code whose text tells nothing."""

    def allergies(self) -> Sequence[Allergy]:
        """Allergies and intolerances to anything."""

    @property
    def whole(self) -> bool:
        """Whether every resource type was read completely."""

    def unread(self, *types: str) -> str:
        """Why one of these resource types was not read completely; empty where all were."""


def first_gap(gaps: Mapping[str, str], types: Iterable[str]) -> str:
    """Why one of the types was not read completely, by type and, for all of them, `*`; empty where all were."""
    if gaps:
        for kind in ("*", *types):
            if kind in gaps:
                return gaps[kind]
    return ""
