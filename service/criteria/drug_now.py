"""Therapy that is being taken now and would have to stop."""

from typing import Literal

import msgspec

from service.criteria.drugs import cite_exposure, taken_now
from service.criteria.evaluation import Evaluation
from service.criteria.findings import Evidence, Finding, Need, newest_first, review
from service.criteria.logic import Outcome
from service.criteria.nameless import Event, events, goes_on
from service.criteria.therapy import Course, Therapy, coded_therapy, courses
from service.criteria.weighing import Weighed, because
from service.criteria.wording import listed


class NoDrugNowRule(msgspec.Struct, frozen=True):
    """Review where therapy is being taken now: what would have to stop."""

    therapy: Therapy
    outcome: Literal["review", "fail"] = "review"

    def reads(self) -> frozenset[str]:
        return self.therapy.reads()

    def outcomes(self) -> frozenset[Outcome]:
        return frozenset({"pass", "unknown", self.outcome})

    def judge(self, ev: Evaluation) -> Finding:
        weighed = Weighed()
        now: list[Evidence] = []

        def weigh(course: Course) -> None:
            exposure = course.exposure
            active = taken_now(ev, exposure)
            if active is False and not exposure.broken:
                weighed.harmless.append(cite_exposure(exposure))
            elif active and course.counts:
                now.append(cite_exposure(exposure))
            else:
                why = course.why or "whether it is still taken is not told"
                weighed.doubtful.append((because(exposure, why), course.basis if course.counts is None else "missing"))

        def weigh_event(event: Event) -> None:
            going_on = goes_on(ev, event)
            if going_on and event.counts:
                now.append(event.cite(used=True))
            elif going_on is not False:
                weighed.doubtful.append((event.cite(), "missing"))

        ev.weigh_each(courses(ev, self.therapy), weigh, now, weighed.doubtful)
        for cited, sure, _span in coded_therapy(ev, self.therapy):
            (now.append(cited) if sure else weighed.doubtful.append((cited, "missing")))
        ev.weigh_each(events(ev, self.therapy.nameless), weigh_event, now, weighed.doubtful)
        if now and self.outcome == "review":
            return review(
                f"{self._what}: {listed(now)}; a person judges whether it can stop",
                (*newest_first(now), *newest_first(e for e, _ in weighed.doubtful)),
            )
        weighed.against += now
        return weighed.finding(ev, self._what, Need(self.therapy.drugs.input, "missing"))

    @property
    def _what(self) -> str:
        return f"{self.therapy.drugs.label} now"
