"""Stores on both databases: SQLite always, PostgreSQL in the live tests where its programs are installed."""

from collections.abc import Iterator

import pytest

from service.store import Store
from tests.store import postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    folder = postgres.programs()
    if folder is None:
        pytest.skip("PostgreSQL's initdb and pg_ctl are not installed")
    with postgres.running(folder) as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.live)])
def url(request, tmp_path) -> str:
    """The address of a database without any tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return request.getfixturevalue("postgres_server").new_database()


@pytest.fixture
def store(url) -> Iterator[Store]:
    made = Store(url)
    made.migrate()
    yield made
    made.dispose()
