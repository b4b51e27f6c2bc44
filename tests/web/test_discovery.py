"""Discovery (CDS Hooks 2.0): what the service offers, and prefetch that ordinary clients can serve."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.builders import Json
from tests.web.conftest import TYPES, Serve

# the restricted subset of CDS Hooks 2.0: an instance read, or a search of one type by references and tokens
READ = re.compile(r"Patient/\{\{context\.patientId\}\}")
SEARCH = re.compile(r"(?P<type>[A-Z]\w+)\?patient=\{\{context\.patientId\}\}(?:&code=[\w,-]+)?")


HOOKS = {"trial-match": "patient-view", "trial-guard-select": "order-select", "trial-guard-sign": "order-sign"}


@pytest.fixture(params=HOOKS)
def service(shared: FlaskClient, request: pytest.FixtureRequest) -> Json:
    answer = shared.get("/cds-services")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert list(answer.json) == ["services"]
    (found,) = [service for service in answer.json["services"] if service["id"] == request.param]
    return dict(found)


def test_each_service_is_there_once_and_no_other(shared: FlaskClient) -> None:
    assert [(s["id"], s["hook"]) for s in shared.get("/cds-services").json["services"]] == list(HOOKS.items())


def test_a_service_tells_its_hook_its_id_and_what_it_is_for(service: Json) -> None:
    assert all(isinstance(service[name], str) and service[name] for name in ("title", "description"))
    assert "R4" in service["usageRequirements"]
    assert set(service) == {"id", "hook", "title", "description", "prefetch", "usageRequirements"}


def test_prefetch_is_plain_reads_and_searches(service: Json) -> None:
    kinds = {}
    for key, template in service["prefetch"].items():
        if READ.fullmatch(template):
            kinds[key] = "Patient"
        else:
            found = SEARCH.fullmatch(template)
            assert found, template
            kinds[key] = found["type"]
        assert len(template) <= 1600  # an address that servers and proxies take
    assert kinds == TYPES


def empty(value: Any) -> bool:
    if isinstance(value, dict):
        return not value or any(map(empty, value.values()))
    if isinstance(value, list):
        return not value or any(map(empty, value))
    return value is None or value == ""


def test_nothing_is_sent_empty(service: Json) -> None:
    assert not empty(service)


def test_discovery_is_the_same_in_every_process(shared: FlaskClient, serve: Serve, tmp_path: Any) -> None:
    own = shared.get("/cds-services").get_data(as_text=True)
    assert serve().get("/cds-services").get_data(as_text=True) == own
    asked = "import sys; from service.app import create_app; from service import settings; sys.stdout.write("
    asked += "create_app(settings.load()).test_client().get('/cds-services').get_data(as_text=True))"
    environment = {
        "TRIALHOOK_AUTH": "none",
        "TRIALHOOK_DATABASE_URL": f"sqlite:///{tmp_path}/other.db",
        "PYTHONHASHSEED": "4711",
    }
    other = subprocess.run(
        [sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(other.stdout) == json.loads(own)
    assert other.stdout == own
