"""Therapy of several kinds, each given since the metastasis: whether, and from which day."""

import msgspec

from service.criteria import keys
from service.criteria.cancer import Cancer, metastatic_since, why_no_day
from service.criteria.drugs import cite_exposure, gap_in_drugs, is_ongoing, last_day
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Exposure
from service.criteria.findings import Finding, Need, newest_first, passed, unknown
from service.criteria.logic import Outcome
from service.criteria.spans import Span, of_days
from service.criteria.therapy import Therapy, courses
from service.criteria.weighing import because, on_or_after
from service.criteria.wording import listed


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
    """The days on which the induction may have begun, None where a kind is missing, and what was given of each kind."""
    since = metastatic_since(ev, induction.cancer)
    out: list[Given] = []
    for therapy in induction.groups:
        given = Given(therapy)
        for course in courses(ev, therapy):
            undated = why_no_day(ev, induction.cancer) if since is None else "its date does not tell"
            then = None if since is None else _given_since(ev, course.exposure, since)
            if then and course.counts:
                given.sure.append(course.exposure)
            elif then is not False:
                given.maybe.append((course.exposure, course.why or undated))
        out.append(given)
    if since is None or any(not given.sure for given in out):
        return None, out
    firsts = [e.start for given in out for e in given.sure if e.start is not None]
    if not firsts:
        return None, out
    possible = [e.start.first if e.start else since.first for given in out for e, _ in given.maybe]
    began = max(min([s.first for s in firsts] + possible), since.first)
    by_then = min(max(s.last, since.last) if s.first < since.first else s.last for s in firsts)
    text = min((s if s.first >= since.first else since for s in firsts), key=lambda s: s.start).text
    return of_days(began, max(began, by_then), text), out


def _given_since(ev: Evaluation, exposure: Exposure, since: Span) -> bool | None:
    """Whether a drug was given on or after a day, started then or still being given."""
    if exposure.start is not None and on_or_after(exposure.start, since) is True:
        return True
    ongoing = is_ongoing(exposure)
    last = of_days(ev.today, ev.today, "now") if ongoing else last_day(exposure)
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
        evidence = tuple(dict.fromkeys(newest_first(cite_exposure(e) for given in groups for e in given.sure)))
        missing = [given for given in groups if not given.sure]
        if not missing:
            said = "; ".join(
                f"{g.therapy.drugs.label}: {listed(newest_first(cite_exposure(e) for e in g.sure))}" for g in groups
            )
            return passed(f"given since the metastasis: {said}", evidence)
        possible = dict.fromkeys(newest_first(because(e, why) for given in groups for e, why in given.maybe))
        undated = metastatic_since(ev, self.induction.cancer) is None
        if undated:
            reason = why_no_day(ev, self.induction.cancer)
        else:
            how = "certainly given" if any(g.maybe for g in missing) else "on record"
            reason = f"no {' and no '.join(g.therapy.drugs.label for g in missing)} {how} since the metastasis"
        gap, _basis = gap_in_drugs(ev)
        reason += f"; {gap}" if gap else ""
        return unknown("missing", reason, (*evidence, *possible), induction_needs(groups, undated))


def induction_needs(groups: list[Given], undated: bool) -> tuple[Need, ...]:
    """What is missing of an induction: the day of metastasis, and the kinds of which nothing was given."""
    lacking = [g for g in groups if not g.sure and not (undated and g.maybe)]
    names = (*(["metastasis"] if undated else []), *(g.therapy.drugs.input for g in lacking))
    return tuple(Need(name, "missing") for name in names)
