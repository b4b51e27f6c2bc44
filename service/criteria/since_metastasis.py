"""No therapy since the cancer spread."""

import msgspec

from service.criteria import keys
from service.criteria.cancer import Cancer, metastatic_since, why_no_day
from service.criteria.drugs import began, cite_exposure, is_ongoing, last_day
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Operation
from service.criteria.findings import Evidence, Finding, cite, lasting
from service.criteria.logic import TRUTH, Outcome
from service.criteria.nameless import Event, events
from service.criteria.signs import ProcedureSign
from service.criteria.spans import FOREVER, Span, Window
from service.criteria.therapy import Course, Therapy, coded_therapy, courses
from service.criteria.weighing import UNPLACED, Weighed, because, day_or, on_or_after


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
        weighed = Weighed(harmless_why="begun before the metastasis")
        for course in courses(ev, self.therapy):
            self._course(ev, course, since, weighed)
        for cited, sure, span in coded_therapy(ev, self.therapy):
            self._coded(cited, sure, span, since, weighed)
        for event in events(ev, self.therapy.nameless):
            self._nameless(event, since, weighed)
        for sign in self.local:
            self._local(ev, sign, since, weighed)
        what = f"{self.therapy.drugs.label} since the metastasis"
        need = day_or(since, weighed, self.therapy.drugs.input)
        finding = weighed.finding(ev, what, need, ("Procedure",) if self.local else ())
        return lasting(finding)

    def _course(self, ev: Evaluation, course: Course, since: Span | None, weighed: Weighed) -> None:
        exposure = course.exposure
        if since is None:
            weighed.doubtful.append((because(exposure, why_no_day(ev, self.cancer)), "missing"))
            return
        start = began(exposure)
        if start is None:
            weighed.doubtful.append((because(exposure, "its start is not told"), "missing"))
            return
        after = on_or_after(start, since)
        if after is True:
            if course.counts:
                weighed.against.append(cite_exposure(exposure))
            else:
                weighed.doubtful.append((because(exposure, course.why), course.basis))
        elif after is None:
            weighed.doubtful.append((because(exposure, UNPLACED), "missing"))
        else:
            self._earlier(ev, course, since, weighed)

    def _earlier(self, ev: Evaluation, course: Course, since: Span, weighed: Weighed) -> None:
        """Started before: harmless, unless it was or may have been given long after."""
        exposure = course.exposure
        limit = self.grace.reach(since.first)
        ongoing = is_ongoing(exposure)
        last = FOREVER if ongoing else last_day(exposure).last
        if min(last, ev.today) < limit:
            if last >= limit:
                ev.may_change_on(limit)
            weighed.harmless.append(cite_exposure(exposure))
        else:
            why = f"started before the metastasis and may have been given {self.grace} after it"
            weighed.doubtful.append((because(exposure, why), "missing" if course.counts else course.basis))

    def _coded(
        self, cited: Evidence, sure: bool | None, span: Span | None, since: Span | None, weighed: Weighed
    ) -> None:
        after = on_or_after(span, since) if span is not None and since is not None else None
        if after is True and sure:
            weighed.against.append(cited)
        else:
            why = "therapy coded as a diagnosis; when it started is not told"
            weighed.doubtful.append((Evidence(cited.reference, cited.says, False, cited.date, why), "missing"))

    def _nameless(self, event: Event, since: Span | None, weighed: Weighed) -> None:
        if since is not None and event.span is not None and event.span.last < since.first:
            weighed.harmless.append(event.cite(used=True))
        elif event.counts and since is not None and event.start is not None and on_or_after(event.start, since):
            weighed.against.append(event.cite(used=True))
        else:
            weighed.doubtful.append((event.cite(), "missing"))

    def _local(self, ev: Evaluation, sign: ProcedureSign, since: Span | None, weighed: Weighed) -> None:
        for match in ev.record.operations(sign.concepts):
            operation = match.fact
            if not ev.counts(operation.start):
                continue
            after = None if since is None else _after(operation, since)
            if after is False:
                continue
            if after and match.standing == "sure" and operation.certain:
                weighed.judged.append(cite(operation.ref, operation.end, operation.says))
            else:
                undated = "its date is not told" if operation.end is None else UNPLACED
                why = match.why or operation.why or (why_no_day(ev, self.cancer) if since is None else undated)
                weighed.doubtful.append((cite(operation.ref, operation.end, operation.says, False, why), "missing"))


def _after(operation: Operation, since: Span) -> bool | None:
    """Whether an operation was done on or after a day; what is in progress is done now."""
    if operation.ongoing:
        return True
    return None if operation.end is None else on_or_after(operation.end, since)
