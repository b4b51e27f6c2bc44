"""The two example trials of other fields: shipped, loaded by nobody who does not ask, each held by its cases, and each
fitted by a patient whose record is written as an EHR writes it."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from service.cases.run import run_cases
from service.criteria.results import PatientResult
from service.prefetch import queries
from service.screening import Screening
from tests.builders import (
    AS_OF,
    Loinc,
    LoincAnswer,
    ago,
    as_json,
    coding,
    collection,
    condition,
    entry,
    icd10cm,
    laboratory,
    loinc,
    observation,
    patient,
    percent,
    quantity,
    request,
    rxnorm,
    snomed,
)

EXAMPLES = Path(str(files("service.criteria") / "examples"))
DIABETES, LUNG = "EXAMPLE-T2D", "EXAMPLE-NSCLC"


@pytest.fixture(scope="module")
def with_examples() -> Screening:
    return Screening([EXAMPLES])


def screened(screening: Screening, *resources: dict[str, Any], **person: str) -> PatientResult:
    own = [entry(resource | {"id": f"r{number}"}) for number, resource in enumerate(resources)]
    record = screening.read(as_json(collection(entry(patient(**person)), *own)))
    return screening.screen(record, AS_OF)


def blood_pressure(systolic: int, diastolic: int) -> dict[str, Any]:
    parts = [(loinc("8480-6"), quantity(systolic, "mm[Hg]")), (loinc("8462-4"), quantity(diastolic, "mm[Hg]"))]
    return observation(loinc("85354-9"), None, ago(7), components=parts)


def variant(gene: str) -> dict[str, Any]:
    about = [(loinc("48018-6"), coding("http://www.genenames.org", gene))]
    return observation(loinc("69548-6"), LoincAnswer.NEGATIVE, ago(30), components=about)


DIABETIC = (
    condition(icd10cm("E11.65"), ago(2000)),
    request(rxnorm("861007", "metformin hydrochloride 500 MG Oral Tablet"), ago(700)),
    laboratory(loinc("59261-8"), 65, "mmol/mol", ago(20)),
    laboratory(loinc("39156-5"), 31, "kg/m2", ago(7)),
    laboratory(loinc("98979-8"), 82, "mL/min/{1.73_m2}", ago(7)),
    laboratory(loinc("2571-8"), 160, "mg/dL", ago(7)),
    laboratory(loinc("1742-6"), 28, "U/L", ago(7), high=40),
    blood_pressure(132, 84),
)
LUNG_CANCER = (
    condition(snomed("254637007"), ago(60)),
    condition(icd10cm("C79.51"), ago(40)),
    observation(loinc("85147-7"), percent(70), ago(30)),
    variant("HGNC:3236"),
    variant("HGNC:427"),
    observation(Loinc.ECOG, 1, ago(7)),
    laboratory(Loinc.ANC, 3, "10*3/uL", ago(7)),
    laboratory(loinc("777-3"), 240, "10*3/uL", ago(7)),
    laboratory(loinc("718-7"), 12, "g/dL", ago(7)),
    laboratory(loinc("2160-0"), 0.8, "mg/dL", ago(7), high=1.1),
    laboratory(loinc("1742-6"), 28, "U/L", ago(7), high=40),
    laboratory(loinc("1920-8"), 26, "U/L", ago(7), high=40),
    laboratory(loinc("8636-3"), 431, "ms", ago(7)),
)


def test_nobody_is_screened_for_an_exercise_who_did_not_ask_for_it(screening: Screening) -> None:
    assert not [trial.id for trial in screening.trials.trials if trial.example]


def test_the_examples_say_that_they_are(with_examples: Screening) -> None:
    examples = [trial for trial in with_examples.trials.trials if trial.example]
    assert [trial.id for trial in examples] == [LUNG, DIABETES]
    assert all("an exercise" in trial.title for trial in examples)


@pytest.mark.parametrize("trial", [DIABETES, LUNG])
def test_every_case_comes_out_and_no_outcome_is_without_one(with_examples: Screening, trial: str) -> None:
    report = run_cases(with_examples, with_examples.trials[trial])
    assert report is not None
    assert [(v.case.place, v.problems) for v in report.failed] == []
    assert list(report.untested) == []


@pytest.mark.parametrize(
    ("trial", "resources", "person"),
    [
        (DIABETES, DIABETIC, {"birth": "1966-05-04", "gender": "male"}),
        (LUNG, LUNG_CANCER, {"birth": "1958-03-09", "gender": "female"}),
    ],
)
def test_a_patient_fits_whose_record_is_written_as_records_are(
    with_examples: Screening, trial: str, resources: tuple[dict[str, Any], ...], person: dict[str, str]
) -> None:
    found = {r.trial: r for r in screened(with_examples, *resources, **person).results}
    result = found[trial]
    assert [(c.id, c.reason) for c in result.criteria if c.outcome in ("fail", "unknown")] == []
    assert result.grade == "probable"
    assert {r.grade for name, r in found.items() if name != trial} == {"certainly-not"}


def test_what_is_missing_is_named_with_what_to_order(with_examples: Screening) -> None:
    result = screened(with_examples, condition(icd10cm("E11.9"), ago(900)), gender="male").results
    needed = {n.input: n for r in result if r.trial == DIABETES for n in r.needed}
    orders = {name: need.order.code for name, need in needed.items() if need.order}
    assert orders == {
        "alt": "1742-6",
        "bmi": "39156-5",
        "diastolic-blood-pressure": "8462-4",
        "egfr": "98979-8",
        "hba1c": "4548-4",
        "systolic-blood-pressure": "8480-6",
        "triglycerides": "2571-8",
    }
    assert needed["metformin"].label == "metformin"


def test_no_answer_about_diabetes_speaks_of_cancer(with_examples: Screening) -> None:
    person = {"birth": "1966-05-04", "gender": "male"}
    for resources in ((), DIABETIC):
        (result,) = [r for r in screened(with_examples, *resources, **person).results if r.trial == DIABETES]
        said = " ".join([*(c.reason for c in result.criteria), *(n.label for n in result.needed)]).lower()
        assert not [word for word in ("cancer", "breast", "metasta", "tumo", "neoplas") if word in said]


def test_no_answer_about_the_lung_speaks_of_the_breast(with_examples: Screening) -> None:
    for resources in ((), LUNG_CANCER):
        (result,) = [r for r in screened(with_examples, *resources, gender="male").results if r.trial == LUNG]
        said = " ".join([*(c.reason for c in result.criteria), *(n.label for n in result.needed)]).lower()
        assert not [word for word in ("breast", "oestrogen", "her2") if word in said]


def test_the_queries_ask_for_what_the_examples_read(with_examples: Screening) -> None:
    plan = with_examples.plan_for(with_examples.trials.chosen([DIABETES, LUNG]))
    found = queries(plan, with_examples.inputs, with_examples.terminology)
    codes = {c for q in found if q.type == "Observation" for c in q.template.partition("code=")[2].split(",")}
    assert {"59261-8", "85354-9", "69548-6", "85147-7", "8636-3", "2571-8"} <= codes
    assert "48018-6" not in codes  # a component: no server finds it by its code
