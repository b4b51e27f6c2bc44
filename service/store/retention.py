"""Old entries are deleted now and then by whichever process writes; nobody waits for it, and all of them may do it."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Protocol

import structlog

from service.store.engine import StoreError
from service.store.forks import renew_in_child
from service.store.journals import day_of

EVERY_SECONDS = 3600
MAX_JUMP_SECONDS = 86_400
log = structlog.get_logger(__name__)


class Forgetting(Protocol):
    def forget(self, before: date) -> int: ...


class Retention:
    """`days` is how many whole days an entry is kept; 0 for ever. `clock` is in seconds since 1970."""

    def __init__(self, days: int, kept: Sequence[Forgetting], clock: Callable[[], float] = time.time) -> None:
        self._days = days
        self._kept = tuple(kept)
        self._clock = clock
        self._due = time.monotonic()
        self._start_anew()
        renew_in_child(self._start_anew)

    def now_and_then(self) -> None:
        """Delete in the background if that was not done lately; not where the clock jumped since the process began, as
        what is deleted by a wrong clock is gone."""
        if not self._days or time.monotonic() < self._due or not self._busy.acquire(blocking=False):
            return
        self._due = time.monotonic() + EVERY_SECONDS
        threading.Thread(target=self._forget_quietly, name="retention", daemon=True).start()

    def forget(self) -> int:
        """Delete what is older than the days; how much that was. StoreError where it cannot be deleted."""
        return self.forget_before(day_of(self._clock()) - timedelta(days=self._days)) if self._days else 0

    def forget_before(self, day: date) -> int:
        return sum(kept.forget(day) for kept in self._kept)

    def _forget_quietly(self) -> None:
        try:
            if abs(self._ahead() - self._began_ahead) > MAX_JUMP_SECONDS:
                log.error("the clock jumped, so old entries are left where they are")
            else:
                self.forget()
        except StoreError as problem:
            log.warning("old entries are still there", problem=problem.code)
        finally:
            self._busy.release()

    def _start_anew(self) -> None:
        self._busy = threading.Lock()
        self._began_ahead = self._ahead()

    def _ahead(self) -> float:
        """How far the clock is from one that nobody sets."""
        return self._clock() - time.monotonic()
