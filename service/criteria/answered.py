"""Results that are answers and no numbers: a mutation found or not, a marker positive or negative, a test reactive."""

from typing import Literal

import msgspec

from service.criteria import keys
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Measurement
from service.criteria.findings import Finding, Need, Sighting, Why, cite_measurement, failed, passed, unknown
from service.criteria.logic import TRUTH, Basis, Outcome
from service.criteria.newest import Selection, cite_aside, cite_silent, select
from service.criteria.signs import Look
from service.criteria.spans import Window
from service.criteria.wording import labelled

State = Literal["is", "is-not", "doubt"]


class AnswerSign(msgspec.Struct, frozen=True):
    """An input's coded result is one of `answers`: the newest one, or any one ever. A result that is known and is
    another answer is recorded as not so."""

    input: str
    label: str
    answers: frozenset[str]
    asked: str
    window: Window | None = None
    any_one: bool = False

    def look(self, ev: Evaluation) -> Sighting:
        chosen = self._chosen(ev)
        look = Look()
        others: list[Measurement] = []
        for m in chosen.candidates:
            state, why, basis = self._weigh(ev, m)
            if state == "is":
                look.found.append(cite_measurement(m))
            elif state == "doubt":
                look.doubt(cite_measurement(m, False, why), basis)
            else:
                others.append(m)
        return self._sighting(ev, look, others, chosen)

    def reads(self) -> frozenset[str]:
        return keys.inputs(self.input)

    def _chosen(self, ev: Evaluation) -> Selection:
        """The results that have a say; undated ones where nothing is dated and no window is asked."""
        everything = ev.record.measurements(self.input)
        chosen = select(ev, everything)
        if self.any_one:
            counting = [m for m in everything if not m.provisional and not m.empty and ev.counts(m.span)]
            return Selection(counting, chosen.listed, chosen.undated)
        if not chosen.candidates and self.window is None:
            chosen.candidates = chosen.undated
        return chosen

    def _weigh(self, ev: Evaluation, m: Measurement) -> tuple[State, str, Basis]:
        if m.standing != "sure":
            return "doubt", m.why, "unusable"
        if m.conflicting:
            return "doubt", "two values that disagree in one resource", "conflict"
        if m.problem:
            return "doubt", m.problem, "unusable"
        if not m.answers:
            return "doubt", "no coded answer", "unusable"
        inside = ev.within(m.span, self.window) if self.window else True
        if inside is False:
            return "doubt", f"older than {self.window}", "stale"
        if inside is None:
            return "doubt", "its date does not tell", "missing"
        return ("is" if m.answers & self.answers else "is-not"), "", "recorded"

    def _sighting(self, ev: Evaluation, look: Look, others: list[Measurement], chosen: Selection) -> Sighting:
        what = f"{self.label} {self.asked}"
        if look.found and others and not self.any_one:
            evidence = (*look.found, *(cite_measurement(m) for m in others))
            reason = f"results of {self.label} at one time disagree"
            return Sighting("maybe", reason, "conflict", evidence, (Need(self.input, "conflict"),))
        if look.found or look.maybe:
            return look.sighting(what, "", (self._need(look, chosen),), lasting=self.any_one and self.window is None)
        if others:
            told = labelled(self.label, others[0].said, ":")
            date = f" on {others[0].span.text}" if others[0].span else ""
            evidence = (*(cite_measurement(m) for m in others), *cite_silent(chosen))
            return Sighting("absent", f"{told}{date}", "recorded", evidence)
        listed = cite_aside(chosen)
        need = (Need(self.input, "missing"),)
        if perhaps := [m for m in chosen.listed if m.answers & self.answers]:
            reason = f"{labelled(self.label, perhaps[0].said, ':')}, {perhaps[0].why}"
            return Sighting("maybe", reason, "missing", listed, need)
        if gap := ev.record.unread("Observation"):
            return Sighting("maybe", f"no {self.label} found, but {gap}", "missing", listed, need)
        return Sighting("silent", f"no {self.label} on record", "no-record", listed, need)

    def _need(self, look: Look, chosen: Selection) -> Need:
        why: Why = look.basis if look.basis in ("stale", "conflict", "unusable") else "missing"
        date = next((m.span.text for m in chosen.candidates if m.span), "")
        return Need(self.input, why, date)


class AnswerRule(msgspec.Struct, frozen=True):
    """Passes where the result is one of the answers, fails where it is another; without a result it is not known."""

    sign: AnswerSign

    def reads(self) -> frozenset[str]:
        return self.sign.reads()

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH

    def judge(self, ev: Evaluation) -> Finding:
        seen = ev.see(self.sign)
        asked = f"{seen.reason}; {self.sign.asked} asked for"
        match seen.state:
            case "found":
                return passed(seen.reason, seen.evidence)
            case "absent":
                return failed(asked, seen.evidence)
            case "maybe":
                return unknown(seen.basis, asked, seen.evidence, seen.needs)
        return unknown("missing", asked, seen.evidence, seen.needs)
