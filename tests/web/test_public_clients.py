"""Calls in the shapes in which public clients were seen to send them, whatever the standard says of those."""

import json
import time
from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.auth.tokens import bearer, claims, ec, jwk, rsa
from tests.builders import SINAI, Json, as_json, eligible
from tests.web.conftest import CALL, Serve, call_body, called, post, prefetch

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
PATIENT = {"reference": "Patient/p1"}
_ids = count()


# ---- a mock EHR in the browser: the public CDS Hooks sandbox --------------------------------------------------------


def started(**more: Any) -> Json:
    """The order as a form begins it, before a drug is picked."""
    order = {"resourceType": "MedicationRequest", "id": "request-123", "status": "draft"}
    return order | {"subject": PATIENT, "authoredOn": "2026-11-20"} | more


def written(bounds: Json | None = None, **more: Any) -> Json:
    """The order once a drug is picked: an object where FHIR has a list of categories."""
    repeat: Json = {"frequency": 1, "period": 1, "periodUnit": "d"} | ({"boundsPeriod": bounds} if bounds else {})
    dose = {"value": 1, "system": "http://unitsofmeasure.org", "code": "{pill}"}
    supply = {"value": 30, "unit": "days", "system": "http://unitsofmeasure.org", "code": "d"}
    name = "letrozole 2.5 MG Oral Tablet"
    category = {"system": "http://terminology.hl7.org/CodeSystem/medicationrequest-category", "code": "community"}
    return started(
        dosageInstruction=[{"timing": {"repeat": repeat}, "doseAndRate": [{"doseQuantity": dose}]}],
        dispenseRequest={"expectedSupplyDuration": supply},
        intent="order",
        category={"coding": [category]},
        medicationCodeableConcept={"text": name, "coding": [{"display": name, "system": RXNORM, "code": "200064"}]},
        **more,
    )


REASON = {
    "coding": [{"system": "http://snomed.info/sct", "code": "254837009", "display": "Malignant neoplasm of breast"}],
    "text": "Breast cancer",
}
# A date as it is typed, key by key, and a reason that stands without its list.
KEYSTROKES = {
    "picked": written(),
    "a reason": written(reasonCode=REASON),
    "no date yet": written({"start": "Invalid date"}),
    "the year's first digit": written({"start": "0002-12-01"}),
    "an end that is no date": written({"start": "2026-12-01", "end": "Invalid date"}),
    "an end in the year 20": written({"start": "2026-12-01", "end": "0020-12-31"}),
    "both dates": written({"start": "2026-12-01", "end": "2026-12-31"}, reasonCode=REASON),
}


def ordering(order: Json, sign: bool = False) -> Json:
    context = {"patientId": "p1", "userId": "Practitioner/COREPRACTITIONER1"}
    context |= {} if sign else {"selections": [f"{order['resourceType']}/{order['id']}"]}
    drafts = {"resourceType": "Bundle", "entry": [{"resource": order}]}  # a Bundle without a type
    hook = "order-sign" if sign else "order-select"
    return call_body(
        hook=hook, context=context | {"draftOrders": drafts}, fhirServer="https://ehr.example.org/fhir"
    )  # fmt: skip


def warnings(client: FlaskClient, body: Json) -> list[Json]:
    service = {"order-sign": "trial-guard-sign", "order-select": "trial-guard-select"}[body["hook"]]
    answer = post(client, f"/cds-services/{service}", body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: list[Json] = answer.json["cards"]
    return [card for card in found if SINAI in card["summary"]]


@pytest.mark.parametrize("sign", [False, True], ids=["order-select", "order-sign"])
@pytest.mark.parametrize("keystroke", KEYSTROKES)
def test_the_warning_stands_at_every_keystroke(shared: FlaskClient, keystroke: str, sign: bool) -> None:
    (card,) = warnings(shared, ordering(KEYSTROKES[keystroke], sign))
    assert card["suggestions"][0]["actions"][0]["resourceId"] == "MedicationRequest/request-123"


def test_an_order_without_a_drug_closes_nothing(shared: FlaskClient) -> None:
    assert warnings(shared, ordering(started())) == []


@pytest.mark.parametrize("coding", [{}, {"code": "76390", "system": "http://www.ama-assn.org/go/cpt"}])
def test_an_imaging_order_before_and_after_the_study_is_picked(shared: FlaskClient, coding: Json) -> None:
    order = {"resourceType": "ServiceRequest", "id": "example-request-id", "status": "draft", "intent": "plan"}
    assert (
        warnings(shared, ordering(order | {"code": {"coding": [coding]}, "subject": PATIENT, "reasonCode": []})) == []
    )


# ---- models of a Java library: HAPI FHIR -----------------------------------------------------------------------------


def test_a_request_with_a_null_an_outcome_and_a_bundle_without_entries(shared: FlaskClient) -> None:
    """Written with line breaks, a charset in its type, and elements of an empty search left out."""
    record = eligible(SINAI)
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    sent = prefetch(record) | {"procedures": None, "allergies": failed}
    sent["medicationDispenses"] = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    body = json.dumps(call_body(record, prefetch=sent), indent=2).encode()
    answer = post(shared, CALL, body, content_type="application/json;charset=UTF-8")
    assert answer.status_code == 200
    (card,) = [card for card in answer.json["cards"] if SINAI in card["detail"]]
    unknown = [c["reason"] for c in card["extension"]["org.trialhook.result"]["criteria"] if c["outcome"] == "unknown"]
    assert unknown
    assert not any("MedicationDispense" in reason for reason in unknown)


# ---- an EHR's authorization: the SMART launcher ----------------------------------------------------------------------


def test_scopes_of_the_first_version_and_no_patient(shared: FlaskClient) -> None:
    authorization = {
        "access_token": "a.b.c",
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "patient/*.* user/*.* launch openid profile online_access",
        "subject": "48163c5e-88b5-4cb3-92d3-23b800caa927",
    }
    body = call_body(fhirServer="https://ehr.example.org/v/r4/sim/WzAs/fhir", fhirAuthorization=authorization)
    assert called(shared, body)


# ---- tokens ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def trusting(serve: Serve) -> FlaskClient:
    keys = {"https://ehr.example.org": {"jwks": {"keys": [jwk(ec()), jwk(rsa())]}}}
    return serve(AUTH="jwt", PUBLIC_URL="https://trials.example.org", CLIENTS=json.dumps(keys))


def token(key: Any, **header: Any) -> str:
    now = round(time.time())
    said = claims(aud=f"https://trials.example.org{CALL}", iat=now, exp=now + 300, jti=f"{next(_ids):064x}")
    return bearer(key, said, jku="https://ehr.example.org/jwks.json", **header)


def test_one_token_serves_one_request(trusting: FlaskClient) -> None:
    """The Inferno kit signs once for all bodies that it is given: all but the first are a replay."""
    for key in (ec(), rsa()):
        once = {"Authorization": token(key)}
        answers = [
            trusting.post(CALL, data=as_json(call_body()), content_type="application/json", headers=once).status_code
            for _ in range(2)
        ]
        assert answers == [200, 401]
