"""Searches are read to their last page, and one that is not says so."""

from typing import Any

import pytest
import responses

from service.fhir_client import Server
from tests.fhir_client.conftest import BASE, soon
from tests.fhir_client.test_reading import outcome, searchset

FIRST = f"{BASE}/Observation?patient=1"


def page(following: str | None = None) -> dict[str, Any]:
    links = [{"relation": "self", "url": FIRST}, {"relation": "previous", "url": "https://evil.example/"}]
    return searchset(link=links + ([{"relation": "next", "url": following}] if following else []))


@pytest.mark.parametrize(
    "following", [f"{BASE}?_getpages=x", "?page=2", "Observation?page=2", "/fhir/Observation?page=2"]
)
def test_pages_are_followed_with_the_token(mocked: responses.RequestsMock, server: Server, following: str) -> None:
    mocked.get(FIRST, json=page(following))
    address = {f"{BASE}?_getpages=x": f"{BASE}?_getpages=x"}.get(following, f"{BASE}/Observation?page=2")
    mocked.get(address, json=page())
    answer = server.search("Observation?patient=1", soon())
    assert answer.complete
    assert len(answer.pages) == 2
    assert [call.request.headers["Authorization"] for call in mocked.calls] == ["Bearer secret-token"] * 2


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.example/fhir?page=2",
        "//evil.example/fhir?page=2",
        "http://ehr.example.org/fhir?page=2",
        "https://ehr.example.org:444/fhir?page=2",
        "https://ehr.example.org/admin",
        "../../admin",
    ],
)
def test_a_page_elsewhere_is_not_asked_for(mocked: responses.RequestsMock, server: Server, following: str) -> None:
    mocked.get(FIRST, json=page(following))
    answer = server.search("Observation?patient=1", soon())
    assert answer.problem == "the link to the next page leads to an address that may not be called"
    assert (len(answer.pages), len(mocked.calls)) == (1, 1)


def test_a_circle_of_pages_ends(mocked: responses.RequestsMock, server: Server) -> None:
    mocked.get(FIRST, json=page("?page=2"))
    mocked.get(f"{BASE}/Observation?page=2", json=page("https://EHR.example.org:443/fhir/Observation?patient=1"))
    answer = server.search("Observation?patient=1", soon())
    assert answer.problem == "the server's pages lead in a circle"
    assert len(answer.pages) == 2


@pytest.mark.parametrize(("most", "complete"), [(2, False), (3, True)])
def test_pages_are_counted(mocked: responses.RequestsMock, servers: Any, most: int, complete: bool) -> None:
    mocked.get(FIRST, json=page("?page=2"))
    mocked.get(f"{BASE}/Observation?page=2", json=page("?page=3"))
    if complete:
        mocked.get(f"{BASE}/Observation?page=3", json=page())
    answer = servers(max_pages=most).at(BASE).search("Observation?patient=1", soon())
    assert (answer.complete, len(answer.pages)) == (complete, most)


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (410, outcome("expired"), "the server answered 410 (error expired)"),
        (200, outcome("processing"), "the server answered with an OperationOutcome instead (error processing)"),
        (200, {"resourceType": "Observation"}, "the server's answer is not the Bundle that was asked for"),
    ],
)
def test_pages_before_a_failure_are_kept(
    mocked: responses.RequestsMock, server: Server, status: int, body: dict[str, Any], problem: str
) -> None:
    mocked.get(FIRST, json=page("?page=2"))
    mocked.get(f"{BASE}/Observation?page=2", json=body, status=status)
    answer = server.search("Observation?patient=1", soon())
    assert (answer.problem, answer.status) == (problem, status)
    assert len(answer.pages) == 1
