"""Therapy that must have ended some time ago."""

import msgspec

from service.criteria import keys
from service.criteria.cancer import Cancer, metastatic_since, why_no_day
from service.criteria.drugs import Drugs, began, cite_exposure, is_active, is_local, last_day, started, taken_now
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Exposure, Match
from service.criteria.findings import Finding, Need, Sighting
from service.criteria.logic import TRUTH, Outcome
from service.criteria.nameless import Event, events, goes_on
from service.criteria.signs import ProcedureSign
from service.criteria.spans import Span, Window
from service.criteria.therapy import Course, Therapy, coded_therapy, courses
from service.criteria.weighing import UNPLACED, Weighed, because, day_or, on_or_after


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
        weighed = Weighed(harmless_why=f"more than {self.window} ago")
        against, doubtful = weighed.against, weighed.doubtful
        ev.weigh_each(courses(ev, self.therapy), lambda course: self._course(ev, course, weighed), against, doubtful)
        for cited, sure, _span in coded_therapy(ev, self.therapy):
            (against.append(cited) if sure else doubtful.append((cited, "missing")))
        ev.weigh_each(
            events(ev, self.therapy.nameless), lambda event: self._event(ev, event, weighed), against, doubtful
        )
        for sign in self.procedures:
            self._procedures(ev.see(sign), weighed)
        what = f"{self.therapy.drugs.label}{' or radiotherapy' if self.procedures else ''} now or within {self.window}"
        need = Need(self.therapy.drugs.input, "missing")
        return weighed.finding(ev, what, need, ("Procedure",) if self.procedures else (), "recorded")

    def _event(self, ev: Evaluation, event: Event, weighed: Weighed) -> None:
        recent = ev.within(event.span, self.window)
        now = goes_on(ev, event)
        if recent is False and now is False:
            weighed.harmless.append(event.cite(used=True))
        elif event.counts and (recent or now):
            weighed.against.append(event.cite(used=True))
        else:
            weighed.doubtful.append((event.cite(), "missing"))

    def _course(self, ev: Evaluation, course: Course, weighed: Weighed) -> None:
        exposure = course.exposure
        active = taken_now(ev, exposure)
        on_hold = exposure.course == "on-hold" and active is None
        recent = None if on_hold else ev.within(last_day(exposure), self.window)
        if active is False and recent is False and not exposure.broken:
            weighed.harmless.append(cite_exposure(exposure))
        elif course.counts and (active or recent):
            weighed.against.append(cite_exposure(exposure))
        else:
            why = course.why or (
                "whether it is still given is not told" if active is None else "when it ended is not told"
            )
            weighed.doubtful.append((because(exposure, why), course.basis if course.counts is None else "missing"))

    def _procedures(self, sighting: Sighting, weighed: Weighed) -> None:
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
        weighed = Weighed(harmless_why=f"more than {self.window} ago")
        open_: set[str] = set()
        for match in ev.record.exposures(self.drugs.ingredients):
            if started(ev, match.fact) and not is_local(match.fact):
                settled = len(weighed.doubtful)
                self._weigh(ev, match, since, weighed)
                open_ |= match.fact.ingredients if len(weighed.doubtful) > settled else frozenset()
        for event in events(ev, self.drugs.nameless):
            later = since is not None and event.start is not None and on_or_after(event.start, since)
            if not later and ev.within(event.span, self.window) is not False:
                weighed.doubtful.append((event.cite(), "missing"))
        what = f"{self.drugs.label} before the metastasis, ended within {self.window}"
        return weighed.finding(ev, what, day_or(since, weighed, self.drugs.asked(open_)), earlier="recorded")

    def _weigh(self, ev: Evaluation, match: Match[Exposure], since: Span | None, weighed: Weighed) -> None:
        exposure = match.fact
        if since is None:
            weighed.doubtful.append((because(exposure, why_no_day(ev, self.cancer)), "missing"))
            return
        begun = began(exposure)
        before = None if begun is None else on_or_after(begun, since)
        if before is True:
            return  # given for the metastatic disease: another criterion's matter
        recent = self._recent(ev, exposure)
        if recent is False and not exposure.broken:
            weighed.harmless.append(cite_exposure(exposure))
        elif recent is True and before is False and match.standing == "sure":
            weighed.against.append(cite_exposure(exposure))
        else:
            why = match.why or ("when it was last given is not settled" if recent is None else UNPLACED)
            weighed.doubtful.append(
                (because(exposure, why), "missing" if match.standing in ("sure", "provisional") else "unusable")
            )

    def _recent(self, ev: Evaluation, exposure: Exposure) -> bool | None:
        active = is_active(ev, exposure) if exposure.course != "point" else False
        if active or (active is None and exposure.course == "on-hold"):
            return active
        return ev.within(last_day(exposure), self.window)
