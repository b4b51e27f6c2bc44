"""Bulk export and search of a population against a real FHIR R4 server, open and with SMART tokens."""

import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests
from joserfc.jwk import ECKey, RSAKey

from service.fhir_client import Access, Backend, FhirServers, NotAuthorized
from service.population.export import Export, ExportError, Limits, Order, run_export
from service.population.search import Found, Gathering, Selection
from service.prefetch import Query
from tests.builders import as_json
from tests.fhir_client.conftest import soon
from tests.live.servers import fhir_server

pytestmark = pytest.mark.live
PATIENTS = 5
TYPES = ("Patient", "Condition", "Observation", "Procedure")
QUERIES = (
    Query("patient", "Patient", "Patient/{{context.patientId}}"),
    Query("conditions", "Condition", "Condition?patient={{context.patientId}}"),
    Query("observations", "Observation", "Observation?patient={{context.patientId}}&code=751-8"),
)
# the server asks for two minutes of patience with a job of a second
SOON = Limits(seconds=200.0, longest_wait=1.0)
KEYS = {
    "RS384": RSAKey.generate_key(2048, {"kid": "rsa-1", "alg": "RS384"}),
    "ES384": ECKey.generate_key("P-384", {"kid": "ec-1", "alg": "ES384"}),
}


def population(run: str) -> list[dict[str, Any]]:
    """Patients with a condition and two results each, and a group of the first two."""
    made: list[dict[str, Any]] = []
    for n in range(PATIENTS):
        identity = f"{run}-{n}"
        subject = {"subject": {"reference": f"Patient/{identity}"}}
        made.append({"resourceType": "Patient", "id": identity, "gender": "female"})
        code = {"coding": [{"system": "http://snomed.info/sct", "code": "254837009"}]}
        made.append({"resourceType": "Condition", "id": f"{identity}-c", "code": code} | subject)
        for k in range(2):
            result = {"code": {"coding": [{"system": "http://loinc.org", "code": "751-8"}]}, "status": "final"}
            made.append({"resourceType": "Observation", "id": f"{identity}-{k}"} | result | subject)
    members = [{"entity": {"reference": f"Patient/{run}-{n}"}} for n in range(2)]
    made.append({"resourceType": "Group", "id": f"{run}-g", "type": "person", "actual": True, "member": members})
    return made


def put(base: str, token: str = "") -> str:
    """Store a population; the name that its ids begin with."""
    run = f"pop-{uuid.uuid4()}"
    entries = [
        {"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}} for r in population(run)
    ]
    headers = {"Content-Type": "application/fhir+json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    body = as_json({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    requests.post(base, data=body, headers=headers, timeout=60).raise_for_status()
    return run


def exported(base: str, folder: Path, access: Access | None = None, **order: Any) -> Export:
    with FhirServers([base], 100_000_000) as servers:
        return run_export(servers, Order(**{"base": base, "types": TYPES} | order), folder, access=access, limits=SOON)


def counts(export: Export) -> dict[str, int]:
    found: dict[str, int] = {}
    for file in export.files:
        found[file.type] = found.get(file.type, 0) + file.lines
    return found


def gathered(base: str, access: Access | None = None, **selection: Any) -> list[Found]:
    with FhirServers([base], 100_000_000) as servers:
        chosen = Selection(base, date(2026, 11, 21), QUERIES, **selection)
        return list(Gathering(servers, chosen, access=access).records())


# ---- an open server


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with fhir_server(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(scope="module")
def run(base: str) -> str:
    return put(base)


@pytest.mark.parametrize("level", ["system", "patient"])
def test_a_server_is_exported_whole(base: str, run: str, tmp_path: Path, level: str) -> None:
    export = exported(base, tmp_path / "export", level=level)
    found = counts(export)
    assert found["Patient"] >= PATIENTS
    assert (found["Condition"], found["Observation"]) >= (PATIENTS, 2 * PATIENTS)
    assert (export.coverage, export.findings) == ((), ())
    assert export.transaction_time.startswith("20")


def test_a_group_is_exported_alone(base: str, run: str, tmp_path: Path) -> None:
    export = exported(base, tmp_path / "export", level="group", group=f"{run}-g")
    assert counts(export) == {"Patient": 2, "Condition": 2, "Observation": 4}
    assert export.coverage == ()


@pytest.mark.parametrize(("method", "gaps"), [("post-list", set()), ("post", {"Condition"})])
def test_parameters_are_posted(base: str, run: str, tmp_path: Path, method: str, gaps: set[str]) -> None:
    """The server reads a list in one parameter; of several it reads the first, which must not pass for silence."""
    order = {"level": "group", "group": f"{run}-g", "types": ("Patient", "Condition")}
    export = exported(base, tmp_path / "export", method=method, **order)
    assert {gap.type for gap in export.coverage} == gaps
    assert counts(export) == {"Patient": 2} | ({} if gaps else {"Condition": 2})


def test_nothing_has_changed_since_the_future(base: str, run: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"no resources .* changed since 2099"):
        exported(base, tmp_path / "export", level="system", since="2099-01-01T00:00:00Z")


def test_patients_are_found_with_their_records(base: str, run: str) -> None:
    found = {each.patient: each for each in gathered(base, query="Patient?gender=female&_count=2")}
    own = [found[f"{run}-{n}"] for n in range(PATIENTS)]
    assert [each.problem for each in own] == [""] * PATIENTS
    assert [len(each.document.items) for each in own if each.document] == [4] * PATIENTS
    assert all(each.document.gaps == [] for each in own if each.document)


def test_members_of_a_group_are_found(base: str, run: str) -> None:
    assert [each.patient for each in gathered(base, group=f"{run}-g")] == [f"{run}-0", f"{run}-1"]


def test_an_unknown_parameter_is_told(base: str, run: str) -> None:
    [found] = gathered(base, query="Patient?no-such-parameter=1")
    assert found.patient == ""
    assert "the server answered 400" in found.problem


# ---- a server that asks for tokens


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("guarded")
    public = folder / "keys.json"
    public.write_bytes(as_json({"keys": [key.as_dict(private=False) for key in KEYS.values()]}))
    with fhir_server(folder, FHIRDEV_SMART_JWKS=str(public), FHIRDEV_SMART_CLIENT="trialhook-live") as address:
        yield address


@pytest.fixture(scope="module")
def servers(guarded: str) -> Iterator[FhirServers]:
    with FhirServers([guarded], 100_000_000) as made:
        yield made


def backend(servers: FhirServers, key: str = "ES384", scopes: str = "auto", client: str = "trialhook-live") -> Backend:
    return Backend(servers, client, KEYS[key].as_dict(private=True), scopes)


@pytest.fixture(scope="module")
def guarded_run(guarded: str, servers: FhirServers) -> str:
    return put(guarded, backend(servers, scopes="system/*.cruds").access(guarded, ["Patient"]).token(soon(30)))


@pytest.mark.parametrize("key", ["RS384", "ES384"])
@pytest.mark.parametrize("scopes", ["auto", "v1"])
def test_a_guarded_server_is_exported_with_a_token(
    guarded: str, servers: FhirServers, guarded_run: str, tmp_path: Path, key: str, scopes: str
) -> None:
    access = backend(servers, key, scopes).access(guarded, (*TYPES, "Group"))
    export = exported(guarded, tmp_path / "export", access, level="group", group=f"{guarded_run}-g")
    assert counts(export) == {"Patient": 2, "Condition": 2, "Observation": 4}
    assert export.coverage == ()
    # a scope to read is none to delete, and the server keeps to that
    assert [f.reason for f in export.findings] == [
        "the job could not be deleted: the server answered 403 (error forbidden)"
    ]


def test_a_narrower_token_is_told(guarded: str, servers: FhirServers, guarded_run: str, tmp_path: Path) -> None:
    access = backend(servers, scopes="system/Patient.rs system/Condition.rs system/Group.rs").access(
        guarded, (*TYPES, "Group")
    )
    export = exported(guarded, tmp_path / "export", access, level="group", group=f"{guarded_run}-g")
    assert {gap.type for gap in export.coverage} == {"Observation", "Procedure"}


def test_records_are_gathered_with_a_token(guarded: str, servers: FhirServers, guarded_run: str) -> None:
    access = backend(servers).access(guarded, ["Patient", "Condition", "Observation"])
    found = {each.patient: each for each in gathered(guarded, access)}
    record = found[f"{guarded_run}-0"].document
    assert record is not None
    assert (len(record.items), record.gaps) == (4, [])


def test_what_the_token_does_not_stand_for_is_missing(guarded: str, servers: FhirServers, guarded_run: str) -> None:
    access = backend(servers, scopes="system/Patient.rs").access(guarded, ["Patient", "Condition", "Observation"])
    record = gathered(guarded, access)[0].document
    assert record is not None
    assert {kind for kind, _ in record.gaps} == {"Condition", "Observation"}


def test_without_a_token_there_is_nothing(guarded: str, guarded_run: str, tmp_path: Path) -> None:
    [found] = gathered(guarded)
    assert "the server answered 401" in found.problem


def test_a_client_that_is_not_registered_is_refused(guarded: str, servers: FhirServers) -> None:
    with pytest.raises(NotAuthorized, match="invalid_client"):
        backend(servers, client="somebody-else").access(guarded, TYPES).token(soon(30))
