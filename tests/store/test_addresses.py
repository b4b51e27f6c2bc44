"""Which database addresses are taken, and what is said of the others: never a password."""

import pytest

from service.store import Store, StoreError

SECRET = "hunter2secret"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        f"postgresql://user:{SECRET}@host:port/name",
        f"mysql://user:{SECRET}@host/name",
        f"postgresql+asyncpg://user:{SECRET}@host/name",
        f"user:{SECRET}@host/name",
    ],
)
def test_an_address_of_another_kind_is_refused_with_an_example(url):
    with pytest.raises(StoreError, match=r"sqlite:///.* was expected") as told:
        Store(url)
    assert SECRET not in str(told.value)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"])
def test_a_database_in_memory_is_refused(url):
    with pytest.raises(StoreError, match="memory"):
        Store(url)


def test_a_folder_that_is_missing_is_named_and_not_made(tmp_path):
    with pytest.raises(StoreError, match=r"no folder .*absent"):
        Store(f"sqlite:///{tmp_path}/absent/store.db")
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_server_that_does_not_answer_is_told_without_the_password(scheme):
    store = Store(f"{scheme}://user:{SECRET}@127.0.0.1:1/name?application_name=x")
    for problem in (store.ready(), failure(store)):
        assert "postgresql://127.0.0.1:1/name" in problem
        assert SECRET not in problem
        assert "user" not in problem


def failure(store: Store) -> str:
    with pytest.raises(StoreError) as told:
        store.first_use("issuer", "one", 1)
    return str(told.value)


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "store.db").write_bytes(b"This is a text and no database at all. " * 200)
    store = Store(f"sqlite:///{tmp_path}/store.db")
    assert "not a database" in store.ready()
    with pytest.raises(StoreError, match="not a database"):
        store.migrate()


@pytest.mark.live
def test_a_wrong_password_is_not_repeated(postgres_server):
    store = Store(f"postgresql://trialhook:{SECRET}@127.0.0.1:{postgres_server.port}/postgres")
    assert "authentication failed" in store.ready()
    assert SECRET not in store.ready()
