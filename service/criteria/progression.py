"""No progression since an induction began."""

import msgspec

from service.criteria import keys
from service.criteria.cancer import metastatic_since
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Measurement
from service.criteria.findings import Evidence, Finding, Need, cite_measurement, failed, passed, unknown
from service.criteria.focus import is_about_another
from service.criteria.induction import Induction, induction_needs, induction_start
from service.criteria.logic import TRUTH, Basis, Outcome
from service.criteria.newest import select
from service.criteria.spans import Span


class NoProgressionRule(msgspec.Struct, frozen=True):
    """The newest disease status after the induction's first day must not be progressive."""

    induction: Induction
    input: str = "disease-status"

    def reads(self) -> frozenset[str]:
        return self.induction.reads() | keys.inputs(self.input)

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH

    def judge(self, ev: Evaluation) -> Finding:
        need = (Need(self.input, "missing"),)
        start, groups = ev.shared(induction_start, self.induction)
        if start is None:
            first = induction_needs(groups, metastatic_since(ev, self.induction.cancer) is None)
            everything = (frozenset(n.input for n in (*first, *need)),)
            reason = "the first day of an induction is not known"
            return Finding("unknown", "missing", reason, (), (*first, *need), everything, closing=everything)
        told = [m for m in ev.record.measurements(self.input) if m.span and not self._is_about_another(m)]
        after = [m for m in told if self._after(m, start)]
        finding = self._of(ev, after, start, need)
        perhaps = [m for m in told if m.span and m.span.last > start.first and not self._after(m, start)]
        if not perhaps or finding.outcome == "unknown":
            return finding
        return self._of(ev, [*after, *perhaps], start, need)  # what may have come after it has to say the same

    def _of(self, ev: Evaluation, after: list[Measurement], start: Span, need: tuple[Need, ...]) -> Finding:
        """What the statuses from after the induction's first day say."""
        chosen = select(ev, after)
        if not chosen.candidates:
            gap = ev.record.unread("Observation")
            reason = f"no disease status after the induction's first day, {start.text}" + (f"; {gap}" if gap else "")
            return unknown("missing", reason, tuple(_status_evidence(m, False, m.why) for m in chosen.listed), need)
        return self._weigh(ev, chosen.candidates, after, start.text)

    def _weigh(self, ev: Evaluation, newest: list[Measurement], after: list[Measurement], began: str) -> Finding:
        said = {_progress(m) for m in newest}
        shown = tuple(_status_evidence(m) for m in newest)
        reason = "; ".join(f"{m.said} on {m.span.text}" for m in newest if m.span)
        earlier = [m for m in after if m.standing == "sure" and ev.counts(m.span) and _progress(m) == "progressive"]
        if len(said) > 1:
            basis: Basis = "conflict" if {"progressive", "not-progressive"} <= said else "unusable"
            return self._open(basis, f"disease status not certain: {reason}", shown, earlier)
        word = said.pop()
        if word == "progressive":
            return failed(f"progressive disease since the induction began on {began}: {reason}", shown)
        if word != "not-progressive":
            doubt = newest[0].why or newest[0].problem or "undetermined"
            basis = "unusable" if newest[0].why or newest[0].problem else "missing"
            return self._open(basis, f"disease status {reason}: {doubt}", shown, earlier)
        if earlier:
            both = (*shown, *(_status_evidence(m) for m in earlier))
            why = f"{reason}, but progressive disease before, after the induction began"
            return self._open("conflict", why, both, earlier)
        return passed(f"no progression since the induction began on {began}: {reason}", shown)

    def _open(self, basis: Basis, reason: str, shown: tuple[Evidence, ...], earlier: list[Measurement]) -> Finding:
        """Another status settles it; where the disease was progressive before, only one that is so again."""
        need = (Need(self.input, "missing"),)
        ways = () if earlier else None
        return Finding("unknown", basis, reason, shown, need, ways, closing=(frozenset({self.input}),))

    def _is_about_another(self, m: Measurement) -> bool:
        cancer = self.induction.cancer
        return is_about_another(m, cancer.ever | cancer.distant, cancer.another)

    @staticmethod
    def _after(m: Measurement, start: Span) -> bool:
        span = m.span
        return span is not None and not span.open_start and span.first > start.last


def _progress(m: Measurement) -> str:
    answers = m.answers
    if m.standing != "sure" or m.problem or m.conflicting:
        return "unclear"
    if "progressive" in answers:
        return "progressive"
    return "not-progressive" if answers & {"stable", "improved", "remission", "negative", "none"} else "undetermined"


def _status_evidence(m: Measurement, used: bool = True, why: str = "") -> Evidence:
    return cite_measurement(m, used, why)
