"""The schema: brought up to date from inside the package, by several instances at once, and nothing of a patient."""

import sqlite3
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, text

from service.store import Store, StoreError
from service.store.engine import open_engine
from service.store.schema import METADATA
from tests.store.processes import in_fork, together


@pytest.fixture
def engine(store, url) -> Iterator[Engine]:
    """A second way into the migrated database."""
    made = open_engine(url)
    yield made
    made.dispose()


def migrated(url: str) -> str:
    store = Store(url)
    store.migrate()
    answer = store.ready()
    store.dispose()
    return answer


def test_an_empty_database_is_not_ready_until_it_is_migrated(url):
    store = Store(url)
    assert "revision none" in store.ready()
    store.migrate()
    assert store.ready() == ""
    store.migrate()
    assert store.ready() == ""
    store.dispose()


@pytest.mark.live
def test_a_server_that_was_set_up_without_a_locale_is_used_all_the_same(postgres_server):
    """As Debian does where none is set: its text has no encoding."""
    assert migrated(postgres_server.new_database("ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")) == ""


def test_instances_that_start_together_migrate_once(url):
    assert together(migrated, url, processes=3) == ["", "", ""]


def test_a_newer_schema_is_told_and_left_alone(store, engine):
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert "9999" in store.ready()
    with pytest.raises(StoreError, match="newer version"):
        store.migrate()
    assert "9999" in store.ready()


def test_the_scripts_make_the_tables_that_the_code_uses(engine):
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_a_migration_that_fails_leaves_nothing(tmp_path):
    path = tmp_path / "store.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE feedback (x)")
    other.close()
    with pytest.raises(StoreError, match="already exists"):
        Store(f"sqlite:///{path}").migrate()
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
    engine.dispose()
    assert names == ["feedback"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_sqlite_lets_readers_and_a_writer_work_side_by_side(engine):
    asked = {"journal_mode": "wal", "synchronous": 1, "busy_timeout": 5000}
    with engine.connect() as connection:
        found = {name: connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in asked}
    assert found == asked


def test_no_column_could_hold_a_patients_data():
    """But the audit trail, which is about whose data were used."""
    columns = {f"{table.name}.{column.name}" for table in METADATA.tables.values() for column in table.columns}
    assert columns - {"audit_event.name", "audit_event.at", "audit_event.entry"} == {
        "used_token.name", "used_token.expires",
        "explanation.name", "explanation.sealed", "explanation.expires",
        "shown.trial", "shown.day", "shown.cards",
        "feedback.card", "feedback.outcome", "feedback.suggestion", "feedback.trial", "feedback.service",
        "feedback.reason", "feedback.reason_system", "feedback.had_comment", "feedback.at", "feedback.day",
        "decision.name", "decision.at", "decision.entry",
        "decision_input.name", "decision_input.at", "decision_input.sealed",
    }  # fmt: skip


def test_a_forked_process_has_connections_of_its_own(store):
    def work() -> bytes:
        return b"%d" % sum(store.first_use("issuer", str(number), 2**40) for number in range(50))

    assert store.first_use("issuer", "0", 2**40)
    assert in_fork(work) == b"49"
    assert in_fork(lambda: b"%d" % store._engine.pool.checkedin()) == b"0"
    assert store._engine.pool.checkedin() == 1
    assert store.first_use("issuer", "of the parent", 2**40)
    assert not store.first_use("issuer", "49", 2**40)
