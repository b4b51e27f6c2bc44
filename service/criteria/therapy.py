"""Anticancer therapy over time: since the metastasis, in lines, within a washout, as induction."""

from collections.abc import Iterable
from itertools import permutations
from typing import Literal

import msgspec

from service.criteria import keys
from service.criteria.cancer import Cancer, metastatic_since
from service.criteria.drugs import (
    Drugs,
    Nameless,
    cite_exposure,
    depot_active,
    gap_in_drugs,
    is_active,
    is_local,
    last_day,
    started,
    told_by_doses_only,
)
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Exposure, Match, Measurement
from service.criteria.findings import (
    Evidence,
    Finding,
    Need,
    Sighting,
    cite,
    cite_measurement,
    failed,
    lasting,
    passed,
    review,
    unknown,
)
from service.criteria.logic import TRUTH, Basis, Outcome
from service.criteria.nameless import Event, events
from service.criteria.newest import select
from service.criteria.reproduction import sex
from service.criteria.signs import ProcedureSign, doubt_of, has, told
from service.criteria.spans import FOREVER, LONG_AGO, Span, Window, of_days
from service.criteria.wording import listed

# More starts than this are not tried in every order: whether they make too many lines is then not known.
MAX_STARTS = 40


class Therapy(msgspec.Struct, frozen=True):
    """What counts as a kind of anticancer therapy.

    `for_men` counts in men only (GnRH agonists), `other_uses` only where a cancer is the recorded reason: by any route,
    or by the routes given; `everything` are all the drugs. `conditions` say that some of it is active, `nameless` that
    some was given, without a name.
    """

    drugs: Drugs
    for_men: frozenset[str] = frozenset()
    endocrine: frozenset[str] = frozenset()
    other_uses: tuple[tuple[str, frozenset[str]], ...] = ()
    conditions: tuple[str, ...] = ()
    nameless: tuple[Nameless, ...] = ()
    everything: frozenset[str] = frozenset()

    def reads(self) -> frozenset[str]:
        """Everything that tells of the therapy; who the patient is, where that decides what counts."""
        told = keys.together(kind.reads() for kind in self.nameless)
        return keys.drugs(self.everything) | keys.conditions(*self.conditions) | told


class Course(msgspec.Struct, frozen=True):
    """One record of therapy: whether it counts (None: perhaps, with the reason why), and the exposure."""

    exposure: Exposure
    counts: bool | None
    why: str = ""
    basis: Basis = "missing"


def courses(ev: Evaluation, therapy: Therapy) -> list[Course]:
    """Every drug record that is or may be of the therapy."""
    found = []
    for match in ev.record.exposures(therapy.everything):
        if started(ev, match.fact):
            course = _weigh(ev, therapy, match)
            if course.counts is not False:
                found.append(course)
    return found


def _weigh(ev: Evaluation, therapy: Therapy, match: Match[Exposure]) -> Course:
    exposure = match.fact
    names = exposure.ingredients | exposure.possible
    if is_local(exposure):
        return Course(exposure, False)
    if exposure.reason == "other" or (exposure.reason == "fertility" and names & therapy.endocrine):
        return Course(exposure, False)
    if names & therapy.everything <= therapy.for_men and ev.shared(sex)[0] == "woman":
        return Course(exposure, False)
    if match.standing != "sure":
        basis: Basis = "missing" if match.standing == "provisional" else "unusable"
        return Course(exposure, None, match.why or "not certain", basis)
    own = exposure.ingredients & therapy.everything
    if own <= therapy.for_men:
        whose, why = ev.shared(sex)
        return Course(exposure, True if whose == "man" else None, why)
    if exposure.reason != "cancer" and all(_has_other_use(therapy, name, exposure) for name in own):
        return Course(exposure, None, "also used for other diseases, and no reason is recorded")
    return Course(exposure, True)


def _has_other_use(therapy: Therapy, ingredient: str, exposure: Exposure) -> bool:
    for name, forms in therapy.other_uses:
        if name == ingredient:
            return not forms or exposure.form in forms
    return False


def coded_therapy(ev: Evaluation, therapy: Therapy) -> Iterable[tuple[Evidence, bool | None, Span | None]]:
    """Diagnoses that say the therapy is going on (long-term use of …), and whether they are sure."""
    for match in ev.record.diagnoses(therapy.conditions):
        diagnosis = match.fact
        if diagnosis.verification == "refuted" or not ev.counts(diagnosis.onset):
            continue
        doubt, _basis = doubt_of(match.standing, match.why, diagnosis.verification == "provisional")
        there = has(ev, diagnosis)
        if there is not False:
            sure = True if there and not doubt else None
            yield cite(diagnosis.ref, diagnosis.date, told(diagnosis), bool(sure), doubt), sure, diagnosis.date


class _Weighed(msgspec.Struct):
    """What several records say together: the worst decides."""

    against: list[Evidence] = msgspec.field(default_factory=list)
    doubtful: list[tuple[Evidence, Basis]] = msgspec.field(default_factory=list)
    judged: list[Evidence] = msgspec.field(default_factory=list)
    harmless: list[Evidence] = msgspec.field(default_factory=list)

    def finding(
        self, ev: Evaluation, what: str, need: Need, types: tuple[str, ...] = (), earlier: Basis = "no-record"
    ) -> Finding:
        """The outcome. `earlier` is the basis of a pass beside harmless records: a washout is asked about what was
        given, so they answer it; "none now" and "none since" still rest on silence."""
        evidence = (*self.against, *(e for e, _ in self.doubtful), *self.judged, *self.harmless)
        if self.against:
            return failed(f"{what}: {listed(self.against)}", evidence)
        if self.doubtful:
            first, basis = self.doubtful[0]
            why = first.why if isinstance(first.why, str) else "not certain"
            return unknown(basis, f"{what}? {first.says}: {why}", evidence, (need,))
        gap, basis = gap_in_drugs(ev)
        gap = gap or (ev.record.unread(*types) if types else "")
        if gap:
            return unknown(basis, f"no {what} found, but {gap}", evidence, (need,))
        if self.judged:
            return review(f"{listed(self.judged)}: a person judges", evidence)
        if self.harmless:
            return passed(f"no {what}; earlier: {listed(self.harmless)}", evidence, earlier)
        return passed(f"no record of {what}", evidence, "no-record")


# -- since the metastasis


class NoTherapySinceRule(msgspec.Struct, frozen=True):
    """Fails where therapy started on or after the day of metastasis; in doubt where an earlier one was still given
    `grace` later. Local treatment since then is for a person to judge."""

    cancer: Cancer
    therapy: Therapy
    grace: Window
    local: tuple[ProcedureSign, ...] = ()

    def reads(self) -> frozenset[str]:
        # without any therapy the day of metastasis does not matter
        return keys.together([self.therapy.reads(), *(sign.reads() for sign in self.local)])

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH | {"review"} if self.local else TRUTH

    def judge(self, ev: Evaluation) -> Finding:
        since = metastatic_since(ev, self.cancer)
        weighed = _Weighed()
        for course in courses(ev, self.therapy):
            self._course(ev, course, since, weighed)
        for cited, sure, span in coded_therapy(ev, self.therapy):
            self._coded(cited, sure, span, since, weighed)
        for event in events(ev, self.therapy.nameless):
            self._nameless(event, since, weighed)
        for sign in self.local:
            self._local(ev, sign, since, weighed)
        what = f"{self.therapy.drugs.label} since the metastasis"
        need = _day_or(since, weighed, self.therapy.drugs.input)
        finding = weighed.finding(ev, what, need, ("Procedure",) if self.local else ())
        return lasting(finding)

    def _course(self, ev: Evaluation, course: Course, since: Span | None, weighed: _Weighed) -> None:
        exposure = course.exposure
        if since is None:
            weighed.doubtful.append((_because(exposure, "the day of metastasis is not known"), "missing"))
            return
        if exposure.start is None:
            weighed.doubtful.append((_because(exposure, "its start is not told"), "missing"))
            return
        after = _on_or_after(exposure.start, since)
        if after is True:
            if course.counts:
                weighed.against.append(cite_exposure(exposure))
            else:
                weighed.doubtful.append((_because(exposure, course.why), course.basis))
        elif after is None:
            weighed.doubtful.append((_because(exposure, "before or after the metastasis"), "missing"))
        else:
            self._earlier(ev, course, since, weighed)

    def _earlier(self, ev: Evaluation, course: Course, since: Span, weighed: _Weighed) -> None:
        """Started before: harmless, unless it was or may have been given long after."""
        exposure = course.exposure
        limit = self.grace.reach(since.first)
        ongoing = exposure.course in ("active", "on-hold") and not exposure.end_told
        last = of_days(ev.today, ev.today, "now") if ongoing else last_day(ev, exposure)
        if last is not None and last.last < limit:
            if ongoing:
                ev.may_change_on(limit)
            weighed.harmless.append(cite_exposure(exposure))
        else:
            why = f"started before the metastasis and may have been given {self.grace} after it"
            weighed.doubtful.append((_because(exposure, why), "missing" if course.counts else course.basis))

    def _coded(
        self, cited: Evidence, sure: bool | None, span: Span | None, since: Span | None, weighed: _Weighed
    ) -> None:
        after = _on_or_after(span, since) if span is not None and since is not None else None
        if after is True and sure:
            weighed.against.append(cited)
        else:
            why = "therapy coded as a diagnosis; when it started is not told"
            weighed.doubtful.append((Evidence(cited.reference, cited.says, False, cited.date, why), "missing"))

    def _nameless(self, event: Event, since: Span | None, weighed: _Weighed) -> None:
        if since is not None and event.span is not None and event.span.last < since.first:
            weighed.harmless.append(event.cite(used=True))
        elif event.counts and since is not None and event.start is not None and _on_or_after(event.start, since):
            weighed.against.append(event.cite(used=True))
        else:
            weighed.doubtful.append((event.cite(), "missing"))

    def _local(self, ev: Evaluation, sign: ProcedureSign, since: Span | None, weighed: _Weighed) -> None:
        for match in ev.record.operations(sign.concepts):
            operation = match.fact
            if not ev.counts(operation.start):
                continue
            after = None if since is None or operation.end is None else _on_or_after(operation.end, since)
            if after is False:
                continue
            if after and match.standing == "sure" and operation.certain:
                weighed.judged.append(cite(operation.ref, operation.end, operation.says))
            else:
                why = match.why or operation.why or "before or after the metastasis"
                weighed.doubtful.append((cite(operation.ref, operation.end, operation.says, False, why), "missing"))


def _day_or(since: Span | None, weighed: _Weighed, therapy: str) -> Need:
    """What is missing of therapy that is on record: the day of metastasis where it is not known, else the therapy."""
    return Need("metastasis" if since is None and weighed.doubtful else therapy, "missing")


def _because(exposure: Exposure, why: str) -> Evidence:
    return cite_exposure(exposure, False, why)


def _on_or_after(start: Span, since: Span) -> bool | None:
    """Whether something started on or after a day that is itself a span."""
    if start.first >= since.last:
        return True
    if start.last < since.first:
        return False
    return None


# -- washout


class WashoutRule(msgspec.Struct, frozen=True):
    """Fails while therapy is going on or ended within the window; `procedures` (radiotherapy) count by their end."""

    therapy: Therapy
    window: Window
    procedures: tuple[ProcedureSign, ...] = ()

    def reads(self) -> frozenset[str]:
        return keys.together([self.therapy.reads(), *(sign.reads() for sign in self.procedures)])

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH

    def judge(self, ev: Evaluation) -> Finding:
        weighed = _Weighed()
        for course in courses(ev, self.therapy):
            self._course(ev, course, weighed)
        for cited, sure, _span in coded_therapy(ev, self.therapy):
            (weighed.against.append(cited) if sure else weighed.doubtful.append((cited, "missing")))
        for event in events(ev, self.therapy.nameless):
            recent = ev.within(event.span, self.window)
            if recent is False and event.now is False:
                weighed.harmless.append(event.cite(used=True))
            elif event.counts and (recent or event.now):
                weighed.against.append(event.cite(used=True))
            else:
                weighed.doubtful.append((event.cite(), "missing"))
        for sign in self.procedures:
            self._procedures(ev.see(sign), weighed)
        what = f"{self.therapy.drugs.label}{' or radiotherapy' if self.procedures else ''} now or within {self.window}"
        need = Need(self.therapy.drugs.input, "missing")
        return weighed.finding(ev, what, need, ("Procedure",) if self.procedures else (), "recorded")

    def _course(self, ev: Evaluation, course: Course, weighed: _Weighed) -> None:
        exposure = course.exposure
        active = is_active(ev, exposure, told_by_doses_only(ev, exposure))
        recent = ev.within(last_day(ev, exposure), self.window) if exposure.course != "on-hold" else None
        if active is False and recent is False and not exposure.broken:
            weighed.harmless.append(cite_exposure(exposure))
        elif course.counts and (active or recent):
            weighed.against.append(cite_exposure(exposure))
        else:
            why = course.why or (
                "whether it is still given is not told" if active is None else "when it ended is not told"
            )
            weighed.doubtful.append((_because(exposure, why), course.basis if course.counts is None else "missing"))

    def _procedures(self, sighting: Sighting, weighed: _Weighed) -> None:
        used = [e for e in sighting.evidence if e.used]
        if sighting.state == "found":
            weighed.against += used
        elif sighting.state == "maybe" and sighting.evidence:
            weighed.doubtful += [(e, sighting.basis) for e in sighting.evidence if not e.used][:1]
        else:
            weighed.harmless += sighting.evidence


class EarlierWashoutRule(msgspec.Struct, frozen=True):
    """Drugs given before the metastasis: the last dose lies more than the window before the as-of date, by the whole
    interval in which it can lie."""

    cancer: Cancer
    drugs: Drugs
    window: Window

    def reads(self) -> frozenset[str]:
        return self.drugs.reads()

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH

    def judge(self, ev: Evaluation) -> Finding:
        since = metastatic_since(ev, self.cancer)
        weighed = _Weighed()
        for match in ev.record.exposures(self.drugs.ingredients):
            if started(ev, match.fact) and not is_local(match.fact):
                self._weigh(ev, match, since, weighed)
        for event in events(ev, self.drugs.nameless):
            later = since is not None and event.start is not None and _on_or_after(event.start, since)
            if not later and ev.within(event.span, self.window) is not False:
                weighed.doubtful.append((event.cite(), "missing"))
        what = f"{self.drugs.label} before the metastasis, ended within {self.window}"
        return weighed.finding(ev, what, _day_or(since, weighed, self.drugs.input), earlier="recorded")

    def _weigh(self, ev: Evaluation, match: Match[Exposure], since: Span | None, weighed: _Weighed) -> None:
        exposure = match.fact
        if since is None:
            weighed.doubtful.append((_because(exposure, "the day of metastasis is not known"), "missing"))
            return
        before = None if exposure.start is None else _on_or_after(exposure.start, since)
        if before is True:
            return  # given for the metastatic disease: another criterion's matter
        recent = self._recent(ev, exposure)
        if recent is False and not exposure.broken:
            weighed.harmless.append(cite_exposure(exposure))
        elif recent is True and before is False and match.standing == "sure":
            weighed.against.append(cite_exposure(exposure))
        else:
            why = match.why or (
                "when it was last given is not settled" if recent is None else "before or after the metastasis"
            )
            weighed.doubtful.append(
                (_because(exposure, why), "missing" if match.standing in ("sure", "provisional") else "unusable")
            )

    def _recent(self, ev: Evaluation, exposure: Exposure) -> bool | None:
        if exposure.course == "on-hold":
            return None
        if exposure.course != "point" and is_active(ev, exposure):
            return True
        return ev.within(last_day(ev, exposure), self.window)


# -- lines of therapy


class LinesRule(msgspec.Struct, frozen=True):
    """At most so many lines since the metastasis: days on which a drug starts that was not taken in the `new_after`
    before, starts within `together` being one."""

    cancer: Cancer
    therapy: Therapy
    at_most: int
    new_after: Window
    together: Window

    def reads(self) -> frozenset[str]:
        return self.cancer.reads() | self.therapy.reads()

    def outcomes(self) -> frozenset[Outcome]:
        return frozenset({"pass", "unknown"})

    def judge(self, ev: Evaluation) -> Finding:
        since = metastatic_since(ev, self.cancer)
        need = (Need(self.therapy.drugs.input, "missing"),)
        found = courses(ev, self.therapy)
        coded = list(coded_therapy(ev, self.therapy))
        mentioned = list(events(ev, self.therapy.nameless))
        if since is None:
            return self._undated(ev, found, coded, mentioned)
        new, doubtful = self._new(ev, found, since)
        for cited, sure, span in coded:
            after = None if span is None else _on_or_after(span, since)
            if sure and span is not None and after is not False:
                new.append((max(span.first, since.first), span.last, cited))
            elif after is not False:
                doubtful.append(cited)
        doubtful += [e.cite() for e in mentioned if e.span is None or not e.span.last < since.first]
        evidence = tuple(cited for _, _, cited in sorted(new, key=lambda start: start[:2]))
        lines = self._lines(sorted(first for first, _, _ in new))
        said = f"{_lines_said(len(lines))} of therapy since {since.text}, at most {self.at_most} asked for"
        if len(lines) > self.at_most:
            # what counts as a line is the investigator's word: a maintenance or a switch for toxicity is none
            return unknown("missing", said, evidence, need)
        if self._may_exceed([(first, last) for first, last, _ in new]):
            return unknown(
                "missing", f"{said}; but there may be more: not every start has a certain day", evidence, need
            )
        if doubtful:
            shown = (*evidence, *doubtful)
            return unknown("missing", f"{said}; but some therapy has no certain name or date", shown, need)
        gap, basis = gap_in_drugs(ev)
        if gap:
            return unknown(basis, f"{said}, but {gap}", evidence, need)
        return passed(said, evidence, "recorded" if evidence else "no-record")

    def _undated(
        self,
        ev: Evaluation,
        found: list[Course],
        coded: list[tuple[Evidence, bool | None, Span | None]],
        mentioned: list[Event],
    ) -> Finding:
        """The day of metastasis is not known: that matters only where there is some therapy."""
        need = (Need(self.therapy.drugs.input, "missing"),)
        why = "the day of metastasis is not known"
        if found or coded or mentioned:
            shown = (
                *(_because(c.exposure, why) for c in found),
                *(cited for cited, _, _ in coded),
                *(e.cite() for e in mentioned),
            )
            return unknown("missing", f"{why}, so lines cannot be counted", shown, (Need("metastasis", "missing"),))
        label = self.therapy.drugs.label
        gap, basis = gap_in_drugs(ev)
        if gap:
            return unknown(basis, f"no {label} found, but {gap}", (), need)
        return passed(f"no record of {label}", (), "no-record")

    def _new(
        self, ev: Evaluation, found: list[Course], since: Span
    ) -> tuple[list[tuple[int, int, Evidence]], list[Evidence]]:
        """The first and last day on which each new drug may have begun since the metastasis, and what is in doubt."""
        starts: list[tuple[int, int, Evidence]] = []
        doubtful: list[Evidence] = []
        taken = [c.exposure for c in found if c.counts and c.exposure.start is not None]
        for course in found:
            start = course.exposure.start
            if start is not None and _on_or_after(start, since) is False:
                continue
            if course.counts is None or start is None:
                doubtful.append(_because(course.exposure, course.why or "its start is not told"))
                continue
            names = course.exposure.ingredients & self.therapy.everything
            if any(not self._taken_before(ev, name, start, taken) for name in names):
                starts.append((max(start.first, since.first), start.last, cite_exposure(course.exposure)))
        return starts, doubtful

    def _taken_before(self, ev: Evaluation, ingredient: str, start: Span, exposures: list[Exposure]) -> bool:
        """Whether a drug was certainly taken shortly before, on whatever day it was started."""
        for other in exposures:
            if ingredient not in other.ingredients or other.start is None or other.start.last >= start.first:
                continue
            ongoing = other.course in ("active", "on-hold") and not other.end_told
            last = last_day(ev, other)
            until = FOREVER if ongoing or last is None else max(last.first, other.start.first)
            if until >= start.last or self.new_after.reach(until) >= start.last:
                return True
        return False

    def _lines(self, days: list[int]) -> list[int]:
        lines: list[int] = []
        for day in days:
            if not lines or day > self.together.reach(lines[-1]):
                lines.append(day)
        return lines

    def _may_exceed(self, starts: list[tuple[int, int]]) -> bool:
        """Whether some starts, each on a day on which it may have been, are too many lines apart from each other."""
        certain = {start for start in starts if start[0] == start[1]}
        open_starts = [start for start in starts if start[0] != start[1]]
        if not open_starts:
            return False  # then the lines counted are all there are
        if len(certain) + len(open_starts) > MAX_STARTS:
            return True
        return any(self._fit(chosen) for chosen in permutations([*certain, *open_starts], self.at_most + 1))

    def _fit(self, starts: tuple[tuple[int, int], ...]) -> bool:
        day = LONG_AGO
        for first, last in starts:
            day = max(first, self.together.reach(day) + 1)
            if day > last:
                return False
        return True


def _lines_said(number: int) -> str:
    return f"{number} line{'' if number == 1 else 's'}"


# -- induction and what came after


class Induction(msgspec.Struct, frozen=True):
    """Therapy of each of several kinds, all given on or after the day of metastasis."""

    cancer: Cancer
    groups: tuple[Therapy, ...]

    def reads(self) -> frozenset[str]:
        return keys.together([self.cancer.reads(), *(group.reads() for group in self.groups)])


class Given(msgspec.Struct):
    """The records of one kind of therapy that were, or may have been, given as induction."""

    therapy: Therapy
    sure: list[Exposure] = msgspec.field(default_factory=list)
    maybe: list[tuple[Exposure, str]] = msgspec.field(default_factory=list)


def induction_start(ev: Evaluation, induction: Induction) -> tuple[Span | None, list[Given]]:
    """The first day of the induction, None where a kind is missing, and what was given of each kind."""
    since = metastatic_since(ev, induction.cancer)
    out: list[Given] = []
    for therapy in induction.groups:
        given = Given(therapy)
        for course in courses(ev, therapy):
            then = None if since is None else _given_since(ev, course.exposure, since)
            if then and course.counts:
                given.sure.append(course.exposure)
            elif then is not False:
                given.maybe.append((course.exposure, course.why or "its date does not tell"))
        out.append(given)
    if since is None or any(not given.sure for given in out):
        return None, out
    firsts = [e.start for given in out for e in given.sure if e.start is not None]
    later = [s if s.first >= since.first else since for s in firsts]
    return (min(later, key=lambda s: s.start) if later else None), out


def _given_since(ev: Evaluation, exposure: Exposure, since: Span) -> bool | None:
    """Whether a drug was given on or after a day, started then or still being given."""
    if exposure.start is not None and _on_or_after(exposure.start, since) is True:
        return True
    ongoing = exposure.course in ("active", "on-hold") and not exposure.end_told
    last = of_days(ev.today, ev.today, "now") if ongoing else last_day(ev, exposure)
    if last is None:
        return None
    if last.first >= since.last:
        return True
    return False if last.last < since.first else None


class InductionRule(msgspec.Struct, frozen=True):
    """Passes where at least one drug of each group was given on or after the day of metastasis."""

    induction: Induction

    def reads(self) -> frozenset[str]:
        return self.induction.reads()

    def outcomes(self) -> frozenset[Outcome]:
        return frozenset({"pass", "unknown"})

    def judge(self, ev: Evaluation) -> Finding:
        _, groups = ev.shared(induction_start, self.induction)
        evidence = tuple(dict.fromkeys(cite_exposure(e) for given in groups for e in given.sure))
        missing = [given for given in groups if not given.sure]
        if not missing:
            said = "; ".join(
                f"{g.therapy.drugs.label}: {', '.join(dict.fromkeys(e.says for e in g.sure))}" for g in groups
            )
            return passed(f"given since the metastasis: {said}", evidence)
        possible = tuple(dict.fromkeys(_because(e, why) for given in groups for e, why in given.maybe))
        undated = metastatic_since(ev, self.induction.cancer) is None
        if undated:
            reason = "the day of metastasis is not known"
        else:
            reason = (
                f"no {' and no '.join(g.therapy.drugs.label for g in missing)} certainly given since the metastasis"
            )
        gap, _basis = gap_in_drugs(ev)
        reason += f"; {gap}" if gap else ""
        return unknown("missing", reason, (*evidence, *possible), _induction_needs(groups, undated))


def _induction_needs(groups: list[Given], undated: bool) -> tuple[Need, ...]:
    """What is missing of an induction: the day of metastasis, and the kinds of which nothing was given."""
    lacking = [g for g in groups if not g.sure and not (undated and g.maybe)]
    names = (*(["metastasis"] if undated else []), *(g.therapy.drugs.input for g in lacking))
    return tuple(Need(name, "missing") for name in names)


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
            first = _induction_needs(groups, metastatic_since(ev, self.induction.cancer) is None)
            everything = (frozenset(n.input for n in (*first, *need)),)
            reason = "the first day of the induction is not known"
            return Finding("unknown", "missing", reason, (), (*first, *need), everything, closing=everything)
        after = [
            m
            for m in ev.record.measurements(self.input)
            if self._after(m, start) and not _other_cancer(m, self.induction.cancer)
        ]
        chosen = select(ev, after)
        if not chosen.candidates:
            gap = ev.record.unread("Observation")
            reason = f"no disease status after {start.text}" + (f"; {gap}" if gap else "")
            return unknown("missing", reason, tuple(_status_evidence(m, False, m.why) for m in chosen.listed), need)
        return self._weigh(ev, chosen.candidates, after, need)

    def _weigh(
        self, ev: Evaluation, newest: list[Measurement], after: list[Measurement], need: tuple[Need, ...]
    ) -> Finding:
        said = {_progress(m) for m in newest}
        shown = tuple(_status_evidence(m) for m in newest)
        reason = "; ".join(f"{m.said} on {m.span.text}" for m in newest if m.span)
        if len(said) > 1:
            basis: Basis = "conflict" if {"progressive", "not-progressive"} <= said else "unusable"
            return unknown(basis, f"disease status not certain: {reason}", shown, need)
        word = said.pop()
        if word == "progressive":
            return failed(f"progressive disease: {reason}", shown)
        if word != "not-progressive":
            doubt = newest[0].why or newest[0].problem or "undetermined"
            return unknown(
                "unusable" if newest[0].why or newest[0].problem else "missing",
                f"disease status {reason}: {doubt}",
                shown,
                need,
            )
        earlier = [m for m in after if m.standing == "sure" and ev.counts(m.span) and _progress(m) == "progressive"]
        if earlier:
            both = (*shown, *(_status_evidence(m) for m in earlier))
            return unknown(
                "conflict", f"{reason}, but progressive disease before, after the induction began", both, need
            )
        return passed(f"no progression: {reason}", shown)

    @staticmethod
    def _after(m: Measurement, start: Span) -> bool:
        span = m.span
        return span is not None and not span.open_start and span.first > start.last


def _other_cancer(m: Measurement, cancer: Cancer) -> bool:
    focus = m.focus
    own = not focus.isdisjoint(cancer.ever) or not focus.isdisjoint(cancer.distant)
    return bool(focus) and not own and not focus.isdisjoint(cancer.another)


def _progress(m: Measurement) -> str:
    answers = m.answers
    if m.standing != "sure" or m.problem or m.conflicting:
        return "unclear"
    if "progressive" in answers:
        return "progressive"
    return "not-progressive" if answers & {"stable", "improved", "remission", "negative", "none"} else "undetermined"


def _status_evidence(m: Measurement, used: bool = True, why: str = "") -> Evidence:
    return cite_measurement(m, used, why)


# -- now


class NoDrugNowRule(msgspec.Struct, frozen=True):
    """Review where therapy is being taken now: what would have to stop."""

    therapy: Therapy
    outcome: Literal["review", "fail"] = "review"

    def reads(self) -> frozenset[str]:
        return self.therapy.reads()

    def outcomes(self) -> frozenset[Outcome]:
        return frozenset({"pass", "unknown", self.outcome})

    def judge(self, ev: Evaluation) -> Finding:
        weighed = _Weighed()
        now: list[Evidence] = []
        for course in courses(ev, self.therapy):
            exposure = course.exposure
            active = _active(ev, exposure)
            if active is False and not exposure.broken:
                weighed.harmless.append(cite_exposure(exposure, False, "not now"))
            elif active and course.counts:
                now.append(cite_exposure(exposure))
            else:
                why = course.why or "whether it is still taken is not told"
                weighed.doubtful.append((_because(exposure, why), course.basis if course.counts is None else "missing"))
        for cited, sure, _span in coded_therapy(ev, self.therapy):
            (now.append(cited) if sure else weighed.doubtful.append((cited, "missing")))
        for event in events(ev, self.therapy.nameless):
            if event.now and event.counts:
                now.append(event.cite(used=True))
            elif event.now is not False:
                weighed.doubtful.append((event.cite(), "missing"))
        if now and self.outcome == "review":
            return review(f"{listed(now)}: a person judges", (*now, *(e for e, _ in weighed.doubtful)))
        weighed.against += now
        return weighed.finding(ev, f"{self.therapy.drugs.label} now", Need(self.therapy.drugs.input, "missing"))


def _active(ev: Evaluation, exposure: Exposure) -> bool | None:
    if exposure.depot:
        return depot_active(ev, exposure)
    return is_active(ev, exposure, told_by_doses_only(ev, exposure))
