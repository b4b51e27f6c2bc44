"""A database address made into an engine that is set up alike in every process, and errors that show no password."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from service.errors import TrialhookError

BUSY_SECONDS = 5
CONNECT_SECONDS = 3

_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_EXPECTED = (
    "an address such as sqlite:////var/lib/trialhook/trialhook.db or postgresql://user:password@host/name was expected"
)


class StoreError(TrialhookError):
    """The database cannot be used; the message names no password and no value that was to be stored."""

    code = "store-unavailable"


def open_engine(address: str) -> Engine:
    """An engine for SQLite or PostgreSQL; nothing is connected yet. StoreError for any other address."""
    url = _url(address)
    if url.get_backend_name() == "sqlite":
        _check_file(url)
        engine = _engine(url, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        # The encoding is named since a server that has none, as one set up without a locale, would answer in bytes.
        connecting = {"connect_timeout": CONNECT_SECONDS, "client_encoding": "utf8"}
        engine = _engine(url, connect_args=connecting, pool_pre_ping=True)
        from service.store import timed  # only where it is needed: the driver takes its time

        event.listen(engine, "do_connect", timed.connect)
    return engine


def writing(engine: Engine) -> Engine:
    """The same engine for transactions that write: SQLite then waits for its turn before it reads anything."""
    return engine.execution_options(trialhook_begin="BEGIN IMMEDIATE")


def outside_transactions(engine: Engine) -> Engine:
    """The same SQLite engine for statements that no transaction may hold."""
    return engine.execution_options(trialhook_begin="")


@contextmanager
def told_plainly(engine: Engine) -> Iterator[None]:
    """Database errors as StoreError, in one line."""
    try:
        yield
    except SQLAlchemyError as problem:
        raise StoreError(f"the database at {_shown(engine.url)} cannot be used: {_reason(problem, engine)}") from None


def _url(address: str) -> URL:
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        # The text may hold a password, and nobody can say where.
        raise StoreError(f"the database address cannot be read; {_EXPECTED}") from None
    if url.drivername not in _DRIVERS:
        raise StoreError(f"the database address begins with {url.drivername}; {_EXPECTED}")
    return url.set(drivername=_DRIVERS[url.drivername])


def _check_file(url: URL) -> None:
    if not url.database or url.database.startswith((":memory:", "file:")):
        raise StoreError(f"a database in memory cannot be shared by the service's processes; {_EXPECTED}")
    folder = Path(url.database).parent
    if not folder.is_dir():
        raise StoreError(f"there is no folder {folder} for the database {Path(url.database).name}")


def _engine(url: URL, **options: Any) -> Engine:
    try:
        return create_engine(url, hide_parameters=True, **options)
    except (SQLAlchemyError, ImportError, TypeError, ValueError) as problem:
        kind = type(problem).__name__
        raise StoreError(f"the database address {_shown(url)} cannot be used ({kind}); {_EXPECTED}") from None


def _set_up_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # transactions begin where SQLAlchemy says, see _begin_sqlite
    connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    statement = connection.get_execution_options().get("trialhook_begin", "BEGIN")
    if statement:
        connection.exec_driver_sql(statement)


def _shown(url: URL) -> str:
    """The address without password, user and options."""
    place = f"{url.host or ''}{f':{url.port}' if url.port else ''}"
    return f"{url.get_backend_name()}://{place}/{url.database or ''}"


def _reason(problem: SQLAlchemyError, engine: Engine) -> str:
    original = problem.orig if isinstance(problem, DBAPIError) else None
    lines = str(original if original is not None else problem).strip().splitlines() or [type(problem).__name__]
    password = engine.url.password
    return lines[0].replace(str(password), "***") if password else lines[0]
