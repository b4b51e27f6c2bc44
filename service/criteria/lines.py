"""How many lines of therapy there were since the metastasis."""

from bisect import bisect_left
from itertools import accumulate, permutations
from math import perm

import msgspec

from service.criteria.cancer import Cancer, metastatic_since, why_no_day
from service.criteria.drugs import began, cite_exposure, cite_nameless, gap_in_drugs, is_ongoing, last_day
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Exposure
from service.criteria.findings import Evidence, Finding, Need, newest_first, passed, unknown
from service.criteria.logic import Outcome
from service.criteria.nameless import Event, events
from service.criteria.spans import FOREVER, LONG_AGO, Span, Window
from service.criteria.therapy import Course, Therapy, coded_therapy, courses
from service.criteria.weighing import because, on_or_after

# More orders of starts than this are not tried: whether they make too many lines is then not known.
MAX_ORDERS = 100_000


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
        details = (Need(self.therapy.drugs.input, "missing", lacks="details"),)
        found = courses(ev, self.therapy)
        coded = list(coded_therapy(ev, self.therapy))
        mentioned = list(events(ev, self.therapy.nameless))
        if since is None:
            return self._undated(ev, found, coded, mentioned)
        new, doubtful = self._new(ev, found, since)
        for cited, sure, span in coded:
            after = None if span is None else on_or_after(span, since)
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
            why = "whether each was a line of its own is not told"
            return unknown("missing", f"{said}; {why}", evidence, details)
        if self._may_exceed([(first, last) for first, last, _ in new]):
            return unknown(
                "missing", f"{said}; but there may be more: not every start has a certain day", evidence, details
            )
        if doubtful:
            shown = (*evidence, *doubtful)
            return unknown("missing", f"{said}; but some therapy has no certain name or date", shown, details)
        gap, basis = gap_in_drugs(ev)
        if gap:
            return unknown(basis, f"{said}, but {gap}", (*evidence, *cite_nameless(ev)), need)
        return passed(said, evidence, "recorded" if evidence else "no-record")

    def _undated(
        self,
        ev: Evaluation,
        found: list[Course],
        coded: list[tuple[Evidence, bool | None, Span | None]],
        mentioned: list[Event],
    ) -> Finding:
        """There is no day of metastasis: that matters only where there is some therapy."""
        need = (Need(self.therapy.drugs.input, "missing"),)
        why = why_no_day(ev, self.cancer)
        if found or coded or mentioned:
            shown = (
                *newest_first(because(c.exposure, why) for c in found),
                *(cited for cited, _, _ in coded),
                *(e.cite() for e in mentioned),
            )
            return unknown("missing", f"{why}, so lines cannot be counted", shown, (Need("metastasis", "missing"),))
        label = self.therapy.drugs.label
        gap, basis = gap_in_drugs(ev)
        if gap:
            return unknown(basis, f"no {label} found, but {gap}", cite_nameless(ev), need)
        return passed(f"no record of {label}", (), "no-record")

    def _new(
        self, ev: Evaluation, found: list[Course], since: Span
    ) -> tuple[list[tuple[int, int, Evidence]], list[Evidence]]:
        """The first and last day on which each new drug may have begun since the metastasis, and what is in doubt."""
        starts: list[tuple[int, int, Evidence]] = []
        doubtful: list[Evidence] = []
        taken = _taken([c.exposure for c in found if c.counts])
        for course in found:
            start = course.exposure.start
            begun = began(course.exposure)
            if begun is not None and on_or_after(begun, since) is False:
                continue
            if course.counts is None or start is None:
                doubtful.append(because(course.exposure, course.why or "its start is not told"))
                continue
            names = course.exposure.ingredients & self.therapy.everything
            if any(not self._taken_before(start, taken.get(name, [])) for name in names):
                starts.append((max(start.first, since.first), start.last, cite_exposure(course.exposure)))
        return starts, doubtful

    def _taken_before(self, start: Span, courses_of_it: list[tuple[int, int]]) -> bool:
        """Whether a drug was certainly taken shortly before, on whatever day it was started."""
        place = bisect_left(courses_of_it, (start.first,))
        if not place:
            return False
        until = courses_of_it[place - 1][1]
        return until >= start.last or self.new_after.reach(until) >= start.last

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
        if perm(len(certain) + len(open_starts), self.at_most + 1) > MAX_ORDERS:
            return True
        return any(self._fit(chosen) for chosen in permutations([*certain, *open_starts], self.at_most + 1))

    def _fit(self, starts: tuple[tuple[int, int], ...]) -> bool:
        day = LONG_AGO
        for first, last in starts:
            day = max(first, self.together.reach(day) + 1)
            if day > last:
                return False
        return True


def _taken(exposures: list[Exposure]) -> dict[str, list[tuple[int, int]]]:
    """Of each ingredient, in order: the last day on which a course of it may have started, and until when this one or
    one before it was certainly taken."""
    taken: dict[str, list[tuple[int, int]]] = {}
    for exposure in exposures:
        if exposure.start is not None:
            until = FOREVER if is_ongoing(exposure) else max(last_day(exposure).first, exposure.start.first)
            for name in exposure.ingredients:
                taken.setdefault(name, []).append((exposure.start.last, until))
    for courses_of_it in taken.values():
        courses_of_it.sort()
        longest = accumulate((until for _, until in courses_of_it), max)
        courses_of_it[:] = [(started, until) for (started, _), until in zip(courses_of_it, longest, strict=True)]
    return taken


def _lines_said(number: int) -> str:
    return f"{number} line{'' if number == 1 else 's'}"
