"""Pregnancy and breast-feeding, told by conditions, results and tests."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

import msgspec

from service.criteria import keys
from service.criteria.amounts import at_least, less_than
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Measurement
from service.criteria.findings import Evidence, Finding, Need, cite, cite_measurement, failed, passed, unknown
from service.criteria.logic import TRUTH, Basis, Outcome
from service.criteria.measured import window_default
from service.criteria.newest import cite_aside, last_issued, select
from service.criteria.signs import doubt_of, has, told
from service.criteria.spans import FOREVER, Span, Window
from service.criteria.ways import of_all, of_any
from service.criteria.wording import with_label

PREGNANCY_LASTS = Window(300, "days")
BREASTFEEDING_LASTS = Window(365, "days")
HCG_NEGATIVE_BELOW, HCG_POSITIVE_FROM = Decimal(5), Decimal(25)


PREGNANCY_READS = (
    keys.inputs("pregnancy-test", "hcg", "pregnancy-status", "breastfeeding-status")
    | keys.conditions("pregnant", "pregnancy-unclear", "not-pregnant", "delivery")
    | keys.conditions("breastfeeding", "breastfeeding-unclear", "not-breastfeeding")
    | keys.procedures("delivery")
)


class Word(msgspec.Struct, frozen=True):
    """One record that speaks of pregnancy: True pregnant, False not, None doubtful. A preliminary one decides nothing,
    but one that says yes leaves it open. `until`: the day on which it grows too old."""

    pregnant: bool | None
    span: Span | None
    evidence: Evidence
    basis: Basis = "recorded"
    preliminary: bool = False
    until: int = FOREVER


class State(msgspec.Struct):
    """yes, no, maybe or silent, with what says so."""

    state: Literal["yes", "no", "maybe", "silent"]
    reason: str
    basis: Basis = "recorded"
    evidence: tuple[Evidence, ...] = ()
    told_by: tuple[str, ...] = ()


def tests(ev: Evaluation) -> list[Measurement]:
    """Pregnancy tests, of presence or quantity."""
    return [*ev.record.measurements("pregnancy-test"), *ev.record.measurements("hcg")]


def test_says(m: Measurement) -> tuple[bool | None, Basis, str]:
    """What a pregnancy test says: hCG under 5 IU/L is negative, from 25 positive, between unknown."""
    doubt, basis = doubt_of(m.standing, m.why)
    return (None, basis, doubt) if doubt else _value_says(m)


def _value_says(m: Measurement) -> tuple[bool | None, Basis, str]:
    if m.conflicting:
        return None, "conflict", "two values that disagree"
    if m.problem:
        return None, "unusable", m.problem
    if m.value is not None:
        if less_than(m.value, HCG_NEGATIVE_BELOW):
            return False, "recorded", ""
        if at_least(m.value, HCG_POSITIVE_FROM):
            return True, "recorded", ""
        return None, "unusable", "hCG between negative and positive"
    if "positive" in m.answers and "negative" not in m.answers:
        return True, "recorded", ""
    if "negative" in m.answers and "positive" not in m.answers:
        return False, "recorded", ""
    return None, "unusable", "neither positive nor negative"


def pregnancy_now(ev: Evaluation) -> State:
    """Whether she is pregnant: the newest word speaks."""
    state = _newest_word(ev, list(_words(ev)), "pregnant", ("Condition", "Observation"))
    state.told_by = ("pregnancy-status", "pregnancy-test")
    return state


def _words(ev: Evaluation) -> Iterable[Word]:
    for m in last_issued(tests(ev)):
        if not ev.counts(m.span) or m.empty:
            continue
        says, basis, why = _value_says(m) if m.provisional else test_says(m)
        yield _said_by(m, says, basis, why)
    yield from _status_words(ev, "pregnancy-status", "pregnant", "not-pregnant")
    yield from _condition_words(ev, _PREGNANCY_WORDS)
    for match in ev.record.operations(("delivery",)):
        if match.standing == "sure" and match.fact.certain and ev.counts(match.fact.start):
            yield Word(False, match.fact.end, cite(match.fact.ref, match.fact.end, match.fact.says))


def _said_by(m: Measurement, says: bool | None, basis: Basis, why: str) -> Word:
    if m.provisional:
        return Word(says, m.span, _cited(m, False, m.why), "missing", preliminary=True)
    return Word(says, m.span, _cited(m, says is not None, why), basis)


def _cited(m: Measurement, used: bool, why: str) -> Evidence:
    return with_label(cite_measurement(m, used, why), m.name.replace("-", " ").replace("hcg", "hCG"))


def _status_words(ev: Evaluation, name: str, yes: str, no: str) -> Iterable[Word]:
    for m in last_issued(ev.record.measurements(name)):
        if not ev.counts(m.span) or m.empty:
            continue
        doubt, basis = doubt_of("sure" if m.provisional else m.standing, m.why)
        said = {True for a in m.answers if a in (yes, "positive", "yes")} | {
            False for a in m.answers if a in (no, "negative", "no")
        }
        if doubt:
            yield _said_by(m, None, basis, doubt)
        elif len(said) != 1:
            yield _said_by(m, None, "unusable", m.problem or "neither yes nor no")
        else:
            yield _said_by(m, said.pop(), "recorded", "")


_PREGNANCY_WORDS: dict[str, bool | None] = {
    "pregnant": True, "pregnancy-unclear": None, "not-pregnant": False, "delivery": False,
}  # fmt: skip
_BREASTFEEDING_WORDS: dict[str, bool | None] = {
    "breastfeeding": True, "breastfeeding-unclear": None, "not-breastfeeding": False,
}  # fmt: skip


def _condition_words(ev: Evaluation, words: dict[str, bool | None], as_recorded: bool = False) -> Iterable[Word]:
    """What Conditions say; `as_recorded` dates one without an onset by its record, not by "then or earlier"."""
    for match in ev.record.diagnoses(words):
        diagnosis = match.fact
        says = words[match.concept]
        date = diagnosis.date
        if as_recorded and diagnosis.onset is None and ev.counts(diagnosis.recorded):
            date = diagnosis.recorded
        if diagnosis.verification == "refuted" or not ev.counts(diagnosis.onset):
            continue
        doubt, basis = doubt_of(match.standing, match.why, diagnosis.verification == "provisional")
        there = has(ev, diagnosis)
        if says is not False and there is False:
            # a pregnancy that ended says so from its end on
            if diagnosis.abated is not None and says:
                yield Word(False, diagnosis.abated, cite(diagnosis.ref, diagnosis.abated, told(diagnosis)))
            elif says:
                yield Word(False, date, cite(diagnosis.ref, date, told(diagnosis)))
            continue
        if doubt or says is None or (says and there is None):
            why = doubt or (
                "does not tell that she is pregnant now" if says is None else "whether it lasts is not told"
            )
            yield Word(None, date, cite(diagnosis.ref, date, told(diagnosis), False, why), basis)
        else:
            yield Word(says, date, cite(diagnosis.ref, date, told(diagnosis)))


def _newest_word(
    ev: Evaluation, words: list[Word], what: str, types: tuple[str, ...], lasts: Window = PREGNANCY_LASTS
) -> State:
    """The newest of several words; one that began too long ago without an end is set aside, and said so."""
    aside: list[Evidence] = []
    standing: list[Word] = []
    for word in words:
        lasting, until = (True, FOREVER) if word.pregnant is False else ev.apart(ev.within, word.span, lasts)
        if lasting is False:
            aside.append(_doubted(word, f"begun more than {lasts} ago without an end"))
        elif lasting is None and word.pregnant:
            cited = _doubted(word, f"whether it began within {lasts} is not told")
            standing.append(msgspec.structs.replace(word, pregnant=None, evidence=cited, basis="missing", until=until))
        else:
            standing.append(word if until == FOREVER else msgspec.structs.replace(word, until=until))
    preliminary = [w for w in standing if w.preliminary]
    newest = _newest([w for w in standing if not w.preliminary])
    listed = (*aside, *(w.evidence for w in preliminary))
    found = _agreed(newest, what, listed) if newest else _silent(ev, what, types, listed)
    opening = [w for w in _newest([*newest, *preliminary]) if w.pregnant is not False]
    for word in (*newest, *opening):  # while these stand, how old the others grow changes nothing
        ev.may_change_on(word.until)
    if found.state == "no" and not opening and not _tells_of_now(ev, newest, lasts):
        return _silent(ev, what, types, tuple(_old(e, lasts) if e.used else e for e in found.evidence))
    if found.state in ("yes", "maybe") or not opening:
        return found
    reason = "; ".join(w.evidence.says for w in opening)
    return State("maybe", f"{what} not certain: {reason} (not final)", "missing", found.evidence)


def _tells_of_now(ev: Evaluation, newest: list[Word], lasts: Window) -> bool:
    """That she was not so says nothing of today where it is longer ago than it lasts."""
    return any(w.span is None or ev.within(w.span, lasts) is not False for w in newest)


def _old(evidence: Evidence, lasts: Window) -> Evidence:
    return Evidence(evidence.reference, evidence.says, False, evidence.date, f"more than {lasts} ago")


def _doubted(word: Word, why: str) -> Evidence:
    return Evidence(word.evidence.reference, word.evidence.says, False, word.evidence.date, why)


def _newest(words: list[Word]) -> list[Word]:
    """The newest of them; the undated where nothing is dated."""
    dated = [w for w in words if w.span is not None]
    latest = max((w.span.start for w in dated if w.span), default=None)
    return [w for w in dated if w.span is not None and latest is not None and w.span.end >= latest] or words


def _silent(ev: Evaluation, what: str, types: tuple[str, ...], listed: tuple[Evidence, ...]) -> State:
    gap = ev.record.unread(*types)
    if gap:
        return State("maybe", f"no record that she is {what}, but {gap}", "missing", listed)
    return State("silent", f"no record that she is {what}", "no-record", listed)


def _agreed(newest: list[Word], what: str, aside: tuple[Evidence, ...]) -> State:
    evidence = (*(w.evidence for w in newest), *aside)
    said = {w.pregnant for w in newest}
    reason = "; ".join(
        f"{w.evidence.says}{f' on {w.evidence.date}' if isinstance(w.evidence.date, str) else ''}" for w in newest
    )
    if said == {True}:
        return State("yes", f"{what}: {reason}", "recorded", evidence)
    if said == {False}:
        return State("no", f"not {what}: {reason}", "recorded", evidence)
    if {True, False} <= said:
        return State("maybe", f"{what} and not {what} at one time: {reason}", "conflict", evidence)
    doubtful = next(w for w in newest if w.pregnant is None)
    why = doubtful.evidence.why if isinstance(doubtful.evidence.why, str) else ""
    return State(
        "maybe",
        f"{what} not certain: {reason} ({why})",
        doubtful.basis if doubtful.basis != "recorded" else "missing",
        evidence,
    )


def breastfeeding_now(ev: Evaluation) -> State:
    """Whether she is breast-feeding: the newest word speaks, for a year from when it was recorded."""
    words = [*_status_words(ev, "breastfeeding-status", "breastfeeding", "not-breastfeeding")]
    words += _condition_words(ev, _BREASTFEEDING_WORDS, as_recorded=True)
    state = _newest_word(ev, words, "breast-feeding", ("Condition", "Observation"), BREASTFEEDING_LASTS)
    state.told_by = ("breastfeeding-status",)
    return state


class NotPregnantRule(msgspec.Struct, frozen=True):
    """Fails for a woman who is pregnant or breast-feeding."""

    def reads(self) -> frozenset[str]:
        return PREGNANCY_READS

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH

    def judge(self, ev: Evaluation) -> Finding:
        states = (ev.shared(pregnancy_now), ev.shared(breastfeeding_now))
        evidence = tuple(e for s in states for e in s.evidence)
        for state in states:
            if state.state == "yes":
                return failed(state.reason, evidence)
        doubtful = [state for state in states if state.state == "maybe"]
        if doubtful:
            # of each doubt any one answer is enough; any one may also say yes
            each = [tuple(frozenset({name}) for name in state.told_by) for state in doubtful]
            names = [name for state in doubtful for name in state.told_by]
            return Finding(
                "unknown", doubtful[0].basis, "; ".join(s.reason for s in doubtful), evidence,
                tuple(Need(name, "missing") for name in names), of_all(each), closing=of_any(each),
            )  # fmt: skip
        if all(s.state == "silent" for s in states):
            return passed("no record of pregnancy or breast-feeding", evidence, "no-record")
        return passed("; ".join(s.reason for s in states if s.state == "no"), evidence)


class PregnancyTestRule(msgspec.Struct, frozen=True):
    """Passes with a negative test in the window; a positive one within `positive_window` fails."""

    window: Window
    positive_window: Window
    site_window: bool = False

    def reads(self) -> frozenset[str]:
        return keys.inputs("pregnancy-test", "hcg")

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH

    def judge(self, ev: Evaluation) -> Finding:
        chosen = select(ev, tests(ev))
        listed = cite_aside(chosen)
        if not chosen.candidates:
            gap = ev.record.unread("Observation")
            reason = "no pregnancy test" + (f"; {gap}" if gap else "")
            shown = (*listed, *(cite_measurement(m, False, "undated") for m in chosen.undated))
            return unknown("missing", reason, shown, (Need("pregnancy-test", "missing"),))
        findings = [self._one(ev, m) for m in chosen.candidates]
        outcomes = {f.outcome for f in findings}
        evidence = (*(e for f in findings for e in f.evidence), *listed)
        if len(outcomes) == 1:
            return msgspec.structs.replace(findings[0], evidence=evidence)
        doubtful = next((f for f in findings if f.outcome == "unknown"), None)
        basis: Basis = doubtful.basis if doubtful else "conflict"
        reason = "; ".join(f.reason for f in findings)
        return unknown(basis, reason, evidence, (Need("pregnancy-test", "conflict"),))

    def _one(self, ev: Evaluation, m: Measurement) -> Finding:
        says, basis, why = test_says(m)
        date = m.span.text if m.span else ""
        said = f"pregnancy test {m.said} on {date}"
        if says is None and ev.within(m.span, self.positive_window) is not False:
            return unknown(
                basis,
                f"{said} ({why})",
                (cite_measurement(m, False, why),),
                (Need("pregnancy-test", "unusable", date),),
            )
        window = self.window if says is False else self.positive_window
        inside = ev.within(m.span, window)
        if inside:
            default = window_default(window) if self.site_window else ""
            return Finding("fail" if says else "pass", "recorded", said, (cite_measurement(m),), site_default=default)
        if inside is None:
            return unknown(
                "missing",
                f"{said}: its date does not tell",
                (cite_measurement(m, False, "date"),),
                (Need("pregnancy-test", "missing", date),),
            )
        why = f"older than {window}"
        return unknown(
            "stale", f"{said} is {why}", (cite_measurement(m, False, why),), (Need("pregnancy-test", "stale", date),)
        )
