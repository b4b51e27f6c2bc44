"""A class of severity, told by a result or by the illness it grades."""

from typing import Literal

import msgspec

from service.criteria import keys
from service.criteria.evaluation import Evaluation
from service.criteria.findings import Evidence, Need, Sighting, cite, cite_measurement
from service.criteria.logic import Basis
from service.criteria.measured import window_default
from service.criteria.newest import last_issued
from service.criteria.signs import doubt_of, has, told
from service.criteria.spans import Span, Window
from service.criteria.wording import labelled, listed

_Word = tuple[float, float, str | None, Evidence, Span | None, Basis]


class ClassSign(msgspec.Struct, frozen=True):
    """A graded class of an illness (NYHA), as an answer or a Condition, the newest in the window; and the illness
    without a current class. `classes` are those that count; `unclassified` asks for the illness without a class."""

    input: str
    label: str
    prefix: str
    classes: frozenset[str]
    window: Window
    illness: tuple[str, ...] = ()
    unclassified: bool = False
    site_window: bool = False

    def reads(self) -> frozenset[str]:
        return keys.inputs(self.input) | keys.conditions(*self.illness, *(f"{self.prefix}{i}" for i in range(1, 5)))

    def look(self, ev: Evaluation) -> Sighting:
        found = self._settled(ev)
        if self.unclassified or found.state not in ("silent", "absent"):
            return found
        return self._or_preliminary(ev, found)

    def _or_preliminary(self, ev: Evaluation, found: Sighting) -> Sighting:
        """What is not final finds nothing, but a class that counts leaves it open where nothing final is newer."""
        listed = [m for m in ev.record.measurements(self.input) if m.provisional and ev.counts(m.span)]
        if not listed:
            return found
        latest = max((word[0] for word in self._words(ev)), default=float("-inf"))
        telling = [
            m
            for m in listed
            if m.answers & self.classes and _times(m.span)[1] >= latest and ev.within(m.span, self.window) is not False
        ]
        evidence = (*found.evidence, *(cite_measurement(m, False, m.why) for m in listed))
        if not telling:
            return msgspec.structs.replace(found, evidence=evidence)
        said = f"{labelled(self.label, telling[0].said, ':')} ({telling[0].why})"
        return Sighting("maybe", said, "missing", evidence, (Need(self.input, "missing"),))

    def _settled(self, ev: Evaluation) -> Sighting:
        state, classes, evidence, basis, date = self._newest(ev)
        if state == "stale":
            why = f"older than {self.window}"
            evidence = tuple(msgspec.structs.replace(e, used=False, why=why) for e in evidence)
        need = (Need(self.input, "stale" if basis == "stale" else "missing", date),)
        if state == "known":
            if len({found in self.classes for found in classes}) == 1:
                return self._with_class(min(classes), evidence, need)
            return Sighting("maybe", f"{self.label} of one time disagree", "conflict", evidence, need)
        old = f"{labelled(self.label, listed(evidence[:1]))} is older than {self.window}" if state == "stale" else ""
        if old and not self.unclassified and classes & self.classes:
            return Sighting("maybe", old, "stale", evidence, need)
        if not self.unclassified and (state == "doubtful" or (state == "undated" and classes & self.classes)):
            said = labelled(self.label, evidence[0].says, ":")
            return Sighting("maybe", f"{said} ({evidence[0].why})", basis, evidence, need)
        if self.unclassified:
            return self._illness_alone(ev, evidence, need)
        if gap := ev.record.unread("Observation", "Condition"):
            return Sighting("maybe", f"no {self.label} found, but {gap}", "missing", evidence, need)
        return Sighting("silent", old or f"no record of {self.label}", "no-record", evidence)

    def _with_class(self, found: str, evidence: tuple[Evidence, ...], need: tuple[Need, ...]) -> Sighting:
        said = labelled(self.label, listed(evidence[:1]), ":")
        default = window_default(self.window) if self.site_window else ""
        if self.unclassified:
            return Sighting("absent", said, "recorded", evidence, site_default=default)
        state: Literal["found", "absent"] = "found" if found in self.classes else "absent"
        return Sighting(state, said, "recorded", evidence, need if state == "found" else (), site_default=default)

    def _illness_alone(self, ev: Evaluation, evidence: tuple[Evidence, ...], need: tuple[Need, ...]) -> Sighting:
        shown: list[Evidence] = []
        for match in ev.record.diagnoses(self.illness):
            diagnosis = match.fact
            if diagnosis.verification != "refuted" and ev.counts(diagnosis.onset) and has(ev, diagnosis) is not False:
                shown.append(cite(diagnosis.ref, diagnosis.date, told(diagnosis)))
        if shown:
            reason = f"{shown[0].says} without a {self.label} within {self.window}"
            return Sighting("maybe", reason, "missing", (*shown, *evidence), need)
        illness = " or ".join(name.replace("-", " ") for name in self.illness)
        if gap := ev.record.unread("Condition"):
            return Sighting("maybe", f"no {illness} found, but {gap}", "missing", evidence, need)
        return Sighting("silent", f"no record of {illness}", "no-record", evidence)

    def _newest(self, ev: Evaluation) -> tuple[str, frozenset[str], tuple[Evidence, ...], Basis, str]:
        """-> (known, stale, doubtful, undated or none; classes; evidence; basis; date) of the newest class recorded.
        Where one that may be the newest lies in the window, the newest does."""
        words = self._words(ev)
        if not words:
            return "none", frozenset(), (), "missing", ""
        latest = max(w[0] for w in words)
        newest = [w for w in words if w[1] >= latest]
        evidence = tuple(w[3] for w in newest)
        classes = frozenset(w[2] for w in newest if w[2])
        date = next((w[3].date for w in newest if isinstance(w[3].date, str)), "")
        if any(w[2] is None for w in newest):
            return "doubtful", classes, evidence, next(w[5] for w in newest if w[2] is None), date
        inside = {ev.within(w[4], self.window) for w in newest}
        if True in inside:
            return "known", classes, evidence, "recorded", date
        if inside == {False}:
            return "stale", classes, evidence, "stale", date
        return "undated", classes, tuple(_undated(e) for e in evidence), "missing", date

    def _words(self, ev: Evaluation) -> list[_Word]:
        """Every class recorded, by result or Condition: earliest and latest time, class, evidence, date, basis."""
        words: list[_Word] = []
        for m in last_issued(ev.record.measurements(self.input)):
            if m.provisional or not ev.counts(m.span) or m.empty:
                continue
            doubt, basis = doubt_of(m.standing, m.why)
            doubt = doubt or m.problem
            grade = next((a for a in m.answers if a.startswith(self.prefix)), None)
            cited = cite_measurement(m, not doubt, doubt)
            words.append((*_times(m.span), None if doubt else grade, cited, m.span, "unusable" if m.problem else basis))
        for match in ev.record.diagnoses([f"{self.prefix}{i}" for i in range(1, 5)]):
            diagnosis = match.fact
            if diagnosis.verification == "refuted" or not ev.counts(diagnosis.onset) or has(ev, diagnosis) is False:
                continue
            doubt, basis = doubt_of(match.standing, match.why, diagnosis.verification == "provisional")
            cited = cite(diagnosis.ref, diagnosis.date, told(diagnosis), not doubt, doubt)
            words.append((*_times(diagnosis.date), None if doubt else match.concept, cited, diagnosis.date, basis))
        return words


def _times(span: Span | None) -> tuple[float, float]:
    if span is None:
        return float("-inf"), float("-inf")
    return span.start, span.end


def _undated(e: Evidence) -> Evidence:
    return Evidence(e.reference, e.says, False, e.date, "its date does not tell")
