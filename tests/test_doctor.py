"""The doctor: what is configured, what answers, what a FHIR server lacks for the loaded trials."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import responses

from service import settings
from service.doctor import Line, examine
from service.screening import Screening
from tests.builders import SERVER, SINAI

TYPES = (
    "Patient", "Condition", "Observation", "Procedure", "AllergyIntolerance",
    "MedicationStatement", "MedicationRequest", "MedicationAdministration", "MedicationDispense",
)  # fmt: skip


def statement(*types: str, version: str = "4.0.1", without: str = "", export: bool = False) -> dict[str, Any]:
    searched = [{"name": name} for name in ("_id", "patient", "code") if name != without]
    found: list[dict[str, Any]] = [{"type": kind, "searchParam": searched} for kind in types]
    if export:
        found[0]["operation"] = [{"name": "export"}]
    rest = [{"mode": "server", "resource": found}]
    return {"resourceType": "CapabilityStatement", "fhirVersion": version, "rest": rest}


@pytest.fixture
def server() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        mocked.get(f"{SERVER}/.well-known/smart-configuration", status=404)
        yield mocked


def examined(screening: Screening, server: responses.RequestsMock | None, told: Any = None, **given: str) -> list[Line]:
    loaded = settings.load({f"TRIALHOOK_{name}": value for name, value in ({"AUTH": "none"} | given).items()})
    if server is not None:
        server.get(f"{SERVER}/metadata", body=json.dumps(told), content_type="application/fhir+json")
    return list(examine(loaded, screening, [SERVER] if server is not None else []))


def texts(lines: list[Line], mark: str) -> list[str]:
    return [line.text for line in lines if line.mark == mark]


def test_a_server_that_has_everything(screening: Screening, server: responses.RequestsMock) -> None:
    lines = examined(screening, server, statement(*TYPES, export=True))
    assert not texts(lines, "problem")
    assert "no criterion is unknown for want of a resource type" in texts(lines, "ok")
    assert "Bulk Data $export at: Patient" in texts(lines, "ok")


def test_a_type_that_is_not_offered_names_the_criteria_that_suffer(
    screening: Screening, server: responses.RequestsMock
) -> None:
    lines = examined(screening, server, statement(*(t for t in TYPES if t != "AllergyIntolerance")))
    warnings = texts(lines, "warning")
    assert "AllergyIntolerance is not offered" in warnings
    assert any(SINAI in text and text.endswith("allergy") for text in warnings)


def test_one_drug_resource_of_several_may_be_lacking(screening: Screening, server: responses.RequestsMock) -> None:
    lines = examined(screening, server, statement(*(t for t in TYPES if t != "MedicationDispense")))
    assert "no criterion is unknown for want of a resource type" in texts(lines, "ok")


def test_a_search_parameter_that_is_lacking(screening: Screening, server: responses.RequestsMock) -> None:
    lines = examined(screening, server, statement(*TYPES, without="code"))
    assert "Observation cannot be searched by code" in texts(lines, "warning")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (statement(*TYPES, version="5.0.0"), "FHIR 5.0.0; 4.0.1 was expected"),
        ({"resourceType": "OperationOutcome"}, "CapabilityStatement cannot be read"),
        ({"resourceType": "Patient", "id": "p"}, "CapabilityStatement cannot be read"),
        ([], "CapabilityStatement cannot be read"),
        ({"resourceType": "CapabilityStatement", "rest": [1]}, "CapabilityStatement cannot be read"),
        ({"resourceType": "CapabilityStatement", "rest": {"resource": []}}, "CapabilityStatement cannot be read"),
        (
            {"resourceType": "CapabilityStatement", "rest": [{"resource": [{"type": "Patient", "searchParam": [1]}]}]},
            "CapabilityStatement cannot be read",
        ),
    ],
)
def test_a_server_of_another_kind(screening: Screening, server: responses.RequestsMock, told: Any, said: str) -> None:
    assert any(said in text for text in texts(examined(screening, server, told), "problem"))


def test_secrets_are_not_shown(screening: Screening) -> None:
    lines = examined(screening, None, SECRET="s" * 40, DATABASE_URL="postgresql://u:hidden@127.0.0.1:1/x")
    shown = "\n".join(line.text for line in lines)
    assert "sss" not in shown
    assert "hidden" not in shown
    assert "TRIALHOOK_SECRET = set" in shown


def test_what_would_keep_the_service_from_starting(screening: Screening) -> None:
    assert any("serve` will not start" in text for text in texts(examined(screening, None, AUTH="jwt"), "problem"))


def test_a_database_that_is_away(screening: Screening) -> None:
    lines = examined(screening, None, DATABASE_URL="postgresql://u:p@127.0.0.1:1/x")
    assert any(text.startswith("database: ") for text in texts(lines, "problem"))


@pytest.mark.parametrize(
    ("allowed", "warned"),
    [
        ("http://ehr.example.org/fhir,http://ehr.example.org/other", ["http://ehr.example.org/"]),
        ("http://ehr.example.org:8080/fhir, https://safe.example.org", ["http://ehr.example.org:8080/"]),
        ("http://10.0.0.5/fhir", ["http://10.0.0.5/"]),
        ("https://ehr.example.org/fhir", []),
        ("http://localhost:8080/fhir,http://127.0.0.1/fhir,http://[::1]:9000/fhir,http://ehr.localhost/fhir", []),
        ("", []),
    ],
)
def test_a_listed_server_without_tls_is_warned_of_once(screening: Screening, allowed: str, warned: list[str]) -> None:
    warnings = [text for text in texts(examined(screening, None, FHIR_ALLOWED=allowed), "warning") if "http:" in text]
    said = "TRIALHOOK_FHIR_ALLOWED: {} is http: tokens and patients' data go there in clear text"
    assert warnings == [said.format(address) for address in warned]
