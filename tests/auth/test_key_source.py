"""Keys that a client publishes: rotation without a restart, and limits on what is fetched and how often."""

import json
import threading

import pytest
import requests
import responses

from service.auth import Gate, Unauthorized
from service.auth.key_set import KeySetError
from service.auth.key_source import MAX_BYTES, PublishedKeys, allowed_address, fetch_key_set
from service.setting_values import Client
from tests.auth.tokens import AUDIENCE, ISSUER, bearer, claims, ec, jwk

ADDRESS = "https://ehr.example.org/keys"


@pytest.fixture
def web():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        yield mocked


@pytest.fixture
def publish(web):
    def say(*keys, **answer):
        web.upsert(responses.GET, ADDRESS, json={"keys": [jwk(key) for key in keys]}, **answer)

    return say


@pytest.fixture
def keys(clock):
    return PublishedKeys(ADDRESS, clock)


def test_a_published_key_lets_its_client_in(publish, clock, memory):
    publish(ec())
    gate = Gate({ISSUER: Client(ISSUER, {}, ADDRESS)}, memory, clock=clock)
    assert gate.check(bearer(ec(), claims(), jku=ADDRESS), [AUDIENCE]).key_id == "ec"


def test_nothing_is_fetched_for_an_issuer_that_is_not_listed(web, clock, memory):
    gate = Gate({ISSUER: Client(ISSUER, {}, ADDRESS)}, memory, clock=clock)
    with pytest.raises(Unauthorized, match="issuer"):
        gate.check(bearer(ec(), claims(iss="https://x.example")), [AUDIENCE])
    assert len(web.calls) == 0


def test_a_set_is_fetched_once_in_ten_minutes(publish, web, keys, clock):
    publish(ec())
    assert keys.find("ec")
    clock.now += 599.9
    assert keys.find("ec")
    assert len(web.calls) == 1
    clock.now += 0.2
    assert keys.find("ec")
    assert len(web.calls) == 2


def test_a_new_key_is_found_at_once_and_a_withdrawn_one_goes(publish, web, keys, clock):
    publish(ec("old"))
    assert keys.find("old")
    publish(ec("new"))
    assert keys.find("new")
    assert keys.find("old") is None
    assert len(web.calls) == 2


def test_unknown_ids_cause_one_fetch_a_minute(publish, web, keys, clock):
    publish(ec())
    assert keys.find("ec")
    for name in ("unknown", "another", "unknown"):
        assert keys.find(name) is None
    assert len(web.calls) == 2
    clock.now += 59.9
    keys.find("unknown")
    assert len(web.calls) == 2
    clock.now += 0.2
    keys.find("unknown")
    assert len(web.calls) == 3
    assert keys.find("ec")


def test_the_last_keys_serve_for_a_day_while_renewals_fail(publish, web, keys, clock):
    publish(ec())
    assert keys.find("ec")
    publish(status=503)
    clock.now += 24 * 3600 - 1
    assert keys.find("ec")
    clock.now += 1
    assert keys.find("ec") is None
    publish(ec())
    clock.now += 10
    assert keys.find("ec")


def test_a_failing_server_is_not_asked_at_every_call(publish, web, keys, clock):
    publish(status=500)
    assert keys.find("ec") is None
    clock.now += 9.9
    assert keys.find("ec") is None
    assert len(web.calls) == 1
    clock.now += 0.2
    assert keys.find("ec") is None
    assert len(web.calls) == 2


def test_a_set_emptied_by_the_client_is_believed(publish, keys, clock):
    publish(ec())
    assert keys.find("ec")
    publish()
    clock.now += 600
    assert keys.find("ec") is None


def test_callers_that_wait_for_the_first_set_share_one_fetch(publish, web, keys):
    publish(ec())
    found = []
    threads = [threading.Thread(target=lambda: found.append(keys.find("ec"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(found)
    assert len(found) == 8
    assert len(web.calls) == 1


def test_a_redirect_is_not_followed(web):
    web.get(ADDRESS, status=302, headers={"Location": "https://elsewhere.example/keys"})
    with pytest.raises(KeySetError, match="302"):
        fetch_key_set(ADDRESS)


def test_a_set_may_have_256_kilobytes(web):
    body = json.dumps({"keys": [jwk(ec())]})
    web.get(ADDRESS, body=body.ljust(MAX_BYTES))
    assert fetch_key_set(ADDRESS).keys
    web.upsert(responses.GET, ADDRESS, body=body.ljust(MAX_BYTES + 1))
    with pytest.raises(KeySetError, match="bytes"):
        fetch_key_set(ADDRESS)


@pytest.mark.parametrize("body", ["", "<html>", "[" * 10_000, "\x00"])
def test_something_that_is_not_json_is_no_key_set(web, body):
    web.get(ADDRESS, body=body)
    with pytest.raises(KeySetError, match=r"JSON|keys"):
        fetch_key_set(ADDRESS)


@pytest.mark.parametrize("failure", [requests.ConnectTimeout, requests.exceptions.SSLError, ConnectionResetError])
def test_a_server_that_cannot_be_reached_is_told_by_kind_only(web, failure):
    web.get(ADDRESS, body=failure("https://user:secret@ehr.example.org"))
    with pytest.raises(KeySetError) as told:
        fetch_key_set(ADDRESS)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    "address", ["https://a.example/k", "http://localhost:1/k", "http://127.0.0.9/k", "http://[::1]/k"]
)
def test_keys_come_encrypted_or_from_this_machine(address):
    assert allowed_address(address)


@pytest.mark.parametrize(
    "address",
    ["http://a.example/k", "http://localhost.example/k", "http://10.0.0.1/k", "ftp://a.example/k", "file:///k"],
)
def test_keys_come_from_nowhere_else(address, web):
    assert not allowed_address(address)
    with pytest.raises(KeySetError, match="https"):
        fetch_key_set(address)


def test_setting_the_wall_clock_back_keeps_no_new_key_out(publish, clock, memory):
    publish(ec("old"))
    gate = Gate({ISSUER: Client(ISSUER, {}, ADDRESS)}, memory, clock=clock)
    assert gate.check(bearer(ec("old"), claims()), [AUDIENCE])
    publish(ec("new"))
    clock.now -= 365 * 24 * 3600
    times = {"iat": int(clock.now), "exp": int(clock.now) + 300}
    assert gate.check(bearer(ec("new"), claims(jti="a", **times)), [AUDIENCE])
    with pytest.raises(Unauthorized, match="key"):
        gate.check(bearer(ec("old"), claims(jti="b", **times)), [AUDIENCE])
