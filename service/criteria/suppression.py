"""When menstruation may have been absent because of a drug, not of the menopause."""

from collections.abc import Iterable

import msgspec

from service.criteria import keys
from service.criteria.drugs import Drugs, is_local, is_ongoing, last_day, started
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Diagnosis, Exposure
from service.criteria.findings import Evidence, cite
from service.criteria.nameless import Event, events, goes_on
from service.criteria.signs import told
from service.criteria.spans import FOREVER, LONG_AGO

DEPOT_OF_UNKNOWN_LENGTH = 84


class Suppressants(msgspec.Struct, frozen=True):
    """Drugs that stop menstruation without menopause: chemotherapy, tamoxifen, GnRH agonists; `conditions` say that
    one of them is being taken."""

    drugs: Drugs
    conditions: tuple[str, ...] = ()

    def reads(self) -> frozenset[str]:
        return self.drugs.reads() | keys.conditions(*self.conditions)


class Suppressed(msgspec.Struct, frozen=True):
    """A time in which one was or may have been taken, as days, and the last day on which it may have acted."""

    says: str
    cited: Evidence
    first: int
    last: int
    acted: int


def suppressed(ev: Evaluation, suppressants: Suppressants) -> list[Suppressed]:
    """Every such time on record."""
    found = [
        _taken(ev, match.fact)
        for match in ev.record.exposures(suppressants.drugs.ingredients)
        if started(ev, match.fact) and not is_local(match.fact)
    ]
    found += [_given(ev, event) for event in events(ev, suppressants.drugs.nameless)]
    found += _diagnosed(ev, suppressants.conditions)
    return found


def _taken(ev: Evaluation, exposure: Exposure) -> Suppressed:
    last = last_day(exposure).last
    ongoing = is_ongoing(exposure)
    until = ev.today if ongoing else min(last, ev.today)
    lasts = (exposure.depot_days or DEPOT_OF_UNKNOWN_LENGTH) if exposure.depot else 0
    cited = cite(exposure.ref, exposure.start, exposure.says, False, "explains it")
    return Suppressed(
        exposure.says,
        cited,
        exposure.start.first if exposure.start else LONG_AGO,
        until,
        FOREVER if ongoing else until + lasts,
    )


def _given(ev: Evaluation, event: Event) -> Suppressed:
    first = event.start.first if event.start else LONG_AGO
    last = ev.today if event.span is None or goes_on(ev, event) else event.span.last
    return Suppressed(event.says, event.cite(), first, last, last)


def _diagnosed(ev: Evaluation, conditions: tuple[str, ...]) -> Iterable[Suppressed]:
    for match in ev.record.diagnoses(conditions):
        diagnosis: Diagnosis = match.fact
        if diagnosis.verification == "refuted" or not ev.counts(diagnosis.onset):
            continue
        first = diagnosis.onset.first if diagnosis.onset else LONG_AGO
        last = diagnosis.abated.last if diagnosis.abated else ev.today
        cited = cite(diagnosis.ref, diagnosis.date, told(diagnosis), False, "explains it")
        yield Suppressed(diagnosis.says, cited, first, last, last)
