"""A cancer and its spread: whether the patient has (or had) it, whether and since when it is metastatic.

Which codes belong to a cancer is data (`vocabulary.yaml`); the reading is here. Cancer is read as "ever": the primary
is often removed.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

from service.criteria import keys
from service.criteria.evaluation import Evaluation
from service.criteria.extent import by_stage
from service.criteria.facts import Diagnosis, Match, Measurement
from service.criteria.findings import Evidence, Finding, Need, cite, cite_measurement, failed, passed, review, unknown
from service.criteria.focus import is_about_another
from service.criteria.logic import TRUTH, Basis, Outcome
from service.criteria.overlap import latest_start
from service.criteria.signs import doubt_of, has, told
from service.criteria.spans import LONG_AGO, Span
from service.criteria.wording import listed

EARLY_STAGES = frozenset({"stage-0", "stage-1", "stage-2", "stage-3"})
NO_SPREAD = frozenset({"m0", "none"}) | EARLY_STAGES


class Cancer(msgspec.Struct, frozen=True):
    """Which concepts speak of one cancer. `distant` spread makes it metastatic, `unclear` alone does not tell,
    `regional` is no distant spread; `another` are other primaries. `own` says it now, `ever` with its history,
    `spreads` are all that say distant spread. `own_results` are inputs asked of this cancer alone: an answer to them
    names it."""

    name: str
    label: str
    diagnosis: frozenset[str]
    says_metastatic: frozenset[str] = frozenset()
    history: frozenset[str] = frozenset()
    distant: frozenset[str] = frozenset()
    regional: frozenset[str] = frozenset()
    unclear: frozenset[str] = frozenset()
    another: frozenset[str] = frozenset()
    distant_sites: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    ever: frozenset[str] = frozenset()
    spreads: frozenset[str] = frozenset()
    own_results: tuple[str, ...] = ()

    def reads(self) -> frozenset[str]:
        """Everything that speaks of the cancer and its spread."""
        concepts = (
            *self.diagnosis, *self.says_metastatic, *self.history, *self.distant, *self.regional, *self.unclear,
            *self.another,
        )  # fmt: skip
        return keys.conditions(*concepts) | keys.inputs("stage", "m-category", *self.own_results)


class Status(msgspec.Struct):
    """Whether something is so: yes, maybe (with a basis), no (recorded) or none (nothing found)."""

    state: Literal["yes", "maybe", "no", "none"]
    reason: str
    basis: Basis = "recorded"
    evidence: tuple[Evidence, ...] = ()
    lacks: str = ""


class Trace(msgspec.Struct, frozen=True, gc=False):
    """One piece of evidence for or against spread. `names` where it speaks of this very cancer, `result` of an
    Observation, `perhaps` where it tells of spread, but may not be relied on."""

    evidence: Evidence
    span: Span | None
    names: bool = False
    basis: Basis = "recorded"
    result: bool = False
    perhaps: bool = False


class Spread(msgspec.Struct):
    """Everything that speaks of spread. `since` is its earliest date, None where undated or not established."""

    status: Status
    since: Span | None = None


class _Traces(msgspec.Struct):
    sure: list[Trace] = msgspec.field(default_factory=list)
    maybe: list[Trace] = msgspec.field(default_factory=list)
    against: list[Trace] = msgspec.field(default_factory=list)
    aside: list[Evidence] = msgspec.field(default_factory=list)


def diagnosed(ev: Evaluation, cancer: Cancer) -> Status:
    """Whether the patient has or had the cancer."""
    sure: list[Evidence] = []
    maybe: list[tuple[Evidence, Basis]] = []
    refuted: list[Evidence] = []
    for match in ev.record.diagnoses(cancer.own):
        _weigh(ev, match, sure, maybe, refuted)
    past: list[Evidence] = []
    for match in ev.record.diagnoses(cancer.history):
        _weigh(ev, match, past, maybe, refuted)
    if sure:
        return Status("yes", f"{cancer.label}: {listed(sure)}", "recorded", tuple(sure))
    if past:
        return _from_history(ev, cancer, past)
    if maybe:
        evidence, basis = maybe[0]
        why = evidence.why if isinstance(evidence.why, str) else ""
        return Status(
            "maybe", f"{cancer.label} is not certain: {listed([evidence])} ({why})", basis, tuple(e for e, _ in maybe)
        )
    if gap := ev.record.unread("Condition"):
        return Status("maybe", f"no {cancer.label} found, but {gap}", "missing", tuple(refuted))
    if refuted:
        return Status("no", f"{cancer.label} refuted", "recorded", tuple(refuted))
    return Status("none", f"no {cancer.label} on record", "no-record")


def _from_history(ev: Evaluation, cancer: Cancer, past: list[Evidence]) -> Status:
    """A history of the cancer counts where there is evidence of spread: a removed primary is coded so."""
    traces = ev.shared(_traces, cancer)
    if traces.sure:
        spread = traces.sure[0].evidence
        return Status("yes", f"{cancer.label} by history, with {listed([spread])}", "recorded", (*past, spread))
    return Status("maybe", f"only a history of {cancer.label}", "missing", tuple(past))


def _weigh(
    ev: Evaluation,
    match: Match[Diagnosis],
    sure: list[Evidence],
    maybe: list[tuple[Evidence, Basis]],
    refuted: list[Evidence],
) -> None:
    diagnosis = match.fact
    if diagnosis.verification == "refuted":
        refuted.append(cite(diagnosis.ref, diagnosis.date, told(diagnosis), False, "refuted"))
        return
    if not ev.counts(diagnosis.onset):
        return
    doubt, basis = doubt_of(match.standing, match.why, diagnosis.verification == "provisional")
    if doubt:
        maybe.append((cite(diagnosis.ref, diagnosis.date, told(diagnosis), False, doubt), basis))
    else:
        sure.append(cite(diagnosis.ref, diagnosis.date, told(diagnosis)))


# -- spread


def _traces(ev: Evaluation, cancer: Cancer) -> _Traces:
    """All evidence for and against spread."""
    traces = _Traces()
    _conditions(ev, cancer, traces)
    _own_stages(ev, cancer, traces)
    for name in ("stage", "m-category", *cancer.own_results):
        for m in ev.record.measurements(name):
            _observation(ev, cancer, m, traces, name in cancer.own_results)
    return traces


def _conditions(ev: Evaluation, cancer: Cancer, traces: _Traces) -> None:
    for match in ev.record.diagnoses(cancer.spreads):
        diagnosis = match.fact
        if diagnosis.verification == "refuted" or not ev.counts(diagnosis.onset):
            continue
        doubt, basis = doubt_of(match.standing, match.why, diagnosis.verification == "provisional")
        own = match.concept in cancer.says_metastatic or _is_related(ev, cancer, diagnosis)
        if doubt:
            cited = cite(diagnosis.ref, diagnosis.date, told(diagnosis), False, doubt)
            traces.maybe.append(Trace(cited, diagnosis.date, own, basis, perhaps=True))
        else:
            traces.sure.append(Trace(cite(diagnosis.ref, diagnosis.date, told(diagnosis)), diagnosis.date, own))


def _is_related(ev: Evaluation, cancer: Cancer, diagnosis: Diagnosis) -> bool:
    """Whether a metastasis is said to come from this cancer."""
    if not diagnosis.related:
        return False
    return not ev.shared(_references, cancer).isdisjoint(diagnosis.related)


def _references(ev: Evaluation, cancer: Cancer) -> set[str]:
    """The Conditions that tell the cancer itself."""
    return {match.fact.ref for match in ev.record.diagnoses(cancer.diagnosis)}


def _own_stages(ev: Evaluation, cancer: Cancer, traces: _Traces) -> None:
    """Stages inside the cancer's own Condition; such a stage has its assessment's date, else none."""
    for match in ev.record.diagnoses(cancer.ever):
        diagnosis = match.fact
        if not diagnosis.stages or diagnosis.verification == "refuted" or not ev.counts(diagnosis.onset):
            continue
        doubt, basis = doubt_of(match.standing, match.why, diagnosis.verification == "provisional")
        for stage in diagnosis.stages:
            if not ev.counts(stage.date):
                continue
            said, why = f"stage of {diagnosis.says}: {stage.says}", doubt or stage.doubt
            cited = cite(diagnosis.ref, stage.date, said, not why, why)
            own = Trace(cited, stage.date, True, basis if doubt else "unusable")
            _sort(stage.answers, own, bool(why), traces)


def _observation(ev: Evaluation, cancer: Cancer, m: Measurement, traces: _Traces, of_cancer: bool = False) -> None:
    if not ev.counts(m.span) or m.empty:
        return
    own = bool(m.focus) and not m.focus.isdisjoint(cancer.ever)
    if is_about_another(m, cancer.ever, cancer.another):
        traces.aside.append(_cited(m, False, "about another cancer"))
        return
    own = own or (of_cancer and not m.focus)
    doubt, basis = doubt_of(m.standing, m.why, m.provisional)
    if not doubt and m.conflicting:
        doubt, basis = "two values that disagree", "conflict"
    if not doubt and m.problem:
        doubt, basis = m.problem, "unusable"
    answers = m.answers
    if not answers:
        if doubt and not m.provisional:
            traces.maybe.append(Trace(_cited(m, False, doubt), m.span, own, basis))
        return
    if answers & cancer.distant_sites:
        answers = frozenset({"m1"})
    _sort(answers, Trace(_cited(m, not doubt, doubt), m.span, own, basis, True), bool(doubt), traces)


def _cited(m: Measurement, used: bool, why: str = "") -> Evidence:
    """A result with what it is of, where it does not tell that itself: `stage IV`, `metastasis site none`."""
    cited, label = cite_measurement(m, used, why), m.name.replace("-", " ")
    if m.name == "m-category" or label in m.said.casefold():  # `M1` and the like speak for themselves
        return cited
    return msgspec.structs.replace(cited, says=f"{label} {m.said}")


def _sort(answers: frozenset[str], trace: Trace, doubtful: bool, traces: _Traces) -> None:
    spread = bool(answers & {"m1", "stage-4"})
    local = bool(answers & NO_SPREAD)
    if spread and local:
        why = trace.evidence.why or "it tells of spread and of none at once"
        cited = msgspec.structs.replace(trace.evidence, used=False, why=why)
        traces.maybe.append(msgspec.structs.replace(trace, basis="conflict", evidence=cited))
    elif spread:
        if doubtful:
            traces.maybe.append(msgspec.structs.replace(trace, perhaps=True))
        else:
            traces.sure.append(trace)
    elif local and not doubtful:
        traces.against.append(trace)


def spread_of(ev: Evaluation, cancer: Cancer) -> Spread:
    """Whether the cancer is metastatic, and since when. Asked only where the cancer itself is there."""
    traces = ev.shared(_traces, cancer)
    if traces.sure:
        since = _perhaps_earlier(_earliest(traces.sure), traces.maybe)
        shown = tuple([t.evidence for t in (*traces.sure, *traces.maybe)])
        doubt = _contradiction(ev, cancer, traces)
        if doubt is not None:
            return Spread(doubt, since)
        return Spread(Status("yes", _told(traces.sure, since), "recorded", (*shown, *traces.aside)), since)
    return Spread(_without_certain_spread(ev, cancer, traces))


def _told(traces: list[Trace], since: Span | None) -> str:
    """What tells of spread; since when, where several tell it."""
    first = "" if since is None or len(traces) == 1 else f" {'by' if since.open_start else 'since'} {since.text}"
    return f"metastatic{first}: {listed(t.evidence for t in traces)}"


def _earliest(traces: list[Trace]) -> Span | None:
    """The earliest date of the evidence: the true one lies no later than any of them."""
    spans = [t.span for t in traces if t.span is not None]
    if not spans:
        return None
    first = min(spans, key=lambda s: (s.first, s.start))
    last = min(spans, key=lambda s: (s.last, s.end))
    return Span(first.first, last.last, first.start, last.end, last.text if first.first == LONG_AGO else first.text)


def _perhaps_earlier(since: Span | None, maybe: list[Trace]) -> Span | None:
    """A metastasis that is not certain may have been the first: the day of spread is from then on."""
    first = min((t.span for t in maybe if t.perhaps and t.span is not None), key=lambda s: s.first, default=None)
    if since is None or first is None or since.first <= first.first:
        return since
    text = since.text if first.open_start else f"{since.text} or earlier"
    return Span(first.first, since.last, first.start, since.end, text)


def _contradiction(ev: Evaluation, cancer: Cancer, traces: _Traces) -> Status | None:
    """A later "no distant spread", or another active primary that the metastasis may come from."""
    if against := _denied_later(traces):
        both = (*(t.evidence for t in traces.sure), against.evidence)
        spread, none = listed([traces.sure[0].evidence]), listed([against.evidence])
        return Status("maybe", f"metastatic by {spread}, but no distant spread by {none}", "conflict", both)
    if any(t.names for t in traces.sure):
        return None
    own = {m.fact for m in ev.record.diagnoses(cancer.ever)}
    for match in ev.record.diagnoses(cancer.another):
        other = match.fact
        if other in own:  # a list of every malignancy holds this one too
            continue
        if other.verification != "refuted" and ev.counts(other.onset) and has(ev, other) is not False:
            evidence = (*(t.evidence for t in traces.sure), cite(other.ref, other.date, told(other)))
            reason = f"{listed([traces.sure[0].evidence])} may come from {other.says}"
            return Status("maybe", reason, "conflict", evidence, f"focus on the {cancer.name} cancer")
    return None


def _denied_later(traces: _Traces) -> Trace | None:
    """The first "no spread" from after all evidence of spread, or from its time as far as both are known. A result
    without a date is not taken for later; a Condition, which lasts, is."""
    if any(t.span is None and not t.result for t in traces.sure):
        return None
    dated = [t.span for t in traces.sure if t.span is not None]
    last = latest_start(dated)
    by_then = max((span.end for span in dated if span.open_start), default=None)
    for against in traces.against:
        negative = against.span
        if negative is None or (negative.open_start and dated):
            continue
        if last <= negative.end and (by_then is None or by_then < negative.start):
            return against
    return None


def _without_certain_spread(ev: Evaluation, cancer: Cancer, traces: _Traces) -> Status:
    if traces.maybe:
        best = traces.maybe[0]
        why = best.evidence.why if isinstance(best.evidence.why, str) else ""
        evidence = tuple(t.evidence for t in traces.maybe)
        return Status("maybe", f"spread is not certain: {listed([best.evidence])} ({why})", best.basis, evidence)
    unclear = list(_present(ev, cancer.unclear))
    if unclear:
        return Status("maybe", f"{listed(unclear)} alone does not tell distant spread", "unusable", tuple(unclear))
    shown = (*(t.evidence for t in traces.against), *traces.aside)
    if gap := ev.record.unread("Condition", "Observation"):
        return Status("maybe", f"no distant spread found, but {gap}", "missing", shown)
    if traces.against:
        return _early_only(ev, cancer, traces, shown)
    return Status(
        "none", "neither a metastasis nor a stage on record", "missing", (*_present(ev, cancer.regional), *shown)
    )


def _early_only(ev: Evaluation, cancer: Cancer, traces: _Traces, shown: tuple[Evidence, ...]) -> Status:
    again = [*recurrences(ev, cancer), *_told_again(ev, cancer)]
    if again:
        return Status(
            "maybe",
            f"no distant spread by {listed([traces.against[0].evidence])}, but again there: {listed(again)}",
            "missing",
            (*shown, *again),
        )
    return Status("no", f"no distant spread: {listed(t.evidence for t in traces.against)}", "recorded", shown)


def _present(ev: Evaluation, concepts: frozenset[str]) -> Iterable[Evidence]:
    for match in ev.record.diagnoses(concepts):
        if match.fact.verification != "refuted" and ev.counts(match.fact.onset):
            yield cite(match.fact.ref, match.fact.date, told(match.fact), False, "alone does not tell distant spread")


def recurrences(ev: Evaluation, cancer: Cancer, doubtful: bool = False) -> Iterable[Evidence]:
    """The cancer's Conditions that say recurrence or relapse; with `doubtful` also those that may be of it."""
    for match in ev.record.diagnoses(cancer.own):
        diagnosis = match.fact
        sure = match.standing == "sure" and diagnosis.verification == "confirmed"
        if (sure or doubtful) and diagnosis.status in ("recurrence", "relapse") and ev.counts(diagnosis.onset):
            yield cite(diagnosis.ref, diagnosis.date, told(diagnosis))


def _told_again(ev: Evaluation, cancer: Cancer) -> Iterable[Evidence]:
    """The cancer's Conditions of which only the words tell a recurrence."""
    for match in ev.record.diagnoses(cancer.own):
        diagnosis = match.fact
        if diagnosis.perhaps_again and diagnosis.verification != "refuted" and ev.counts(diagnosis.onset):
            yield cite(diagnosis.ref, diagnosis.date, told(diagnosis), False, "a recurrence told in words alone")


def metastatic_since(ev: Evaluation, cancer: Cancer) -> Span | None:
    """The day spread was first told; None where it is undated or not established."""
    if ev.shared(diagnosed, cancer).state != "yes":
        return None
    spread = ev.shared(spread_of, cancer)
    return spread.since if spread.status.state == "yes" else None


def why_no_day(ev: Evaluation, cancer: Cancer) -> str:
    """Why there is no day on which spread was first told: for a reader, of therapy that it would judge."""
    if ev.shared(diagnosed, cancer).state == "yes" and ev.shared(spread_of, cancer).status.state == "yes":
        return "the day of metastasis is not known"
    return "no metastasis is established"


class CancerRule(msgspec.Struct, frozen=True):
    """Passes where the patient has the cancer and its extent is one of those accepted: metastatic, recurrent.

    `stage_3` says what a stage III without spread is: fail, or review where the trial takes what cannot be resected.
    `or_stage` are stages that are accepted without spread.
    """

    cancer: Cancer
    recurrent: bool = False
    stage_3: Literal["fail", "review"] = "fail"
    or_stage: frozenset[str] = frozenset()

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH | {"review"} if self.stage_3 == "review" else TRUTH

    def judge(self, ev: Evaluation) -> Finding:
        status = ev.shared(diagnosed, self.cancer)
        needs = (Need(f"{self.cancer.name}-cancer", "missing"),)
        if status.state == "none":
            return failed(status.reason, status.evidence, "no-record")
        if status.state == "no":
            return failed(status.reason, status.evidence)
        extent = self._extent(ev)
        if status.state == "maybe":
            again = (*recurrences(ev, self.cancer, doubtful=True), *_told_again(ev, self.cancer))
            if extent.outcome == "fail" and not again:
                return msgspec.structs.replace(
                    extent,
                    reason=f"{extent.reason}; {status.reason}",
                    evidence=_unique(extent.evidence, status.evidence),
                )
            return unknown(status.basis, status.reason, (*status.evidence, *extent.evidence), needs)
        reason = f"{status.reason}; {extent.reason}"
        return msgspec.structs.replace(extent, reason=reason, evidence=_unique(status.evidence, extent.evidence))

    def reads(self) -> frozenset[str]:
        return self.cancer.reads()

    def anchor(self) -> frozenset[str]:
        return keys.conditions(*self.cancer.ever)

    def _extent(self, ev: Evaluation) -> Finding:
        spread = ev.shared(spread_of, self.cancer).status
        if spread.state == "yes":
            return passed(spread.reason, spread.evidence)
        again = tuple(recurrences(ev, self.cancer))
        if self.recurrent and again:
            return passed(f"recurrent: {listed(again)}", again)
        if self.or_stage and (found := by_stage(ev, self.cancer.ever, self.or_stage)) is not None:
            return found
        need = (Need("metastasis", "conflict" if spread.basis == "conflict" else "missing", lacks=spread.lacks),)
        if spread.state != "no":
            return unknown(spread.basis, spread.reason, spread.evidence, need)
        if self.stage_3 == "review" and self._is_stage_3(ev):
            reason = f"{spread.reason}; a person judges whether it can be removed or irradiated with curative intent"
            return review(reason, spread.evidence)
        return failed(spread.reason, spread.evidence)

    def _is_stage_3(self, ev: Evaluation) -> bool:
        stages = [m.answers for m in ev.record.measurements("stage") if m.standing == "sure" and ev.counts(m.span)]
        stages += [s.answers for m in ev.record.diagnoses(self.cancer.ever) for s in m.fact.stages]
        return any("stage-3" in answers for answers in stages)


def _unique(*groups: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys([e for group in groups for e in group]))
