"""PostgreSQL that hangs or holds a lock: a call is told so within seconds, and the next one works again."""

from collections.abc import Iterator

import psycopg
import pytest

from service.store import Store, StoreError, timed
from tests.store import postgres

pytestmark = pytest.mark.live


@pytest.fixture
def url(postgres_server: postgres.Server) -> str:
    return postgres_server.new_database()


@pytest.fixture
def beside(url: str) -> Iterator["psycopg.Connection[tuple[int]]"]:
    """Another client of the same database."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def test_an_answer_is_not_waited_for_without_end(
    url: str, monkeypatch: pytest.MonkeyPatch, beside: "psycopg.Connection[tuple[int]]"
) -> None:
    monkeypatch.setattr(timed.TimedConnection, "seconds", 0.3)
    store = Store(url)
    with pytest.raises(StoreError, match=r"no answer within 0\.3 seconds"), store.reading() as connection:
        connection.exec_driver_sql("SELECT pg_sleep(60)")
    with store.reading() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
    store.dispose()


def test_a_lock_is_not_waited_for_without_end(
    url: str, monkeypatch: pytest.MonkeyPatch, beside: "psycopg.Connection[tuple[int]]"
) -> None:
    monkeypatch.setattr(timed, "LOCK_SECONDS", 1)
    store = Store(url)
    store.migrate()
    with beside.transaction():
        beside.execute("LOCK TABLE used_token IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreError, match="lock timeout"):
            store.first_use("issuer", "a", 1000)
    assert store.first_use("issuer", "a", 1000)
    store.dispose()


def test_a_migration_waits_for_another_longer_than_that(
    url: str, monkeypatch: pytest.MonkeyPatch, beside: "psycopg.Connection[tuple[int]]"
) -> None:
    monkeypatch.setattr(timed, "LOCK_SECONDS", 1)
    monkeypatch.setattr(timed.TimedConnection, "seconds", 1.0)
    import threading

    store = Store(url)
    beside.execute("SELECT pg_advisory_lock(%s)", [0x747269616C])
    waiting = threading.Thread(target=store.migrate)
    waiting.start()
    waiting.join(2.5)
    assert waiting.is_alive()
    beside.execute("SELECT pg_advisory_unlock(%s)", [0x747269616C])
    waiting.join(30)
    assert store.ready() == ""
    store.dispose()
