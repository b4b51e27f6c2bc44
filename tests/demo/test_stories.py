"""The sample patients are valid FHIR, hang together, and come out as their stories tell."""

import copy
from datetime import date
from typing import Any

import msgspec
import pytest
from fhir.resources.R4B import get_fhir_model_class

from service.criteria.results import PatientResult, TrialResult
from service.demo import AS_OF, patient_bundles
from service.demo.stories import Story, demo_patients, stories
from service.screening import Screening
from tests.builders import ASPIRE, PATINA, SINAI, TRIALS, YALE, as_json, coding, loinc

Json = dict[str, Any]
DAY = date.fromisoformat(AS_OF)
BUNDLES = {bundle["id"]: bundle for bundle in patient_bundles()}
STORIES = {story.id: story for story in stories()}


def screened(screening: Screening, bundle: Json, on: date = DAY) -> dict[str, TrialResult]:
    result: PatientResult = screening.screen(screening.read(as_json(bundle)), on)
    return {trial.trial: trial for trial in result.results}


def resources(bundle: Json) -> list[Json]:
    return [entry["resource"] for entry in bundle["entry"]]


def changed(id: str, *without: str, **elements: Json) -> Json:
    """A sample patient without some resources, and with other elements in some; keys are ids after the name."""
    bundle = copy.deepcopy(BUNDLES[id])
    bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["id"] not in {f"{id}-{key}" for key in without}]
    by_id = {resource["id"]: resource for resource in resources(bundle)}
    for key, new in elements.items():
        by_id[f"{id}-{key.replace('_', '-')}"].update(new)
    return bundle


def test_there_are_a_dozen_and_each_has_one_story_of_one_line() -> None:
    assert list(STORIES) == sorted(BUNDLES)
    assert len(stories()) == len(BUNDLES) == 12
    assert all(story.story and "\n" not in story.story for story in stories())


@pytest.mark.parametrize("story", stories(), ids=lambda story: story.id)
def test_every_story_comes_out_as_told(story: Story, screening: Screening) -> None:
    results = screened(screening, BUNDLES[story.id])
    assert story.expected.keys() == set(TRIALS)
    for trial, expected in story.expected.items():
        outcomes = {criterion.id: criterion.outcome for criterion in results[trial].criteria}
        assert results[trial].grade == expected.grade, trial
        assert {id for id, outcome in outcomes.items() if outcome == "fail"} == expected.fail, trial
        assert {id for id, outcome in outcomes.items() if outcome == "unknown"} == expected.unknown, trial
        assert {id for id in expected.review if outcomes[id] != "review"} == set(), trial


@pytest.mark.parametrize("id", BUNDLES)
def test_every_record_is_read_without_a_complaint(id: str, screening: Screening) -> None:
    record = screening.read(as_json(BUNDLES[id]))
    assert screening.screen(record, DAY).notices is msgspec.UNSET
    assert not record.has_gaps


@pytest.mark.parametrize("id", BUNDLES)
def test_every_record_is_valid_fhir(id: str) -> None:
    bundle = msgspec.json.decode(as_json(BUNDLES[id]))
    get_fhir_model_class("Bundle").model_validate(bundle)
    assert bundle["type"] == "collection"


@pytest.mark.parametrize("id", BUNDLES)
def test_every_record_is_of_one_patient_and_its_references_lead_somewhere(id: str) -> None:
    found = resources(BUNDLES[id])
    known = [f"{resource['resourceType']}/{resource['id']}" for resource in found]
    assert known[0] == f"Patient/{id}"
    assert len(set(known)) == len(known)
    assert [entry["fullUrl"] for entry in BUNDLES[id]["entry"]] == [
        f"https://demo.trialhook.org/fhir/{reference}" for reference in known
    ]
    assert set(references(found)) <= set(known)
    assert all(resource["id"].startswith(f"{id}-") for resource in found[1:])


def references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [reference for item in value for reference in references(item)]
    if not isinstance(value, dict):
        return []
    own = [value["reference"]] if isinstance(value.get("reference"), str) else []
    return own + [reference for item in value.values() for reference in references(item)]


def test_every_record_says_that_it_is_synthetic() -> None:
    label = coding("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST", "test health data")
    for bundle in BUNDLES.values():
        assert bundle["meta"]["security"] == [label]
        assert resources(bundle)[0]["meta"]["security"] == [label]


def test_codings_have_a_system_a_code_and_a_display() -> None:
    for bundle in BUNDLES.values():
        for resource in resources(bundle):
            for found in codings(resource):
                assert found.keys() == {"system", "code", "display"}, resource["id"]


def codings(value: Any) -> list[Json]:
    if isinstance(value, list):
        return [found for item in value for found in codings(item)]
    if not isinstance(value, dict):
        return []
    return value.get("coding", []) + [found for item in value.values() for found in codings(item)]


def test_the_page_is_told_who_there_is() -> None:
    listed = demo_patients()
    assert [patient["id"] for patient in listed] == list(STORIES)
    assert listed[4] == {
        "id": "emil",
        "name": "Emil Example",
        "story": STORIES["emil"].story,
        "birthDate": "1955-04-04",
        "gender": "male",
    }


def test_dora_fits_once_her_echocardiogram_is_new(screening: Screening) -> None:
    with_new = changed("dora", lvef={"effectiveDateTime": "2026-11-20T13:40:00Z"})
    assert screened(screening, BUNDLES["dora"])[SINAI].needed[0].input == "lvef"
    assert screened(screening, with_new)[SINAI].grade == "probable"


def test_hanna_fits_once_a_pregnancy_test_is_new(screening: Screening) -> None:
    results = screened(screening, changed("hanna", pregnancy_test={"effectiveDateTime": "2026-11-20"}))
    assert results[SINAI].grade == "probable"


def test_jana_fits_without_itraconazole(screening: Screening) -> None:
    assert screened(screening, changed("jana", "itraconazole"))[SINAI].grade == "probable"


def test_fatima_fits_the_t_dm1_trials_had_she_not_taken_palbociclib(screening: Screening) -> None:
    results = screened(screening, changed("fatima", "palbociclib"))
    assert (results[YALE].grade, results[ASPIRE].grade) == ("probable", "probable")


def test_greta_fits_no_trial_without_the_ratio(screening: Screening) -> None:
    results = screened(screening, changed("greta", "her2-ratio", "her2-copies"))
    assert [criterion.outcome for criterion in results[SINAI].criteria if criterion.id == "her2-positive"] == [
        "unknown"
    ]


def test_lotte_fits_once_one_laboratory_is_followed(screening: Screening) -> None:
    assert screened(screening, changed("lotte", "her2-ihc-reference"))[SINAI].grade == "probable"
    assert screened(screening, changed("lotte", "her2-ihc-local"))[SINAI].grade == "certainly-not"


def test_claras_metastasis_is_told_by_the_stage_alone(screening: Screening) -> None:
    diagnoses = [r for r in resources(BUNDLES["clara"]) if r["resourceType"] == "Condition"]
    assert [diagnosis["id"] for diagnosis in diagnoses] == ["clara-breast-cancer"]
    without = screened(screening, changed("clara", "m-category"))
    assert (without[YALE].grade, without[ASPIRE].grade) == ("possible", "possible")


def test_bertas_brain_metastases_are_a_matter_of_judgement(screening: Screening) -> None:
    results = screened(screening, changed("berta", "metastasis-brain"))
    outcomes = {criterion.id: criterion.outcome for criterion in results[YALE].criteria}
    assert outcomes["cns-metastases"] == "pass"
    assert results[PATINA].grade == "probable"


@pytest.mark.parametrize(("on", "grade"), [("2026-12-01", "certainly-not"), ("2026-12-02", "probable")])
def test_karlas_trial_opens_with_the_calendar(on: str, grade: str, screening: Screening) -> None:
    assert screened(screening, BUNDLES["karla"], date.fromisoformat(on))[SINAI].grade == grade


def test_the_echocardiogram_is_coded_as_one() -> None:
    lvef = [r for bundle in BUNDLES.values() for r in resources(bundle) if r["id"].endswith("-lvef")]
    assert {r["code"]["coding"][0]["code"] for r in lvef} == {loinc("18043-0")["code"]}
