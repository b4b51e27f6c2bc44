"""What is tried again, how long is waited, and when waiting is no use."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
import responses

from service.fhir_client import FhirServers, waiting
from tests.fhir_client.conftest import BASE, soon
from tests.fhir_client.test_reading import PATIENT, outcome

Servers = Callable[..., FhirServers]
URL = f"{BASE}/Patient/1"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_temporary_error_is_tried_again(mocked: responses.RequestsMock, servers: Servers, status: int) -> None:
    mocked.get(URL, status=status)
    mocked.get(URL, status=status)
    mocked.get(URL, json=PATIENT)
    answer = servers(retries=2).at(BASE).read("Patient/1", soon())
    assert (answer.complete, answer.status) == (True, 200)


@pytest.mark.parametrize("status", [429, 503])
def test_the_last_failure_is_told(mocked: responses.RequestsMock, servers: Servers, status: int) -> None:
    mocked.get(URL, json=outcome("throttled"), status=status)
    answer = servers(retries=1).at(BASE).read("Patient/1", soon())
    assert answer.problem == f"the server answered {status} (error throttled)"
    assert (answer.temporary, answer.status, len(mocked.calls)) == (True, status, 2)


@pytest.mark.parametrize(("code", "calls"), [("transient", 2), ("timeout", 2), ("exception", 1), ("processing", 1)])
def test_a_500_is_tried_again_only_where_it_says_transient(
    mocked: responses.RequestsMock, servers: Servers, code: str, calls: int
) -> None:
    mocked.get(URL, json=outcome(code), status=500)
    answer = servers(retries=1).at(BASE).read("Patient/1", soon())
    assert (answer.temporary, len(mocked.calls)) == (calls == 2, calls)


def test_a_broken_connection_is_tried_again(mocked: responses.RequestsMock, servers: Servers) -> None:
    mocked.get(URL, body=requests.ConnectionError("reset by 10.0.0.1"))
    mocked.get(URL, json=PATIENT)
    assert servers(retries=1).at(BASE).read("Patient/1", soon()).complete


def test_a_refused_certificate_is_not_tried_again(mocked: responses.RequestsMock, servers: Servers) -> None:
    mocked.get(URL, body=requests.exceptions.SSLError("certificate"))
    answer = servers(retries=2).at(BASE).read("Patient/1", soon())
    assert (answer.temporary, len(mocked.calls)) == (False, 1)


def _dates(seconds: int) -> dict[str, str]:
    """A server whose clock is years behind asks for a wait by date."""
    now = datetime(2001, 1, 1, tzinfo=UTC)
    until = now + timedelta(seconds=seconds)
    return {"Date": format_datetime(now, usegmt=True), "Retry-After": format_datetime(until, usegmt=True)}


@pytest.mark.parametrize("headers", [{"Retry-After": "7"}, _dates(7)])
def test_the_wait_that_the_server_asks_for_is_kept(
    mocked: responses.RequestsMock, servers: Servers, headers: dict[str, str]
) -> None:
    waits: list[float] = []
    mocked.get(URL, status=429, headers=headers)
    mocked.get(URL, json=PATIENT)
    answer = servers(sleep=waits.append).at(BASE).read("Patient/1", soon(30))
    assert answer.complete
    assert waits == [7.0]


@pytest.mark.parametrize("headers", [{"Retry-After": "120"}, {"Retry-After": "999999999"}, _dates(120)])
def test_a_wait_longer_than_the_time_left_is_not_begun(
    mocked: responses.RequestsMock, servers: Servers, headers: dict[str, str]
) -> None:
    waits: list[float] = []
    mocked.get(URL, status=503, headers=headers)
    answer = servers(sleep=waits.append).at(BASE).read("Patient/1", soon(30))
    assert (answer.problem, answer.temporary) == ("the server answered 503", True)
    assert (waits, len(mocked.calls)) == ([], 1)


@pytest.mark.parametrize(
    "header",
    ["", "soon", "-1", "1.5", "99999999999999999999", "Mon, 99 Foo 2001 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"],
)
def test_a_senseless_or_past_wait_is_our_own_pause(
    mocked: responses.RequestsMock, servers: Servers, header: str
) -> None:
    waits: list[float] = []
    mocked.get(URL, status=503, headers={"Retry-After": header})
    mocked.get(URL, json=PATIENT)
    assert servers(pause=1.0, sleep=waits.append).at(BASE).read("Patient/1", soon(30)).complete
    assert len(waits) == 1
    assert 0.5 <= waits[0] <= 1.0


def test_a_date_without_the_servers_own_counts_from_now() -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    asked = waiting.asked_for({"Retry-After": format_datetime(until, usegmt=True)})
    assert asked is not None
    assert 3500 < asked <= 3600


def test_pauses_grow_to_a_cap_and_vary() -> None:
    assert all(0.05 <= waiting.pause(0.1, 0) <= 0.1 for _ in range(20))
    assert all(0.2 <= waiting.pause(0.1, 2) <= 0.4 for _ in range(20))
    assert waiting.pause(0.1, 500) <= waiting.LONGEST_PAUSE
    assert len({waiting.pause(0.1, 0) for _ in range(20)}) > 1


def test_retries_go_on_within_a_search(mocked: responses.RequestsMock, servers: Servers) -> None:
    first = {"resourceType": "Bundle", "type": "searchset", "link": [{"relation": "next", "url": "?page=2"}]}
    mocked.get(f"{BASE}/Observation?patient=1", json=first)
    mocked.get(f"{BASE}/Observation?page=2", status=503)
    mocked.get(f"{BASE}/Observation?page=2", json={"resourceType": "Bundle", "type": "searchset"})
    answer = servers().at(BASE).search("Observation?patient=1", soon())
    assert (answer.complete, len(answer.pages)) == (True, 2)
