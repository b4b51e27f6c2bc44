"""A record's facts as bytes, and a record over such bytes: a patient who was read once is screened without FHIR.

All facts are kept, whatever the trials of the day ask for, and none of them depends on the as-of date. They are packed
family by family and unpacked when a rule asks, so that what no rule asks for costs nothing.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

import msgspec

from service.criteria.amounts import Interval
from service.criteria.facts import (
    Allergy,
    Diagnosis,
    Exposure,
    Match,
    Measurement,
    Operation,
    Person,
    Standing,
    UpperLimit,
    first_gap,
)
from service.criteria.plan import FAMILIES
from service.criteria.spans import Span
from service.mappers import wire
from service.mappers.record import Record, of_ingredients

FORMAT = 2  # of the packed facts; to be counted up with any change of what is packed
_TYPES = tuple(sorted(kind.__name__ for kind in wire.READ_TYPES))

Fact = TypeVar("Fact")


class KeptMeasurement(msgspec.Struct, array_like=True, eq=False, gc=False):
    """A measurement with everything worked out. Two of them are never the same, however equal, as in a record."""

    ref: str
    name: str
    provisional: bool
    span: Span | None
    date_lost: bool
    report: str
    focus: frozenset[str]
    standing: Standing
    why: str
    issued: float | None
    specimen: str
    value: Interval | None
    answers: frozenset[str]
    date: Span | None
    problem: str
    conflicting: bool
    empty: bool
    flags: frozenset[str]
    limits: tuple[UpperLimit, ...]
    marks: frozenset[str]
    said: str


class _Measured(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The measurements of an input, and what looking at them tells a reader."""

    measurements: tuple[KeptMeasurement, ...]
    notices: tuple[str, ...]


class _Claim(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A fact, by its number, under a concept."""

    fact: int
    standing: Standing
    why: str


class _Claimed(msgspec.Struct, array_like=True, frozen=True):
    """Packed facts, and under which concepts they stand, in the order in which the record holds those."""

    facts: tuple[msgspec.Raw, ...]
    by_concept: dict[str, tuple[_Claim, ...]]


class _Drugs(msgspec.Struct, array_like=True, frozen=True):
    """Packed exposures, the numbers of those that are or may be of an ingredient, and the nameless ones."""

    exposures: tuple[msgspec.Raw, ...]
    by_ingredient: dict[str, tuple[int, ...]]
    nameless: tuple[Exposure, ...]


class _Kept(msgspec.Struct, array_like=True, frozen=True):
    """Everything kept of one patient: what is held by name, and packed what stands behind the names: as strings of
    bytes, which are passed over at once where nothing in them is asked for."""

    person: Person
    notices: tuple[str, ...]
    has_gaps: bool
    gaps: dict[str, str]
    held: tuple[tuple[str, tuple[str, ...]], ...]
    measured: bytes
    conditions: bytes
    procedures: bytes
    drugs: bytes
    is_nameless: bool
    allergies: tuple[Allergy, ...]


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(_Kept).decode
_unpack_inputs = msgspec.msgpack.Decoder(dict[str, msgspec.Raw]).decode
_unpack_measured = msgspec.msgpack.Decoder(_Measured).decode
_unpack_claimed = msgspec.msgpack.Decoder(_Claimed).decode
_unpack_drugs = msgspec.msgpack.Decoder(_Drugs).decode
_unpack_diagnosis = msgspec.msgpack.Decoder(Diagnosis).decode
_unpack_operation = msgspec.msgpack.Decoder(Operation).decode
_unpack_exposure = msgspec.msgpack.Decoder(Exposure).decode


def pack(record: Record) -> bytes:
    """All facts of a record that nothing was asked of yet, as MessagePack. The record is used up: its notices are taken
    apart, so that it is the `FactsRecord` of what is packed that is to be screened."""
    notices = tuple(record.notices)
    gap = record.unread()
    held = {family: _held(record, family) for family in FAMILIES}
    drugs = _drugs(record, held["drug"])
    kept = _Kept(
        person=record.person,
        notices=notices,
        has_gaps=record.has_gaps,
        gaps={"*": gap} if gap else {kind: why for kind in _TYPES if (why := record.unread(kind))},
        held=tuple(held.items()),
        measured=_pack({name: _raw(_measured(record, name)) for name in held["input"]}),
        conditions=_pack(_claimed(record.diagnoses, held["condition"])),
        procedures=_pack(_claimed(record.operations, held["procedure"])),
        drugs=_pack(drugs),
        is_nameless=bool(drugs.nameless),
        allergies=tuple(record.allergies()),
    )
    return _pack(kept)


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(_pack(value))


def _held(record: Record, family: str) -> tuple[str, ...]:
    """The names of a family, each once, in the record's order."""
    return tuple(dict.fromkeys(name for held, names in record.holds() if held == family for name in names))


def _measured(record: Record, name: str) -> _Measured:
    """What is told in looking at one input belongs to it, whatever was told of the same resource under another."""
    record._notices.clear()
    found = tuple(_kept(m) for m in record.measurements(name))
    return _Measured(found, tuple(record.notices))


def _kept(m: Measurement) -> KeptMeasurement:
    return KeptMeasurement(*[getattr(m, name) for name in KeptMeasurement.__struct_fields__])


def _claimed(ask: Callable[[Collection[str]], Sequence[Match[Any]]], concepts: Iterable[str]) -> _Claimed:
    numbers: dict[int, int] = {}
    facts: list[msgspec.Raw] = []
    by_concept = {}
    for concept in concepts:
        claims = []
        for match in ask((concept,)):
            number = numbers.setdefault(id(match.fact), len(facts))
            if number == len(facts):
                facts.append(_raw(match.fact))
            claims.append(_Claim(number, match.standing, match.why))
        by_concept[concept] = tuple(claims)
    return _Claimed(tuple(facts), by_concept)


def _drugs(record: Record, names: Iterable[str]) -> _Drugs:
    exposures = [match.fact for match in record.exposures(frozenset(names))]
    by_ingredient: dict[str, list[int]] = {}
    for number, exposure in enumerate(exposures):
        for name in sorted(exposure.ingredients | exposure.possible):
            by_ingredient.setdefault(name, []).append(number)
    packed = tuple(_raw(exposure) for exposure in exposures)
    numbers = {name: tuple(found) for name, found in by_ingredient.items()}
    return _Drugs(packed, numbers, tuple(record.nameless_drugs()))


class FactsRecord:
    """`criteria.facts.PatientRecord`, over packed facts. DecodeError where they are none."""

    def __init__(self, data: bytes) -> None:
        kept = _unpack(data)
        self.person = kept.person
        self.has_gaps = kept.has_gaps
        self._notices = dict.fromkeys(kept.notices)
        self._gaps = kept.gaps
        self._packed_inputs = kept.measured
        self._measured: dict[str, Sequence[KeptMeasurement]] = {}
        self._held = kept.held
        self._conditions = _Claims[Diagnosis](kept.conditions, _unpack_diagnosis)
        self._procedures = _Claims[Operation](kept.procedures, _unpack_operation)
        self._packed_drugs = kept.drugs
        self._is_nameless = kept.is_nameless
        self._exposures: dict[int, Exposure] = {}
        self._exposures_by: dict[frozenset[str], Sequence[Match[Exposure]]] = {}
        self._allergies = kept.allergies

    @property
    def notices(self) -> Sequence[str]:
        return tuple(self._notices)

    def holds(self) -> Iterable[tuple[str, Iterable[str]]]:
        return self._held

    def measurements(self, name: str) -> Sequence[Measurement]:
        known = self._measured.get(name)
        if known is None:
            packed = self._packed.get(name)
            if packed is None:
                return ()
            measured = _unpack_measured(packed)
            known = self._measured[name] = measured.measurements
            if measured.notices:
                self._notices.update(dict.fromkeys(measured.notices))
        return known

    @cached_property
    def _packed(self) -> dict[str, msgspec.Raw]:
        return _unpack_inputs(self._packed_inputs)

    def diagnoses(self, concepts: Collection[str]) -> Sequence[Match[Diagnosis]]:
        return self._conditions.matches(concepts)

    def operations(self, concepts: Collection[str]) -> Sequence[Match[Operation]]:
        return self._procedures.matches(concepts)

    def exposures(self, ingredients: frozenset[str]) -> Sequence[Match[Exposure]]:
        known = self._exposures_by.get(ingredients)
        if known is None:
            by_ingredient = self._drugs.by_ingredient
            numbers = {n for name, found in by_ingredient.items() if name in ingredients for n in found}
            exposures = [self._exposure(number) for number in sorted(numbers)]
            known = self._exposures_by[ingredients] = list(of_ingredients(exposures, ingredients))
        return known

    @cached_property
    def _drugs(self) -> _Drugs:
        return _unpack_drugs(self._packed_drugs)

    def _exposure(self, number: int) -> Exposure:
        known = self._exposures.get(number)
        if known is None:
            known = self._exposures[number] = _unpack_exposure(self._drugs.exposures[number])
        return known

    def nameless_drugs(self) -> Sequence[Exposure]:
        return self._drugs.nameless if self._is_nameless else ()

    def allergies(self) -> Sequence[Allergy]:
        return self._allergies

    @property
    def whole(self) -> bool:
        return not self._gaps

    def unread(self, *types: str) -> str:
        return first_gap(self._gaps, types)


class _Claims(Generic[Fact]):
    """Facts under concepts, unpacked when they are asked for."""

    def __init__(self, packed: bytes, unpack: Callable[[msgspec.Raw], Fact]) -> None:
        self._packed = packed
        self._unpack = unpack
        self._facts: dict[int, Fact] = {}

    @cached_property
    def _claimed(self) -> _Claimed:
        return _unpack_claimed(self._packed)

    def matches(self, concepts: Collection[str]) -> Sequence[Match[Fact]]:
        found = []
        for concept, claims in self._claimed.by_concept.items():
            if concept in concepts:
                found += [Match(self._fact(c.fact), c.standing, c.why, concept) for c in claims]
        return found if len(found) < 2 else sorted(found, key=_by_reference)

    def _fact(self, number: int) -> Fact:
        known = self._facts.get(number)
        if known is None:
            known = self._facts[number] = self._unpack(self._claimed.facts[number])
        return known


def _by_reference(match: Match[Any]) -> tuple[str, str]:
    return match.fact.ref, match.concept
