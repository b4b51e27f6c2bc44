"""The sample patients of a trial run reach a FHIR server whole, once it answers."""

import importlib.util
import json
from decimal import Decimal
from types import ModuleType

import pytest
import requests
import responses

from service.demo import patient_bundles
from tests.deploy.places import DEPLOY

BASE = "http://fhir.example.org/fhir"


@pytest.fixture
def loader(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("load_sample_patients", DEPLOY / "load_sample_patients.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ASK_AGAIN_SECONDS", 0)
    return module


@responses.activate
def test_it_waits_for_the_server_and_sends_every_resource(loader: ModuleType) -> None:
    responses.get(f"{BASE}/metadata", body=requests.ConnectionError("not yet"))
    responses.get(f"{BASE}/metadata", status=503)
    responses.get(f"{BASE}/metadata", json={"resourceType": "CapabilityStatement"})
    responses.post(BASE, json={"resourceType": "Bundle", "type": "transaction-response"})
    loader.main(BASE)
    sent = [json.loads(call.request.body, parse_float=Decimal) for call in responses.calls if call.request.url == BASE]
    assert [{**e["resource"]} for b in sent for e in b["entry"]] == [
        e["resource"] for b in patient_bundles() for e in b["entry"]
    ]
    assert {entry["request"]["method"] for bundle in sent for entry in bundle["entry"]} == {"PUT"}
    assert sent[0]["entry"][0]["request"]["url"] == "Patient/anna"


@responses.activate
def test_a_refusal_ends_it_with_the_reason(loader: ModuleType) -> None:
    responses.get(f"{BASE}/metadata", json={})
    responses.post(BASE, status=422, body="no such profile")
    with pytest.raises(SystemExit, match="anna: the server answered 422: no such profile"):
        loader.main(BASE)


@responses.activate
def test_a_server_that_never_answers_ends_it(loader: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "WAIT_SECONDS", -1)
    responses.get(f"{BASE}/metadata", status=503)
    with pytest.raises(SystemExit, match="did not answer"):
        loader.main(BASE)
