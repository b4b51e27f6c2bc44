"""Oestrogen and progesterone receptor status: positive from 1 % of cells stained, in the newest specimen or in any."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

import msgspec

from service.criteria import keys
from service.criteria.amounts import at_least
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Diagnosis, Measurement
from service.criteria.findings import Evidence, Finding, Need, cite, cite_measurement, failed, passed
from service.criteria.focus import of_breast
from service.criteria.logic import TRUTH, Basis, Outcome, either
from service.criteria.newest import aside_of, select
from service.criteria.overlap import Overlaps, all_before, is_older, latest_start
from service.criteria.signs import doubt_of, told
from service.criteria.spans import Span
from service.criteria.wording import labelled, listed, with_label

Receptor = Literal["er", "pr"]
LABELS = {"er": "ER", "pr": "PR", "er-pr": "ER and PR together"}
POSITIVE_FROM = Decimal(1)
LATEST = float("inf")
_NEVER = float("-inf")
_ANSWERS = {"positive": True, "negative": False}
_DISAGREE = "results of one time disagree"


class Reading(msgspec.Struct):
    """What one result says of a receptor: True positive, False negative, None with the basis of the doubt."""

    m: Measurement
    positive: bool | None
    basis: Basis = "recorded"
    why: str = ""

    @property
    def evidence(self) -> Evidence:
        return with_label(cite_measurement(self.m, self.positive is not None, self.why), LABELS[self.m.name])

    @property
    def said(self) -> str:
        when = f" on {self.m.span.text}" if self.m.span else ", undated"
        why = f" ({self.why})" if self.positive is None and self.why else ""
        return f"{labelled(LABELS[self.m.name], self.m.said)}{when}{why}"


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
    undisputed = _undisputed(readings)
    if undisputed:
        kept = set(map(id, undisputed))
        return State(True, "recorded", [*undisputed, *(r for r in readings if id(r) not in kept)])
    if any(r.positive is True for r in readings):
        return State(None, "conflict", readings)
    return newest_state(ev, receptor) if not any(r.positive is None for r in readings) else _state(readings)


def _speaks(m: Measurement) -> bool:
    return m.standing != "sure" or not m.empty


def _undisputed(readings: list[Reading]) -> list[Reading]:
    """The positive results that no other of the same time denies: one of the same specimen, as far as both tell theirs,
    and not issued before, as far as both tell when."""
    negative = sorted((r.m for r in readings if r.positive is False), key=_issued, reverse=True)
    positive = [r for r in readings if r.positive is True]
    if not negative:
        return positive
    everything = Overlaps(m.span for m in negative)
    own = {name: Overlaps(m.span for m in negative if m.specimen == name) for name in {m.specimen for m in negative}}
    disputed: set[int] = set()
    denying = iter([*negative, None])
    nearest = next(denying)
    # the last issued first, each held against those issued as late or later; one that does not tell, against all
    for reading in sorted(positive, key=lambda r: LATEST if r.m.issued is None else -r.m.issued):
        m = reading.m
        while nearest is not None and (m.issued is None or _issued(nearest) >= m.issued):
            everything.add(nearest.span)
            own[nearest.specimen].add(nearest.span)
            nearest = next(denying)
        against = [everything] if not m.specimen else [own[name] for name in ("", m.specimen) if name in own]
        if any(others.meet(m.span) for others in against):
            disputed.add(id(reading))
    return [r for r in positive if id(r) not in disputed]


def _issued(m: Measurement) -> float:
    """When it was issued; one that does not tell may have been the last."""
    return LATEST if m.issued is None else m.issued


class ReceptorRule(msgspec.Struct, frozen=True):
    """Passes where one of the receptors is positive: ER or PR, or ER alone; in the newest result of each, or in any."""

    accept: tuple[Receptor, ...]
    specimen: Literal["newest", "any"] = "newest"

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH

    def judge(self, ev: Evaluation) -> Finding:
        finding = self._judge(ev)
        aside = [
            with_label(e, LABELS[name])
            for name in (*self.accept, "er-pr")
            for e in aside_of(ev, of_breast(ev.record.measurements(name)))
        ]
        return msgspec.structs.replace(finding, evidence=(*finding.evidence, *aside)) if aside else finding

    def _judge(self, ev: Evaluation) -> Finding:
        state_of = newest_state if self.specimen == "newest" else any_state
        states = {receptor: ev.shared(state_of, receptor) for receptor in self.accept}
        together = self._together(ev, states) if len(self.accept) == 2 else None
        evidence = _evidence([*states.values(), *([together] if together else [])])
        reason = "; ".join(dict.fromkeys(r.said for s in states.values() for r in s.readings))
        positive = self._positive(states)
        if together is not None:
            said = "; ".join(r.said for r in together.readings)
            reason = f"{reason}; {said}" if reason else said
            if positive is not True and together.basis == "conflict":
                return self._unknown("conflict", f"{_DISAGREE}: {reason}", evidence, self.accept)
            positive = either(positive, together.positive)
        if positive is True:
            return passed(f"{self._label} positive: {reason}", evidence)
        if positive is False:
            return failed(f"{self._each} negative: {reason}", evidence)
        return self._undecided(ev, states, reason, evidence)

    def reads(self) -> frozenset[str]:
        concepts = (concept for said in _SAYS.values() for concept in said)
        return keys.inputs("er", "pr", "er-pr") | keys.conditions(*concepts)

    @property
    def _label(self) -> str:
        return " or ".join(LABELS[r] for r in self.accept)

    @property
    def _each(self) -> str:
        """What is negative where the rule fails: none of them is positive."""
        return " and ".join(LABELS[r] for r in self.accept)

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
        conflict = any(s.basis == "conflict" for s in states.values())
        doubtful: Basis = "missing"
        if not conflict:
            coded = {name: _of_diagnoses(ev, name, self.specimen) for name in _SAYS}
            decided = self._by_diagnosis(coded, states, evidence)
            if decided is not None:
                return decided
            evidence = tuple(dict.fromkeys((*evidence, *(e for r in self._asked for e in coded[r].evidence))))
            doubtful = next((coded[r].doubt for r in self._asked if coded[r].doubt != "missing"), doubtful)
        basis: Basis = next((s.basis for s in states.values() if s.known and s.positive is None), doubtful)
        if conflict:
            basis = "conflict"
        open_ = tuple(r for r, s in states.items() if s.positive is None)
        return self._unknown(basis, self._what_is_missing(ev, states, reason), evidence, open_)

    def _what_is_missing(self, ev: Evaluation, states: dict[Receptor, State], reason: str) -> str:
        missing = [LABELS[r] for r, s in states.items() if not s.known]
        gap = ev.record.unread("Observation") if missing else ""
        disagree = any(s.basis == "conflict" and len(s.readings) > 1 for s in states.values())
        parts = [f"{_DISAGREE}: {reason}" if disagree else reason] if reason else []
        parts += [f"no {' and no '.join(missing)} result"] if missing else []
        listed = [m for r in states for m in ev.record.measurements(r) if m.provisional]
        parts += [f"{labelled(LABELS[m.name], m.said)} ({m.why})" for m in listed] if missing else []
        elsewhere = [m for r in states for m in ev.record.measurements(r) if not of_breast([m])]
        parts += [f"{labelled(LABELS[m.name], m.said)} (about another cancer)" for m in elsewhere] if missing else []
        return "; ".join([*parts, gap] if gap else parts)

    @staticmethod
    def _unknown(basis: Basis, reason: str, evidence: tuple[Evidence, ...], asked: tuple[Receptor, ...]) -> Finding:
        """`asked`: the receptors that nothing settles. One that is found positive is enough."""
        why = "conflict" if basis == "conflict" else "unusable" if basis == "unusable" else "missing"
        needs = tuple(Need(r, why) for r in asked)  # type: ignore[arg-type]
        ways = tuple(frozenset({r}) for r in asked)
        return Finding("unknown", basis, reason, evidence, needs, ways)

    @property
    def _asked(self) -> tuple[str, ...]:
        """What diagnoses may say of the receptors asked for: of each, and of both together that one is positive."""
        return (*self.accept, "er-or-pr") if len(self.accept) == 2 else self.accept

    def _by_diagnosis(
        self, coded: "dict[str, Coded]", states: dict[Receptor, State], evidence: tuple[Evidence, ...]
    ) -> Finding | None:
        """Receptors coded as diagnoses, for the receptors that no laboratory result settles."""
        settled = {name: state.positive for name, state in states.items() if state.positive is not None}
        said = {name: settled.get(name, coded[name].positive) for name in self._asked}  # type: ignore[call-overload]
        shown = [e for name in self._asked if name not in settled for e in coded[name].evidence]
        both = len(self.accept) == 2
        negatives = [coded[name] for name in ("er", "pr") if name not in settled]
        found: bool | None = False
        for value in said.values():
            found = either(found, value)
        together = coded["er-or-pr"]
        if all(said[name] is False for name in self.accept):
            found = (
                together.against(negatives, self.specimen)
                if both or all(c.positive is False for c in negatives)
                else False
            )
            if found and not both:
                return None  # one of the two is positive now; which, is not told
        elif found is None and not any(coded[name].conflicting for name in self._asked if name not in settled):
            return None
        if not any(e.used for e in shown):
            return None
        shown += [] if found is not None else together.evidence
        evidence = tuple(dict.fromkeys((*evidence, *shown)))
        used = list(dict.fromkeys(e for e in shown if e.used))
        names = listed(used) if len(used) > 1 else used[0].says  # of several the dates tell which is the later
        if found is None:
            open_ = tuple(r for r in self.accept if r not in settled)
            return self._unknown("conflict", f"diagnoses that contradict each other: {names}", evidence, open_)
        reason = (
            f"{self._label} positive by diagnosis: {names}" if found else f"{self._each} negative by diagnosis: {names}"
        )
        return passed(reason, evidence) if found else failed(reason, evidence)


_SAYS: dict[str, dict[str, bool]] = {
    "er": {"er-positive": True, "er-negative": False, "hormone-receptor-negative": False},
    "pr": {"pr-positive": True, "pr-negative": False, "hormone-receptor-negative": False},
    "er-or-pr": {"hormone-receptor-positive": True, "hormone-receptor-negative": False},
}


class Coded(msgspec.Struct):
    """What the newest diagnoses say of a receptor: True, False, or None where they do not settle it."""

    positive: bool | None
    conflicting: bool
    dates: list[Span | None]
    evidence: list[Evidence]
    doubt: Basis = "missing"

    def against(self, negatives: "list[Coded]", specimen: str) -> bool | None:
        """ER or PR is positive by this, each is negative by other diagnoses: the later is true, or a positive one of
        another time where any specimen does; else None."""
        if self.positive is not True:
            return None if self.conflicting else False
        denied = [other for negative in negatives for other in negative.dates]
        if not self.dates or not denied:
            return None
        if all_before(denied, self.dates):
            return True
        if specimen == "any":
            others = Overlaps.of(denied)
            if not any(others.meet(own) for own in self.dates):
                return True
        return False if all_before(self.dates, denied) else None


def _of_diagnoses(ev: Evaluation, receptor: str, specimen: str) -> Coded:
    """What diagnoses say of a receptor: the newest where they differ; where any specimen does, a positive one that none
    of its time denies. One that a result denies which is not older says nothing."""
    found: list[tuple[bool, Diagnosis]] = []
    aside: list[Evidence] = []
    doubtful: Basis = "missing"
    says = _SAYS[receptor]
    denied_until: dict[bool, float] = {}
    for match in ev.record.diagnoses(says):
        diagnosis = match.fact
        if not ev.counts(diagnosis.onset):
            continue
        doubt, basis = doubt_of(match.standing, match.why, diagnosis.verification == "provisional")
        if doubt:
            doubtful = basis if basis != "missing" else doubtful
            aside.append(cite(diagnosis.ref, diagnosis.date, told(diagnosis), False, doubt))
        elif diagnosis.verification == "confirmed":
            positive, date = says[match.concept], diagnosis.date
            if positive not in denied_until:
                denied_until[positive] = _last_said(ev, receptor, not positive)
            until = denied_until[positive]
            if until > _NEVER and (date is None or until >= date.start):
                why = "a laboratory result that is not older says otherwise"
                aside.append(cite(diagnosis.ref, diagnosis.date, told(diagnosis), False, why))
            else:
                found.append((positive, diagnosis))
    latest = latest_start(d.date for _, d in found)
    newest = [pair for pair in found if not is_older(pair[1].date, latest)]
    if specimen == "any" and (undenied := _undenied(found)):
        newest = undenied
    said = {positive for positive, _ in newest}
    evidence = [*(cite(d.ref, d.date, told(d)) for _, d in found), *aside]
    agreed = said.pop() if len(said) == 1 else None
    return Coded(agreed, agreed is None and bool(said), [d.date for _, d in newest], evidence, doubtful)


def _last_said(ev: Evaluation, receptor: str, positive: bool) -> float:
    """When a result, an earlier one than the newest too, last says that a receptor is positive, or is negative: LATEST
    where one is undated, _NEVER where none does."""
    asked: Receptor | None = "er" if receptor == "er" else "pr" if receptor == "pr" else None
    saying = (
        m
        for m in (_results(ev, asked) if asked else ())
        if read(m).positive is positive and not m.provisional and ev.counts(m.span)
    )
    return max((m.span.end if m.span else LATEST for m in saying), default=_NEVER)


def _undenied(found: list[tuple[bool, Diagnosis]]) -> list[tuple[bool, Diagnosis]]:
    """The positive diagnoses that no negative one denies that may be of the same time."""
    negative = Overlaps.of(d.date for positive, d in found if not positive)
    return [pair for pair in found if pair[0] and not negative.meet(pair[1].date)]


def _evidence(states: Iterable[State]) -> tuple[Evidence, ...]:
    every = [r.evidence for s in states for r in s.readings]
    return tuple(dict.fromkeys(every)) if len(every) > 1 else tuple(every)
