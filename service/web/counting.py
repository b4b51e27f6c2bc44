"""How many cards of each trial were shown, a day: counted in memory and written down now and then."""

import threading
import time
from collections import Counter
from collections.abc import Iterable

import structlog

from service import metrics
from service.store import Store, StoreError

EVERY_SECONDS = 5.0
log = structlog.get_logger(__name__)


class ShownCards:
    """Counts of one process, written in the background, so that no call waits for a database that is slow or locked.
    What a killed process had not written yet is lost: at most a few seconds of counts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._written = time.monotonic()

    def count(self, trials: Iterable[str], day: str) -> None:
        with self._lock:
            self._counts.update((day, trial) for trial in trials)
            due = bool(self._counts) and time.monotonic() - self._written > EVERY_SECONDS
            if due:
                self._written = time.monotonic()
        if due and not self._writing.locked():
            threading.Thread(target=self._write_quietly, name="cards-shown", daemon=True).start()

    def write(self) -> None:
        """Write what was counted. Where the database does not answer the counts are kept for the next time."""
        with self._writing:
            self._write()

    def _write_quietly(self) -> None:
        try:
            self.write()
        except Exception as problem:  # noqa: BLE001 - the thread's edge: what Python says of it would hold the message
            metrics.store_failed("cards")
            log.error("cards-not-counted", problem=type(problem).__name__)

    def _write(self) -> None:
        with self._lock:
            counts, self._counts = self._counts, Counter()
            self._written = time.monotonic()
        for day in {day for day, _ in counts}:
            found = {trial: number for (of, trial), number in counts.items() if of == day}
            try:
                self._store.count_shown(found, day)
            except StoreError:
                metrics.store_failed("cards")
                with self._lock:
                    self._counts.update({(day, trial): number for trial, number in found.items()})
