"""Signs: things looked for in a record. A sign is found, maybe there, recorded as absent, or silent.

Signs know nothing of pass and fail; the rules `present` and `absent` turn what was seen into an outcome.
"""

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

import msgspec

from service.criteria import keys
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Diagnosis, Match, Measurement, Operation
from service.criteria.findings import Evidence, Need, Sighting, cite, cite_measurement, newest_first
from service.criteria.logic import Basis
from service.criteria.spans import Span, Window, of_days
from service.criteria.wording import listed

ENCOUNTER_WINDOW = Window(28, "days")
Reading = Literal["has", "history-of"]
T = TypeVar("T")


class Look(msgspec.Struct):
    """What one kind of look has collected so far; `lacks` tells of each concept seen what its record misses."""

    found: list[Evidence] = msgspec.field(default_factory=list)
    maybe: list[Evidence] = msgspec.field(default_factory=list)
    aside: list[Evidence] = msgspec.field(default_factory=list)
    basis: Basis = "missing"
    absent: bool = False
    lacks: dict[str, str] = msgspec.field(default_factory=dict)

    def at_each(
        self,
        ev: Evaluation,
        items: Sequence[T],
        weigh: Callable[[Evaluation, T, "Look"], None],
        fading: bool = False,
    ) -> None:
        """Look at each of some records; `fading` where with time they only grow weaker."""
        ev.weigh_each(items, lambda item: weigh(ev, item, self), self.found, self.maybe, fading)

    def doubt(self, evidence: Evidence, basis: Basis) -> None:
        if not self.maybe or basis != "missing":
            self.basis = basis
        self.maybe.append(evidence)

    def sighting(
        self, what: str, gap: str, needs: tuple[Need, ...] = (), lasting: bool = False, perhaps: str = ""
    ) -> Sighting:
        """The strongest thing seen; silence counts only where everything was read. `perhaps` words a doubt."""
        everything = tuple(
            dict.fromkeys(e for part in (self.found, self.maybe, self.aside) for e in newest_first(part))
        )
        if self.found:
            return Sighting("found", f"{what}: {listed(self.found)}", "recorded", everything, needs, lasting)
        if self.maybe:
            why = next((e.why for e in self.maybe if isinstance(e.why, str)), "not certain")
            said = f"{perhaps or f'{what} may be there'}: {listed(self.maybe)} ({why})"
            return Sighting("maybe", said, self.basis, everything, needs)
        if gap:
            return Sighting("maybe", f"no record of {what}, but {gap}", "missing", everything, needs)
        none = f"no {what.removeprefix('an ').removeprefix('a ')} that counts"
        said = f"{none}: {self._aside_said()}" if self.aside else ""
        if self.absent:
            return Sighting("absent", said or none, "recorded", everything)
        if said:  # what has ended or is too old is no record of an absence
            return Sighting("silent", said, "no-record", everything, needs)
        return Sighting("silent", f"no record of {what}", "no-record", everything, needs)

    def _aside_said(self) -> str:
        """What was set aside, by the reason why: `Sinusitis (no longer present); Cystitis (more than 28 days ago)`."""
        by_why: dict[str, list[Evidence]] = {}
        for item in newest_first(self.aside):
            by_why.setdefault(item.why if isinstance(item.why, str) else "", []).append(item)
        return "; ".join(f"{listed(items)} ({why})" for why, items in by_why.items())


def has(ev: Evaluation, diagnosis: Diagnosis) -> bool | None:
    """Whether a condition is there now: active, recurring, relapsed or without a status, and not abated."""
    if diagnosis.code_says:
        return False
    if diagnosis.abated is not None:
        ended = ev.has_come(_until(diagnosis.abated, diagnosis.abated_between))
        if ended is not False:
            return None if ended is None else False
    elif diagnosis.status in ("inactive", "remission", "resolved"):
        return False  # with an end that lies after the as-of date, such a status was not yet true on it
    elif diagnosis.abated_somehow or diagnosis.status_unread:
        return None
    if diagnosis.encounter_only and not diagnosis.status:
        return _fresh_encounter(ev, diagnosis)
    return True


def _until(abated: Span, between: bool) -> Span:
    """When something ended: a date told in part is cut at the as-of date, so it was over from its first day on."""
    return abated if between else of_days(abated.first, abated.first, abated.text)


def _fresh_encounter(ev: Evaluation, diagnosis: Diagnosis) -> bool | None:
    """An encounter's diagnosis without a status says "has" for 28 days from the later of its dates."""
    spans = [s for s in (diagnosis.onset, diagnosis.recorded) if s is not None]
    if not spans:
        return None
    latest = max(spans, key=lambda span: span.first)  # how early it can have been; how late, the other may tell
    last = max(spans, key=lambda span: span.end)
    return ev.within(Span(latest.first, last.last, latest.start, last.end, last.text), ENCOUNTER_WINDOW)


def told(diagnosis: Diagnosis) -> str:
    """What a diagnosis says, with its status and its end, and whether its day is no more than that of the record."""
    end = f"until {diagnosis.abated.text.removeprefix('at ')}" if diagnosis.abated is not None else ""
    known = "recorded" if diagnosis.onset is None and diagnosis.recorded is not None else ""
    said = ", ".join(part for part in (diagnosis.status, end, known) if part)
    return f"{diagnosis.says} ({said})" if said else diagnosis.says


class DiagnosisSign(msgspec.Struct, frozen=True):
    """A Condition of one of the concepts: present (`has`) or ever (`history-of`), within a window where given. `parts`
    names each of several diagnoses and its concepts."""

    name: str
    concepts: frozenset[str]
    label: str
    reading: Reading = "has"
    window: Window | None = None
    observed: tuple[tuple[str, frozenset[str]], ...] = ()
    parts: tuple[tuple[str, frozenset[str]], ...] = ()

    def look(self, ev: Evaluation) -> Sighting:
        look = Look()
        look.at_each(ev, ev.record.diagnoses(self.concepts), self._weigh, fading=True)
        for name, answers in self.observed:
            self._weigh_answers(ev, name, answers, look)
        types = ("Condition", "Observation") if self.observed else ("Condition",)
        gap = ev.record.unread(*types) if not (look.found or look.maybe) else ""
        return look.sighting(self.label, gap, self._needs(look), self.reading == "history-of" and self.window is None)

    def _needs(self, look: Look) -> tuple[Need, ...]:
        """What would settle it: of each diagnosis seen what its record misses, else word of the first."""
        seen = {
            name: next((look.lacks[c] for c in sorted(concepts & look.lacks.keys()) if look.lacks[c]), "")
            for name, concepts in self.parts
            if concepts & look.lacks.keys()
        }
        return tuple(Need(name, "missing", lacks=lacks) for name, lacks in (seen or {self.name: ""}).items())

    def reads(self) -> frozenset[str]:
        return keys.conditions(*self.concepts) | keys.inputs(*(name for name, _ in self.observed))

    def _weigh(self, ev: Evaluation, match: Match[Diagnosis], look: Look) -> None:
        diagnosis = match.fact
        if diagnosis.verification == "refuted":
            look.absent = True
            look.aside.append(cite(diagnosis.ref, diagnosis.date, told(diagnosis), False, "refuted"))
            return
        if not ev.counts(diagnosis.onset):
            return
        there = has(ev, diagnosis) if self.reading == "has" else True
        if there is False:
            look.aside.append(cite(diagnosis.ref, diagnosis.date, told(diagnosis), False, "no longer present"))
            return
        inside = ev.within(diagnosis.date, self.window) if self.window else True
        if inside is False:
            look.aside.append(
                cite(diagnosis.ref, diagnosis.date, told(diagnosis), False, f"more than {self.window} ago")
            )
            return
        doubt, basis = doubt_of(match.standing, match.why, diagnosis.verification == "provisional")
        lacks = "confirmation" if doubt and basis == "missing" else ""
        if not doubt and inside is None:
            doubt, lacks = "its date does not tell", "date"
        if not doubt and there is None:
            doubt, lacks = "whether it is still present is not told", "present status"
        if doubt:
            look.lacks[match.concept] = lacks
            look.doubt(cite(diagnosis.ref, diagnosis.date, told(diagnosis), False, doubt), basis)
        else:  # where a computer cannot tell how grave it is, a person's assessment would settle it
            look.lacks[match.concept] = "assessment"
            look.found.append(cite(diagnosis.ref, diagnosis.date, told(diagnosis)))

    def _weigh_answers(self, ev: Evaluation, name: str, answers: frozenset[str], look: Look) -> None:
        """Observations that name the same thing as an answer."""

        def weigh(ev: Evaluation, m: Measurement, look: Look) -> None:
            unread = not m.answers and bool(m.problem)
            if not ev.counts(m.span) or not (m.answers & answers or unread):
                return
            inside = ev.within(m.span, self.window) if self.window else True
            if inside is False:
                return
            doubt, basis = doubt_of(m.standing, m.why, m.provisional)
            if unread and not doubt:
                doubt, basis = m.problem, "unusable"
            if doubt or inside is None:
                look.doubt(cite_measurement(m, False, doubt or "its date does not tell"), basis)
            else:
                look.found.append(cite_measurement(m))

        look.at_each(ev, ev.record.measurements(name), weigh, fading=True)


def doubt_of(standing: str, why: str, provisional: bool = False) -> tuple[str, Basis]:
    """Why a fact decides nothing, and the basis of the unknown it gives; empty where it decides."""
    if standing == "provisional":
        return why or "provisional", "missing"
    if standing != "sure":
        return why or "not certain", "unusable"
    if provisional:
        return "provisional", "missing"
    return "", "missing"


class ProcedureSign(msgspec.Struct, frozen=True):
    """A Procedure of one of the concepts that was done, within a window (counted from its end) where one is given."""

    name: str
    concepts: frozenset[str]
    label: str
    window: Window | None = None

    def look(self, ev: Evaluation) -> Sighting:
        look = Look()
        look.at_each(ev, ev.record.operations(self.concepts), self._weigh, fading=True)
        gap = ev.record.unread("Procedure") if not (look.found or look.maybe) else ""
        return look.sighting(self.label, gap, (Need(self.name, "missing"),), self.window is None)

    def reads(self) -> frozenset[str]:
        return keys.procedures(*self.concepts)

    def _weigh(self, ev: Evaluation, match: Match[Operation], look: Look) -> None:
        operation = match.fact
        if not ev.counts(operation.start):
            return
        inside = self._inside(ev, operation)
        if inside is False:
            look.aside.append(cite(operation.ref, operation.end, operation.says, False, f"more than {self.window} ago"))
            return
        doubt, basis = doubt_of(match.standing, match.why)
        if not doubt and not operation.certain:
            doubt = operation.why
        if not doubt and inside is None:
            doubt = "its date does not tell"
        if doubt:
            look.doubt(cite(operation.ref, operation.end, operation.says, False, doubt), basis)
        else:
            look.found.append(cite(operation.ref, operation.end, operation.says))

    def _inside(self, ev: Evaluation, operation: Operation) -> bool | None:
        if self.window is None or operation.ongoing:
            return True
        if operation.end is not None and operation.end.first > ev.today:  # still going on
            ev.may_change_on(operation.end.first)
            return True
        return ev.within(operation.end, self.window)
