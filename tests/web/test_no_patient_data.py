"""Nothing of a patient, a user's words or a token reaches logs, metrics, traces, error messages, headers or the
database."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from flask.testing import FlaskClient
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from werkzeug.test import TestResponse

from service import tracing
from service.cards import card_uuid
from service.otel import Tracer
from service.web.parts import EXTENSION
from tests.builders import SERVER, SINAI, Json, Loinc, Record, RxNorm, as_json, eligible, laboratory, operation_outcome
from tests.web.conftest import CALL, Serve, call_body, prefetch

# what makes the patient, the user and the token recognisable
PATIENT_ID = "zebrowska-1971"
TOKEN = "eyJ0b2tlbi1Tb3BoaWE"
WORDS = ("Zebrowska", "Wilhelmina", "MRN-998877", "1971-04-03", "Swietojanska", "555-0177", "whispered", "Kowalski",
    PATIENT_ID, TOKEN, "4711.25", "glimmering")  # fmt: skip
DIAGNOSTICS = "search for Wilhelmina Zebrowska MRN-998877 failed"


def of_zebrowska(record: Record) -> Record:
    """The record under its patient's id, with everything that names her."""
    text = as_json(record.resources).replace(b"Patient/p1", f"Patient/{PATIENT_ID}".encode())
    named = Record(json.loads(text)).edit(
        "patient",
        id=PATIENT_ID,
        name=[{"family": "Zebrowska", "given": ["Wilhelmina"]}],
        identifier=[{"system": "https://ehr.example.org/mrn", "value": "MRN-998877"}],
        birthDate="1971-04-03",
        address=[{"line": ["Swietojanska 7"]}],
        telecom=[{"system": "phone", "value": "555-0177"}],
    )
    odd = laboratory(Loinc.GLUCOSE, 1, "glimmering") | {
        "id": "odd",
        "subject": {"reference": f"Patient/{PATIENT_ID}"},
        "valueQuantity": {"value": 4711.25, "unit": "glimmering"},
        "note": [{"text": "she whispered her name: Wilhelmina Zebrowska"}],
    }
    return named.put(odd=odd)


RECORD = of_zebrowska(eligible(SINAI).drop("lvef"))
BUNDLE: Json = json.loads(as_json(RECORD.bundle()))
ACCESS = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.rs", "subject": "x"}


def call(**changes: Any) -> Json:
    context = {"userId": "Practitioner/Kowalski", "patientId": PATIENT_ID}
    given = {"context": context, "fhirServer": SERVER, "fhirAuthorization": ACCESS} | changes
    return call_body(**({"prefetch": prefetch(RECORD)} | given))


class Watched:
    """A client; everything that it may not have let out, in one text."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.seen: list[str] = []
        self.statuses: list[int] = []

    def post(self, path: str, body: Any, **more: Any) -> TestResponse:
        data = body if isinstance(body, bytes) else as_json(body)
        return self._noted(self.client.post(path, data=data, content_type="application/json", **more))

    def get(self, path: str, **more: Any) -> TestResponse:
        return self._noted(self.client.get(path, **more))

    def _noted(self, answer: TestResponse) -> TestResponse:
        self.statuses.append(answer.status_code)
        self.seen.append(str(answer.headers))
        if answer.status_code >= 400:
            self.seen.append(answer.get_data(as_text=True))
        return answer


@pytest.fixture
def watched(
    serve: Serve, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Iterator[Watched]:
    """Whatever the test does with it: at the end nothing of the patient has come out anywhere."""
    caplog.set_level(logging.DEBUG)
    client = serve(LOG_LEVEL="debug", FHIR_ALLOWED=SERVER)
    watching = Watched(client)
    spans = InMemorySpanExporter()
    tracing.use(Tracer(SimpleSpanProcessor(spans), "0"))
    yield watching
    tracing.stop()
    assert spans.get_finished_spans()  # traces were caught
    watching.seen += [span.to_json() for span in spans.get_finished_spans()]
    parts = client.application.extensions[EXTENSION]
    parts.explanations.flush()
    parts.shown.write()
    watching.seen.append(client.get("/metrics").get_data(as_text=True))
    watching.seen.append(client.get("/feedback/summary").get_data(as_text=True))
    parts.store.dispose()
    out, err = capfd.readouterr()
    assert '"event":"request"' in err  # logs were caught
    watching.seen += [out, err, caplog.text, *(str(vars(record)) for record in caplog.records)]
    raw = b"".join(path.read_bytes() for path in sorted(tmp_path.glob("service.db*")))
    assert raw
    everything = "\n".join(watching.seen).encode() + raw
    for word in WORDS:
        for form in (word.encode(), word.lower().encode(), word.encode("utf-16-le")):
            at = everything.find(form)
            assert at < 0, f"{word} came out: {everything[max(0, at - 200) : at + 60]!r}"


def test_the_words_that_are_looked_for_are_in_the_answers_to_the_caller(serve: Serve) -> None:
    """Otherwise the other tests would look for nothing."""
    sent = as_json(call()).decode()
    assert all(word in sent for word in WORDS)
    answer = serve().post("/evaluate", data=as_json(BUNDLE), content_type="application/json")
    assert answer.json["patient"] == f"Patient/{PATIENT_ID}"
    assert "1971-04-03" in answer.get_data(as_text=True)


# ---- what is answered ------------------------------------------------------------------------------------------------


def test_nothing_comes_out_of_calls_that_are_answered(watched: Watched) -> None:
    cards = json.loads(watched.post(CALL, call()).get_data())["cards"]
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "patient", "resource": BUNDLE}]}
    watched.post("/evaluate", BUNDLE)
    watched.post("/getClinicalTrial", BUNDLE)
    watched.post("/fhir/ResearchStudy/$match", parameters)
    watched.client.application.extensions[EXTENSION].explanations.flush()
    page = watched.get(cards[0]["links"][0]["url"].removeprefix("http://localhost"))
    assert PATIENT_ID in page.get_data(as_text=True)  # what was kept holds her
    assert set(watched.statuses) == {200}


DRAFT = {
    "resourceType": "MedicationRequest",
    "id": "for-Zebrowska",
    "medicationCodeableConcept": {"coding": [RxNorm.VERAPAMIL], "text": "verapamil for Wilhelmina"},
    "note": [{"text": "she whispered"}],
}


def drafting(drafts: Any, **changes: Any) -> Json:
    body = call(hook="order-sign", **changes)
    return body | {"context": body["context"] | {"draftOrders": drafts}}


def test_nothing_comes_out_of_draft_orders(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    path = "/cds-services/trial-guard-sign"
    assert json.loads(watched.post(path, drafting([DRAFT])).get_data())["cards"]
    watched.post(path, drafting([DRAFT], prefetch={}, fhirServer="https://elsewhere.example.net"))
    watched.post(path, drafting("Wilhelmina Zebrowska"))
    for place in (
        "service.guard.read_document",
        "service.guard.Screening.and_more",
        "service.web.cds_hooks.guard_cards",
    ):
        with monkeypatch.context() as broken:
            broken.setattr(place, telling)
            watched.post(path, drafting([DRAFT]))
    assert watched.statuses == [200, 412, 200, 500, 500, 500]


def test_nothing_comes_out_of_feedback(watched: Watched) -> None:
    item = {
        "card": card_uuid(SINAI),
        "outcome": "overridden",
        "overrideReason": {
            "reason": {"code": "Zebrowska", "system": "http://Wilhelmina.example.org", "display": "whispered"},
            "userComment": "Ms Zebrowska whispered MRN-998877",
        },
    }
    other = {"card": "card of Zebrowska", "outcome": "accepted", "acceptedSuggestions": [{"id": "for Wilhelmina"}]}
    path = f"{CALL}/feedback"
    watched.post(path, {"feedback": [item, other]})
    for wrong in (
        {"feedback": [item | {"outcome": "Zebrowska"}]},
        {"feedback": [item | {"outcomeTimestamp": "on 1971-04-03 Wilhelmina"}]},
        {"feedback": "Zebrowska"},
        {"feedback": [{"Zebrowska": "Wilhelmina"}]},
    ):
        watched.post(path, wrong)
    assert watched.statuses == [200, 400, 200, 400, 400]  # a time that cannot be read refuses nothing


# ---- what is refused -------------------------------------------------------------------------------------------------

TEXT = as_json(call())
RECORD_TEXT = as_json(BUNDLE)
BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda text: text[: text.find(b"Wilhelmina") + 12],
    "an unquoted name": lambda text: text.replace(b'"Zebrowska"', b"Zebrowska"),
    "a control character": lambda text: text.replace(b"Zebrowska", b"Zebrowska\x01"),
    "Latin-1": lambda text: text.replace(b"Zebrowska", b"\xe9Zebrowska"),
    "half a surrogate": lambda text: text.replace(b"Zebrowska", b"Zebrowska\\ud800"),
    "a key twice": lambda text: text.replace(b'"family"', b'"given":["Zebrowska"],"family"'),
    "a key twice in the open": lambda text: text[:-1] + b',"Zebrowska":1,"Zebrowska":2}',
    "a number out of range": lambda text: text[:-1] + b',"Zebrowska":1e999}',
    "too deep": lambda text: text[:-1] + b',"Zebrowska":' + b"[" * 5000 + b"]" * 5000 + b"}",
}


@pytest.mark.parametrize("claim", BROKEN)
def test_nothing_comes_out_of_broken_texts(watched: Watched, claim: str) -> None:
    breaking = BROKEN[claim]
    watched.post(CALL, breaking(TEXT))
    watched.post("/evaluate", breaking(RECORD_TEXT))
    watched.post("/getClinicalTrial", breaking(RECORD_TEXT))
    parameters = b'{"resourceType":"Parameters","parameter":[{"name":"patient","resource":%s}]}' % breaking(RECORD_TEXT)
    watched.post("/fhir/ResearchStudy/$match", parameters)
    assert not [status for status in watched.statuses if status >= 500]


WRONG_CALLS: dict[str, Json] = {
    "another hook": {"hook": "of-Zebrowska"},
    "a wrong id": {"context": {"userId": "Practitioner/Kowalski", "patientId": "Wilhelmina Zebrowska"}},
    "another patient": {"context": {"userId": "Practitioner/Kowalski", "patientId": "another"}},
    "a context of text": {"context": "Wilhelmina Zebrowska"},
    "a server that may not be called": {"fhirServer": "https://Zebrowska.example.net/fhir", "prefetch": {}},
    "a server that is none": {"fhirServer": "Wilhelmina Zebrowska", "prefetch": {}},
    "a token that is none": {"fhirAuthorization": {"access_token": f"{TOKEN} {TOKEN}"}},
    "a day that is none": {"extension": {"org.trialhook.request": {"asOf": "born 1971-04-03"}}},
    "prefetch of text": {"prefetch": "Wilhelmina Zebrowska"},
    "prefetch under her name": {"prefetch": {"Zebrowska": {"resourceType": "Zebrowska"}}},
    "a patient of another type": {"prefetch": prefetch(RECORD) | {"patient": {"resourceType": "Zebrowska"}}},
    "a patient that is none": {"prefetch": prefetch(RECORD) | {"patient": ["Wilhelmina Zebrowska"]}},
}


@pytest.mark.parametrize("claim", WRONG_CALLS)
def test_nothing_comes_out_of_calls_that_are_refused(watched: Watched, claim: str) -> None:
    answer = watched.post(CALL, call(**WRONG_CALLS[claim]) if "fhirServer" in WRONG_CALLS[claim] else
        {name: value for name, value in call(**WRONG_CALLS[claim]).items() if name != "fhirServer"} | (
            {"fhirServer": "https://elsewhere.example.net"}
        ))  # fmt: skip
    assert answer.status_code in (400, 412)


def test_nothing_comes_out_of_addresses_that_hold_her_name(watched: Watched) -> None:
    for path in ("/{}", "/trials/{}", "/fhir/ResearchStudy/{}", "/explain/{}", "/cds-services/{}/x", "/feedback/{}",
        "/feedback/summary?since={}", "/static/{}", "/docs/{}"):  # fmt: skip
        watched.get(path.format("Zebrowska"))
    watched.post("/evaluate?trial=Zebrowska", BUNDLE)
    watched.post("/evaluate?asOf=1971-04-03-Zebrowska", BUNDLE)
    watched.post("/cds-services/Zebrowska", call())
    watched.post("/cds-services/Zebrowska/feedback", {"feedback": []})
    watched.get(
        "/trials", headers={"X-Request-Id": "Wilhelmina Zebrowska", "User-Agent": "Zebrowska", "Origin": "null"}
    )
    watched.get("/cds-services", headers={"Authorization": f"Bearer {TOKEN}"})
    for name in ("traceparent", "tracestate", "baggage"):
        watched.get("/trials", headers={name: f"patient={WORDS[0]}"})
    watched.get("/trials", headers={"traceparent": f"01-{'1' * 32}-{'2' * 16}-01-Zebrowska"})
    watched.client.open("/trials", method="ZEBROWSKA")


MALFORMED: dict[str, Any] = {
    "a value that is none": {"valueQuantity": {"value": "Zebrowska", "unit": ["whispered"]}},
    "a date that is none": {"effectiveDateTime": "born 1971-04-03, Zebrowska"},
    "a code that is none": {"code": "Wilhelmina Zebrowska"},
    "a subject that is none": {"subject": "Wilhelmina Zebrowska"},
    "a subject that is someone": {"subject": {"reference": "Patient/Zebrowska-other"}},
    "a status that is none": {"status": "Zebrowska"},
    "a type that is none": {"resourceType": "Zebrowska"},
    "no list": {"category": {"Zebrowska": "Wilhelmina"}},
}


@pytest.mark.parametrize("claim", MALFORMED)
def test_nothing_comes_out_of_malformed_resources(watched: Watched, claim: str) -> None:
    for key in ("anc", "cancer", "patient"):
        record = RECORD.edit(key, **MALFORMED[claim])
        watched.post("/evaluate", record.bundle())
        found = prefetch(RECORD)
        holder = {"anc": "observations", "cancer": "conditions", "patient": "patient"}[key]
        found[holder] = json.loads(as_json(prefetch(RECORD)[holder]).decode())
        resource = record.resources[key]
        if key == "patient":
            found[holder] = resource
        else:
            found[holder]["entry"][0] = {"resource": resource, "fullUrl": "urn:Zebrowska"}
        watched.post(CALL, call(prefetch=found, fhirServer="https://elsewhere.example.net"))
    assert not [status for status in watched.statuses if status >= 500]


# ---- servers that fail -----------------------------------------------------------------------------------------------

TOLD = operation_outcome("error", "processing") | {
    "text": {"status": "generated", "div": f"<div>{DIAGNOSTICS}</div>"},
    "issue": [{"severity": "error", "code": "processing", "diagnostics": DIAGNOSTICS,
        "details": {"text": DIAGNOSTICS}, "expression": ["Patient.where(name='Zebrowska')"]}],
}  # fmt: skip
NAMED_ISSUE = TOLD | {"issue": [{"severity": "Zebrowska", "code": "of-Wilhelmina-Zebrowska", "diagnostics": 5}]}
FAILURES: dict[str, Json] = {
    "an outcome": {"status": 500, "json": TOLD},
    "an outcome for this search": {"status": 400, "json": TOLD},
    "an outcome with a code of its own": {"status": 422, "json": NAMED_ISSUE},
    "not allowed": {"status": 403, "json": TOLD},
    "an outcome as an answer": {"status": 200, "json": TOLD},
    "text": {"status": 200, "body": DIAGNOSTICS},
    "broken": {"status": 200, "body": f'{{"resourceType": "{DIAGNOSTICS}', "content_type": "application/json"},
    "a page of errors": {"status": 502, "body": f"<html>{DIAGNOSTICS}</html>", "content_type": "text/html"},
    "a redirect": {"status": 302, "headers": {"Location": "https://evil.example.org/Zebrowska?t=" + TOKEN}},
    "a type under her name": {"status": 200, "json": {"resourceType": "Zebrowska", "id": "Wilhelmina"}},
    "no connection": {"body": requests.ConnectionError(DIAGNOSTICS)},
}


@pytest.mark.parametrize("sent", ["nothing", "the rest"])
@pytest.mark.parametrize("claim", FAILURES)
def test_nothing_comes_out_of_servers_that_fail(watched: Watched, claim: str, sent: str) -> None:
    found = {} if sent == "nothing" else {k: v for k, v in prefetch(RECORD).items() if k in ("patient", "conditions")}
    with responses.RequestsMock(assert_all_requests_are_fired=False) as server:
        server.get(re.compile(rf"{SERVER}/.*"), **FAILURES[claim])
        answer = watched.post(CALL, call(prefetch=found))
        reference = {"reference": f"{SERVER}/Patient/{PATIENT_ID}"}
        parameters = {"resourceType": "Parameters", "parameter": [{"name": "patient", "valueReference": reference}]}
        watched.post("/fhir/ResearchStudy/$match", parameters)
        assert server.calls
    assert answer.status_code == (412 if sent == "nothing" else 200)
    if sent != "nothing":
        assert "Zebrowska" not in answer.get_data(as_text=True)  # nor in the reasons on a card
        assert TOKEN not in answer.get_data(as_text=True)


# ---- our own mistakes ------------------------------------------------------------------------------------------------


class Telling(Exception):
    """An exception that says too much, also in its cause, notes and attributes."""

    def __init__(self) -> None:
        super().__init__(f"{DIAGNOSTICS} {TOKEN} 4711.25 {PATIENT_ID}")
        self.record = RECORD
        self.add_note(f"Wilhelmina whispered {TOKEN}")


def telling(*_: object, **__: object) -> None:
    patient, token = RECORD.resources["patient"], TOKEN
    try:
        raise KeyError(patient["name"][0]["family"], token)
    except KeyError as cause:
        raise Telling from cause


DEEP_INSIDE = [
    "service.screening.evaluate",
    "service.screening.read_record",
    "service.screening.read_document",
    "service.chart.Chart.gather",
    "service.web.bodies.members",
    "service.web.cds_hooks.cards",
    "service.web.matching.match_bundle",
    "service.explanations.Explanations.seal",
    "service.store.Store.keep_explanations",
    "service.store.Store.count_shown",
    "service.fhir_client.servers.bounds_of",
    "service.mappers.wire.decode_bundle",
]


@pytest.mark.parametrize("place", DEEP_INSIDE)
def test_nothing_comes_out_of_our_own_mistakes(watched: Watched, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(place, telling)
        broken.setattr("service.web.counting.EVERY_SECONDS", -1.0)
        for path, body in ((CALL, call()), ("/evaluate", BUNDLE), ("/getClinicalTrial", BUNDLE)):
            watched.post(path, body)
        watched.client.application.extensions[EXTENSION].explanations.flush()
    assert set(watched.statuses) <= {200, 400, 412, 500}


def test_nothing_comes_out_of_a_page_that_fails(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    cards = json.loads(watched.post(CALL, call()).get_data())["cards"]
    watched.client.application.extensions[EXTENSION].explanations.flush()
    monkeypatch.setattr("service.render.explain.explain_page", telling)
    answer = watched.get(cards[0]["links"][0]["url"].removeprefix("http://localhost"))
    assert answer.status_code == 500
