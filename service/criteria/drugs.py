"""Drug records: taken or not yet, active on the as-of date, when last taken, how they are cited.

An end on or after the as-of date means active on it; one dose is a point in time; a drug on hold is neither; a record
that ended without telling when ended at some moment between its start and the day it was written.
"""

from collections.abc import Set

import msgspec

from service.criteria import keys
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Exposure
from service.criteria.findings import Evidence, cite
from service.criteria.logic import Basis
from service.criteria.spans import FOREVER, LONG_AGO, Span, Window, of_days, up_to

DRUG_TYPES = (
    "MedicationStatement",
    "MedicationRequest",
    "MedicationAdministration",
    "MedicationDispense",
    "Medication",
)
LOCAL_FORMS = frozenset({"topical", "ophthalmic", "intravitreal", "otic"})
# An antineoplastic told only by administrations: certainly still given so many days after the last, perhaps so many.
CYCLE_SURELY = Window(14, "days")
CYCLE_PERHAPS = Window(42, "days")
# A depot's days of grace, and how long one of unknown strength lasts: surely, perhaps.
DEPOT_GRACE = 7
DEPOT_SURELY, DEPOT_PERHAPS = Window(35, "days"), Window(91, "days")


class Nameless(msgspec.Struct, frozen=True):
    """Concepts of therapy told without a drug, and the drugs it may have been. `surely`: whichever it was, it belongs
    to the therapy in question, so that no name is wanted."""

    conditions: frozenset[str]
    histories: frozenset[str]
    procedures: frozenset[str]
    may_be: frozenset[str]
    surely: bool = False

    def reads(self) -> frozenset[str]:
        return keys.conditions(*self.conditions, *self.histories) | keys.procedures(*self.procedures)


class Drugs(msgspec.Struct, frozen=True):
    """A set of ingredients under a name for readers, and what may have been one of them without saying so. `parts` name
    each of several drugs or classes and its ingredients."""

    ingredients: frozenset[str]
    label: str
    input: str
    nameless: tuple[Nameless, ...] = ()
    parts: tuple[tuple[str, frozenset[str]], ...] = ()

    def reads(self) -> frozenset[str]:
        return keys.together([keys.drugs(self.ingredients), *(kind.reads() for kind in self.nameless)])

    def asked(self, ingredients: Set[str]) -> str:
        """The name under which one of some ingredients is asked for."""
        return next((name for name, own in self.parts if own & ingredients), self.input)


def started(ev: Evaluation, exposure: Exposure) -> bool:
    """Whether a record tells of a drug taken by the as-of date, and no dose tells the same better."""
    if exposure.doses_from is not None and ev.counts(exposure.doses_from):
        return False
    return ev.counts(exposure.start)


def is_active(ev: Evaluation, exposure: Exposure, by_cycles: bool = False) -> bool | None:
    """Whether a drug is being taken on the as-of date. `by_cycles`: an antineoplastic told only by administrations."""
    if exposure.course == "point":
        return _dose_active(ev, exposure, by_cycles)
    if exposure.end_told and exposure.end is not None:
        past = ev.is_past(exposure.end)
        if past is not False:
            return None if past is None else False
        return None if exposure.course == "on-hold" else True
    if exposure.course == "on-hold":
        return None
    return exposure.course == "active"


def _dose_active(ev: Evaluation, exposure: Exposure, by_cycles: bool) -> bool | None:
    until = surely_until(exposure)
    if until is None:
        return None
    if by_cycles and _given_again(ev, exposure, until):
        return False  # whether a cycle is running, the last dose tells
    if not by_cycles:
        past = ev.is_past(until)
        return None if past is None or (past and exposure.running) else not past
    if ev.within(until, CYCLE_SURELY):
        return True
    return False if ev.within(until, CYCLE_PERHAPS) is False else None


def _given_again(ev: Evaluation, dose: Exposure, until: Span) -> bool:
    """Whether all of a dose was certainly given again later, for the same reason."""
    for again, later in ev.shared(_doses_given, " ".join(sorted(dose.ingredients))):
        if again.first <= until.last:
            return False
        if dose.ingredients <= later.ingredients and later.reason == dose.reason and is_local(later) == is_local(dose):
            return True
    return False


def _doses_given(ev: Evaluation, ingredients: str) -> list[tuple[Span, Exposure]]:
    """The doses that were certainly given of any of these, by the day until which they were taken, the latest first: so
    that of thousands each is looked at once."""
    sure = [match.fact for match in ev.record.exposures(frozenset(ingredients.split())) if match.standing == "sure"]
    given = [(until, e) for e in sure if e.course == "point" and (until := surely_until(e)) and started(ev, e)]
    return sorted(given, key=lambda dose: -dose[0].first)


def surely_until(exposure: Exposure) -> Span | None:
    """The last day on which a dose, or what was handed over, was surely being taken."""
    return exposure.end if exposure.end_told else exposure.supply or exposure.start


def began(exposure: Exposure) -> Span | None:
    """When it began: where no start is told, not after its end."""
    if exposure.start is not None or exposure.end is None:
        return exposure.start
    return up_to(exposure.end)


def depot_active(ev: Evaluation, exposure: Exposure) -> bool | None:
    """Whether a depot still works: its form lasts from each dose, and after a recorded end."""
    if exposure.course != "point" and not exposure.end_told:
        return is_active(ev, exposure)
    if exposure.end_told and exposure.end is not None and ev.is_past(exposure.end) is False:
        return is_active(ev, exposure)
    if exposure.supply is not None and ev.is_past(exposure.supply) is False:
        return True
    last = last_day(exposure)
    if exposure.depot_days:
        lasts = Window(exposure.depot_days + DEPOT_GRACE, "days")
        return ev.within(last, lasts)
    if ev.within(last, DEPOT_SURELY):
        return True
    return False if ev.within(last, DEPOT_PERHAPS) is False else None


def taken_now(ev: Evaluation, exposure: Exposure) -> bool | None:
    """Whether it acts on the as-of date: a depot while its form lasts, doses told alone by the cycle they belong to."""
    if exposure.depot:
        return depot_active(ev, exposure)
    return is_active(ev, exposure, told_by_doses_only(ev, exposure))


def is_ongoing(exposure: Exposure) -> bool:
    """Whether a course goes on as far as its record tells: begun, and no end told."""
    return exposure.course in ("active", "on-hold") and not exposure.end_told


def last_day(exposure: Exposure) -> Span:
    """When it was last taken: the end, or the span in which it must lie, which may reach beyond the as-of date."""
    end = exposure.end
    if end is not None and exposure.end_told:
        return end
    first = exposure.start.first if exposure.start is not None else LONG_AGO
    if end is None:
        return of_days(first, FOREVER, "a day not told")
    first = max(first, end.first)
    return of_days(first, max(first, end.last), "a day not told")


def is_local(exposure: Exposure) -> bool:
    """A form that does not reach the rest of the body."""
    return exposure.form in LOCAL_FORMS


def told_by_doses_only(ev: Evaluation, exposure: Exposure) -> bool:
    """Whether every record of its drugs is a single dose, but for courses that were over before it."""
    others = ev.shared(_courses_told, " ".join(sorted(exposure.ingredients)))
    if others.goes_on:
        return False
    return others.over is None or (exposure.start is not None and others.over.before(exposure.start))


class _Courses(msgspec.Struct, frozen=True):
    """Of records of drugs that are no single doses: whether one of them goes on, or tells no end; else when the last of
    them was over."""

    goes_on: bool
    over: Span | None


def _courses_told(ev: Evaluation, ingredients: str) -> _Courses:
    of_any = ev.record.exposures(frozenset(ingredients.split()))
    courses = [m.fact for m in of_any if m.standing == "sure" and m.fact.course != "point" and started(ev, m.fact)]
    ends = [e.end for e in courses if e.course == "ended" and e.end_told and e.end is not None]
    return _Courses(len(ends) < len(courses), max(ends, key=lambda end: end.end, default=None))


def cite_exposure(exposure: Exposure, used: bool = True, why: str = "") -> Evidence:
    ended = exposure.end_told and exposure.course == "ended"
    return cite(exposure.ref, exposure.end if ended else exposure.start, told(exposure), used, why)


def told(exposure: Exposure) -> str:
    if not exposure.certain and not exposure.broken:
        return f"{exposure.says} ({exposure.kind})"  # its status tells no course
    course = {"active": "active", "on-hold": "on hold", "ended": "ended", "point": "given"}[exposure.course]
    return f"{exposure.says} ({exposure.kind}, {course})"


def gap_in_drugs(ev: Evaluation) -> tuple[str, Basis]:
    """Why silence about a drug is no proof: an incomplete read, or a drug that tells nothing."""
    if gap := ev.record.unread(*DRUG_TYPES):
        return gap, "missing"
    for exposure in ev.record.nameless_drugs():
        if started(ev, exposure):
            return f"{exposure.ref} names no drug", "unusable"
    return "", "missing"


def cite_nameless(ev: Evaluation) -> tuple[Evidence, ...]:
    """The records of drugs taken that tell nothing of the drug."""
    told_nothing = (e for e in ev.record.nameless_drugs() if started(ev, e))
    return tuple(cite_exposure(e, False, "names no drug") for e in told_nothing)
