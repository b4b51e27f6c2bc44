"""Man or woman, menopause, child-bearing potential, pregnancy and breast-feeding."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

import msgspec

from service.criteria import keys
from service.criteria.amounts import Interval, at_least, less_than
from service.criteria.drugs import gap_in_drugs, is_local, last_day, started
from service.criteria.evaluation import Evaluation, Rule
from service.criteria.facts import Exposure, Match, Measurement, Operation
from service.criteria.findings import (
    Evidence,
    Finding,
    Need,
    cite,
    cite_measurement,
    failed,
    not_applicable,
    passed,
    unknown,
)
from service.criteria.logic import TRUTH, Basis, Outcome
from service.criteria.measured import window_default
from service.criteria.newest import select
from service.criteria.signs import doubt_of, has, told
from service.criteria.spans import Span, Window, of_days
from service.criteria.ways import Way, of_all, of_any, smallest

Sex = Literal["woman", "man", "unclear"]

MENOPAUSE_AGE = 60
CODED_MENOPAUSE_AGE = 50
YEAR = Window(12, "months")
HORMONES = (("fsh", "FSH"), ("lh", "LH"), ("estradiol", "estradiol"))
_STATUS = Need("menopausal-status", "missing")
PREGNANCY_LASTS = Window(300, "days")
BREASTFEEDING_LASTS = Window(365, "days")
HCG_NEGATIVE_BELOW, HCG_POSITIVE_FROM = Decimal(5), Decimal(25)
FEMALE_CONDITIONS = (
    "pregnant",
    "history-hysterectomy",
    "history-bilateral-oophorectomy",
    "history-unilateral-oophorectomy",
)
FEMALE_PROCEDURES = (
    "hysterectomy",
    "bilateral-oophorectomy",
    "left-oophorectomy",
    "right-oophorectomy",
    "oophorectomy",
)


PREGNANCY_READS = (
    keys.inputs("pregnancy-test", "hcg", "pregnancy-status", "breastfeeding-status")
    | keys.conditions("pregnant", "pregnancy-unclear", "not-pregnant", "delivery")
    | keys.conditions("breastfeeding", "breastfeeding-unclear", "not-breastfeeding")
    | keys.procedures("delivery")
)
MENOPAUSE_READS = (
    PREGNANCY_READS
    | {keys.PERSON}
    | keys.inputs("menopausal-status", "last-menstrual-period", *(name for name, _ in HORMONES))
    | keys.conditions(*FEMALE_CONDITIONS, "postmenopausal", "menopause-unclear", "premenopausal", "amenorrhea")
    | keys.conditions("history-tubal-ligation")
    | keys.procedures(*FEMALE_PROCEDURES, "ovarian-irradiation", "ovarian-ablation", "tubal-ligation")
)


class Suppressants(msgspec.Struct, frozen=True):
    """Drugs that stop menstruation without menopause: chemotherapy, tamoxifen, GnRH agonists."""

    ingredients: frozenset[str]


def sex(ev: Evaluation) -> tuple[Sex, str]:
    """Administrative gender, unless the record contradicts it; and why it is unclear."""
    person = ev.record.person
    if person.gender == "female":
        return "woman", ""
    if person.gender != "male":
        return "unclear", f"gender {person.gender}" if person.gender else "no gender recorded"
    if person.birth_sex == "female":
        return "unclear", "gender male, birth sex female"
    if any(
        m.fact.verification != "refuted" and ev.counts(m.fact.onset) for m in ev.record.diagnoses(FEMALE_CONDITIONS)
    ):
        return "unclear", "gender male, with a record of pregnancy, uterus or ovaries"
    if any(ev.counts(m.fact.start) for m in ev.record.operations(FEMALE_PROCEDURES)):
        return "unclear", "gender male, with a record of pregnancy, uterus or ovaries"
    for m in ev.record.measurements("pregnancy-status"):
        if m.standing == "sure" and "pregnant" in m.answers and ev.counts(m.span):
            return "unclear", "gender male, with a record of pregnancy, uterus or ovaries"
    return "man", ""


# -- menopause


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
    for side, operation in _one_sided(ev):
        sides.setdefault(side, cite(operation.ref, operation.end, operation.says))
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


def _one_sided(ev: Evaluation) -> Iterable[tuple[str, Operation]]:
    for match in ev.record.operations(("left-oophorectomy", "right-oophorectomy")):
        if match.standing == "sure" and match.fact.certain and ev.counts(match.fact.start):
            yield match.concept.partition("-")[0], match.fact
    for match in ev.record.operations(("oophorectomy",)):
        operation = match.fact
        if match.standing != "sure" or not operation.certain or not ev.counts(operation.start):
            continue
        for side in ("left", "right"):
            if operation.sites & {side, f"{side}-ovary", "bilateral", "both-ovaries"}:
                yield side, operation


def _by_age(ev: Evaluation, _: Suppressants) -> Menopause | None:
    old = ev.aged(MENOPAUSE_AGE)
    if old:
        return Menopause("post", f"age {MENOPAUSE_AGE} or over")
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
        return Menopause(
            "unknown", f"{doubtful[0].says}: {doubtful[0].why}", basis, tuple(doubtful), _hormone_needs(ev)
        )
    return None


def _explained(ev: Evaluation, date: Span | None, suppressants: Suppressants) -> str:
    """Why a coded menopause under 50 may be none: a drug of the year before it, or a birth date that does not tell."""
    if ev.aged(CODED_MENOPAUSE_AGE) is None and ev.record.person.birth is None:
        return "no birth date"
    for match in ev.record.exposures(suppressants.ingredients):
        if started(ev, match.fact) and not is_local(match.fact) and _in_year_before(ev, match.fact, date):
            return f"{match.fact.says} within the year before it"
    gap, _basis = gap_in_drugs(ev)
    return gap


def _in_year_before(ev: Evaluation, exposure: Exposure, date: Span | None) -> bool:
    """Whether a drug was or may have been taken in the 12 months before a date (at any time, where there is none)."""
    if date is None:
        return True
    last = last_day(ev, exposure)
    ongoing = exposure.course in ("active", "on-hold") and not exposure.end_told
    taken_until = ev.today if ongoing or last is None else last.last
    taken_from = exposure.start.first if exposure.start else 0
    return taken_from <= date.last and YEAR.reach(taken_until) >= date.first


def _hormone_needs(ev: Evaluation) -> tuple[Need, ...]:
    """The three hormones, which say something only beside a year without periods."""
    since, _ = _amenorrhoea_since(ev)
    names = [] if since is not None else ["last-menstrual-period"]
    return tuple(Need(name, "missing") for name in (*names, *(name for name, _ in HORMONES)))


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
    for match in ev.record.exposures(suppressants.ingredients):
        if started(ev, match.fact) and not is_local(match.fact) and _overlaps(ev, match.fact, since):
            why = f"amenorrhoea under {match.fact.says}"
            return Menopause(
                "unknown",
                why,
                "missing",
                (evidence, cite(match.fact.ref, match.fact.start, match.fact.says, False, "explains it")),
            )
    gap, _basis = gap_in_drugs(ev)
    if gap:
        return Menopause("unknown", f"amenorrhoea, but {gap}", "missing", (evidence,), _hormone_needs(ev))
    hormones = [_hormone(ev, name, label) for name, label in HORMONES]
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


def _overlaps(ev: Evaluation, exposure: Exposure, since: Span) -> bool:
    if exposure.course in ("active", "on-hold") and not exposure.end_told:
        return True
    last = last_day(ev, exposure)
    lasts = (exposure.depot_days or 84) if exposure.depot else 0
    return last is None or last.last + lasts >= since.first


def _hormone(ev: Evaluation, name: str, label: str) -> Finding:
    """Whether the newest result lies in the laboratory's own post-menopausal range."""
    chosen = select(ev, ev.record.measurements(name))
    window = Window(28, "days")
    if not chosen.candidates:
        return unknown("missing", f"no {label}", (), (Need(name, "missing"),))
    for m in chosen.candidates:
        if ev.within(m.span, window) is not True:
            return unknown(
                "stale",
                f"{label} on {m.span.text if m.span else 'no date'} is older than {window}",
                (cite_measurement(m, False, "stale"),),
                (Need(name, "stale", m.span.text if m.span else ""),),
            )
        inside = _in_range(m)
        if inside is None:
            why = m.why or m.problem or "no post-menopausal range with the result"
            return unknown(
                "unusable" if m.problem or m.why else "missing",
                f"{label} {m.said}: {why}",
                (cite_measurement(m, False, why),),
                (Need(name, "unusable"),),
            )
        if not inside:
            return failed(f"{label} {m.said} is outside the post-menopausal range", (cite_measurement(m),))
    return passed(
        f"{label} {chosen.candidates[0].said} in the post-menopausal range",
        tuple(cite_measurement(m) for m in chosen.candidates),
    )


def _in_range(m: Measurement) -> bool | None:
    if m.standing != "sure" or m.value is None or m.conflicting:
        return None
    ranges = [r for r in m.limits if r.meaning == "postmenopausal"]
    if not ranges:
        return None
    answers = {_between(m.value, r.low, r.high) for r in ranges}
    return answers.pop() if len(answers) == 1 else None


def _between(value: Interval, low: Decimal | None, high: Decimal | None) -> bool | None:
    above = True if low is None else at_least(value, low)
    below: bool | None = True
    if high is not None:
        over = less_than(value, high)
        below = over if over is True or value.exact is None else value.exact <= high
    if above is False or below is False:
        return False
    return True if above and below else None


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
        return MENOPAUSE_READS | keys.drugs(self.suppressants.ingredients)

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


# -- who a rule is for


class ForWomenRule(msgspec.Struct, frozen=True):
    """The inner rule for women; not applicable to men; unknown where the sex is unclear. `man` may hold a rule of its
    own for men, `child_bearing` narrows to women who may become pregnant."""

    rule: Rule
    man: Rule | None = None
    child_bearing: bool = False
    tubal_ligation: bool = False
    suppressants: Suppressants | None = None

    def outcomes(self) -> frozenset[Outcome]:
        return self.rule.outcomes() | (self.man.outcomes() if self.man else frozenset()) | {"pass", "unknown"}

    def judge(self, ev: Evaluation) -> Finding:
        whose, why = ev.shared(sex)
        if whose == "unclear":
            return self._unclear(ev, why)
        if whose == "man":
            return ev.find(self.man) if self.man is not None else not_applicable("a man")
        if self.child_bearing:
            bearing, reason, evidence = self._may_bear(ev)
            if not bearing:
                return not_applicable(reason, evidence)
        finding = ev.find(self.rule)
        return self._while_bearing(ev, finding) if self.child_bearing else finding

    def _unclear(self, ev: Evaluation, why: str) -> Finding:
        """Whose the rule is decides; it closes the trial only with what closes it for a woman."""
        told = "gender" if ev.record.person.gender != "male" else "sex"
        inner = ev.find(self.rule)
        closing: tuple[Way, ...] = (frozenset(),) if inner.outcome == "fail" else ()
        if inner.outcome == "unknown" and "fail" in self.rule.outcomes():
            closing = inner.all_closing()
        return Finding(
            "unknown", "missing", f"{why}: who this concerns is not clear", (), (Need(told, "missing"),),
            closing=tuple(way | {told} for way in closing),
        )  # fmt: skip

    def _while_bearing(self, ev: Evaluation, finding: Finding) -> Finding:
        """The inner finding, as long as she may bear children: no fail lasts, and the menopause settles it too."""
        if finding.outcome == "fail":
            return msgspec.structs.replace(finding, lasting=False)
        if finding.outcome != "unknown":
            return finding
        assert self.suppressants is not None
        state = ev.shared(menopause, self.suppressants)
        if state.state != "unknown" or not state.ways or not ev.aged(CODED_MENOPAUSE_AGE):
            return finding  # of a younger woman nobody would ask for the menopause first
        return msgspec.structs.replace(
            finding,
            needs=tuple(dict.fromkeys((*finding.needs, *state.needs))),
            ways=smallest((*finding.all_ways(), *state.ways)),
            closing=finding.all_closing() if "fail" in self.rule.outcomes() else (),
        )

    def reads(self) -> frozenset[str]:
        inner = [rule.reads() for rule in (self.rule, self.man) if rule is not None]
        own = [keys.drugs(self.suppressants.ingredients)] if self.child_bearing and self.suppressants else []
        return keys.together([MENOPAUSE_READS, *inner, *own])

    def _may_bear(self, ev: Evaluation) -> tuple[bool, str, tuple[Evidence, ...]]:
        assert self.suppressants is not None
        state = ev.shared(menopause, self.suppressants)
        if state.state == "post":
            return False, f"post-menopausal: {state.reason}", state.evidence
        concepts = ("hysterectomy", "tubal-ligation") if self.tubal_ligation else ("hysterectomy",)
        for match in ev.record.operations(concepts):
            operation = match.fact
            if match.standing == "sure" and operation.certain and ev.counts(operation.start):
                return False, operation.says, (cite(operation.ref, operation.end, operation.says),)
        for known in ev.record.diagnoses([f"history-{concept}" for concept in concepts]):
            diagnosis = known.fact
            sure = known.standing == "sure" and diagnosis.verification == "confirmed"
            if sure and ev.counts(diagnosis.onset):
                return False, diagnosis.says, (cite(diagnosis.ref, diagnosis.date, told(diagnosis)),)
        return True, "", ()


# -- pregnancy


class Word(msgspec.Struct):
    """One record that speaks of pregnancy: True pregnant, False not, None doubtful."""

    pregnant: bool | None
    span: Span | None
    evidence: Evidence
    basis: Basis = "recorded"
    condition: bool = False


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
    if doubt:
        return None, basis, doubt
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
    for m in tests(ev):
        if not ev.counts(m.span) or m.empty or m.provisional:
            continue
        says, basis, why = test_says(m)
        yield Word(says, m.span, cite_measurement(m, says is not None, why), basis)
    for m in ev.record.measurements("pregnancy-status"):
        if not ev.counts(m.span) or m.empty or m.provisional:
            continue
        yield _status_word(m, "pregnant", "not-pregnant")
    yield from _condition_words(ev, _PREGNANCY_WORDS)
    for match in ev.record.operations(("delivery",)):
        if match.standing == "sure" and match.fact.certain and ev.counts(match.fact.start):
            yield Word(False, match.fact.end, cite(match.fact.ref, match.fact.end, match.fact.says))


def _status_word(m: Measurement, yes: str, no: str) -> Word:
    doubt, basis = doubt_of(m.standing, m.why)
    said = {True for a in m.answers if a in (yes, "positive", "yes")} | {
        False for a in m.answers if a in (no, "negative", "no")
    }
    if doubt or len(said) != 1:
        return Word(
            None,
            m.span,
            cite_measurement(m, False, doubt or m.problem or "neither yes nor no"),
            basis if doubt else "unusable",
        )
    return Word(said.pop(), m.span, cite_measurement(m))


_PREGNANCY_WORDS: dict[str, bool | None] = {
    "pregnant": True, "pregnancy-unclear": None, "not-pregnant": False, "delivery": False,
}  # fmt: skip
_BREASTFEEDING_WORDS: dict[str, bool | None] = {
    "breastfeeding": True, "breastfeeding-unclear": None, "not-breastfeeding": False,
}  # fmt: skip


def _condition_words(ev: Evaluation, words: dict[str, bool | None]) -> Iterable[Word]:
    for match in ev.record.diagnoses(words):
        diagnosis = match.fact
        says = words[match.concept]
        if diagnosis.verification == "refuted" or not ev.counts(diagnosis.onset):
            continue
        doubt, basis = doubt_of(match.standing, match.why, diagnosis.verification == "provisional")
        there = has(ev, diagnosis)
        if says is not False and there is False:
            # a pregnancy that ended says so from its end on
            if diagnosis.abated is not None and says:
                yield Word(False, diagnosis.abated, cite(diagnosis.ref, diagnosis.abated, told(diagnosis)))
            elif says:
                yield Word(False, diagnosis.date, cite(diagnosis.ref, diagnosis.date, told(diagnosis)))
            continue
        if doubt or says is None or there is None:
            why = doubt or (
                "does not tell that she is pregnant now" if says is None else "whether it lasts is not told"
            )
            yield Word(
                None, diagnosis.date, cite(diagnosis.ref, diagnosis.date, told(diagnosis), False, why), basis, True
            )
        else:
            yield Word(says, diagnosis.date, cite(diagnosis.ref, diagnosis.date, told(diagnosis)), "recorded", says)


def _newest_word(
    ev: Evaluation, words: list[Word], what: str, types: tuple[str, ...], lasts: Window = PREGNANCY_LASTS
) -> State:
    """The newest of several words; one that began too long ago without an end is set aside, and said so."""
    aside: list[Evidence] = []
    standing: list[Word] = []
    for word in words:
        if word.pregnant is not False and word.span is not None and ev.within(word.span, lasts) is False:
            why = f"begun more than {lasts} ago without an end"
            aside.append(Evidence(word.evidence.reference, word.evidence.says, False, word.evidence.date, why))
        else:
            standing.append(word)
    dated = [w for w in standing if w.span is not None]
    pool = dated or standing
    latest = max((w.span.start for w in dated if w.span), default=None)
    newest = [w for w in pool if latest is None or (w.span is not None and w.span.end >= latest)]
    if not newest:
        gap = ev.record.unread(*types)
        if gap:
            return State("maybe", f"no record that she is {what}, but {gap}", "missing", tuple(aside))
        return State("silent", f"no record that she is {what}", "no-record", tuple(aside))
    return _agreed(newest, what, tuple(aside))


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
    """Whether she is breast-feeding: the newest word speaks, for a year."""
    words = [
        _status_word(m, "breastfeeding", "not-breastfeeding")
        for m in ev.record.measurements("breastfeeding-status")
        if ev.counts(m.span) and not m.empty and not m.provisional
    ]
    words += _condition_words(ev, _BREASTFEEDING_WORDS)
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
        listed = tuple(cite_measurement(m, False, m.why) for m in chosen.listed)
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
