"""The best of many rows, in order, without holding all of them."""

import heapq
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")
SHOWN = 500  # as many as a person reads


class Ranked(Generic[Row]):
    """Rows by a rank, the lowest first: at most `limit` of them, all where it is 0. `total` is how many were added."""

    def __init__(self, rank: Callable[[Row], Any], limit: int = 0) -> None:
        self._rank, self._limit = rank, limit
        self._kept: list[Row] = []
        self.total = 0

    def add(self, row: Row) -> None:
        self.total += 1
        self._kept.append(row)
        if self._limit and len(self._kept) >= 2 * self._limit + 100:  # cut now and then, not at each
            self._kept = heapq.nsmallest(self._limit, self._kept, key=self._rank)

    def __iter__(self) -> Iterator[Row]:
        rows = sorted(self._kept, key=self._rank)
        return iter(rows[: self._limit] if self._limit else rows)
