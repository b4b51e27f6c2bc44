"""openapi.yaml tells what the service does: the same routes, valid examples, no answer that it does not describe."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from openapi_core import Config, OpenAPI
from openapi_core.contrib.werkzeug import WerkzeugOpenAPIRequest, WerkzeugOpenAPIResponse
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from tests.builders import AS_OF, SINAI, Json, RxNorm, as_json, eligible
from tests.web.conftest import CALL, call_body

TEXT = Path("service/openapi.yaml").read_text("utf-8")
SPEC: Json = yaml.safe_load(TEXT)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OPERATIONS = sorted((path, method) for path, methods in SPEC["paths"].items() for method in methods)
# what a browser loads, beside the interface itself
PAGES = ("/docs", "/static/", "/demo/")


def test_the_document_is_valid_openapi() -> None:
    validate(SPEC)


def test_the_document_at_the_root_and_the_one_served_are_the_same(shared: FlaskClient) -> None:
    assert Path("openapi.yaml").read_text("utf-8") == TEXT
    served = shared.get("/openapi.yaml")
    assert (served.get_data(as_text=True), served.mimetype) == (TEXT, "application/yaml")


def test_the_document_tells_the_version_of_the_service(shared: FlaskClient) -> None:
    assert SPEC["info"]["version"] == shared.get("/healthz").json["version"]


def test_every_route_stands_in_the_document_and_every_path_is_a_route(app: Flask) -> None:
    served = set()
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(PAGES) or rule.rule == "/":
            continue
        shape = re.sub(r"<(?:\w+:)?\w+>", "{}", rule.rule)
        served |= {(shape, method) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    told = {
        (re.sub(r"\{\w+\}", "{}", path), method.upper())
        for path, methods in SPEC["paths"].items()
        for method in methods
    }
    assert served == told


def test_every_operation_has_an_id_of_its_own_a_summary_and_a_tag() -> None:
    operations = [operation for methods in SPEC["paths"].values() for operation in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    tags = {tag["name"] for tag in SPEC["tags"]}
    assert all(operation["summary"] and set(operation["tags"]) <= tags for operation in operations)


def test_operations_that_ask_for_a_token_say_401_and_503_and_the_others_are_open() -> None:
    for methods in SPEC["paths"].values():
        for operation in methods.values():
            protected = "security" not in operation
            assert ("401" in operation["responses"]) is protected, operation["operationId"]
            assert not protected or "503" in operation["responses"], operation["operationId"]


# ---- examples: a request that is described, and its answer -----------------------------------------------------------

RECORD = eligible(SINAI).bundle()
DAY = AS_OF.isoformat()
CARD = "5c1f9b4e-3a63-4d42-8fbb-6a6a5d5a2f10"
FEEDBACK = {
    "feedback": [
        {
            "card": CARD,
            "outcome": "accepted",
            "outcomeTimestamp": "2026-11-21T10:00:00Z",
            "acceptedSuggestions": [{"id": "a6c4d8f2-96a7-4ac0-9c3c-5e1b55e7f1a1"}],
        },
        {"card": CARD, "outcome": "overridden", "overrideReason": {"reason": {"code": "patient-refuses"}}},
    ]
}
MATCH = {"resourceType": "Parameters", "parameter": [{"name": "patient", "resource": RECORD}]}
REFERENCE = {
    "resourceType": "Parameters",
    "parameter": [{"name": "patient", "valueReference": {"reference": "https://ehr.example.org/fhir/Patient/p1"}}],
}
ORDER = {
    "resourceType": "MedicationRequest",
    "id": "o1",
    "status": "draft",
    "medicationCodeableConcept": {"coding": [RxNorm.VERAPAMIL]},
}
DRAFTING = call_body(
    hook="order-sign",
    context={
        "userId": "Practitioner/example",
        "patientId": "p1",
        "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": ORDER}]},
    },
)
# name: method, path, body, status
REQUESTS: dict[str, tuple[str, str, Any, int]] = {
    "discovery": ("GET", "/cds-services", None, 200),
    "a call": ("POST", CALL, call_body(), 200),
    "a call without cards": ("POST", CALL, call_body(extension={"org.trialhook.request": {"asOf": "1990-01-01"}}), 200),
    "a call with a server": (
        "POST",
        CALL,
        call_body(
            fhirServer="https://ehr.example.org/fhir",
            fhirAuthorization={
                "access_token": "abc",
                "token_type": "Bearer",
                "expires_in": 300,
                "scope": "patient/*.rs",
                "subject": "trialhook",
            },
        ),
        200,
    ),
    "a call with nothing to go by": ("POST", CALL, call_body(prefetch=None), 412),
    "draft orders": ("POST", "/cds-services/trial-guard-sign", DRAFTING, 200),
    "a call of no service": ("POST", "/cds-services/none", call_body(), 404),
    "feedback": ("POST", f"{CALL}/feedback", FEEDBACK, 200),
    "feedback summary": ("GET", f"/feedback/summary?since=2026-01-01&until={DAY}", None, 200),
    "evaluate": ("POST", f"/evaluate?asOf={DAY}", RECORD, 200),
    "evaluate one trial": ("POST", f"/evaluate?asOf={DAY}&trial={SINAI}", RECORD, 200),
    "evaluate no trial": ("POST", "/evaluate?trial=none", RECORD, 404),
    "evaluate nobody": ("POST", "/evaluate", {"resourceType": "Bundle", "type": "collection"}, 422),
    "getClinicalTrial": ("POST", f"/getClinicalTrial?asOf={DAY}", RECORD, 200),
    "match": ("POST", f"/fhir/ResearchStudy/$match?asOf={DAY}", MATCH, 200),
    "match by reference": ("POST", "/fhir/ResearchStudy/$match", REFERENCE, 412),
    "trials": ("GET", "/trials", None, 200),
    "a trial": ("GET", f"/trials/{SINAI}", None, 200),
    "no trial": ("GET", "/trials/none", None, 404),
    "studies": ("GET", "/fhir/ResearchStudy", None, 200),
    "a study": ("GET", f"/fhir/ResearchStudy/{SINAI}", None, 200),
    "no explanation": ("GET", "/explain/none", None, 404),
    "alive": ("GET", "/healthz", None, 200),
    "ready": ("GET", "/readyz", None, 200),
    "metrics": ("GET", "/metrics", None, 200),
    "the document": ("GET", "/openapi.yaml", None, 200),
}


def test_every_operation_has_an_example() -> None:
    asked = {(method.lower(), path.partition("?")[0]) for method, path, _, _ in REQUESTS.values()}
    for path, methods in SPEC["paths"].items():
        shape = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))
        for method in methods:
            assert any(method == m and shape.fullmatch(p) for m, p in asked), f"{method} {path}"


@pytest.fixture(scope="module")
def contract() -> OpenAPI:
    kinds = dict.fromkeys(("application/fhir+json", "application/problem+json"), json.loads)
    return OpenAPI.from_dict(SPEC, config=Config(extra_media_type_deserializers=kinds))


@pytest.mark.parametrize("name", REQUESTS)
def test_examples_and_their_answers_are_as_described(app: Flask, contract: OpenAPI, name: str) -> None:
    method, path, body, status = REQUESTS[name]
    more = {} if body is None else {"data": as_json(body), "content_type": "application/json"}
    request = WerkzeugOpenAPIRequest(Request(EnvironBuilder(path, method=method, **more).get_environ()))
    contract.validate_request(request)
    response = app.test_client().open(path, method=method, **more)
    assert response.status_code == status
    contract.validate_response(request, WerkzeugOpenAPIResponse(response))


# the other forms of a record that the document names
@pytest.mark.parametrize("kind", ["application/json", "application/fhir+json", "application/fhir+ndjson"])
def test_a_record_may_come_in_each_media_type(shared: FlaskClient, kind: str) -> None:
    resources = [entry["resource"] for entry in RECORD["entry"]]
    body = b"\n".join(as_json(r) for r in resources) if kind.endswith("ndjson") else as_json(RECORD)
    answer = shared.post(f"/evaluate?asOf={DAY}", data=body, content_type=kind)
    whole = shared.post(f"/evaluate?asOf={DAY}", data=as_json(RECORD), content_type="application/json")
    assert answer.status_code == 200
    assert [r["grade"] for r in answer.json["results"]] == [r["grade"] for r in whole.json["results"]]


def described_body(path: str) -> Json:
    body: Json = SPEC["paths"][path]["post"]["requestBody"]
    return SPEC["components"]["requestBodies"][body["$ref"].rpartition("/")[2]] if "$ref" in body else body


@pytest.mark.parametrize(
    ("path", "kind"),
    [(path, kind) for path, method in OPERATIONS if method == "post" for kind in described_body(path)["content"]],
)
def test_every_media_type_that_is_described_is_taken(shared: FlaskClient, path: str, kind: str) -> None:
    answer = shared.post(path.format(serviceId="trial-match"), data=b"[]", content_type=kind)
    assert answer.status_code in (400, 422)  # the body is read, and is nobody's


def test_a_list_of_resources_is_a_record(shared: FlaskClient) -> None:
    resources = [entry["resource"] for entry in RECORD["entry"]]
    assert shared.post("/evaluate", data=as_json(resources), content_type="application/json").status_code == 200


# ---- as of when, and which trials ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/evaluate", "/getClinicalTrial", "/fhir/ResearchStudy/$match"])
@pytest.mark.parametrize(("day", "status"), [(DAY, 200), ("0001-01-01", 200), ("9999-12-31", 200), ("", 200),
    ("2024-02-29", 200), ("2026-02-29", 400), ("2026-02-30", 400), ("today", 400), ("0000-01-01", 400),
    ("10000-01-01", 400), ("2026-11-21T00:00:00", 400), ("20261121", 400), ("2026-W47-6", 400), ("٢٠٢٦-11-21", 400),
    (" 2026-11-21", 400)])  # fmt: skip
def test_a_day_is_a_date_of_the_calendar(shared: FlaskClient, path: str, day: str, status: int) -> None:
    body = MATCH if path.endswith("match") else RECORD
    answer = shared.post(path, query_string={"asOf": day}, data=as_json(body), content_type="application/json")
    assert answer.status_code == status
    if status == 400:
        assert answer.json["errors"] == [{"path": "asOf", "message": "a date as YYYY-MM-DD was expected"}]


def test_two_days_are_one_too_many(shared: FlaskClient) -> None:
    answer = shared.post(f"/evaluate?asOf={DAY}&asOf={DAY}", data=as_json(RECORD), content_type="application/json")
    assert (answer.status_code, answer.json["errors"][0]["path"]) == (400, "asOf")


def test_only_the_trials_asked_for_are_answered_once_each(shared: FlaskClient) -> None:
    answer = shared.post(
        f"/evaluate?trial={SINAI}&trial={SINAI}", data=as_json(RECORD), content_type="application/json"
    )
    assert [result["trial"] for result in answer.json["results"]] == [SINAI]


# ---- whatever comes, only answers that are described -----------------------------------------------------------------


@pytest.fixture(scope="module")
def described(app: Flask) -> Any:
    return schemathesis.openapi.from_wsgi("/openapi.yaml", app)


SERVICES = ("trial-match", "trial-guard-select", "trial-guard-sign")


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_answer_is_outside_the_description(described: Any, path: str, method: str, mode: GenerationMode) -> None:
    @hypothesis_settings(
        max_examples=20, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(
        case=described[path][method].as_strategy(generation_mode=mode),
        service=st.sampled_from(SERVICES),
        known=st.booleans(),
    )
    def answered(case: Any, service: str, known: bool) -> None:
        if known:
            there = {"serviceId": service, "trialId": SINAI}
            case.path_parameters = {name: there.get(name, value) for name, value in case.path_parameters.items()}
        case.call_and_validate(checks=CHECKS)

    try:
        answered()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # nothing can be wrong with a request that has no parts
