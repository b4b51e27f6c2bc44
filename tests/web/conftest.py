"""A service with settings of a test's own, called without a network."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service import screening, settings
from service.app import create_app
from service.screening import Screening
from service.settings import Settings
from service.web.parts import EXTENSION
from tests.builders import AS_OF, SINAI, Json, Record, as_json, eligible, searchset

CALL = "/cds-services/trial-match"
# prefetch key -> resource type
TYPES = {
    "patient": "Patient",
    "conditions": "Condition",
    "observations": "Observation",
    "medicationStatements": "MedicationStatement",
    "medicationRequests": "MedicationRequest",
    "medicationAdministrations": "MedicationAdministration",
    "medicationDispenses": "MedicationDispense",
    "procedures": "Procedure",
    "allergies": "AllergyIntolerance",
}
Serve = Callable[..., FlaskClient]


@pytest.fixture(scope="session", autouse=True)
def _each_installation_is_read_once() -> Iterator[None]:
    """Value sets and trials take half a second to read; services of the same settings share them."""
    known: dict[str, Screening] = {}

    def installed(of: Settings) -> Screening:
        key = repr([of.texts[name] for name in ("TRIALS", "VALUE_SETS", "TIMEZONE", "ULN", "ENABLED_TRIALS", "DRAFTS")])
        if key not in known:
            known[key] = screening.installed(of)
        return known[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("service.app.installed", installed)
        yield


def made(folder: Path, demo: bool = False, **given: str) -> Flask:
    """A service that keeps its database in the folder, and has time enough on a busy machine."""
    values = {"AUTH": "none", "DATABASE_URL": f"sqlite:///{folder}/service.db", "LOG_LEVEL": "error"}
    values |= {"TIME_BUDGET_MS": "30000", **given}
    return create_app(settings.load({f"TRIALHOOK_{name}": value for name, value in values.items()}), demo=demo)


def ended(app: Flask) -> None:
    parts = app.extensions[EXTENSION]
    parts.explanations.flush()
    parts.store.dispose()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """One service for all tests of a module that leave it as it is."""
    app = made(tmp_path_factory.mktemp("service"))
    yield app
    ended(app)


@pytest.fixture(scope="module")
def shared(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """-> a client of a service; settings as keywords without their prefix, `demo=True` for the demo."""
    apps: list[Flask] = []

    def started(demo: bool = False, **given: str) -> FlaskClient:
        apps.append(made(tmp_path, demo, **given))
        return apps[-1].test_client()

    yield started
    for app in apps:
        ended(app)


@pytest.fixture
def client(serve: Serve) -> FlaskClient:
    return serve()


def prefetch(record: Record) -> Json:
    """What a client sends that fills every template."""
    found: Json = {}
    for key, kind in TYPES.items():
        own = [resource for resource in record.resources.values() if resource["resourceType"] == kind]
        found[key] = own[0] if key == "patient" else searchset(own)
    return found


def call_body(record: Record | None = None, **changes: Any) -> Json:
    """A patient-view call of an eligible patient; `changes` replace members, None takes one away."""
    body: Json = {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/example", "patientId": "p1"},
        "prefetch": prefetch(record or eligible(SINAI)),
        "extension": {"org.trialhook.request": {"asOf": AS_OF.isoformat()}},
    }
    return {name: value for name, value in (body | changes).items() if value is not None}


def post(client: FlaskClient, path: str, body: Any, **more: Any) -> TestResponse:
    data = body if isinstance(body, bytes) else as_json(body)
    return client.post(path, data=data, content_type=more.pop("content_type", "application/json"), **more)


def called(client: FlaskClient, body: Any) -> list[Json]:
    """The cards of a call that is answered."""
    response = post(client, CALL, body)
    assert response.status_code == 200, response.get_data(as_text=True)
    return json.loads(response.get_data())["cards"]


def verdict(cards: list[Json], trial: str, criterion: str) -> tuple[str, str, str]:
    """Outcome, basis and reason of a criterion, as a card's extension tells it."""
    results = [card["extension"]["org.trialhook.result"] for card in cards]
    criteria = next(result["criteria"] for result in results if result["trial"] == trial)
    found = next(c for c in criteria if c["id"] == criterion)
    return found["outcome"], found["basis"], found["reason"]
