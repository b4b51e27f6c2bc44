"""Which of many events may be of the same time as another, without comparing each with each."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from service.criteria.spans import Span

_BEFORE_ALL, _AFTER_ALL = float("-inf"), float("inf")


class Overlaps:
    """Times among which some have been added; asks whether one of those may be the same time as another. The undated
    may be of any time. Both take logarithmic time: a record may hold thousands of results."""

    __slots__ = ("_any", "_latest_end", "_starts", "_undated")

    def __init__(self, times: Iterable[Span | None]) -> None:
        """Every time that will be added."""
        self._starts = sorted({t.start for t in times if t is not None})
        # a Fenwick tree over the starts: each place holds the latest end of the range of starts that it stands for
        self._latest_end = [_BEFORE_ALL] * (len(self._starts) + 1)
        self._any = self._undated = False

    @classmethod
    def of(cls, times: Iterable[Span | None]) -> "Overlaps":
        """With all of them added."""
        every = list(times)
        overlaps = cls(every)
        for time in every:
            overlaps.add(time)
        return overlaps

    def add(self, time: Span | None) -> None:
        self._any = True
        if time is None:
            self._undated = True
            return
        place = bisect_left(self._starts, time.start) + 1
        while place < len(self._latest_end):
            self._latest_end[place] = max(self._latest_end[place], time.end)
            place += place & -place

    def meet(self, time: Span | None) -> bool:
        """Whether one of the added may be of that time: neither is certainly before the other."""
        if self._undated or time is None:
            return self._any
        place = bisect_right(self._starts, time.end)
        return any(end >= time.start and end > _BEFORE_ALL for end in self._ends_up_to(place))

    def _ends_up_to(self, place: int) -> Iterator[float]:
        while place:
            yield self._latest_end[place]
            place -= place & -place


def latest_start(times: Iterable[Span | None]) -> float:
    """What ends before this is certainly older than some of the times; minus infinity where none is dated."""
    return max((t.start for t in times if t is not None), default=_BEFORE_ALL)


def is_older(time: Span | None, latest: float) -> bool:
    """Whether it is certainly older than the newest of the times that `latest_start` was asked for."""
    return time is not None and time.end < latest


def all_before(some: Iterable[Span | None], others: Iterable[Span | None]) -> bool:
    """Whether each of some times is certainly before each of others; the undated are not."""
    ends = [_AFTER_ALL if t is None else t.end for t in some]
    starts = [_BEFORE_ALL if t is None else t.start for t in others]
    return max(ends, default=_BEFORE_ALL) < min(starts, default=_AFTER_ALL)
