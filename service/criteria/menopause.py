"""Whether a woman is past her menopause, and what would tell."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from service.criteria import keys
from service.criteria.drugs import gap_in_drugs
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Match, Operation
from service.criteria.findings import Evidence, Finding, Need, cite, cite_measurement, failed, passed
from service.criteria.hormones import HORMONES, hormone
from service.criteria.logic import TRUTH, Basis, Outcome
from service.criteria.newest import select
from service.criteria.pregnancy import PREGNANCY_READS, pregnancy_now
from service.criteria.sex import FEMALE_CONDITIONS, FEMALE_PROCEDURES
from service.criteria.signs import doubt_of, has, told
from service.criteria.spans import Span, Window, of_days
from service.criteria.suppression import Suppressants, suppressed
from service.criteria.ways import Way, smallest

MENOPAUSE_AGE = 60
CODED_MENOPAUSE_AGE = 50
YEAR = Window(12, "months")
_STATUS = Need("menopausal-status", "missing")
MENOPAUSE_READS = (
    PREGNANCY_READS
    | {keys.PERSON}
    | keys.inputs("menopausal-status", "last-menstrual-period", *(name for name, _ in HORMONES))
    | keys.conditions(*FEMALE_CONDITIONS, "postmenopausal", "menopause-unclear", "premenopausal", "amenorrhea")
    | keys.conditions("history-tubal-ligation")
    | keys.procedures(*FEMALE_PROCEDURES, "ovarian-irradiation", "ovarian-ablation", "tubal-ligation")
)


class Menopause(msgspec.Struct):
    """post, pre or unknown, with what says so. Where unknown, `ways` are the sets of needs of which each may tell that
    she is past it, and `closing` those that may tell that she is not."""

    state: Literal["post", "pre", "unknown"]
    reason: str
    basis: Basis = "recorded"
    evidence: tuple[Evidence, ...] = ()
    needs: tuple[Need, ...] = ()
    ways: tuple[Way, ...] = ()
    closing: tuple[Way, ...] | None = None


def menopause(ev: Evaluation, suppressants: Suppressants) -> Menopause:
    """Post-menopausal: both ovaries removed or irradiated, age 60, a coded state, or a year of amenorrhoea with the
    three hormones in the laboratory's post-menopausal range."""
    doubts: list[Menopause] = []
    for work in (_ovaries, _by_age, _coded, _amenorrhoea):
        answer = work(ev, suppressants)
        if answer is None:
            continue
        if answer.state == "post":
            return answer
        doubts.append(answer)
    before = _premenopausal(ev)
    if before is not None and not any(d.basis != "missing" or d.evidence for d in doubts):
        return before
    if doubts:
        evidence = tuple(dict.fromkeys(e for d in doubts for e in d.evidence))
        best = next((d for d in doubts if d.evidence), doubts[0])
        return _to_settle(ev, suppressants, Menopause("unknown", best.reason, best.basis, evidence), doubts)
    gap = ev.record.unread("Condition", "Procedure", "Observation")
    reason = "no record of the menopause" + (f"; {gap}" if gap else "")
    return _to_settle(ev, suppressants, Menopause("unknown", reason, "missing"), [])


def _to_settle(ev: Evaluation, suppressants: Suppressants, found: Menopause, doubts: list[Menopause]) -> Menopause:
    """What would settle it: what each doubt asks for, or a coded state where one would be believed. While a doubt shows
    a record of its own, or her age is not told, no single answer tells that she is before it."""
    needs = [n for d in doubts for n in d.needs]
    ways = [frozenset(n.input for n in d.needs) for d in doubts if d.needs]
    believed = ev.aged(CODED_MENOPAUSE_AGE) or not _explained(ev, of_days(ev.today, ev.today, "now"), suppressants)
    if believed:
        ways.append(frozenset({_STATUS.input}))
    if believed or not needs:
        needs.append(_STATUS)
    found.needs, found.ways = tuple(dict.fromkeys(needs)), smallest(ways)
    found.closing = () if doubts else (frozenset({_STATUS.input}),)
    return found


def _ovaries(ev: Evaluation, _: Suppressants) -> Menopause | None:
    """Both ovaries removed or irradiated."""
    sure: list[Evidence] = []
    maybe: list[Evidence] = []
    sides: dict[str, Evidence] = {}
    possible: dict[str, Evidence] = {}
    for match in ev.record.operations(("bilateral-oophorectomy", "ovarian-irradiation")):
        if ev.counts(match.fact.start):
            _sort_operation(match, sure, maybe)
    maybe += [
        cite(match.fact.ref, match.fact.end, match.fact.says, False, "by which means is not told")
        for match in ev.record.operations(("ovarian-ablation",))
        if ev.counts(match.fact.start)
    ]
    for told_as in ev.record.diagnoses(("history-bilateral-oophorectomy",)):
        removed = told_as.fact
        if removed.verification != "refuted" and ev.counts(removed.onset):
            doubt, _basis = doubt_of(told_as.standing, told_as.why, removed.verification == "provisional")
            cited = cite(removed.ref, removed.date, told(removed), not doubt, doubt)
            (maybe if doubt else sure).append(cited)
    for side, cited in _one_sided(ev):
        (sides if cited.used else possible).setdefault(side, cited)
    if len(sides) < len(sides | possible) == 2:
        maybe += possible.values()
    if sure or len(sides) == 2:
        evidence = tuple(sure) or tuple(sides.values())
        return Menopause("post", f"both ovaries removed or irradiated: {evidence[0].says}", "recorded", evidence)
    if maybe:
        why = maybe[0].why if isinstance(maybe[0].why, str) else ""
        return Menopause("unknown", f"{maybe[0].says} ({why})", "missing", tuple(maybe))
    return None


def _sort_operation(match: Match[Operation], sure: list[Evidence], maybe: list[Evidence]) -> None:
    operation = match.fact
    doubt, _basis = doubt_of(match.standing, match.why)
    doubt = doubt or ("" if operation.certain else operation.why)
    (maybe if doubt else sure).append(cite(operation.ref, operation.end, operation.says, not doubt, doubt))


def _one_sided(ev: Evaluation) -> Iterable[tuple[str, Evidence]]:
    """The side of each operation on one ovary, with what says it: used only where that is certain."""
    for match in ev.record.operations(("left-oophorectomy", "right-oophorectomy", "oophorectomy")):
        operation = match.fact
        if not ev.counts(operation.start):
            continue
        doubt = doubt_of(match.standing, match.why)[0] or ("" if operation.certain else operation.why)
        cited = cite(operation.ref, operation.end, operation.says, not doubt, doubt)
        by_code = match.concept.partition("-")[0]
        for side, sites in _SITES.items():
            if side == by_code or (match.concept == "oophorectomy" and operation.sites & sites):
                yield side, cited


_BOTH_OVARIES = frozenset({"bilateral", "both-ovaries"})
_SITES = {side: _BOTH_OVARIES | {side, f"{side}-ovary"} for side in ("left", "right")}


def _by_age(ev: Evaluation, _: Suppressants) -> Menopause | None:
    old = ev.aged(MENOPAUSE_AGE)
    if old:
        person = ev.record.person
        evidence = (cite(person.ref, None, f"born {person.birth.text}"),) if person.birth else ()
        return Menopause("post", f"age {MENOPAUSE_AGE} or over", "recorded", evidence)
    if old is None:
        why = "the birth date does not tell" if ev.record.person.birth else "no birth date"
        return Menopause(
            "unknown", f"whether she is {MENOPAUSE_AGE}: {why}", "missing", (), (Need("birth-date", "missing"),)
        )
    return None


def _coded(ev: Evaluation, suppressants: Suppressants) -> Menopause | None:
    """A coded post-menopausal state: from age 50, and below where nothing taken in the year before explains it."""
    doubtful: list[Evidence] = []
    basis: Basis = "missing"
    for match in ev.record.diagnoses(("postmenopausal",)):
        diagnosis = match.fact
        if diagnosis.verification == "refuted" or not ev.counts(diagnosis.onset):
            continue
        doubt, why_basis = doubt_of(match.standing, match.why, diagnosis.verification == "provisional")
        if not doubt and ev.aged(CODED_MENOPAUSE_AGE) is not True:
            doubt = _explained(ev, diagnosis.date, suppressants)
        if not doubt:
            evidence = (cite(diagnosis.ref, diagnosis.date, told(diagnosis)),)
            return Menopause("post", f"recorded: {diagnosis.says}", "recorded", evidence)
        basis = why_basis
        doubtful.append(cite(diagnosis.ref, diagnosis.date, told(diagnosis), False, doubt))
    for m in ev.record.measurements("menopausal-status"):
        if "postmenopausal" not in m.answers or not ev.counts(m.span):
            continue
        doubt, why_basis = doubt_of(m.standing, m.why)
        if not doubt and ev.aged(CODED_MENOPAUSE_AGE) is not True:
            doubt = _explained(ev, m.span, suppressants)
        if not doubt:
            return Menopause("post", f"recorded: {m.said}", "recorded", (cite_measurement(m),))
        basis = why_basis
        doubtful.append(cite_measurement(m, False, doubt))
    for match in ev.record.diagnoses(("menopause-unclear",)):
        diagnosis = match.fact
        if diagnosis.verification != "refuted" and ev.counts(diagnosis.onset):
            doubtful.append(cite(diagnosis.ref, diagnosis.date, told(diagnosis), False, "does not tell the menopause"))
    if doubtful:
        needs = _hormone_needs(ev, suppressants)
        return Menopause("unknown", f"{doubtful[0].says}: {doubtful[0].why}", basis, tuple(doubtful), needs)
    return None


def _explained(ev: Evaluation, date: Span | None, suppressants: Suppressants) -> str:
    """Why a coded menopause under 50 may be none: a drug of the year before it, or a birth date that does not tell."""
    if ev.aged(CODED_MENOPAUSE_AGE) is None and ev.record.person.birth is None:
        return "no birth date"
    for time in ev.shared(suppressed, suppressants):
        if date is None or (time.first <= date.last and YEAR.reach(time.last) >= date.first):
            return f"{time.says} within the year before it"
    gap, _basis = gap_in_drugs(ev)
    return gap


def _hormone_needs(ev: Evaluation, suppressants: Suppressants) -> tuple[Need, ...]:
    """The hormones that are not known, which say something only beside a year without periods that no drug explains."""
    since, _ = _amenorrhoea_since(ev)
    wanting = tuple(need for name, label in HORMONES for need in hormone(ev, name, label).needs)
    if since is None:
        return (Need("last-menstrual-period", "missing"), *wanting)
    if not _a_year_ago(ev, since) or any(time.acted >= since.first for time in ev.shared(suppressed, suppressants)):
        return ()
    return wanting


def _last_period(ev: Evaluation) -> tuple[Span | None, Evidence | None]:
    """The last menstrual period and what says it."""
    chosen = select(ev, [m for m in ev.record.measurements("last-menstrual-period") if m.standing == "sure"])
    best: tuple[Span | None, Evidence | None] = (None, None)
    for m in [*chosen.candidates, *chosen.undated]:
        span = m.date
        if span is not None and ev.counts(span) and (best[0] is None or best[0].end < span.end):
            best = span, cite_measurement(m)
    return best


def _amenorrhoea(ev: Evaluation, suppressants: Suppressants) -> Menopause | None:
    """A year without periods, none of it under chemotherapy, tamoxifen or a GnRH agonist, and the three hormones."""
    since, evidence = _amenorrhoea_since(ev)
    if since is None or evidence is None:
        return None
    if not _a_year_ago(ev, since):
        return None
    for time in ev.shared(suppressed, suppressants):
        if time.acted >= since.first:
            return Menopause("unknown", f"amenorrhoea under {time.says}", "missing", (evidence, time.cited))
    gap, _basis = gap_in_drugs(ev)
    if gap:
        needs = _hormone_needs(ev, suppressants)
        return Menopause("unknown", f"amenorrhoea, but {gap}", "missing", (evidence,), needs)
    hormones = [hormone(ev, name, label) for name, label in HORMONES]
    shown = (evidence, *(e for h in hormones for e in h.evidence))
    if all(h.outcome == "pass" for h in hormones):
        return Menopause("post", f"a year without periods; {'; '.join(h.reason for h in hormones)}", "recorded", shown)
    worst = next(h for h in hormones if h.outcome != "pass")
    needs = tuple(n for h in hormones for n in h.needs)
    basis: Basis = worst.basis if worst.outcome == "unknown" else "conflict"
    return Menopause("unknown", f"a year without periods, but {worst.reason}", basis, shown, needs)


def _amenorrhoea_since(ev: Evaluation) -> tuple[Span | None, Evidence | None]:
    since, evidence = _last_period(ev)
    if since is not None:
        return since, evidence
    for match in ev.record.diagnoses(("amenorrhea",)):
        diagnosis = match.fact
        sure = match.standing == "sure" and diagnosis.verification == "confirmed" and ev.counts(diagnosis.onset)
        if sure and has(ev, diagnosis) and diagnosis.onset is not None:
            return diagnosis.onset, cite(diagnosis.ref, diagnosis.date, told(diagnosis))
    return None, None


def _a_year_ago(ev: Evaluation, since: Span) -> bool:
    """Whether 12 months have certainly gone by."""
    day = YEAR.reached(since.last)
    if ev.today >= day:
        return True
    ev.may_change_on(YEAR.reached(since.first))
    ev.may_change_on(day)
    return False


def _premenopausal(ev: Evaluation) -> Menopause | None:
    """Recorded as before the menopause: a code, a period within the year, or a pregnancy now; under 60."""
    if ev.aged(MENOPAUSE_AGE) is not False:
        return None
    for match in ev.record.diagnoses(("premenopausal",)):
        diagnosis = match.fact
        sure = match.standing == "sure" and diagnosis.verification == "confirmed" and ev.counts(diagnosis.onset)
        if sure and has(ev, diagnosis):
            return Menopause(
                "pre",
                f"recorded: {diagnosis.says}",
                "recorded",
                (cite(diagnosis.ref, diagnosis.date, told(diagnosis)),),
            )
    chosen = select(ev, [m for m in ev.record.measurements("menopausal-status") if m.standing == "sure"])
    for m in chosen.candidates or chosen.undated:
        if "premenopausal" in m.answers:
            return Menopause("pre", f"recorded: {m.said}", "recorded", (cite_measurement(m),))
    since, evidence = _last_period(ev)
    if since is not None and evidence is not None and ev.today < YEAR.reached(since.first):
        ev.may_change_on(YEAR.reached(since.first))
        return Menopause("pre", f"last menstrual period {since.text}", "recorded", (evidence,))
    pregnancy = ev.shared(pregnancy_now)
    if pregnancy.state == "yes":
        return Menopause("pre", pregnancy.reason, "recorded", pregnancy.evidence)
    return None


class PostmenopausalRule(msgspec.Struct, frozen=True):
    """Passes after the menopause, fails before it. A GnRH agonist is not asked about here."""

    suppressants: Suppressants

    def reads(self) -> frozenset[str]:
        return MENOPAUSE_READS | self.suppressants.reads()

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH

    def judge(self, ev: Evaluation) -> Finding:
        state = ev.shared(menopause, self.suppressants)
        if state.state == "post":
            return passed(state.reason, state.evidence)
        if state.state == "pre":
            return failed(state.reason, state.evidence)
        needs = state.needs or (_STATUS,)
        return Finding("unknown", state.basis, state.reason, state.evidence, needs, state.ways, closing=state.closing)
