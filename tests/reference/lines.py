"""Lines of therapy since the metastasis: how many there can be at most, on whatever day an uncertain start lies."""

from collections.abc import Iterable
from itertools import product

from . import courses
from . import drug_names as drugs
from .answers import MISSING, PASS, Answer
from .cancer import metastatic_since
from .courses import Course
from .record import Record
from .spans import compare

_AT_MOST = 2
_TOGETHER_DAYS, _NEW_AFTER_DAYS = 28, 90
_TAKEN_FOREVER = 10**7
_DRUGS = drugs.SYSTEMIC | drugs.GNRH


def lines_of_therapy(record: Record) -> Answer:
    """Two or fewer, whatever the days not told, pass; more, or therapy without a date or a name, is unknown.

    Without any therapy there is no line since any day; with some, the day of metastasis must be known.
    """
    found = courses.anticancer(record)
    silence = courses.silence(record)
    if not found:
        return silence
    metastasis = metastatic_since(record)
    if metastasis is None:
        return MISSING
    found = [(c, how) for c, how in found if c.start or c.began is None or compare(c.began, metastasis) != -1]
    if any(course.start is None for course, _ in found):
        return MISSING
    sure = [course for course, how in found if course.doubt is None and how == "yes"]
    if any(compare(c.start, metastasis) != -1 for c, _ in found if c not in sure):
        return MISSING
    if _most_lines(sure, metastasis.first) > _AT_MOST:
        return MISSING
    return silence if silence.outcome == "unknown" else PASS


def _most_lines(taken: list[Course], metastasis: int) -> int:
    """The largest count over all days on which the starts can lie; the earlier the metastasis, the more of them."""
    readings = product(*(_days(course, taken, metastasis) for course in taken))
    return max(_count(list(zip(days, taken, strict=True)), metastasis) for days in readings)


def _days(course: Course, taken: list[Course], metastasis: int) -> list[int]:
    """The days of a start that can make a difference: its first and last, and those just far enough from others."""
    first, last = course.start
    if first == last:
        return [first]
    marks = {metastasis, *(c.start.first for c in taken), *(c.end.first + _NEW_AFTER_DAYS + 1 for c in taken if c.end)}
    apart = {mark + lines * (_TOGETHER_DAYS + 1) for mark in marks for lines in range(_AT_MOST + 1)}
    return sorted({first, last} | {day for day in apart if max(first, metastasis) < day < last})


def _count(begun: list[tuple[int, Course]], metastasis: int) -> int:
    """The new starts since the metastasis; those within 28 days of the first of them are one."""
    lines, line = 0, None
    for day in sorted(day for day, course in begun if day >= metastasis and _is_new(day, course, begun)):
        if line is None or day > line + _TOGETHER_DAYS:
            lines, line = lines + 1, day
    return lines


def _is_new(day: int, course: Course, begun: Iterable[tuple[int, Course]]) -> bool:
    """Whether one of its drugs was not taken in the 90 days before."""
    before = [(then, other) for then, other in begun if then < day and _end(then, other) >= day - _NEW_AFTER_DAYS]
    return any(not any(other.takes({name}) for _, other in before) for name in course.names & _DRUGS)


def _end(start: int, course: Course) -> int:
    """The earliest end: the sooner a drug ends, the sooner it is new again."""
    return _TAKEN_FOREVER if course.end is None else max(start, course.end.first)
