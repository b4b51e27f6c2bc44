"""A measured value against a limit: laboratory tests, ejection fraction, saturation, scores."""

from decimal import Decimal

import msgspec

from service.criteria import keys
from service.criteria.amounts import COMPARISONS
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Measurement
from service.criteria.findings import Evidence, Finding, Need, Why, cite_measurement, unknown
from service.criteria.logic import TRUTH, Basis, Outcome
from service.criteria.newest import Selection, cite_aside, select
from service.criteria.spans import Window
from service.criteria.wording import labelled

NORMAL_FLAGS = frozenset({"N", "L", "LL"})
LOW_FLAGS = frozenset({"L", "LL"})
HIGH_FLAGS = frozenset({"H", "HH", "HU"})
ABNORMAL_FLAGS = frozenset({"A", "AA"})


class Limit(msgspec.Struct, frozen=True):
    """A threshold: `number` in the input's unit, or a multiple of the upper limit of normal. `scale` turns a value in
    `unit`, as the trial writes it, into the input's unit."""

    comparison: str
    number: Decimal
    times_uln: bool = False
    unit: str = ""
    scale: Decimal = Decimal(1)
    asked: str = ""

    def __str__(self) -> str:
        return self.asked

    def words(self) -> str:
        """The limit for a reader."""
        words = {"at-least": "at least", "more-than": "more than", "at-most": "at most", "less-than": "less than"}
        if self.times_uln:
            return f"{words[self.comparison]} {plain(self.number)} × ULN"
        return f"{words[self.comparison]} {plain(self.number / self.scale)} {shown_unit(self.unit)}".rstrip()


def newest_of(ev: Evaluation, name: str) -> Selection:
    """The newest results of an input."""
    return select(ev, ev.record.measurements(name))


def _newest_flagged(ev: Evaluation, name: str) -> Selection:
    """The newest results of an input, where a normal flag speaks for itself even without a value."""
    return select(ev, ev.record.measurements(name), _speaks_by_flag)


def _speaks_by_flag(m: Measurement) -> bool:
    return m.standing != "sure" or not m.empty or bool(m.flags & NORMAL_FLAGS)


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """Whether one result meets the limit; None with the basis of the doubt."""

    meets: bool | None
    basis: Basis = "recorded"
    because: str = ""
    by_site: bool = False
    lacks: str = ""


class Threshold(msgspec.Struct, frozen=True):
    """An input and the limit it is held against. `method` keeps to results of that method or of none told; marks in
    `aside` are passed over, marks in `doubtful` leave a value that does not meet the limit in doubt."""

    input: str
    label: str
    limit: Limit
    window: Window | None = None
    method: str = ""
    aside: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()

    def selection(self, ev: Evaluation) -> Selection:
        """The newest results that count for it."""
        if not self.method and not self.aside:
            chosen = ev.shared(_newest_flagged if self.limit.times_uln else newest_of, self.input)
            if not chosen.candidates and self.window is None:
                return Selection(chosen.undated, chosen.listed, chosen.undated)
            return chosen
        everything = [m for m in ev.record.measurements(self.input) if self.takes(m)]
        chosen = select(ev, everything, _speaks_by_flag if self.limit.times_uln else None)
        if not chosen.candidates and self.window is None:
            chosen.candidates = chosen.undated
        return chosen

    def takes(self, m: Measurement) -> bool:
        """Whether a result counts for it: by the method asked for, and not measured in a way that is passed over."""
        if self.method and "other-method" in m.marks:
            return False
        return not (self.aside and any(mark in m.marks for mark in self.aside))

    def verdict(self, ev: Evaluation, m: Measurement) -> Verdict:
        """Whether a result meets the limit, its date left aside."""
        if m.standing != "sure":
            return Verdict(None, "missing" if m.provisional else "unusable", m.why)
        return self.verdict_if_sure(ev, m)

    def verdict_if_sure(self, ev: Evaluation, m: Measurement) -> Verdict:
        """The verdict on a result if its status and code were certain."""
        if m.conflicting:
            return Verdict(None, "conflict", "two values that disagree in one resource")
        if m.problem:
            return Verdict(None, "unusable", m.problem)
        if self.limit.times_uln:
            return self._against_uln(ev, m)
        if m.value is None:
            return Verdict(None, "unusable", "no number")
        meets = COMPARISONS[self.limit.comparison](m.value, self.limit.number)
        if meets is None:
            return Verdict(None, "unusable", "the limit lies inside the interval")
        return _MET if meets else _NOT_MET

    def _against_uln(self, ev: Evaluation, m: Measurement) -> Verdict:
        compare = COMPARISONS[self.limit.comparison]
        if m.value is not None and (limits := _upper_limits(m)):
            meets = compare(m.value, self.limit.number * limits[0])
            if len(limits) > 1 and any(compare(m.value, self.limit.number * h) is not meets for h in limits[1:]):
                return Verdict(None, "conflict", "reference ranges that fit give different answers")
            if meets is None:
                return Verdict(None, "unusable", "the limit lies inside the interval")
            return _MET if meets else _NOT_MET
        if _flagged_normal(m) and self.limit.number >= 1 and not m.problem:
            return Verdict(self.limit.comparison in ("at-most", "less-than"), because="flagged normal or low")
        site = ev.site.upper_limits.get(self.input)
        if site is not None and m.value is not None:
            meets = compare(m.value, self.limit.number * site)
            because = f"by the site's own upper limit of {ev.site.written.get(self.input) or plain(site)}"
            return Verdict(meets, "unusable" if meets is None else "recorded", because, True)
        return Verdict(None, "missing", "no upper limit of normal with the result", lacks="upper limit of normal")

    def said(self, m: Measurement) -> str:
        """The value with its label."""
        return labelled(self.label, self.value_said(m))

    def value_said(self, m: Measurement) -> str:
        """The value for a reader: in the unit of the limit where it is exact, else as written."""
        limit = self.limit
        if limit.times_uln or not limit.unit or m.value is None or (exact := m.value.exact) is None:
            return m.said
        number = exact if limit.scale == 1 else exact / limit.scale
        return f"{plain(number)} {_SHOWN_UNITS.get(limit.unit, limit.unit)}".rstrip()


_MET, _NOT_MET = Verdict(True), Verdict(False)


def _flagged_normal(m: Measurement) -> bool:
    """Whether the laboratory says that it is not above the limit; flags that contradict each other say nothing."""
    if m.flags.isdisjoint(NORMAL_FLAGS) or m.flags & HIGH_FLAGS:
        return False
    return bool(m.flags & LOW_FLAGS) or m.flags.isdisjoint(ABNORMAL_FLAGS)


def _upper_limits(m: Measurement) -> list[Decimal]:
    """Upper limits of normal that fit the patient: the certain ones, else those that may fit."""
    limits = m.limits
    if len(limits) == 1 and limits[0].meaning == "normal" and limits[0].high is not None:  # the usual case, kept short
        return [limits[0].high]
    normal = [r for r in limits if r.meaning == "normal" and r.high is not None]
    return [r.high for r in normal if r.certain and r.high is not None] or [
        r.high for r in normal if r.high is not None
    ]


class MeasurementRule(msgspec.Struct, frozen=True):
    """Passes where the newest result, in the window, meets the limit."""

    threshold: Threshold
    site_window: bool = False

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH

    def judge(self, ev: Evaluation) -> Finding:
        t = self.threshold
        found = ev.record.measurements(t.input)
        if len(found) == 1:  # the usual case, kept short
            m, span = found[0], found[0].span
            if m.standing == "sure" and span is not None and span.last <= ev.today and not m.empty and t.takes(m):
                return self._judge_one(ev, m)
        chosen = t.selection(ev)
        if len(chosen.candidates) == 1 and not chosen.listed and not chosen.silent and not t.method:
            return self._judge_one(ev, chosen.candidates[0])
        listed = cite_aside(chosen)
        if not chosen.candidates:
            return self._nothing(ev, chosen, listed)
        finding = _together(self._judge_each(ev, chosen.candidates), t.label, t.input)
        if t.method:
            finding = self._contradicted(ev, chosen, finding)
        return msgspec.structs.replace(finding, evidence=(*finding.evidence, *listed)) if listed else finding

    def reads(self) -> frozenset[str]:
        return keys.inputs(self.threshold.input)

    def _judge_each(self, ev: Evaluation, candidates: list[Measurement]) -> list[Finding]:
        """Beside one that is surely inside the window, another is of its time or does not count: where all would say
        the same, a date that does not tell is no matter."""
        findings = [self._judge_one(ev, m) for m in candidates]
        if any(f.outcome in ("pass", "fail") for f in findings):
            alike = [self._judge_one(ev, m, windowed=False) for m in candidates]
            if len({f.outcome for f in alike}) == 1:
                return alike
        return findings

    def _judge_one(self, ev: Evaluation, m: Measurement, windowed: bool = True) -> Finding:
        t = self.threshold
        if windowed and t.window is not None and not m.date_lost:
            inside = ev.within(m.span, t.window)
            if inside is not True:
                return self._not_inside(m, inside)
        verdict = t.verdict(ev, m)
        span = m.span
        said = f"{t.said(m)}{f' on {span.text}' if span is not None else ', undated'}"
        if verdict is _MET or verdict is _NOT_MET:
            reason = f"{said}, {t.limit.asked} asked for"
            outcome: Outcome = "pass" if verdict is _MET else "fail"
            default = window_default(t.window) if self.site_window else ""
            return Finding(outcome, "recorded", reason, (cite_measurement(m),), site_default=default)
        because = f" ({verdict.because})" if verdict.because else ""
        if verdict.meets is None:
            why: Why = verdict.basis if verdict.basis in ("missing", "conflict", "unusable") else "unusable"
            reason = f"{said}{because}; {t.limit.asked} asked for"
            return unknown(
                verdict.basis,
                reason,
                (cite_measurement(m, False, verdict.because),),
                (self._need(why, m, verdict.lacks),),
            )
        outcome = "pass" if verdict.meets else "fail"
        defaults = [window_default(t.window)] if self.site_window else []
        if verdict.by_site:
            defaults.append(verdict.because)
        reason = f"{said}{because}, {t.limit.asked} asked for"
        evidence = cite_measurement(m)
        if verdict.by_site:
            evidence = msgspec.structs.replace(evidence, says=f"{m.said} ({verdict.because})")
        return Finding(outcome, "recorded", reason, (evidence,), site_default="; ".join(defaults))

    def _not_inside(self, m: Measurement, inside: bool | None) -> Finding:
        t = self.threshold
        date = m.span.text if m.span else ""
        if inside is False:
            reason = f"{t.said(m)} on {date} is older than {t.window}{self._default}"
            return unknown(
                "stale", reason, (cite_measurement(m, False, f"older than {t.window}"),), (self._need("stale", m),)
            )
        if m.span is not None and m.span.open_start:  # told by the day of issue alone
            why = f"issued on {date}, which does not tell whether it was taken within {t.window}"
        else:
            why = f"its date ({date or 'none'}) does not tell whether it is within {t.window}"
        return unknown("missing", f"{t.label}: {why}", (cite_measurement(m, False, why),), (self._need("missing", m),))

    def _nothing(self, ev: Evaluation, chosen: Selection, listed: tuple[Evidence, ...]) -> Finding:
        t = self.threshold
        undated = tuple(cite_measurement(m, False, "undated") for m in chosen.undated)
        gap = ev.record.unread("Observation")
        window = f" within {t.window}{self._default}" if t.window else ""
        reason = f"no {t.label}{window}"
        if listed or undated:
            reason += f" that may decide ({(listed + undated)[0].why})"
        if gap:
            reason += f"; {gap}"
        finding = unknown("missing", reason, (*listed, *undated), (Need(t.input, "missing"),))
        return self._other_method_only(ev, finding) if t.method else finding

    def _other_method_only(self, ev: Evaluation, finding: Finding) -> Finding:
        t = self.threshold
        others = select(ev, [m for m in ev.record.measurements(t.input) if "other-method" in m.marks]).candidates
        if not others:
            return finding
        shown = tuple(cite_measurement(m, False, f"not by {t.method}") for m in others)
        return unknown("missing", f"{t.label} only by another method than {t.method}", shown, finding.needs)

    def _contradicted(self, ev: Evaluation, chosen: Selection, finding: Finding) -> Finding:
        """A newer result by another method that does not meet the limit puts a pass in doubt."""
        if finding.outcome != "pass":
            return finding
        t = self.threshold
        others = select(ev, [m for m in ev.record.measurements(t.input) if "other-method" in m.marks]).candidates
        for other in others:
            older = any(other.span and m.span and other.span.before(m.span) for m in chosen.candidates)
            if other.standing == "sure" and not older and t.verdict(ev, other).meets is False:
                date = other.span.text if other.span else "an unknown date"
                reason = f"{finding.reason}; but {t.value_said(other)} by another method on {date}"
                return unknown(
                    "conflict", reason, (*finding.evidence, cite_measurement(other)), (Need(t.input, "conflict"),)
                )
        return finding

    @property
    def _default(self) -> str:
        return " (the site's default)" if self.site_window else ""

    def _need(self, why: Why, m: Measurement, lacks: str = "") -> Need:
        return Need(self.threshold.input, why, m.span.text if m.span else "", lacks)


def window_default(window: Window | None) -> str:
    """What is said of a window that the trial's source does not give."""
    return f"a window of {window}" if window is not None else ""


def _together(findings: list[Finding], label: str, name: str) -> Finding:
    """Several results of one time: where they agree that, else unknown."""
    first = findings[0]
    if len(findings) == 1:
        return first
    evidence = tuple(e for f in findings for e in f.evidence)
    needs = tuple(dict.fromkeys(n for f in findings for n in f.needs))
    outcomes = {f.outcome for f in findings}
    if len(outcomes) == 1:
        return msgspec.structs.replace(first, evidence=evidence, needs=needs)
    doubtful = next((f for f in findings if f.outcome == "unknown"), None)
    reason = "; ".join(f.reason for f in findings)
    if doubtful is not None:
        return unknown(doubtful.basis, reason, evidence, needs)
    disagree = f"results of {label} at one time disagree: {reason}"
    return unknown("conflict", disagree, evidence, (Need(name, "conflict"),))


def plain(number: Decimal) -> str:
    """A decimal for a reader: no exponent, no trailing zeros, thousands set apart."""
    return f"{number.normalize():,f}"


def shown_unit(unit: str) -> str:
    """A unit for a reader."""
    return _SHOWN_UNITS.get(unit, unit)


_SHOWN_UNITS = {
    "/mm3": "/mm³",
    "10*3/uL": "×10³/µL",
    "10*9/L": "×10⁹/L",
    "1": "",
    "[iU]/L": "IU/L",
    "umol/L": "µmol/L",
    "mm[Hg]": "mmHg",
    "kg/m2": "kg/m²",
    "mL/min/{1.73_m2}": "mL/min/1.73 m²",
    "mL/min/1.73m2": "mL/min/1.73 m²",
}
