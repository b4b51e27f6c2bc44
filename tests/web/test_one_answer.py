"""One evaluation of one record: the hook, the matching calls and the command say the same, each in its own form."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.researchstudy import ResearchStudy
from flask.testing import FlaskClient
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st

from service.cli import cli
from service.render.research_study import MATCH_GRADE, SCORES
from service.screening import Screening
from tests.builders import (
    AS_OF,
    SERVER,
    SINAI,
    TRIALS,
    Icd10cm,
    Json,
    RxNorm,
    as_json,
    condition,
    eligible,
    request,
    searchset,
)
from tests.properties.records import MADE, REPEATABLE, SEEDS, generated, made
from tests.web.conftest import CALL, TYPES, call_body, called, post, prefetch

DAY = AS_OF.isoformat()
RECORDS = st.one_of(st.sampled_from(sorted(MADE)).map(made), SEEDS.map(generated))
EXAMPLES = type(REPEATABLE)(
    REPEATABLE, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def evaluated(client: FlaskClient, record: Json, **query: Any) -> Json:
    answer = client.post(
        "/evaluate", query_string={"asOf": DAY} | query, data=as_json(record), content_type="application/json"
    )
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: Json = json.loads(answer.get_data())
    return found


def verdicts(results: list[Json]) -> dict[str, Any]:
    return {r["trial"]: (r["grade"], {c["id"]: (c["outcome"], c["basis"], c["reason"]) for c in r["criteria"]})
        for r in results}  # fmt: skip


def grades(bundle: Json) -> dict[str, str]:
    """trial -> grade, as a searchset of studies tells it."""
    Bundle.model_validate(bundle)
    found = {}
    for entry in bundle.get("entry", []):
        study, search = entry["resource"], entry["search"]
        ResearchStudy.model_validate(study)
        (grade,) = [e["valueCode"] for e in search["extension"] if e["url"] == MATCH_GRADE]
        assert search["score"] == SCORES[grade]
        assert search["mode"] == "match"
        assert entry["fullUrl"].endswith(f"/fhir/ResearchStudy/{study['id']}")
        found[study["id"]] = grade
    assert bundle["type"] == "searchset"
    assert bundle["total"] == len(found)
    return found


def matched(client: FlaskClient, path: str, body: Json) -> dict[str, str]:
    answer = client.post(path, query_string={"asOf": DAY}, data=as_json(body), content_type="application/fhir+json")
    assert (answer.status_code, answer.mimetype) == (200, "application/fhir+json"), answer.get_data(as_text=True)
    return grades(json.loads(answer.get_data()))


# ---- the matching calls ----------------------------------------------------------------------------------------------


@given(record=RECORDS)
@EXAMPLES
def test_studies_that_match_are_the_trials_that_are_not_out_of_question(shared: FlaskClient, record: Json) -> None:
    results = evaluated(shared, record)["results"]
    wanted = {r["trial"]: r["grade"] for r in results if r["grade"] != "certainly-not"}
    found = matched(shared, "/getClinicalTrial", record)
    assert found == wanted
    assert list(found) == list(wanted)  # the best first, in both
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "patient", "resource": record}]}
    assert list(matched(shared, "/fhir/ResearchStudy/$match", parameters).items()) == list(found.items())


@given(record=RECORDS, trial=st.sampled_from(TRIALS))
@EXAMPLES
def test_one_trial_asked_for_is_answered_as_among_all(shared: FlaskClient, record: Json, trial: str) -> None:
    """But for which other trials a missing datum would serve, and its place by that."""
    everything = {r["trial"]: r for r in evaluated(shared, record)["results"]}
    [alone] = evaluated(shared, record, trial=trial)["results"]
    assert without_others(alone) == without_others(everything[trial])


def without_others(result: Json) -> Json:
    needed = [need | {"trials": [t for t in need["trials"] if t == result["trial"]]} for need in result["needed"]]
    return result | {"needed": sorted(needed, key=lambda need: str(need["input"]))}


# ---- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def command(screening: Screening) -> Iterator[CliRunner]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("service.commands.evaluate.screening_of", lambda *_: screening)
        yield CliRunner()


@given(record=RECORDS)
@EXAMPLES
def test_the_command_prints_what_the_service_answers(shared: FlaskClient, command: CliRunner, record: Json) -> None:
    done = command.invoke(cli, ["evaluate", "--as-of", DAY, "--format", "json", "-"], input=as_json(record))
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == evaluated(shared, record)


# ---- the hook --------------------------------------------------------------------------------------------------------


DRUGS = [key for key in TYPES if key.startswith("medication")]
ON_THE_WAY = re.compile(
    r"(?:\w+ resources: the Bundle|entry\[\d+\]) (.*?)(?:, and no FHIR server was named)?(?=[.;,]|$)"
)


def told(result: Json) -> Json:
    """A result without the places where something was lost, which differ with the way that the record took."""
    criteria = [c | {"reason": ON_THE_WAY.sub(r"\1", c["reason"])} for c in result["criteria"]]
    return result | {"criteria": sorted(criteria, key=lambda c: c["id"])}


def _is_a_strangers(entry: Json, patient: str) -> bool:
    """Which a search for the patient's resources does not find."""
    resource = entry["resource"]
    if resource["resourceType"] not in {*TYPES.values()} - {"Patient"}:
        return False
    subject = resource.get("patient" if resource["resourceType"] == "AllergyIntolerance" else "subject", {})
    reference = subject.get("reference", "")
    return "elsewhere" in reference or not reference.partition("/_history")[0].endswith(patient)


def as_prefetch(record: Json) -> Json | None:
    """The record as a client would prefetch it; None where no server would give it so."""
    resources = [entry["resource"] for entry in record["entry"]]
    if any(r["resourceType"] == "OperationOutcome" for r in resources):
        return None
    if any(entry.get("fullUrl", "").startswith("urn:uuid:") for entry in record["entry"]):
        return None
    patient = next(r["id"] for r in resources if r["resourceType"] == "Patient")
    if any(_is_a_strangers(entry, patient) for entry in record["entry"]):
        return None
    found: Json = {}
    for key, kind in TYPES.items():
        entries = [entry for entry in record["entry"] if entry["resource"]["resourceType"] == kind]
        found[key] = searchset([]) | {"entry": entries, "total": len(entries)}
    found["patient"] = next(r for r in resources if r["resourceType"] == "Patient")
    for page in (r for r in resources if r["resourceType"] == "Bundle"):
        kind = page["link"][0]["url"].rpartition("/")[2].partition("?")[0]
        found[next(key for key, of in TYPES.items() if of == kind)] = page
    more = [entry for entry in record["entry"] if entry["resource"]["resourceType"] not in (*TYPES.values(), "Bundle")]
    if more:  # where a server would include them: beside drugs, or with what has results
        drugs = (key for key in DRUGS if found[key].get("entry"))
        holder = next(drugs, "observations" if found["observations"]["entry"] else "conditions")
        included = [entry | {"search": {"mode": "include"}} for entry in more]
        found[holder] = found[holder] | {"entry": [*found[holder]["entry"], *included]}
    return found


@given(record=RECORDS)
@EXAMPLES
def test_cards_tell_the_results_of_the_same_record(shared: FlaskClient, record: Json) -> None:
    found = as_prefetch(record)
    assume(found is not None)
    assert found is not None
    whole = evaluated(shared, record)
    context = {"userId": "Practitioner/a", "patientId": found["patient"]["id"]}
    answer = post(shared, CALL, call_body(prefetch=found, context=context))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    shown = [told(card["extension"]["org.trialhook.result"]) for card in json.loads(answer.get_data())["cards"]]
    wanted = [told(r) for r in whole["results"] if r["grade"] != "certainly-not"]
    assert verdicts(shown) == verdicts(wanted)


# full URLs of what came, the patient that a cirrhosis is of, and whether that is our patient
WHOSE = {
    "relative": (SERVER, "Patient/p1", True),
    "on the same server": (SERVER, f"{SERVER}/Patient/p1", True),
    "on the server as it calls itself behind a proxy": ("http://in:80/r4", "http://in:80/r4/Patient/p1", True),
    "another patient": (SERVER, f"{SERVER}/Patient/p2", False),
    "of the same id on another server": (SERVER, "https://elsewhere.example.net/fhir/Patient/p1", False),
}  # fmt: skip


@pytest.mark.parametrize("claim", WHOSE)
def test_a_condition_counts_for_the_patient_that_it_is_of(shared: FlaskClient, claim: str) -> None:
    server, subject, own = WHOSE[claim]
    cirrhosis = condition(Icd10cm.CIRRHOSIS, "2025-02-01") | {"id": "cirrhosis", "subject": {"reference": subject}}
    found = prefetch(eligible(SINAI).put(cirrhosis=cirrhosis))
    for value in found.values():
        for entry in value.get("entry", []):
            entry["fullUrl"] = f"{server}/{entry['resource']['resourceType']}/{entry['resource']['id']}"
    trials = [card["extension"]["org.trialhook.result"]["trial"] for card in called(shared, call_body(prefetch=found))]
    assert (SINAI not in trials) is own
    verapamil = request(RxNorm.VERAPAMIL, "2026-11-21") | {"id": "draft"}
    body = call_body(prefetch=found, hook="order-sign")
    body["context"] = body["context"] | {"draftOrders": [verapamil]}
    answer = post(shared, "/cds-services/trial-guard-sign", body)
    closed = [card["extension"]["org.trialhook.guard"]["trial"] for card in json.loads(answer.get_data())["cards"]]
    assert (SINAI in closed) is not own  # what is closed anyway no order closes


# ---- the library -----------------------------------------------------------------------------------------------------


def test_the_library_is_the_same_in_every_form(shared: FlaskClient) -> None:
    listed = shared.get("/trials").json["trials"]
    studies = shared.get("/fhir/ResearchStudy").get_json(force=True)
    Bundle.model_validate(studies)
    assert {t["id"] for t in listed} == {entry["resource"]["id"] for entry in studies["entry"]} == set(TRIALS)
    for entry in studies["entry"]:
        alone = shared.get(f"/fhir/ResearchStudy/{entry['resource']['id']}").get_json(force=True)
        ResearchStudy.model_validate(alone)
        assert alone == entry["resource"]
        assert entry["fullUrl"].startswith("http://localhost/fhir/ResearchStudy/")


def test_the_library_and_a_result_tell_the_same_criteria(shared: FlaskClient) -> None:
    for result in evaluated(shared, eligible(SINAI).bundle())["results"]:
        trial = shared.get(f"/trials/{result['trial']}").json
        told = [(c["id"], c["type"], c["text"], c["source"]) for c in trial["criteria"]]
        assert [(c["id"], c["type"], c["text"], c["source"]) for c in result["criteria"]] == told
        assert (trial["version"], trial["recruitment"]) == (result["version"], result["recruitment"])
        assert trial["criteria"]
