"""Absent, null, empty, paginated and failed prefetch are five different things; only what is complete is silence."""

import json
import re
from typing import Any

import pytest
import requests
import responses
from flask.testing import FlaskClient

from tests.builders import (
    SERVER,
    SINAI,
    Json,
    RxNorm,
    allergy,
    eligible,
    medication,
    operation_outcome,
    request,
    searchset,
)
from tests.web.conftest import CALL, Serve, call_body, called, post, prefetch, verdict

RECORD = eligible(SINAI)
NEXT = f"{SERVER}?_getpages=abc"


def with_allergies(came: Any) -> Json:
    """A call whose prefetch holds this for the allergies."""
    found = prefetch(RECORD)
    if came is ...:
        del found["allergies"]
    else:
        found["allergies"] = came
    return call_body(prefetch=found)


INCOMPLETE = {
    "absent": (..., "did not come with the call"),
    "null": (None, "the caller had none to send"),
    "paginated": (searchset([], "AllergyIntolerance", next_url=NEXT), "next page"),
    "a larger total": (searchset([], "AllergyIntolerance", total=3), "0 of 3"),
    "failed": (operation_outcome("error", "exception"), "the caller's search failed"),
    "failed inside": (
        searchset([], "AllergyIntolerance", more_entries=[{"resource": operation_outcome()}]),
        "the caller's search failed",
    ),
    "refused": (operation_outcome("error", "forbidden"), "the caller's search failed"),
    "of a wrong type": (RECORD.resources["patient"], "something else was sent"),
    "one resource instead of a result": (allergy(RxNorm.PENICILLIN_G), "one was sent alone"),
    "another search's result": (searchset(RECORD.of_type("Condition")), "something else was sent"),
    "no object": ([1, 2], "something else was sent"),
    "text": ("nothing", "something else was sent"),
    "a Bundle that says nothing": ({"resourceType": "Bundle"}, "something else was sent"),
    "a Bundle that is none": ({"resourceType": "Bundle", "entry": 5}, "cannot be read"),
}  # fmt: skip


def test_an_empty_searchset_is_silence(client: FlaskClient) -> None:
    found = verdict(called(client, with_allergies(searchset([], "AllergyIntolerance"))), SINAI, "allergy")
    assert found[:2] == ("pass", "no-record")


@pytest.mark.parametrize("said", [{"total": 0}, {"entry": []}, {"type": "searchset"}], ids=["total", "entry", "type"])
def test_a_result_that_says_anything_of_itself_is_silence(client: FlaskClient, said: Json) -> None:
    found = verdict(called(client, with_allergies({"resourceType": "Bundle"} | said)), SINAI, "allergy")
    assert found[:2] == ("pass", "no-record")


@pytest.mark.parametrize("claim", INCOMPLETE)
def test_it_is_unknown_where_prefetch_is(client: FlaskClient, claim: str) -> None:
    came, said = INCOMPLETE[claim]
    outcome, basis, reason = verdict(called(client, with_allergies(came)), SINAI, "allergy")
    assert (outcome, basis) == ("unknown", "missing")
    assert said in reason


def test_what_was_recorded_in_an_incomplete_answer_still_decides(client: FlaskClient) -> None:
    found = prefetch(RECORD)
    found["observations"] = found["observations"] | {"total": 500}
    assert verdict(called(client, call_body(prefetch=found)), SINAI, "anc")[:2] == ("pass", "recorded")


# ---- and the rest is fetched -----------------------------------------------------------------------------------------

ALLOWED = {"FHIR_ALLOWED": SERVER}


def serve_searches(server: responses.RequestsMock, **special: Any) -> None:
    """Answers for every query of the service; a keyword gives a type's own answer."""
    server.get(f"{SERVER}/Patient/p1", json=json.loads(json.dumps(RECORD.resources["patient"], default=float)))
    for kind in ("Condition", "Observation", "MedicationStatement", "MedicationRequest", "MedicationAdministration",
                 "MedicationDispense", "Procedure", "AllergyIntolerance"):  # fmt: skip
        answer = special.get(kind, {"json": searchset(RECORD.of_type(kind), kind)})
        if "json" in answer:
            answer = answer | {"json": json.loads(json.dumps(answer["json"], default=float))}
        server.get(f"{SERVER}/{kind}", **answer)


@pytest.fixture
def server() -> Any:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        yield mocked


@pytest.mark.parametrize("claim", [c for c in INCOMPLETE if c != "refused"])
def test_it_is_fetched_where_there_is_a_server(serve: Serve, server: responses.RequestsMock, claim: str) -> None:
    serve_searches(server)
    body = with_allergies(INCOMPLETE[claim][0]) | {"fhirServer": SERVER}
    assert verdict(called(serve(**ALLOWED), body), SINAI, "allergy")[:2] == ("pass", "no-record")
    assert [call.request.url.split("?")[0] for call in server.calls] == [f"{SERVER}/AllergyIntolerance"]


def test_what_the_caller_refused_is_not_asked_for_again(serve: Serve, server: responses.RequestsMock) -> None:
    serve_searches(server)
    body = with_allergies(INCOMPLETE["refused"][0]) | {"fhirServer": SERVER}
    assert verdict(called(serve(**ALLOWED), body), SINAI, "allergy")[0] == "unknown"
    assert not server.calls


def test_without_any_prefetch_everything_is_fetched_with_the_token(
    serve: Serve, server: responses.RequestsMock
) -> None:
    serve_searches(server)
    access = {
        "access_token": "secret-token",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.*",
        "subject": "x",
    }
    cards = called(serve(**ALLOWED), call_body(prefetch=None, fhirServer=f"{SERVER}/", fhirAuthorization=access))
    assert verdict(cards, SINAI, "anc")[0] == "pass"
    assert len(server.calls) == 9
    assert {call.request.headers["Authorization"] for call in server.calls} == {"Bearer secret-token"}


def test_fetched_and_sent_give_the_same_answer(serve: Serve, server: responses.RequestsMock) -> None:
    serve_searches(server)
    client = serve(**ALLOWED)
    results = [
        [card["extension"]["org.trialhook.result"] for card in called(client, body)]
        for body in (call_body(), call_body(prefetch=None, fhirServer=SERVER))
    ]
    assert results[0] == results[1]


@pytest.mark.parametrize(("status", "said"), [(403, ""), (500, "")])
def test_a_search_that_fails_is_no_silence(
    serve: Serve, server: responses.RequestsMock, status: int, said: str
) -> None:
    serve_searches(server, AllergyIntolerance={"status": status, "json": operation_outcome()})
    found = verdict(called(serve(**ALLOWED), call_body(prefetch=None, fhirServer=SERVER)), SINAI, "allergy")
    assert found[:2] == ("unknown", "missing")
    assert "AllergyIntolerance" in found[2]


def test_a_server_may_lack_some_of_the_drug_resources(serve: Serve, server: responses.RequestsMock) -> None:
    serve_searches(server, MedicationDispense={"status": 404, "json": operation_outcome(code="not-supported")})
    found = verdict(called(serve(**ALLOWED), call_body(prefetch=None, fhirServer=SERVER)), SINAI, "cyp3a4")
    assert found[:2] == ("pass", "no-record")


def test_a_server_that_lacks_all_of_them_knows_nothing_of_drugs(serve: Serve, server: responses.RequestsMock) -> None:
    missing = {"status": 404, "json": operation_outcome(code="not-supported")}
    kinds = ("MedicationStatement", "MedicationRequest", "MedicationAdministration", "MedicationDispense")
    serve_searches(server, **dict.fromkeys(kinds, missing))
    found = verdict(called(serve(**ALLOWED), call_body(prefetch=None, fhirServer=SERVER)), SINAI, "cyp3a4")
    assert found[:2] == ("unknown", "missing")


@pytest.mark.parametrize("named", ["Medication/m1", f"{SERVER}/Medication/m1"])
def test_medications_behind_references_are_fetched(serve: Serve, server: responses.RequestsMock, named: str) -> None:
    order = request(RxNorm.VERAPAMIL, "2026-09-01") | {"id": "order"}
    del order["medicationCodeableConcept"]
    order["medicationReference"] = {"reference": named}
    serve_searches(server)
    server.get(f"{SERVER}/Medication/m1", json=medication(RxNorm.VERAPAMIL, id="m1"))
    found = prefetch(RECORD) | {"medicationRequests": searchset([order], "MedicationRequest")}
    sent = post(serve(**ALLOWED), "/cds-services/trial-match", call_body(prefetch=found, fhirServer=SERVER))
    assert SINAI not in sent.get_data(as_text=True)  # certainly not: a strong inhibitor
    assert [call.request.url for call in server.calls] == [f"{SERVER}/Medication/m1"]


# ---- 412: what is required cannot be had -----------------------------------------------------------------------------


def without(*keys: str) -> Json:
    return {key: value for key, value in prefetch(RECORD).items() if key not in keys}


def failed_inside(code: str) -> Json:
    """A searchset that holds nothing but why it failed."""
    return searchset([], "Condition", more_entries=[{"resource": operation_outcome("error", code)}])


REQUIRED = {
    "nothing came": ({}, {}, "prefetch.patient: "),
    "no Patient": (without("patient"), {}, "prefetch.patient: "),
    "no Conditions": (without("conditions"), {}, "prefetch.conditions: "),
    "Conditions that failed": (without() | {"conditions": operation_outcome()}, {}, "prefetch.conditions: "),
    "Conditions that failed inside": (
        without() | {"conditions": failed_inside("exception")}, {}, "prefetch.conditions: ",
    ),
    "Conditions that were refused": (
        without() | {"conditions": failed_inside("forbidden")}, {"fhirServer": SERVER}, "prefetch.conditions: ",
    ),
    "a server that may not be called": ({}, {"fhirServer": "https://elsewhere.example.org/fhir"}, "prefetch.patient: "),
    "another patient": (prefetch(RECORD) | {"patient": RECORD.resources["patient"] | {"id": "p2"}}, {}, ""),
}  # fmt: skip


@pytest.mark.parametrize("claim", REQUIRED)
def test_412_says_what_is_missing(serve: Serve, claim: str) -> None:
    came, more, key = REQUIRED[claim]
    answer = post(serve(**ALLOWED), CALL, call_body(prefetch=came, **more))
    assert answer.status_code == 412
    assert answer.mimetype == "application/problem+json"
    assert answer.json["status"] == 412
    assert answer.json["detail"].startswith(key)
    assert answer.json["detail"]


UNREACHABLE = {
    "down": {"body": requests.ConnectionError()},
    "refusing": {"status": 403, "json": operation_outcome(code="forbidden")},
    "failing": {"status": 500, "json": operation_outcome()},
    "without the type": {"status": 404, "json": operation_outcome(code="not-supported")},
}


@pytest.mark.parametrize("key", ["patient", "conditions"])
@pytest.mark.parametrize("claim", UNREACHABLE)
def test_412_where_a_server_does_not_give_what_is_required(
    serve: Serve, server: responses.RequestsMock, claim: str, key: str
) -> None:
    server.get(re.compile(f"{SERVER}/"), **UNREACHABLE[claim])
    answer = post(serve(**ALLOWED), CALL, call_body(prefetch=without(key), fhirServer=SERVER))
    assert answer.status_code == 412
    assert answer.json["detail"].startswith(f"prefetch.{key}: ")


def test_conditions_for_which_the_time_did_not_suffice_are_unknown(
    serve: Serve, server: responses.RequestsMock
) -> None:
    server.get(re.compile(f"{SERVER}/"), body=requests.ReadTimeout())
    cards = called(serve(**ALLOWED), call_body(prefetch=without("conditions"), fhirServer=SERVER))
    outcome, basis, reason = verdict(cards, SINAI, "metastatic-breast-cancer")
    assert (outcome, basis) == ("unknown", "missing")
    assert "Condition resources" in reason


def test_the_first_page_of_the_conditions_is_worth_an_answer(serve: Serve, server: responses.RequestsMock) -> None:
    first = searchset(RECORD.of_type("Condition"), "Condition", next_url=NEXT)
    server.get(f"{SERVER}/Condition", json=json.loads(json.dumps(first, default=float)))
    server.get(SERVER, status=500)
    cards = called(serve(**ALLOWED), call_body(prefetch=without("conditions"), fhirServer=SERVER))
    assert verdict(cards, SINAI, "metastatic-breast-cancer")[0] == "pass"


def test_a_note_beside_no_results_is_no_failure(client: FlaskClient) -> None:
    note = {"resource": operation_outcome("information", "informational"), "search": {"mode": "outcome"}}
    body = with_allergies(searchset([], "AllergyIntolerance", more_entries=[note]))
    assert verdict(called(client, body), SINAI, "allergy")[:2] == ("pass", "no-record")


def test_412_where_a_server_needs_a_token_and_none_came(serve: Serve, server: responses.RequestsMock) -> None:
    serve_searches(server)
    client = serve(**ALLOWED, FHIR_ANONYMOUS="no")
    assert post(client, CALL, call_body(prefetch=None, fhirServer=SERVER)).status_code == 412
    assert not server.calls


def test_412_where_the_patient_cannot_be_read(serve: Serve, server: responses.RequestsMock) -> None:
    server.get(f"{SERVER}/Patient/p1", status=404, json=operation_outcome(code="not-found"))
    found = post(serve(**ALLOWED), CALL, call_body(prefetch=without("patient"), fhirServer=SERVER))
    assert found.status_code == 412


def test_optional_data_may_be_missing(client: FlaskClient) -> None:
    cards = called(
        client, call_body(prefetch={k: v for k, v in prefetch(RECORD).items() if k in ("patient", "conditions")})
    )
    assert verdict(cards, SINAI, "metastatic-breast-cancer")[0] == "pass"
    assert verdict(cards, SINAI, "anc")[:2] == ("unknown", "missing")
