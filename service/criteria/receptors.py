"""Oestrogen and progesterone receptor status: positive from 1 % of cells stained, in the newest specimen or in any."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from service.criteria import keys
from service.criteria.amounts import at_least
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Diagnosis, Measurement
from service.criteria.findings import Evidence, Finding, Need, cite, cite_measurement, failed, passed
from service.criteria.focus import of_breast
from service.criteria.logic import TRUTH, Basis, Outcome, either
from service.criteria.newest import select
from service.criteria.signs import apart, doubt_of, earlier, told

Receptor = Literal["er", "pr"]
LABELS = {"er": "ER", "pr": "PR", "er-pr": "ER and PR together"}
POSITIVE_FROM = Decimal(1)
_ANSWERS = {"positive": True, "negative": False}


class Reading(msgspec.Struct):
    """What one result says of a receptor: True positive, False negative, None with the basis of the doubt."""

    m: Measurement
    positive: bool | None
    basis: Basis = "recorded"
    why: str = ""

    @property
    def evidence(self) -> Evidence:
        return cite_measurement(self.m, self.positive is not None, self.why)

    @property
    def said(self) -> str:
        return f"{LABELS[self.m.name]} {self.m.said}{f' on {self.m.span.text}' if self.m.span else ', undated'}"


class State(msgspec.Struct):
    """What is known of a receptor: True, False or None, with reason and basis."""

    positive: bool | None
    basis: Basis
    readings: list[Reading]

    @property
    def known(self) -> bool:
        return bool(self.readings)


def read(m: Measurement) -> Reading:
    """One result: the percentage and the answer must not contradict each other."""
    doubt, basis = doubt_of(m.standing, m.why)
    if doubt:
        return Reading(m, None, basis, doubt)
    if m.conflicting:
        return Reading(m, None, "conflict", "two values that disagree in one resource")
    if m.problem:
        return Reading(m, None, "unusable", m.problem)
    said = {_ANSWERS[a] for a in m.answers if a in _ANSWERS}
    if m.value is not None:
        by_number = at_least(m.value, POSITIVE_FROM)
        if by_number is not None:
            said.add(by_number)
        elif not said:
            return Reading(m, None, "unusable", "1 % lies inside the interval")
    if len(said) > 1:
        return Reading(m, None, "conflict", "the percentage and the answer disagree")
    if not said:
        return Reading(m, None, "missing", "equivocal")
    return Reading(m, said.pop())


def _results(ev: Evaluation, receptor: Receptor) -> list[Measurement]:
    """Results of a receptor; a negative result of both together is a negative one of each."""
    own, together = of_breast(ev.record.measurements(receptor)), _together(ev)
    if not together:
        return own
    return [*own, *(m for m in together if m.standing == "sure" and read(m).positive is False)]


def _together(ev: Evaluation) -> list[Measurement]:
    """Results of both receptors in one."""
    return of_breast(ev.record.measurements("er-pr"))


def newest_state(ev: Evaluation, receptor: Receptor) -> State:
    """The newest of percentage and answer; results of one time on different sides are a conflict."""
    chosen = select(ev, _results(ev, receptor))
    return _state([read(m) for m in chosen.candidates or chosen.undated])


def _state(readings: list[Reading]) -> State:
    if not readings:
        return State(None, "missing", readings)
    said = {r.positive for r in readings}
    if said == {True} or said == {False}:
        return State(said.pop(), "recorded", readings)
    if {True, False} <= said:
        return State(None, "conflict", readings)
    doubtful = next(r for r in readings if r.positive is None)
    return State(None, doubtful.basis, readings)


def any_state(ev: Evaluation, receptor: Receptor) -> State:
    """Positive where any result is that is not contradicted at its own time in its own specimen."""
    results = [m for m in _results(ev, receptor) if ev.counts(m.span) and not m.provisional and _speaks(m)]
    dated = [m for m in results if m.span is not None] or results
    readings = [read(m) for m in dated]
    if not readings:
        return newest_state(ev, receptor)
    if len(readings) == 1 and readings[0].positive is True:
        return State(True, "recorded", readings)
    undisputed = [r for r in readings if r.positive is True and not _disputed(r, readings)]
    if undisputed:
        return State(True, "recorded", [*undisputed, *(r for r in readings if r not in undisputed)])
    if any(r.positive is True for r in readings):
        return State(None, "conflict", readings)
    return newest_state(ev, receptor) if not any(r.positive is None for r in readings) else _state(readings)


def _speaks(m: Measurement) -> bool:
    return m.standing != "sure" or not m.empty


def _disputed(reading: Reading, readings: list[Reading]) -> bool:
    """Whether another result of the same time says no, and is not from a different specimen."""
    m = reading.m
    for other in readings:
        if other.positive is not False or other.m is m:
            continue
        if m.specimen and other.m.specimen and m.specimen != other.m.specimen:
            continue
        if m.span is None or other.m.span is None or not (m.span.before(other.m.span) or other.m.span.before(m.span)):
            if m.issued is not None and other.m.issued is not None and m.issued > other.m.issued:
                continue
            return True
    return False


class ReceptorRule(msgspec.Struct, frozen=True):
    """Passes where one of the receptors is positive: ER or PR, or ER alone; in the newest result of each, or in any."""

    accept: tuple[Receptor, ...]
    specimen: Literal["newest", "any"] = "newest"

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH

    def judge(self, ev: Evaluation) -> Finding:
        state_of = newest_state if self.specimen == "newest" else any_state
        states = {receptor: ev.shared(state_of, receptor) for receptor in self.accept}
        together = self._together(ev, states) if len(self.accept) == 2 else None
        evidence = _evidence([*states.values(), *([together] if together else [])])
        reason = "; ".join([r.said for s in states.values() for r in s.readings])
        positive = self._positive(states)
        if together is not None:
            said = "; ".join(r.said for r in together.readings)
            reason = f"{reason}; {said}" if reason else said
            if positive is not True and together.basis == "conflict":
                return self._unknown("conflict", reason, evidence, self.accept)
            positive = either(positive, together.positive)
        if positive is True:
            return passed(f"{self._label} positive: {reason}", evidence)
        if positive is False:
            return failed(f"{self._label} negative: {reason}", evidence)
        return self._undecided(ev, states, reason, evidence)

    def reads(self) -> frozenset[str]:
        concepts = (concept for said in _SAYS.values() for concept in said)
        return keys.inputs("er", "pr", "er-pr") | keys.conditions(*concepts)

    @property
    def _label(self) -> str:
        return " or ".join(LABELS[r] for r in self.accept)

    @staticmethod
    def _positive(states: dict[Receptor, State]) -> bool | None:
        found: bool | None = False
        for state in states.values():
            found = either(found, state.positive)
        return found

    def _together(self, ev: Evaluation, states: dict[Receptor, State]) -> State | None:
        """A positive result of ER and PR together settles "ER or PR", unless both are negative later or then."""
        both = [m for m in _together(ev) if m.standing == "sure"]
        if not both:
            return None
        chosen = select(ev, both)
        positives = [r for m in chosen.candidates or chosen.undated if (r := read(m)).positive is True]
        if not positives:
            return None
        if not all(s.positive is False for s in states.values()):
            return State(True, "recorded", positives)
        span = positives[0].m.span
        spans = [r.m.span for s in states.values() for r in s.readings]
        if self.specimen == "newest" and span is not None and all(s is not None and span.before(s) for s in spans):
            return State(False, "recorded", positives)
        apart = [s is not None and span is not None and (s.before(span) or span.before(s)) for s in spans]
        if (
            any(apart)
            if self.specimen == "any"
            else any(s is not None and span is not None and s.before(span) for s in spans)
        ):
            return State(True, "recorded", positives)
        return State(None, "conflict", positives)

    def _undecided(
        self, ev: Evaluation, states: dict[Receptor, State], reason: str, evidence: tuple[Evidence, ...]
    ) -> Finding:
        open_ = tuple(r for r, s in states.items() if s.positive is None)
        if any(s.basis == "conflict" for s in states.values()):
            return self._unknown("conflict", self._what_is_missing(ev, states, reason), evidence, open_)
        coded = self._of_diagnoses(ev, states)
        evidence = tuple(dict.fromkeys((*evidence, *coded.evidence)))
        if coded.positive is not None:
            return (passed if coded.positive else failed)(f"{self._label} {coded.words}", evidence)
        basis: Basis = next((s.basis for s in states.values() if s.known and s.positive is None), coded.basis)
        reason = self._what_is_missing(ev, states, reason)
        return self._unknown(basis, f"{reason}; {coded.words}" if coded.words else reason, evidence, open_)

    def _what_is_missing(self, ev: Evaluation, states: dict[Receptor, State], reason: str) -> str:
        missing = [LABELS[r] for r, s in states.items() if not s.known]
        gap = ev.record.unread("Observation") if missing else ""
        parts = [reason] if reason else []
        parts += [f"no {' and no '.join(missing)} result"] if missing else []
        listed = [m for r in states for m in ev.record.measurements(r) if m.provisional]
        parts += [f"{m.said} ({m.why})" for m in listed] if missing else []
        elsewhere = [m for r in states for m in ev.record.measurements(r) if not of_breast([m])]
        parts += [f"{m.said} (about another cancer)" for m in elsewhere] if missing else []
        return "; ".join([*parts, gap] if gap else parts)

    @staticmethod
    def _unknown(basis: Basis, reason: str, evidence: tuple[Evidence, ...], asked: tuple[Receptor, ...]) -> Finding:
        """`asked`: the receptors that nothing settles. One that is found positive is enough."""
        why = "conflict" if basis == "conflict" else "unusable" if basis == "unusable" else "missing"
        needs = tuple(Need(r, why) for r in asked)  # type: ignore[arg-type]
        ways = tuple(frozenset({r}) for r in asked) if len(asked) > 1 else ()
        return Finding("unknown", basis, reason, evidence, needs, ways)

    def _of_diagnoses(self, ev: Evaluation, states: dict[Receptor, State]) -> "Coded":
        """Receptors coded as diagnoses, for the receptors that no laboratory result settles."""
        said: dict[str, bool | None] = {r: s.positive for r, s in states.items()}
        open_: list[str] = [r for r, positive in said.items() if positive is None]
        if len(self.accept) == 2:
            open_.append("er-or-pr")
        found = {r: _of_diagnoses(ev, r, self.specimen) for r in open_}
        said |= {r: coded.positive for r, coded in found.items()}
        positive: bool | None = False
        for value in said.values():
            positive = either(positive, value)
        if len(self.accept) == 2 and positive is None and said["er"] is False and said["pr"] is False:
            positive = False
        shown = tuple(dict.fromkeys(e for coded in found.values() for e in coded.evidence))
        names = "; ".join(dict.fromkeys(e.says for e in shown if e.used or positive is None))
        if positive is not None:
            return Coded(positive, "recorded", shown, f"{'positive' if positive else 'negative'} by diagnosis: {names}")
        doubts = {coded.basis for coded in found.values()}
        basis: Basis = "conflict" if "conflict" in doubts else "unusable" if "unusable" in doubts else "missing"
        words = "diagnoses that contradict each other: " if basis == "conflict" else "by diagnosis: "
        return Coded(None, basis, shown, f"{words}{names}" if names else "")


class Coded(NamedTuple):
    """What diagnoses say: True, False, or None with the basis of the doubt."""

    positive: bool | None
    basis: Basis
    evidence: tuple[Evidence, ...]
    words: str = ""


_SAYS: dict[str, dict[str, bool]] = {
    "er": {"er-positive": True, "er-negative": False, "hormone-receptor-negative": False},
    "pr": {"pr-positive": True, "pr-negative": False, "hormone-receptor-negative": False},
    "er-or-pr": {"hormone-receptor-positive": True},
}


def _of_diagnoses(ev: Evaluation, receptor: str, specimen: str) -> Coded:
    """What diagnoses say of a receptor: the newest where they differ, or any positive one that none of its time denies;
    None where that does not settle it."""
    found: list[tuple[bool, Diagnosis]] = []
    doubts: list[Evidence] = []
    basis: Basis = "missing"
    says = _SAYS[receptor]
    for match in ev.record.diagnoses(says):
        diagnosis = match.fact
        if diagnosis.verification == "refuted" or not ev.counts(diagnosis.onset):
            continue
        doubt, why = doubt_of(match.standing, match.why, diagnosis.verification == "provisional")
        if doubt:
            basis = why if why != "missing" else basis
            doubts.append(cite(diagnosis.ref, diagnosis.date, told(diagnosis), False, doubt))
        else:
            found.append((says[match.concept], diagnosis))
    evidence = (*(cite(d.ref, d.date, told(d)) for _, d in found), *doubts)
    if specimen == "any" and any(positive and not _denied(d, found) for positive, d in found):
        return Coded(True, "recorded", evidence)
    said = {positive for positive, d in found if not any(earlier(d, other) for _, other in found)}
    if len(said) > 1:
        return Coded(None, "conflict", evidence)
    return Coded(said.pop(), "recorded", evidence) if said else Coded(None, basis, evidence)


def _denied(diagnosis: Diagnosis, found: list[tuple[bool, Diagnosis]]) -> bool:
    """Whether another diagnosis that may be of the same time says negative."""
    return any(not positive and not apart(diagnosis, other) for positive, other in found)


def _evidence(states: Iterable[State]) -> tuple[Evidence, ...]:
    every = [r.evidence for s in states for r in s.readings]
    return tuple(dict.fromkeys(every)) if len(every) > 1 else tuple(every)
