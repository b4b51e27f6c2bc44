"""Calls without prefetch against a real FHIR server: the same answers as with prefetch and as from a file."""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey

from service.demo import AS_OF, patient_bundles, patient_files
from tests.builders import SINAI, Json, Loinc, ago, as_json, eligible, laboratory
from tests.live.servers import Service, fhir_server, free_port, service
from tests.web.conftest import CALL

pytestmark = pytest.mark.live
PATIENTS = [bundle["id"] for bundle in patient_bundles()]
FHIR_JSON = {"Content-Type": "application/fhir+json"}
SERVICE_JSON = {"Content-Type": "application/json"}
# Loading is slower than any test wants to wait on a busy machine.
BUDGET = "30000"

Verdicts = dict[str, tuple[str, dict[str, tuple[str, str]]]]


def transaction(resources: list[Json]) -> Json:
    entries = [
        {"resource": found, "request": {"method": "PUT", "url": f"{found['resourceType']}/{found['id']}"}}
        for found in resources
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def load(base: str, resources: list[Json], headers: dict[str, str] | None = None) -> None:
    body = as_json(transaction(resources))
    answer = requests.post(base, data=body, headers=FHIR_JSON | (headers or {}), timeout=120)
    assert answer.ok, answer.text[:500]


def demo_resources() -> list[Json]:
    return [entry["resource"] for bundle in patient_bundles() for entry in bundle["entry"]]


def request(patient: str, as_of: str = AS_OF, **more: Any) -> Json:
    context = {"userId": "Practitioner/example", "patientId": patient}
    extension = {"org.trialhook.request": {"asOf": as_of}}
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "context": context,
        "extension": extension,
    } | more


def answer(running: Service, body: Json) -> requests.Response:
    return requests.post(f"{running.base}{CALL}", data=as_json(body), headers=SERVICE_JSON, timeout=90)


def cards(running: Service, body: Json) -> list[Json]:
    found = answer(running, body)
    assert found.status_code == 200, found.text[:500]
    return list(found.json()["cards"])


def verdicts(results: list[Json]) -> Verdicts:
    """Grade, and outcome and reason of each criterion, of the trials that are not out of question."""
    return {
        result["trial"]: (result["grade"], {c["id"]: (c["outcome"], c["reason"]) for c in result["criteria"]})
        for result in results
        if result["grade"] != "certainly-not"
    }


def shown(found: list[Json]) -> Verdicts:
    return verdicts([card["extension"]["org.trialhook.result"] for card in found])


def evaluated(files: list[Path], as_of: str = AS_OF) -> dict[str, Verdicts]:
    """What `trialhook evaluate` says of files, by the patient's id."""
    command = [sys.executable, "-m", "service", "evaluate", "--as-of", as_of, "--format", "json", *map(str, files)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found = [json.loads(line) for line in lines]
    return {result["patient"].removeprefix("Patient/"): verdicts(result["results"]) for result in found}


def prefetched(running: Service, base: str, patient: str, headers: dict[str, str] | None = None) -> Json:
    """What an EHR sends that fills every template from its server, as many entries a page as that gives."""
    offered = requests.get(f"{running.base}/cds-services", timeout=10).json()["services"]
    templates = next(found["prefetch"] for found in offered if CALL.endswith(found["id"]))
    found = {}
    for key, template in templates.items():
        query = template.replace("{{context.patientId}}", patient)
        found[key] = requests.get(f"{base}/{query}", headers=headers, timeout=60).json()
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that holds the sample patients."""
    with fhir_server(tmp_path_factory.mktemp("fhir")) as address:
        load(address, demo_resources())
        yield address


@pytest.fixture(scope="module")
def running(base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    allowed = f"{base} http://127.0.0.1:{free_port()}/fhir"
    with service(folder, "--workers", "1", FHIR_ALLOWED=allowed, TIME_BUDGET_MS=BUDGET) as found:
        yield found


@pytest.fixture(scope="module")
def from_files() -> dict[str, Verdicts]:
    return evaluated([Path(str(path)) for path in patient_files()])


@pytest.mark.parametrize("patient", PATIENTS)
def test_a_patient_is_judged_alike_by_hook_and_from_a_file(
    running: Service, base: str, from_files: dict[str, Verdicts], patient: str
) -> None:
    asked = shown(cards(running, request(patient, fhirServer=base)))
    sent = shown(cards(running, request(patient, prefetch=prefetched(running, base, patient), fhirServer=base)))
    assert asked == from_files[patient]
    assert sent == from_files[patient]


def test_what_cards_suggest_is_valid_and_taken(running: Service, base: str) -> None:
    """By the HL7 validator, where the server has it behind `$validate`."""
    suggested: dict[str, Json] = {}
    for patient in PATIENTS:
        for card in cards(running, request(patient, fhirServer=base)):
            for action in (a for s in card["suggestions"] for a in s["actions"]):
                suggested[action["resource"]["resourceType"] + action["description"]] = action["resource"]
    assert {resource["resourceType"] for resource in suggested.values()} == {"Task", "ServiceRequest"}
    for resource in suggested.values():
        kind = f"{base}/{resource['resourceType']}"
        validated = requests.post(f"{kind}/$validate", data=as_json(resource), headers=FHIR_JSON, timeout=120)
        if validated.status_code in (404, 405, 501):
            pytest.skip("the server does not validate")
        issues = [issue for issue in validated.json()["issue"] if issue["severity"] in ("error", "fatal")]
        assert issues == []
        created = requests.post(kind, data=as_json(resource), headers=FHIR_JSON, timeout=60)
        assert created.status_code == 201, created.text[:500]
        requests.delete(f"{kind}/{created.json()['id']}", timeout=60)


def test_a_drug_that_is_only_referred_to_stays_open_where_nobody_can_be_asked(
    running: Service, base: str, from_files: dict[str, Verdicts]
) -> None:
    """Prefetch templates name no `_include`, which many servers lack: the Medication itself is read from the server."""
    alone = shown(cards(running, request("jana", prefetch=prefetched(running, base, "jana"))))
    assert SINAI not in from_files["jana"]
    grade, criteria = alone[SINAI]
    assert grade == "possible"
    assert criteria["cyp3a4"][0] == "unknown"


@pytest.fixture(scope="module")
def long_record(base: str) -> list[Json]:
    """A patient p1 with so many old results before the others that a server gives them in several pages."""
    record = eligible(SINAI)
    old = {f"anc-{number:02}": laboratory(Loinc.ANC, 4.0, "10*3/uL", ago(40 + number)) for number in range(65)}
    newest = {"anc-zz": laboratory(Loinc.ANC, 0.9, "10*3/uL", ago(2))}
    resources = record.put(**old, **newest).resources
    load(base, [resources[key] for key in ("patient", *old)])
    load(base, list(resources.values()))
    return list(resources.values())


def test_every_page_is_read(running: Service, base: str, long_record: list[Json], tmp_path: Path) -> None:
    first = requests.get(f"{base}/Observation?patient=p1&code=751-8", timeout=60).json()
    assert any(link["relation"] == "next" for link in first["link"])
    assert len(first["entry"]) < 66
    file = tmp_path / "record.json"
    file.write_bytes(as_json(long_record))
    expected = evaluated([file])["p1"]
    assert SINAI not in expected
    assert shown(cards(running, request("p1", fhirServer=base))) == expected
    # a first page alone is known to be no more than that, and the rest is asked for
    sent = prefetched(running, base, "p1")
    assert shown(cards(running, request("p1", prefetch=sent, fhirServer=base))) == expected


def test_a_first_page_alone_leaves_open_what_stands_on_the_others(
    running: Service, base: str, long_record: list[Json]
) -> None:
    sent = prefetched(running, base, "p1")
    assert not any("777-3" in json.dumps(page.get("entry")) for page in sent.values())  # platelets
    grade, criteria = shown(cards(running, request("p1", prefetch=sent)))[SINAI]
    assert grade == "possible"
    assert criteria["platelets"][0] == "unknown"
    assert "next" in criteria["platelets"][1]


def test_a_server_that_is_down_is_told_apart_from_one_that_is_not_allowed(running: Service, base: str) -> None:
    down = answer(running, request("anna", fhirServer=f"http://127.0.0.1:{_closed_port(running)}/fhir"))
    assert (down.status_code, down.json()["code"]) == (412, "insufficient-data")
    assert down.json()["detail"].startswith("prefetch.patient: the Patient cannot be read: no connection to")
    foreign = answer(running, request("anna", fhirServer=base.replace("/fhir", "/other")))
    assert (foreign.status_code, foreign.json()["code"]) == (412, "insufficient-data")
    assert foreign.json()["detail"].endswith("and the FHIR server named is not one that may be called")


def _closed_port(running: Service) -> str:
    """The port of the second server that the service may call: nobody listens there."""
    environment = Path(f"/proc/{running.process.pid}/environ").read_bytes().decode()
    allowed = next(e for e in environment.split("\0") if e.startswith("TRIALHOOK_FHIR_ALLOWED="))
    return allowed.rsplit(":", 1)[1].removesuffix("/fhir")


def test_a_patient_whom_the_server_does_not_know_is_no_answer(running: Service, base: str) -> None:
    unknown = answer(running, request("nobody", fhirServer=base))
    assert unknown.status_code == 412
    assert unknown.json()["detail"].startswith("prefetch.patient: the Patient cannot be read: the server answered 404")


# -- a server that asks for SMART tokens


@dataclass(frozen=True)
class Smart:
    base: str
    key: ECKey

    def token(self, scope: str) -> str:
        """An access token by SMART Backend Services."""
        endpoint = requests.get(f"{self.base}/.well-known/smart-configuration", timeout=30).json()["token_endpoint"]
        now = int(time.time())
        claims = {"iss": "dev-client", "sub": "dev-client", "aud": endpoint, "iat": now, "exp": now + 120}
        header = {"alg": "ES384", "kid": self.key.kid, "typ": "JWT"}
        assertion = jwt.encode(header, claims | {"jti": str(uuid.uuid4())}, self.key, algorithms=["ES384"])
        form = {
            "grant_type": "client_credentials",
            "scope": scope,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
        }
        token: str = requests.post(endpoint, data=form, timeout=30).json()["access_token"]
        return token


@pytest.fixture(scope="module")
def smart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Smart]:
    folder = tmp_path_factory.mktemp("smart")
    key = ECKey.generate_key("P-384", {"kid": "ec1", "alg": "ES384", "key_ops": ["sign", "verify"]})
    public = key.as_dict(private=False) | {"key_ops": ["verify"]}
    (folder / "jwks.json").write_text(json.dumps({"keys": [public]}))
    with fhir_server(folder, FHIRDEV_SMART_JWKS=str(folder / "jwks.json")) as base:
        protected = Smart(base, key)
        writing = {"Authorization": f"Bearer {protected.token('system/*.cruds')}"}
        own = {"anna", "karla"}
        load(base, [e["resource"] for b in patient_bundles() if b["id"] in own for e in b["entry"]], writing)
        yield protected


@pytest.fixture(scope="module")
def guarded(smart: Smart, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("guarded")
    with service(folder, "--workers", "1", FHIR_ALLOWED=smart.base, TIME_BUDGET_MS=BUDGET) as found:
        yield found


def authorization(token: str) -> Json:
    return {"access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.rs", "subject": "cds"}


@pytest.mark.parametrize("patient", ["anna", "karla"])
def test_a_token_that_comes_with_the_call_opens_the_server(
    guarded: Service, smart: Smart, from_files: dict[str, Verdicts], patient: str
) -> None:
    access = authorization(smart.token("system/*.rs"))
    asked = shown(cards(guarded, request(patient, fhirServer=smart.base, fhirAuthorization=access)))
    assert asked == from_files[patient]


def test_without_a_token_there_is_no_answer(guarded: Service, smart: Smart) -> None:
    without = answer(guarded, request("anna", fhirServer=smart.base))
    assert without.status_code == 412
    assert without.json()["detail"].startswith("prefetch.patient: the Patient cannot be read: the server answered 401")


def test_a_wrong_token_is_no_answer_and_is_not_repeated(guarded: Service, smart: Smart) -> None:
    wrong = answer(guarded, request("anna", fhirServer=smart.base, fhirAuthorization=authorization("not-a-token-7")))
    assert wrong.status_code == 412
    assert "not-a-token-7" not in wrong.text + guarded.log.read_text()


def test_what_a_token_does_not_cover_is_unknown(
    guarded: Service, smart: Smart, from_files: dict[str, Verdicts]
) -> None:
    access = authorization(smart.token("system/Patient.rs system/Condition.rs"))
    asked = shown(cards(guarded, request("anna", fhirServer=smart.base, fhirAuthorization=access)))
    grade, criteria = asked[SINAI]
    assert from_files["anna"][SINAI][0] == "probable"
    assert grade == "possible"
    assert criteria["anc"][0] == "unknown"
    assert "403" in criteria["anc"][1]


def test_with_the_required_prefetch_the_rest_is_unknown_without_a_token(guarded: Service, smart: Smart) -> None:
    reading = {"Authorization": f"Bearer {smart.token('system/*.rs')}"}
    sent = prefetched(guarded, smart.base, "anna", reading)
    required = {key: sent[key] for key in ("patient", "conditions")}
    grade, criteria = shown(cards(guarded, request("anna", prefetch=required, fhirServer=smart.base)))[SINAI]
    assert grade == "possible"
    assert criteria["anc"][0] == "unknown"
