"""The screening list: valid R4, one List a trial, a candidate for each patient that is not out of question."""

from pathlib import Path

from fhir.resources.R4B import get_fhir_model_class

from tests.builders import PATINA, SINAI
from tests.population.conftest import Screen, lines
from tests.population.sources import by_type, population

RECORDS = population()


def test_every_candidate_stands_in_the_list_of_the_trial(screen: Screen, tmp_path: Path) -> None:
    ran = screen(by_type(tmp_path / "in", RECORDS), "--list")
    made = lines(ran.out / "screening-list.ndjson")
    for resource in made:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    subjects = {r["id"]: r for r in made if r["resourceType"] == "ResearchSubject"}
    lists = {r["title"].split()[2]: r for r in made if r["resourceType"] == "List"}
    for trial in (PATINA, SINAI):
        named = [subjects[entry["item"]["reference"].rpartition("/")[2]] for entry in lists[trial].get("entry", ())]
        expected = {
            r["patient"]
            for r in ran.results
            for t in r["results"]
            if t["trial"] == trial and t["grade"] != "certainly-not"
        }
        assert {subject["individual"]["reference"] for subject in named} == expected
        assert all(subject["study"]["reference"] == f"ResearchStudy/{trial}" for subject in named)


def test_the_best_come_first(screen: Screen, tmp_path: Path) -> None:
    made = lines(screen(by_type(tmp_path / "in", RECORDS), "--list").out / "screening-list.ndjson")
    order = ["certain", "probable", "possible"]
    for study in {r["study"]["reference"] for r in made if r["resourceType"] == "ResearchSubject"}:
        grades = [r["extension"][0]["valueCode"] for r in made if r.get("study", {}).get("reference") == study]
        assert grades == sorted(grades, key=order.index)


def test_the_same_screening_gives_the_same_ids(screen: Screen, tmp_path: Path) -> None:
    source = by_type(tmp_path / "in", RECORDS)
    one, two = screen(source, "--list", out="one"), screen(source, "--list", out="two")
    assert (one.out / "screening-list.ndjson").read_bytes() == (two.out / "screening-list.ndjson").read_bytes()


def test_it_is_written_only_on_request(screen: Screen, tmp_path: Path) -> None:
    assert not (screen(by_type(tmp_path / "in", RECORDS)).out / "screening-list.ndjson").exists()
