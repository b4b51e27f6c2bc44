"""The metrics tell what the service did: how often, how long in which phase, with what result, and what failed."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
import responses
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from service import __version__
from service.cards import card_uuid
from service.store import StoreError
from service.web.parts import EXTENSION
from tests.builders import SERVER, SINAI, Json, Record, eligible, operation_outcome, searchset
from tests.live.test_serving import own_trial
from tests.web.conftest import CALL, TYPES, Serve, call_body, called, post, prefetch
from tests.web.test_no_patient_data import DRAFT

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]
PHASES = "trialhook_phase_seconds_count"


def figures(client: FlaskClient) -> Figures:
    """Every sample by its name and labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.get_data(as_text=True))
        for sample in family.samples
    }


class Watch:
    """What was counted since it was made."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client
        self._before = figures(client)

    def all(self, name: str) -> dict[tuple[str, ...], float]:
        """The values of the labels, in the order of the labels' names -> what was added."""
        now = figures(self._client)
        added = {key: value - self._before.get(key, 0.0) for key, value in now.items() if key[0] == name}
        return {tuple(value for _, value in key[1]): more for key, more in added.items() if more}


@pytest.fixture
def watch(shared: FlaskClient) -> Watch:
    return Watch(shared)


# ---- calls and phases


def test_calls_are_counted_by_route_and_status(shared: FlaskClient, watch: Watch) -> None:
    shared.get(f"/trials/{SINAI}")
    shared.get("/trials/none-of-ours")
    shared.get("/nowhere/at/all", headers={"X-Whatever": "x"})
    shared.open("/trials", method="BREW")
    assert watch.all("trialhook_requests_total") == {
        ("GET", "/trials/<trial_id>", "200"): 1,
        ("GET", "/trials/<trial_id>", "404"): 1,
        ("other", "none", "404"): 1,
        ("other", "none", "405"): 1,
        ("GET", "/metrics", "200"): 1,
    }


HOOK_ROUTE = "/cds-services/<service_id>"


def test_each_phase_of_a_hook_counts_once_a_call(shared: FlaskClient, watch: Watch) -> None:
    called(shared, call_body())
    called(shared, call_body())
    assert watch.all(PHASES) == {(phase, HOOK_ROUTE): 2 for phase in ("decode", "evaluate", "render")}


def test_a_call_that_asks_the_server_has_fetched(serve: Serve) -> None:
    client = serve(FHIR_ALLOWED=SERVER)
    watch = Watch(client)
    with server():
        called(client, fetching())
    assert watch.all(PHASES) == {(phase, HOOK_ROUTE): 1 for phase in ("decode", "fetch", "evaluate", "render")}


def test_phases_last_no_longer_than_the_call(shared: FlaskClient, watch: Watch) -> None:
    called(shared, call_body())
    spent = sum(watch.all("trialhook_phase_seconds_sum").values())
    assert 0 < spent <= watch.all("trialhook_request_seconds_sum")[(HOOK_ROUTE,)]


def test_a_call_that_fails_leaves_nothing_to_the_next(shared: FlaskClient, watch: Watch) -> None:
    assert post(shared, CALL, b"{").status_code == 400
    assert shared.get("/trials").status_code == 200
    assert watch.all(PHASES) == {("decode", HOOK_ROUTE): 1}


# ---- results


def test_cards_are_counted_by_trial_and_grade(shared: FlaskClient, watch: Watch) -> None:
    cards = called(shared, call_body())
    counted = watch.all("trialhook_cards_total")
    told = [card["extension"]["org.trialhook.result"] for card in cards]
    assert cards
    assert counted == {(result["grade"], result["trial"]): 1 for result in told}


def test_a_record_counts_once_by_its_best_grade_and_once_an_input_it_lacks(shared: FlaskClient, watch: Watch) -> None:
    result = post(shared, "/evaluate?asOf=2026-11-21", eligible(SINAI).drop("lvef").bundle()).json
    needed = {(need["input"], need["why"]) for found in result["results"] for need in found["needed"]}
    assert ("lvef", "missing") in needed
    assert watch.all("trialhook_unknowns_total") == dict.fromkeys(needed, 1)
    assert watch.all("trialhook_screened_total") == {(result["results"][0]["grade"],): 1}


def test_warnings_about_orders_are_counted_by_trial(shared: FlaskClient, watch: Watch) -> None:
    body = call_body(hook="order-sign")
    body["context"]["draftOrders"] = [DRAFT]
    cards = post(shared, "/cds-services/trial-guard-sign", body).json["cards"]
    assert cards
    assert sum(watch.all("trialhook_order_warnings_total").values()) == len(cards)


def test_feedback_is_counted_by_trial_and_outcome(shared: FlaskClient, watch: Watch) -> None:
    items = [{"card": card_uuid(SINAI), "outcome": outcome} for outcome in ("accepted", "overridden", "accepted")]
    foreign = {"card": "9b1f7a5e-0000-4000-8000-000000000000", "outcome": "accepted"}
    assert post(shared, f"{CALL}/feedback", {"feedback": [*items, foreign]}).status_code == 200
    assert watch.all("trialhook_feedback_total") == {
        ("accepted", SINAI): 2,
        ("overridden", SINAI): 1,
        ("accepted", ""): 1,
    }


# ---- what came with the call, and what the server said


def test_prefetch_is_counted_by_what_came(shared: FlaskClient, watch: Watch) -> None:
    found = prefetch(eligible(SINAI))
    found |= {"allergies": None, "procedures": operation_outcome("error", "security"), "observations": [1]}
    del found["medicationStatements"]
    called(shared, call_body(prefetch=found))
    states = {"complete": len(TYPES) - 4, "null": 1, "refused": 1, "wrong": 1, "absent": 1}
    assert watch.all("trialhook_prefetch_total") == {(state,): number for state, number in states.items()}


def server(changed: Callable[[Any], Json] | None = None) -> responses.RequestsMock:
    """A FHIR server with the patient; `changed` answers every search for Observations in its place."""
    record = eligible(SINAI)
    mock = responses.RequestsMock(assert_all_requests_are_fired=False)
    for key, kind in TYPES.items():
        own = [resource for resource in record.resources.values() if resource["resourceType"] == kind]
        if key == "patient":
            mock.get(f"{SERVER}/Patient/p1", json=own[0])
        elif kind == "Observation" and changed is not None:
            mock.get(f"{SERVER}/Observation", **changed(None))
        else:
            mock.get(f"{SERVER}/{kind}", json=searchset(own))
    return mock


def fetching() -> Json:
    return call_body(prefetch=None, fhirServer=SERVER)


FAILURES: dict[str, Json] = {
    "complete": {"json": searchset([])},
    "timeout": {"body": requests.ReadTimeout("slow")},
    "connection": {"body": requests.ConnectionError("nobody")},
    "http-5xx": {"status": 500},
    "http-4xx": {"status": 400},
    "authorization": {"status": 403},
    "content": {"body": "<html>", "content_type": "text/html"},
}


@pytest.mark.parametrize("outcome", FAILURES)
def test_questions_to_the_server_are_counted_by_type_and_outcome(serve: Serve, outcome: str) -> None:
    client = serve(FHIR_ALLOWED=SERVER, TIME_BUDGET_MS="3000")
    watch = Watch(client)
    with server(lambda _: FAILURES[outcome]):
        called(client, fetching())
    kinds = {kind for kind in TYPES.values() if kind != "Observation"}
    assert watch.all("trialhook_fhir_queries_total") == {("complete", kind): 1 for kind in kinds} | {
        (outcome, "Observation"): 1
    }


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (206, "content"),
        (399, "content"),
        (400, "http-4xx"),
        (401, "authorization"),
        (402, "http-4xx"),
        (403, "authorization"),
        (404, "http-4xx"),
        (499, "http-4xx"),
        (500, "http-5xx"),
        (999, "http-5xx"),
    ],
)
def test_every_status_has_an_outcome(serve: Serve, status: int, outcome: str) -> None:
    client = serve(FHIR_ALLOWED=SERVER)
    watch = Watch(client)
    with server(lambda _: {"status": status}):
        called(client, fetching())
    assert (outcome, "Observation") in watch.all("trialhook_fhir_queries_total")


def test_a_database_that_fails_is_counted_by_what_it_was_asked_for(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise StoreError("gone")

    client = serve()
    watch = Watch(client)
    own = client.application.extensions[EXTENSION]
    for name in ("record_feedback", "count_shown", "keep_explanations"):
        monkeypatch.setattr(own.store, name, broken)
    called(client, call_body())
    own.explanations.flush()
    own.shown.write()
    assert post(client, f"{CALL}/feedback", {"feedback": []}).status_code == 503
    assert watch.all("trialhook_store_failures_total") == {("cards",): 1, ("explanations",): 1, ("request",): 1}


# ---- what runs


def build(client: FlaskClient) -> dict[str, str]:
    [labels] = [dict(labels) for name, labels in figures(client) if name == "trialhook_build_info"]
    return labels


def test_the_version_and_the_trials_that_judge_are_named(shared: FlaskClient) -> None:
    named = build(shared)
    assert named["version"] == __version__
    assert len(named["trials"]) == 16
    assert build(shared) == named


def test_another_trial_file_has_another_digest(serve: Serve, tmp_path: Any) -> None:
    folder = own_trial(tmp_path, "2030-01-01")
    first = build(serve(TRIALS=str(folder)))
    own_trial(tmp_path, "2030-02-02")
    assert build(serve())["trials"] != first["trials"]


def test_what_rates_are_made_of_begins_at_zero(serve: Serve) -> None:
    client = serve()
    trials = client.application.extensions[EXTENSION].trials
    there = {key for key in figures(client) if key[0] == "trialhook_cards_total"}
    for trial in trials:
        for grade in ("certain", "probable", "possible"):
            assert ("trialhook_cards_total", (("grade", grade), ("trial", trial))) in there


# ---- labels


def test_labels_do_not_grow_with_what_callers_send(shared: FlaskClient) -> None:
    """After one of each, another hundred calls about other patients add no series."""

    def calls(number: int) -> None:
        for n in range(number):
            record = Record(eligible(SINAI).resources)
            odd = {"resourceType": "Observation", "id": f"x{n}", "status": "final", "code": {"text": f"odd {n}"}}
            body = call_body(record.put(odd=odd), hookInstance=f"d1577c69-dfbe-44ad-ba6d-{n:012d}")
            body["context"]["userId"] = f"Practitioner/{n}"
            called(shared, body)
            shared.get(f"/trials/{n}")
            shared.get(f"/{n}", headers={"X-Request-Id": f"{n:032x}"})
            shared.get(f"/explain/{n}")
            shared.open("/trials", method=f"M{n}")
            feedback = {"card": f"9b1f7a5e-0000-4000-8000-{n:012d}", "outcome": "accepted"}
            post(shared, f"{CALL}/feedback", {"feedback": [feedback]})
            post(shared, f"/cds-services/{n}", body)

    calls(1)
    before = figures(shared).keys()
    calls(100)
    assert figures(shared).keys() == before
