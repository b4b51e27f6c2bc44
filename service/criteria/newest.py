"""Which of several results speaks: the newest by the time it was true, and what to do where that cannot be told."""

from collections.abc import Callable, Sequence

import msgspec

from service.criteria.evaluation import Evaluation
from service.criteria.facts import Measurement
from service.criteria.findings import Evidence, cite, cite_measurement
from service.criteria.overlap import is_older, latest_start
from service.criteria.spans import LONG_AGO, Span


class Selection(msgspec.Struct):
    """`candidates` may all be the newest; `listed` are provisional, shown but without a say; `undated` have no date;
    `silent` would be the newest, but nothing was measured."""

    candidates: list[Measurement] = msgspec.field(default_factory=list)
    listed: list[Measurement] = msgspec.field(default_factory=list)
    undated: list[Measurement] = msgspec.field(default_factory=list)
    silent: list[Measurement] = msgspec.field(default_factory=list)


def select(
    ev: Evaluation,
    measurements: Sequence[Measurement],
    speaks: Callable[[Measurement], bool] | None = None,
) -> Selection:
    """The newest results that have something to say. Undated ones serve only where nothing dated does."""
    if not measurements:
        return Selection()
    says = speaks or _has_value
    if len(measurements) == 1:
        only = measurements[0]
        if only.standing == "sure" and only.span is not None and only.span.last <= ev.today and says(only):
            return Selection([only])
    chosen = Selection()
    dated: list[Measurement] = []
    lost: list[Measurement] = []  # a date is written that cannot be read: it may be the newest
    for m in measurements:
        if m.provisional:
            if ev.counts(m.span):
                chosen.listed.append(m)
        elif m.span is None:
            if m.date_lost and m.empty:
                chosen.silent.append(m)
            elif says(m):
                (lost if m.date_lost else chosen.undated).append(m)
        elif ev.counts(m.span):
            dated.append(m)
    chosen.candidates = [*_newest(dated, says, chosen.silent, ev.today), *lost]
    return chosen


def cite_silent(chosen: Selection) -> tuple[Evidence, ...]:
    """Results that were set aside because they have no value."""
    return tuple(cite(m.ref, m.span, m.said or "no value", False, "no value") for m in chosen.silent)


def cite_aside(chosen: Selection) -> tuple[Evidence, ...]:
    """Results that have no say and are shown all the same: without a value, or of a status that is not final."""
    return (*cite_silent(chosen), *(cite_measurement(m, False, m.why) for m in chosen.listed))


def aside_of(ev: Evaluation, measurements: Sequence[Measurement]) -> tuple[Evidence, ...]:
    """Those of some results that have no say."""
    if all(_has_value(m) and not m.provisional for m in measurements):  # the usual case
        return ()
    return cite_aside(select(ev, measurements))


def _has_value(m: Measurement) -> bool:
    return m.standing != "sure" or not m.empty


def _newest(
    dated: list[Measurement], says: Callable[[Measurement], bool], aside: list[Measurement], today: int
) -> list[Measurement]:
    """Those that no other is certainly newer than; ones without a value are set aside."""
    latest = latest_start(m.span for m in dated)
    top = [m for m in dated if not is_older(m.span, latest)]
    if all(map(says, top)):  # the usual case
        return _latest_issued(top, today)
    latest = latest_start(m.span for m in dated if says(m))
    top = [m for m in dated if not is_older(m.span, latest)]
    aside += [m for m in top if not says(m)]
    return _latest_issued([m for m in top if says(m)], today)


def _latest_issued(top: list[Measurement], today: int) -> list[Measurement]:
    """Without those that another of the same time, issued later, took the place of. A date told in part is of the time
    of another only where it is told alike, or cannot be after it."""
    if len(top) < 2:
        return top
    latest: dict[_Time, float] = {}
    for m in top:
        if m.issued is not None:
            time = _time(m.span)
            latest[time] = max(m.issued, latest.get(time, m.issued))
    return [m for m in top if not _is_replaced(m, latest, today)]


_Time = tuple[int, int]


def _time(span: Span | None) -> _Time:
    """What tells two of the newest results as of one time: those of a day are of the same; of those of which only the
    issue is known the one that was issued last is the newest."""
    if span is None or span.open_start:
        return LONG_AGO, LONG_AGO
    return span.first, span.last


def _is_replaced(m: Measurement, latest: dict[_Time, float], today: int) -> bool:
    if m.issued is None or m.span is None:
        return False
    own, last = _time(m.span), min(m.span.last, today)
    return any(issued > m.issued and (time == own or last <= time[0]) for time, issued in latest.items())


def last_issued(measurements: Sequence[Measurement]) -> Sequence[Measurement]:
    """The results without those that another of the very same time, issued later, took the place of; preliminary ones
    and those without a value take no place."""
    if len(measurements) < 2:
        return measurements
    latest: dict[tuple[float, float], float] = {}
    for m in measurements:
        if m.span is not None and m.issued is not None and not m.provisional and _has_value(m):
            time = m.span.start, m.span.end
            latest[time] = max(m.issued, latest.get(time, m.issued))
    return [m for m in measurements if m.provisional or not _issued_before(m, latest)]


def _issued_before(m: Measurement, latest: dict[tuple[float, float], float]) -> bool:
    if m.span is None or m.issued is None:
        return False
    return m.issued < latest.get((m.span.start, m.span.end), m.issued)
