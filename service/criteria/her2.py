"""HER2 status by the ASCO/CAP 2018 guideline (kept in 2023) and as a trial with its own definition writes it.

Results are put together by specimen: the same specimen or report, else taken within 30 days of each other. What the
in situ hybridisation may be is a set of groups, so that a ratio alone or an interval decides where every group it
could be gives the same answer. Wolff et al., J Clin Oncol 2018;36:2105; 2023;41:3867."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Literal

import msgspec

from service.criteria import keys
from service.criteria.amounts import at_least
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Diagnosis
from service.criteria.findings import Evidence, Finding, Need, cite, failed, passed, unknown
from service.criteria.focus import of_breast
from service.criteria.her2_specimens import INPUTS, SAME_TIME, Status, Tested, describe, groups_of, named, specimens
from service.criteria.logic import TRUTH, Basis, Outcome
from service.criteria.newest import aside_of
from service.criteria.overlap import Overlaps, is_older, latest_start
from service.criteria.signs import told
from service.criteria.spans import Span
from service.criteria.wording import listed

# The table of the guideline: IHC score -> group of the in situ hybridisation -> status.
ASCO_CAP_2018: dict[str, dict[str, Status]] = {
    "3+": {
        "none": "positive", "1": "positive", "2": "positive", "3": "positive", "4": "positive", "5": "conflict",
        "single-high": "positive", "single-middle": "positive", "single-low": "conflict",
    },
    "2+": {
        "none": "unknown", "1": "positive", "2": "negative", "3": "positive", "4": "negative", "5": "negative",
        "single-high": "positive", "single-middle": "unknown", "single-low": "negative",
    },
    "0/1+": {
        "none": "negative", "1": "conflict", "2": "negative", "3": "negative", "4": "negative", "5": "negative",
        "single-high": "conflict", "single-middle": "negative", "single-low": "negative",
    },
    "none": {
        "none": "unknown", "1": "positive", "2": "unknown", "3": "unknown", "4": "unknown", "5": "negative",
        "single-high": "positive", "single-middle": "unknown", "single-low": "negative",
    },
}  # fmt: skip


class Verdict(msgspec.Struct):
    status: Status
    reason: str
    basis: Basis = "recorded"


def _whichever(tested: Tested, judge: Callable[[Tested], Verdict]) -> Verdict:
    """Results of one time that differ decide where the answer is the same, whichever of them is taken."""
    if not tested.also:
        return judge(tested)
    said = describe(tested)
    answers = {(v.status, v.basis) for v in map(judge, tested.readings())}
    if len(answers) != 1:
        return Verdict("unknown", f"{said}: results of the same time disagree", "conflict")
    status, basis = answers.pop()
    found = status if status in ("positive", "negative") else tested.problem or "not decided"
    return Verdict(status, f"{said}: {found}, whichever of the results of the same time is taken", basis)


def by_asco_cap(tested: Tested) -> Verdict:
    """ASCO/CAP 2018 for one specimen."""
    return _whichever(tested, _by_asco_cap)


def _by_asco_cap(tested: Tested) -> Verdict:
    said = describe(tested)
    if tested.problem:
        return Verdict("unknown", f"{said}: {tested.problem}", tested.basis)
    if not tested.measured:
        return _overall(tested.overall, said)
    possible = {ASCO_CAP_2018[tested.ihc or "none"][group] for group in groups_of(tested)}
    if possible == {"conflict"}:
        return Verdict("conflict", f"{said}: the two methods contradict each other", "conflict")
    if len(possible) > 1 or possible == {"unknown"}:
        return Verdict("unknown", f"{said}: not decided by ASCO/CAP 2018", "missing")
    status = possible.pop()
    if tested.overall in ("positive", "negative") and tested.overall != status:
        return Verdict(
            "conflict", f"{said}: {status} by ASCO/CAP 2018, which the overall result contradicts", "conflict"
        )
    return Verdict(status, f"{said}: {status} by ASCO/CAP 2018")


def _overall(overall: str | None, said: str) -> Verdict:
    if overall == "positive":
        return Verdict("positive", said)
    if overall == "negative":
        return Verdict("negative", said)
    return Verdict("unknown", said, "missing")


def by_any_amplification(tested: Tested) -> Verdict:
    """A specimen is positive with IHC 3+, six copies or more, a ratio of two or more, or reported amplification; else
    negative by the ways the trial's source lists; else undetermined. Measured values go before an overall word."""
    return _whichever(tested, _by_any_amplification)


def _by_any_amplification(tested: Tested) -> Verdict:
    said = describe(tested)
    if tested.problem and not _surely_amplified(tested):
        return Verdict("unknown", f"{said}: {tested.problem}", tested.basis)
    if not tested.measured:
        return _overall(tested.overall, said)
    if _surely_amplified(tested):
        return Verdict("positive", f"{said}: positive as this trial defines it")
    if _may_be_amplified(tested):
        return Verdict("unknown", f"{said}: not decided by this trial's definition", "missing")
    low_ratio = tested.ratio is not None and at_least(tested.ratio, Decimal(2)) is False
    few_copies = tested.copies is not None and at_least(tested.copies, Decimal(6)) is False
    not_amplified = tested.ish_words == "negative" and tested.ratio is None and tested.copies is None
    if tested.ihc == "0/1+" or (low_ratio and (few_copies or tested.ihc == "2+")) or not_amplified:
        return Verdict("negative", f"{said}: negative as this trial defines it")
    return Verdict("unknown", f"{said}: not decided by this trial's definition", "missing")


def _surely_amplified(tested: Tested) -> bool:
    if tested.basis == "conflict" and tested.problem:
        return False
    return (
        tested.ihc == "3+"
        or (tested.copies is not None and at_least(tested.copies, Decimal(6)) is True)
        or (tested.ratio is not None and at_least(tested.ratio, Decimal(2)) is True)
        or (tested.ish_words == "positive" and tested.ratio is None and tested.copies is None)
    )


def _may_be_amplified(tested: Tested) -> bool:
    """An interval that reaches over a limit: it may be positive after all."""
    return (tested.copies is not None and at_least(tested.copies, Decimal(6)) is None) or (
        tested.ratio is not None and at_least(tested.ratio, Decimal(2)) is None
    )


class Her2Rule(msgspec.Struct, frozen=True):
    """Passes where the tumour is HER2 positive: by ASCO/CAP 2018 in the newest specimen, or by any amplification in any
    specimen."""

    definition: Literal["asco-cap-2018", "any-amplification"]

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH

    def judge(self, ev: Evaluation) -> Finding:
        tested = ev.shared(specimens)
        finding = self._newest(ev, tested) if self.definition == "asco-cap-2018" else self._any(ev, tested)
        aside = ev.shared(_set_aside)
        return msgspec.structs.replace(finding, evidence=(*finding.evidence, *aside)) if aside else finding

    def reads(self) -> frozenset[str]:
        return keys.inputs(*INPUTS) | keys.conditions("her2-positive", "her2-negative")

    def _newest(self, ev: Evaluation, tested: list[Tested]) -> Finding:
        if not tested:
            return self._without_results(ev)
        newest = tested if len(tested) == 1 else _may_be_newest(tested)
        verdicts = [by_asco_cap(t) for t in newest]
        statuses = {v.status for v in verdicts}
        reason = "; ".join(v.reason for v in verdicts)
        evidence = tuple(e for t in newest for e in t.evidence())
        if statuses == {"positive"} or statuses == {"negative"}:
            return self._checked(ev, verdicts[0].status, reason, evidence, newest[0].span)
        if all(_has_nothing(t) for t in newest):
            return self._or_diagnosis(ev, reason, evidence)
        basis: Basis = next((v.basis for v in verdicts if v.basis != "recorded"), "conflict")
        return unknown(basis, reason, evidence, (_what_to_test(newest, basis),))

    def _checked(
        self, ev: Evaluation, status: str, reason: str, evidence: tuple[Evidence, ...], span: Span | None
    ) -> Finding:
        """A diagnosis that says the opposite, and is not from before the specimen, is a conflict."""
        for word, diagnosis, sure in _diagnoses(ev):
            if not sure or word == status or _from_before(diagnosis.date, span):
                continue
            both = (*evidence, cite(diagnosis.ref, diagnosis.date, told(diagnosis)))
            return unknown(
                "conflict", f"{reason}, but {word} by diagnosis: {diagnosis.says}", both, (Need("her2", "conflict"),)
            )
        return passed(reason, evidence) if status == "positive" else failed(reason, evidence)

    def _any(self, ev: Evaluation, tested: list[Tested]) -> Finding:
        if not tested:
            return self._without_results(ev)
        verdicts = [(t, by_any_amplification(t)) for t in tested]
        evidence = tuple(e for t in tested for e in t.evidence())
        positive = [v for _, v in verdicts if v.status == "positive"]
        if positive:
            others = [v.reason for _, v in verdicts if v.status != "positive"]
            reason = positive[0].reason + (f" (also: {'; '.join(others)})" if others else "")
            return passed(reason, evidence)
        reason = "; ".join(v.reason for _, v in verdicts)
        doubtful = next((v for _, v in verdicts if v.status != "negative"), None)
        if doubtful is None:
            return failed(reason, evidence)
        if all(_has_nothing(t) for t in tested):
            return self._or_diagnosis(ev, reason, evidence)
        basis = doubtful.basis if doubtful.basis != "recorded" else "missing"
        doubted = [t for t, v in verdicts if v.status != "negative"]
        return unknown(basis, reason, evidence, (_what_to_test(doubted, basis),))

    def _without_results(self, ev: Evaluation) -> Finding:
        aside = ev.shared(_set_aside)
        gap = ev.record.unread("Observation")
        reason = (
            "no HER2 result" + (f" that may decide ({aside[0].why})" if aside else "") + (f"; {gap}" if gap else "")
        )
        return self._or_diagnosis(ev, reason, ())

    def _or_diagnosis(self, ev: Evaluation, reason: str, evidence: tuple[Evidence, ...]) -> Finding:
        """A diagnosis decides only where no laboratory result does."""
        needs = (Need("her2", "missing"),)
        words = list(_diagnoses(ev))
        said = self._said([(word, diagnosis) for word, diagnosis, sure in words if sure])
        shown = (*evidence, *(cite(d.ref, d.date, told(d), sure) for _, d, sure in words))
        if len(said) == 1:
            word = said.pop()
            name = next(d.says for w, d, sure in words if w == word and sure)
            by_diagnosis = f"HER2 {word} by diagnosis: {name}"
            return passed(by_diagnosis, shown) if word == "positive" else failed(by_diagnosis, shown)
        if said:
            named_both = listed(cite(d.ref, d.date, told(d)) for _, d, sure in words if sure)
            return unknown("conflict", f"diagnoses that contradict each other: {named_both}", shown, needs)
        if words:
            return unknown("missing", f"{reason}; {words[0][1].says} is not certain", shown, needs)
        return unknown("missing", reason, shown, needs)

    def _said(self, words: list[tuple[str, Diagnosis]]) -> set[str]:
        """What diagnoses say: the newest; where any specimen may speak, a positive one that none of its time denies."""
        if self.definition == "any-amplification":
            negative = Overlaps.of(d.date for word, d in words if word == "negative")
            if any(word == "positive" and not negative.meet(d.date) for word, d in words):
                return {"positive"}
        latest = latest_start(d.date for _, d in words)
        return {word for word, d in words if not is_older(d.date, latest)}


def _set_aside(ev: Evaluation) -> tuple[Evidence, ...]:
    """Results that have no say: without a value, or of a status that is not final."""
    return tuple(named(e, n) for n in INPUTS for e in aside_of(ev, of_breast(ev.record.measurements(n))))


def _what_to_test(tested: list[Tested], basis: Basis) -> Need:
    """The method that was not used where the other one leaves the specimen open; else HER2 anew."""
    if basis in ("conflict", "unusable"):
        return Need("her2", "conflict" if basis == "conflict" else "unusable")
    if all(t.ihc is not None and not t.has_ish for t in tested):
        return Need("her2-ish", "missing")
    if all(t.ihc is None and t.has_ish for t in tested):
        return Need("her2-ihc", "missing")
    return Need("her2", "missing")


def _has_nothing(t: Tested) -> bool:
    """A specimen whose results say nothing that could decide."""
    return not t.measured and t.overall not in ("positive", "negative") and not t.problem


def _may_be_newest(tested: list[Tested]) -> list[Tested]:
    dated = [t for t in tested if t.span is not None] or tested
    latest = latest_start(t.span for t in dated)
    return [t for t in dated if not is_older(t.span, latest)]


def _from_before(date: Span | None, specimen: Span | None) -> bool:
    """Whether a diagnosis is certainly more than 30 days older than the specimen: a course, not a conflict."""
    return date is not None and specimen is not None and date.last + SAME_TIME < specimen.first


def _diagnoses(ev: Evaluation) -> Iterable[tuple[str, Diagnosis, bool]]:
    for match in ev.record.diagnoses(("her2-positive", "her2-negative")):
        diagnosis = match.fact
        if diagnosis.verification != "refuted" and ev.counts(diagnosis.onset):
            word = match.concept.removeprefix("her2-")
            yield word, diagnosis, match.standing == "sure" and diagnosis.verification == "confirmed"
