"""The schema brought up to date, by one process at a time, from inside the package and without an ini file."""

import time
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from service.store.engine import BUSY_SECONDS, StoreError, outside_transactions, writing

_LOCK = 0x747269616C  # one number that all instances agree on


@cache
def newest() -> str:
    """The revision that this version of the code works with."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def current(connection: Connection) -> str:
    """The revision of the database, or "" where there is none yet."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def upgrade(engine: Engine) -> None:
    """To the newest revision, all or nothing; a second instance waits and then finds it done."""
    if engine.dialect.name == "sqlite":
        _write_ahead(engine)
    with writing(engine).begin() as connection:
        if engine.dialect.name == "postgresql":
            _run_alone(connection)
        else:
            _run(connection)


def _run_alone(connection: Connection) -> None:
    from service.store.timed import unhurried

    with unhurried(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        _run(connection)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "service.store:migrations")
    return config


def _run(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise StoreError("the schema of the database is not known here; was it made by a newer version?") from None


def _write_ahead(engine: Engine) -> None:
    """Readers and the one writer do not wait for each other. The file keeps the mode, so once is enough."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            with outside_transactions(engine).connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            return
        except OperationalError as problem:
            # Unlike other statements this one does not wait while another process holds the file.
            if "locked" not in str(problem.orig) or time.monotonic() > end:
                raise
            time.sleep(0.02)
