"""A token id is used once, whoever asks and in whichever process."""

import pytest

from service.store import Store
from tests.store.processes import together

LATER = 2**40
IDS = [str(number) for number in range(200)]


def first_uses(url: str) -> list[bool]:
    store = Store(url)
    found = [store.first_use("https://ehr.example.org", name, LATER) for name in IDS]
    store.dispose()
    return found


def test_only_the_first_use_is_the_first(store):
    assert store.first_use("https://ehr.example.org", "one", LATER)
    assert not store.first_use("https://ehr.example.org", "one", LATER + 1)
    assert store.first_use("https://ehr.example.org", "two", LATER)


def test_ids_belong_to_their_issuer(store):
    assert store.first_use("https://a.example", "one", LATER)
    assert store.first_use("https://b.example", "one", LATER)


@pytest.mark.parametrize(
    ("one", "other"), [(("ab", "c"), ("a", "bc")), (("a:1", "b"), ("a", "1:b")), (("é", "x"), ("e", "x"))]
)
def test_issuer_and_id_do_not_run_into_each_other(store, one, other):
    assert store.first_use(*one, LATER)
    assert store.first_use(*other, LATER)


@pytest.mark.parametrize("name", ["\x00", "j" * 255, "'; DROP TABLE used_token; --", "\N{GRINNING FACE}"])
def test_any_text_may_be_an_id(store, name):
    assert store.first_use("https://ehr.example.org", name, LATER)
    assert not store.first_use("https://ehr.example.org", name, LATER)


def test_of_two_processes_one_is_first(store, url):
    answers = together(first_uses, url)
    assert [sum(pair) for pair in zip(*answers, strict=True)] == [1] * len(IDS)


def test_what_has_expired_is_purged_now_and_then(url):
    now = 1000.0
    store = Store(url, clock=lambda: now, steady=lambda: now)
    store.migrate()
    store.keep_explanation(b"old", b"sealed", 1000)
    store.keep_explanation(b"new", b"sealed", 5000)
    assert store.first_use("issuer", "old", 1000)
    assert store.first_use("issuer", "new", 5000)
    now = 1299.0
    assert store.first_use("issuer", "between", 1000)
    assert not store.first_use("issuer", "old", 1000)
    now = 1300.0
    assert store.first_use("issuer", "trigger", 5000)
    assert store.first_use("issuer", "old", 1000)
    assert not store.first_use("issuer", "new", 5000)
    assert store.explanation(b"old", 0) is None
    assert store.explanation(b"new", 0) == b"sealed"
    store.dispose()


def test_what_expired_less_than_a_minute_ago_is_kept(url):
    now = 1000.0
    store = Store(url, clock=lambda: now, steady=lambda: now)
    store.migrate()
    assert store.first_use("issuer", "just", 1240)
    assert store.first_use("issuer", "over", 1239)
    now = 1300.0
    assert store.first_use("issuer", "trigger", 5000)
    assert not store.first_use("issuer", "just", 1240)
    assert store.first_use("issuer", "over", 1239)
    store.dispose()


@pytest.mark.parametrize("days", [400, -400])
def test_a_token_does_not_pass_again_when_the_clock_is_set_and_set_right(url, days):
    steady, ahead = 100_000.0, 0.0
    store = Store(url, clock=lambda: steady + ahead, steady=lambda: steady)
    store.migrate()
    assert store.first_use("issuer", "mine", 103_000)
    ahead = days * 86_400
    for steady in (100_300.0, 103_000.0):
        assert store.first_use("issuer", f"trigger {steady}", 10**9)
    ahead = 0.0
    assert not store.first_use("issuer", "mine", 103_000)
    # by and by it is forgotten, whatever the clock did
    for steady in (104_000.0, 108_000.0):
        store.first_use("issuer", f"trigger {steady}", 10**9)
    assert store.first_use("issuer", "mine", 103_000)
    store.dispose()
