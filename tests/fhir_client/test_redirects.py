"""Redirects are followed on the same server only, and the token goes nowhere else."""

import pytest
import responses

from service.fhir_client import Server
from tests.fhir_client.conftest import BASE, soon
from tests.fhir_client.test_reading import PATIENT

URL = f"{BASE}/Patient/1"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", [f"{BASE}/r4/Patient/1", "/fhir/r4/Patient/1", "../r4/Patient/1"])
def test_a_redirect_on_the_same_server_is_followed_with_the_token(
    mocked: responses.RequestsMock, server: Server, status: int, location: str
) -> None:
    mocked.get(URL, status=status, headers={"Location": location})
    mocked.get(f"{BASE}/r4/Patient/1", json=PATIENT)
    assert server.read("Patient/1", soon()).complete
    assert mocked.calls[1].request.headers["Authorization"] == "Bearer secret-token"


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/fhir/Patient/1",
        "//evil.example/fhir/Patient/1",
        "http://ehr.example.org/fhir/Patient/1",
        "https://ehr.example.org:8443/fhir/Patient/1",
        "https://secret-token@ehr.example.org/fhir/Patient/1",
        "http://169.254.169.254/latest/meta-data",
        "/admin",
        "file:///etc/passwd",
        "",
    ],
)
def test_a_redirect_elsewhere_is_not_followed(mocked: responses.RequestsMock, server: Server, location: str) -> None:
    mocked.get(URL, status=302, headers={"Location": location})
    answer = server.read("Patient/1", soon())
    assert answer.problem == "the server redirects to an address that may not be called"
    assert (answer.temporary, answer.status, len(mocked.calls)) == (False, 302, 1)


def test_a_redirect_without_a_location_is_a_problem(mocked: responses.RequestsMock, server: Server) -> None:
    mocked.get(URL, status=302)
    assert not server.read("Patient/1", soon()).complete


@pytest.mark.parametrize(("hops", "complete"), [(3, True), (4, False)])
def test_redirects_are_counted(mocked: responses.RequestsMock, server: Server, hops: int, complete: bool) -> None:
    for hop in range(hops):
        address = f"{URL}?hop={hop}" if hop else URL
        mocked.get(address, status=307, headers={"Location": f"?hop={hop + 1}"})
    if complete:
        mocked.get(f"{URL}?hop={hops}", json=PATIENT)
    answer = server.read("Patient/1", soon())
    assert answer.complete is complete
    assert len(mocked.calls) == 4
