"""Against a real FHIR R4 server."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from service.fhir_client import FhirServers, Server
from tests.builders import as_json
from tests.fhir_client.conftest import soon
from tests.live.servers import fhir_server

pytestmark = pytest.mark.live
RESULTS = 25


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with fhir_server(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(scope="module")
def patient(base: str) -> str:
    """The id of a patient with RESULTS laboratory results, put there for this run."""
    identity = f"client-{uuid.uuid4()}"
    resources: list[dict[str, Any]] = [{"resourceType": "Patient", "id": identity}]
    resources += [
        {
            "resourceType": "Observation",
            "id": f"{identity}-{n}",
            "status": "final",
            "subject": {"reference": f"Patient/{identity}"},
            "code": {"coding": [{"system": "http://loinc.org", "code": "751-8"}]},
            "valueQuantity": {"value": n, "unit": "10*3/uL"},
        }
        for n in range(RESULTS)
    ]
    entries = [
        {"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}} for r in resources
    ]
    body = as_json({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    requests.post(base, data=body, headers={"Content-Type": "application/fhir+json"}, timeout=60).raise_for_status()
    return identity


@pytest.fixture(scope="module")
def real(base: str) -> Iterator[Server]:
    with FhirServers([base], 100_000_000) as servers:
        yield servers.at(base)


def test_a_patient_is_read(real: Server, patient: str) -> None:
    answer = real.read(f"Patient/{patient}", soon(30))
    assert answer.complete
    assert json.loads(answer.pages[0])["id"] == patient


def test_a_search_is_read_to_its_last_page(real: Server, patient: str) -> None:
    answer = real.search(f"Observation?patient={patient}&code=http://loinc.org|751-8&_count=10", soon(30))
    assert answer.complete
    found = [entry["resource"]["id"] for page in answer.pages for entry in json.loads(page)["entry"]]
    assert len(answer.pages) == 3
    assert sorted(found) == sorted(f"{patient}-{n}" for n in range(RESULTS))


def test_what_is_not_there_and_what_is_wrong_are_told_apart(real: Server, patient: str) -> None:
    asked = {
        "there": f"Patient/{patient}",
        "empty": f"Condition?patient={patient}",
        "gone": "Patient/nobody-of-this-name",
        "wrong": "Observation?no-such-parameter=1",
    }
    answers = real.ask_all(asked, soon(30))
    assert {key: answer.status for key, answer in answers.items()} == {
        "there": 200,
        "empty": 200,
        "gone": 404,
        "wrong": 400,
    }
    assert [answer.complete for answer in answers.values()] == [True, True, False, False]
    assert answers["gone"].problem.startswith("the server answered 404 (error ")


def test_the_capability_statement_is_read(real: Server) -> None:
    answer = real.metadata(soon(60))
    assert answer.complete
    assert json.loads(answer.pages[0])["fhirVersion"].startswith("4.0")
