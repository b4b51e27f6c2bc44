"""Candidates written to a real FHIR server: twice, beside a person's entries, and against a person's edit."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from joserfc.jwk import ECKey

from service.demo import AS_OF, patient_bundles
from service.fhir_client import Backend, FhirServers
from service.population.write_target import Target
from tests.builders import SINAI, as_json
from tests.live.servers import fhir_server
from tests.population.conftest import Ran, Screen

pytestmark = pytest.mark.live

CLIENT = "trialhook-live"
KEY = ECKey.generate_key("P-384", {"kid": "ec-1", "alg": "ES384"})
Json = dict[str, Any]
HEADERS = {"Content-Type": "application/fhir+json", "Cache-Control": "no-cache"}


def load(base: str, token: str = "") -> None:
    """Store the sample patients."""
    resources = [entry["resource"] for bundle in patient_bundles() for entry in bundle["entry"]]
    entries = [
        {"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}} for r in resources
    ]
    body = as_json({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    requests.post(base, data=body, headers=HEADERS | bearing(token), timeout=120).raise_for_status()


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that holds the sample patients."""
    with fhir_server(tmp_path_factory.mktemp("fhir")) as address:
        load(address)
        yield address


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One that asks for tokens."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "keys.json").write_bytes(as_json({"keys": [KEY.as_dict(private=False)]}))
    keys = str(folder / "keys.json")
    with fhir_server(folder, FHIRDEV_SMART_JWKS=keys, FHIRDEV_SMART_CLIENT=CLIENT) as address:
        load(address, token_of(address))
        yield address


def token_of(base: str) -> str:
    with FhirServers([base], 1_000_000) as servers:
        backend = Backend(servers, CLIENT, KEY.as_dict(private=True), "system/*.cruds")
        return backend.access(base, ["Patient"]).token(time.monotonic() + 30)


def found(base: str, query: str, token: str = "") -> list[Json]:
    answer = requests.get(f"{base}/{query}", headers=HEADERS | bearing(token), timeout=60)
    answer.raise_for_status()
    return [entry["resource"] for entry in answer.json().get("entry", ())]


def the_list(base: str) -> Json:
    [one] = found(base, f"List?identifier=https://trialhook.org/fhir/screening|{SINAI}")
    return one


def put(base: str, resource: Json) -> Json:
    place = f"{base}/{resource['resourceType']}/{resource['id']}"
    answer = requests.put(place, data=as_json(resource), headers=HEADERS, timeout=60)
    answer.raise_for_status()
    made: Json = answer.json()
    return made


def written(ran: Ran) -> dict[str, tuple[int, int, int, str]]:
    assert ran.code == 0, (ran.err, ran.errors)
    told = ran.summary["writeBack"]["trials"]
    return {each["trial"]: (each["created"], each["updated"], each["unchanged"], each["list"]) for each in told}


def test_written_once_kept_and_merged(
    base: str, screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def again(out: str, *options: str) -> Ran:
        return screen(base, "--trial", SINAI, "--write-back", *options, out=out, as_of=AS_OF)

    first = again("one")
    candidates = [r["patient"] for r in first.results if r["results"][0]["grade"] != "certainly-not"]
    assert written(first) == {SINAI: (len(candidates), 0, 0, "created")}
    subjects = found(base, "ResearchSubject?_count=200")
    assert sorted(each["individual"]["reference"] for each in subjects) == sorted(candidates)

    held = the_list(base)
    assert written(again("two")) == {SINAI: (0, 0, len(candidates), "unchanged")}
    assert the_list(base) == held
    assert len(found(base, "ResearchSubject?_count=200")) == len(candidates)

    moved = put(base, subjects[0] | {"status": "screening"})
    by_hand = put(base, {
        "resourceType": "ResearchSubject", "id": "by-hand", "status": "candidate", "study": subjects[0]["study"],
        "individual": {"reference": first.results[0]["patient"]},
    })  # fmt: skip
    own = {"item": {"reference": f"ResearchSubject/{by_hand['id']}"}}
    last = held["entry"].pop()  # as if the first run had not got so far
    put(base, held | {"entry": [own, *held["entry"]], "note": [{"text": "called on Monday"}]})
    edits: list[str] = []
    send = Target.update

    def meanwhile(self: Target, resource: Json) -> None:
        if resource["resourceType"] == "List" and not edits:
            now = the_list(base)
            edits.append(put(base, now | {"title": "Ours"})["id"])
        send(self, resource)

    monkeypatch.setattr(Target, "update", meanwhile)
    third = again("three")
    now = the_list(base)
    assert edits == [now["id"]]
    assert third.summary["writeBack"]["trials"][0]["leftAlone"] == 1
    assert (now["title"], now["note"], now["entry"][0]) == ("Ours", [{"text": "called on Monday"}], own)
    if last["item"]["reference"] != f"ResearchSubject/{moved['id']}":
        assert last in now["entry"]
    assert found(base, f"ResearchSubject?_id={moved['id']}")[0]["status"] == "screening"


@pytest.mark.parametrize("scopes", ["auto", "v1"])
def test_a_guarded_server_is_written_to_with_a_token_that_may_write(
    guarded: str, screen: Screen, monkeypatch: pytest.MonkeyPatch, scopes: str
) -> None:
    monkeypatch.setenv("TRIALHOOK_BACKEND_CLIENT_ID", CLIENT)
    monkeypatch.setenv("TRIALHOOK_BACKEND_KEY", json.dumps(KEY.as_dict(private=True)))
    monkeypatch.setenv("TRIALHOOK_BACKEND_SCOPES", scopes)
    ran = screen(guarded, "--patient", "anna", "--trial", SINAI, "--write-back", as_of=AS_OF)
    assert ran.code == 0, (ran.err, ran.errors)
    [subject] = found(guarded, "ResearchSubject", token_of(guarded))
    assert subject["individual"]["reference"] == "Patient/anna"
