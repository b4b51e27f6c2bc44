"""PostgreSQL connections that wait for nothing without end: not for a lock, and not for a server that hangs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection

LOCK_SECONDS = 5
ANSWER_SECONDS = 10.0
MIGRATION_SECONDS = 300.0


class TimedConnection(psycopg.Connection[Any]):
    """Waits for an answer no longer than `seconds`: a server that hangs, or cannot be reached any more, would otherwise
    hold a thread for hours. It is closed then, as nobody knows what became of the statement."""

    seconds = ANSWER_SECONDS

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, self.seconds if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer within {self.seconds:g} seconds") from None


def connect(_dialect: object, _record: object, arguments: Any, options: Any) -> TimedConnection:
    """For SQLAlchemy's `do_connect`. Who waits for a lock is told sooner than who waits for the server."""
    made = TimedConnection.connect(*arguments, **options)
    made.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
    made.commit()
    return made


@contextmanager
def unhurried(connection: Connection) -> Iterator[None]:
    """Statements of this transaction may take minutes: to wait for another instance that migrates, or to work."""
    made = connection.connection.driver_connection
    if not isinstance(made, TimedConnection):
        raise TypeError("a connection to PostgreSQL was expected")
    made.seconds = MIGRATION_SECONDS
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{MIGRATION_SECONDS:g}s'")
    try:
        yield
    finally:
        made.seconds = ANSWER_SECONDS
