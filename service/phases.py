"""What a call's time is spent on: decode, fetch, evaluate, render. Each is a span of its trace, and their sums a call
are metrics."""

import threading
import time
from types import TracebackType

from service import metrics, tracing
from service.metrics import Phase


class _Call(threading.local):
    spent: dict[Phase, float] | None = None


_call = _Call()


def begin() -> None:
    """A call begins in this thread."""
    _call.spent = {}


def end(route: str) -> None:
    """The call is answered: its phases are counted."""
    spent, _call.spent = _call.spent, None
    if spent:
        metrics.spent(route, spent)


class phase:
    """`with phase("fetch"):` – may come more than once in a call, one after the other."""

    __slots__ = ("_began", "_name", "_span")

    def __init__(self, name: Phase) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._span = tracing.span(self._name)
        self._span.__enter__()
        self._began = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        took = time.perf_counter() - self._began
        spent = _call.spent
        if spent is not None:
            spent[self._name] = spent.get(self._name, 0.0) + took
        self._span.__exit__(kind, error, trace)
