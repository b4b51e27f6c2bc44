"""The store: one small method for each thing that is kept, the same on SQLite and PostgreSQL.

Every method raises StoreError where the database fails. Forked processes get connections of their own by themselves.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date

import msgspec
from sqlalchemy import Connection, Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from service.store import migrate
from service.store.engine import StoreError, open_engine, told_plainly, writing
from service.store.feedback import FeedbackItem, feedback_rows
from service.store.forks import renew_in_child
from service.store.schema import EXPLANATION, FEEDBACK, SHOWN, USED_TOKEN
from service.store.summary import TrialFeedback, summary

PURGE_SECONDS = 300
CLOCK_DIFFERENCE_SECONDS = 60  # between instances: what has just expired here may still count there
JUMP_SECONDS = 3600  # the longest life of a token: so long after the clock jumped nothing is forgotten


def _day(text: str) -> str:
    if date.fromisoformat(text).isoformat() != text:
        raise ValueError("a day such as 2026-11-21 was expected")
    return text


class SealedRow(msgspec.Struct, frozen=True):
    """A sealed explanation under its name, to be kept until `expires` (seconds since 1970)."""

    name: bytes
    sealed: bytes
    expires: int


class Store:
    """A database named by its SQLAlchemy address. StoreError where the address cannot be used. `steady` is a clock that
    nobody sets."""

    def __init__(
        self, url: str, *, clock: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = open_engine(url)
        self._writing = writing(self._engine)
        self._clock = clock
        self._steady = steady
        self._ahead = clock() - steady()
        self._due = steady() + PURGE_SECONDS
        self._purging = threading.Lock()
        renew_in_child(self._leave_to_parent)

    def migrate(self) -> None:
        """Bring the schema up to date; instances that start together wait for each other."""
        with told_plainly(self._engine):
            migrate.upgrade(self._engine)

    def ready(self) -> str:
        """ "" where the store can be used, otherwise why not."""
        try:
            with told_plainly(self._engine), self._engine.connect() as connection:
                found, wanted = migrate.current(connection), migrate.newest()
        except StoreError as problem:
            return problem.message
        return "" if found == wanted else f"the schema is at revision {found or 'none'}, {wanted} is needed"

    def first_use(self, issuer: str, token_id: str, expires: int) -> bool:
        """Whether this is the first use of the token id of the issuer, in any process, until `expires`."""
        # The hash keeps the length fixed and the caller's text out of the database.
        name = hashlib.sha256(b"%d:%b%b" % (len(issuer), issuer.encode(), token_id.encode())).digest()
        row = self._insert(USED_TOKEN).values(name=name, expires=expires)
        # Counting rows is not enough: a driver need not know how many an insert has made.
        first = row.on_conflict_do_nothing().returning(USED_TOKEN.c.expires)
        with told_plainly(self._engine), self._writing.begin() as connection:
            new = connection.execute(first).first() is not None
        self._purge_now_and_then()
        return new

    def keep_explanation(self, name: bytes, sealed: bytes, expires: int) -> None:
        self.keep_explanations([SealedRow(name, sealed, expires)])

    def keep_explanations(self, rows: Sequence[SealedRow]) -> None:
        """Several in one transaction: all of them or none."""
        if not rows:
            return
        values = [{"name": row.name, "sealed": row.sealed, "expires": row.expires} for row in rows]
        with told_plainly(self._engine), self._writing.begin() as connection:
            connection.execute(self._insert(EXPLANATION).on_conflict_do_nothing(), values)
        self._purge_now_and_then()

    def explanation(self, name: bytes, now: int) -> bytes | None:
        """The sealed explanation of a name, or None where there is none or it has expired."""
        asked = select(EXPLANATION.c.sealed).where(EXPLANATION.c.name == name, EXPLANATION.c.expires > now)
        with told_plainly(self._engine), self._engine.connect() as connection:
            found = connection.execute(asked).scalar_one_or_none()
        return None if found is None else bytes(found)

    def count_shown(self, counts: Mapping[str, int], day: str) -> None:
        """Add numbers of cards shown, by trial, to those of a day (YYYY-MM-DD)."""
        # Sorted, so that no two writers cross.
        rows = [
            {"trial": trial, "day": _day(day), "cards": number} for trial, number in sorted(counts.items()) if number
        ]
        if not rows:
            return
        new = self._insert(SHOWN)
        added = new.on_conflict_do_update(
            index_elements=[SHOWN.c.trial, SHOWN.c.day], set_={"cards": SHOWN.c.cards + new.excluded.cards}
        )
        with told_plainly(self._engine), self._writing.begin() as connection:
            connection.execute(added, rows)

    def record_feedback(self, items: Sequence[FeedbackItem]) -> None:
        """Keep answers to cards. The same card, outcome and suggestion is one row, and the latest report counts."""
        rows = feedback_rows(items)
        if not rows:
            return
        new = self._insert(FEEDBACK)
        keys = list(FEEDBACK.primary_key.columns)
        latest = new.on_conflict_do_update(
            index_elements=keys,
            set_={column.name: new.excluded[column.name] for column in FEEDBACK.columns if column not in keys},
            where=new.excluded["at"] >= FEEDBACK.c.at,
        )
        with told_plainly(self._engine), self._writing.begin() as connection:
            connection.execute(latest, rows)

    def feedback_summary(self, since: str = "", until: str = "") -> list[TrialFeedback]:
        """Per trial, by its id, from day to day (YYYY-MM-DD, both included; "" is open)."""
        since, until = since and _day(since), until and _day(until)
        with told_plainly(self._engine), self._engine.connect() as connection:
            return summary(connection, since, until)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with."""
        with told_plainly(self._engine), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """A transaction that writes: all of it or nothing."""
        with told_plainly(self._engine), self._writing.begin() as connection:
            yield connection

    def dispose(self) -> None:
        """Close the connections of this process."""
        self._engine.dispose()

    def _leave_to_parent(self) -> None:
        """A forked process lets go of its parent's connections without closing them, and opens its own."""
        self._engine.dispose(close=False)
        self._purging = threading.Lock()

    def _insert(self, table: Table) -> postgresql.Insert | sqlite.Insert:
        return postgresql.insert(table) if self._engine.dialect.name == "postgresql" else sqlite.insert(table)

    def _purge_now_and_then(self) -> None:
        if self._steady() < self._due or not self._purging.acquire(blocking=False):
            return
        try:
            if self._jumped():  # a token that was used would pass again once the clock is set right
                self._due = self._steady() + JUMP_SECONDS
                return
            self._due = self._steady() + PURGE_SECONDS
            self._purge(int(self._clock()) - CLOCK_DIFFERENCE_SECONDS)
        except StoreError:
            pass  # the call's own work is done; the next purge will tell or do it
        finally:
            self._purging.release()

    def _jumped(self) -> bool:
        """Whether the clock was set since it was last looked at."""
        before, self._ahead = self._ahead, self._clock() - self._steady()
        return abs(self._ahead - before) > CLOCK_DIFFERENCE_SECONDS

    def _purge(self, before: int) -> None:
        with told_plainly(self._engine), self._writing.begin() as connection:
            for table in (USED_TOKEN, EXPLANATION):
                connection.execute(delete(table).where(table.c.expires < before))
