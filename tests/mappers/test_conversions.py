"""HbA1c on two scales, results told in one unit only, components, and results about one thing of many."""

from typing import Any

import pytest

from service.prefetch import queries
from service.screening import Screening
from tests.builders import ago, laboratory, loinc, observation, quantity
from tests.criteria.one_rule import judged, trial_of

NGSP, IFCC = loinc("4548-4"), loinc("59261-8")
HBA1C = "{measurement: hba1c, at-least: 7 %, at-most: 10.5 %}"
EGFR = "{measurement: egfr, at-least: 45 mL/min/1.73m2}"
PRESSURE = "{measurement: systolic-blood-pressure, less-than: 160 mmHg}"
QTC = "{measurement: qtc, at-most: 470 ms}"
TRIGLYCERIDES = "{measurement: triglycerides, at-most: 500 mg/dL}"


@pytest.mark.parametrize(
    ("rule", "code", "value", "unit", "outcome"),
    [
        (HBA1C, NGSP, 7, "%", "pass"),
        (HBA1C, IFCC, 53, "mmol/mol", "pass"),
        (HBA1C, IFCC, 52, "mmol/mol", "fail"),
        (HBA1C, IFCC, 91, "mmol/mol", "pass"),
        (HBA1C, IFCC, 92, "mmol/mol", "fail"),
        (HBA1C, NGSP, 53, "mmol/mol", "pass"),
        (HBA1C, NGSP, 53, "mmol/mol{Hb}", "pass"),
        (HBA1C, IFCC, 8, "%", "unknown"),
        (HBA1C, NGSP, 8, "mmol/L", "unknown"),
        (HBA1C, NGSP, 8, None, "unknown"),
        (HBA1C, IFCC, 8, None, "unknown"),
        (EGFR, loinc("33914-3"), 45, "mL/min/{1.73_m2}", "pass"),
        (EGFR, loinc("33914-3"), 45, "mL/min", "pass"),
        (EGFR, loinc("33914-3"), 44, "mL/min/1.73 m²", "fail"),
        (EGFR, loinc("33914-3"), 0.75, "mL/s/{1.73_m2}", "pass"),
        (QTC, loinc("8636-3"), 0.47, "s", "pass"),
        (QTC, loinc("76634-5"), 471, "msec", "fail"),
        (TRIGLYCERIDES, loinc("2571-8"), 500, "mg/dL", "pass"),
        (TRIGLYCERIDES, loinc("14927-8"), 5.64, "mmol/L", "pass"),
        (TRIGLYCERIDES, loinc("14927-8"), 5.65, "mmol/L", "fail"),
    ],
)
def test_a_result_is_judged_in_the_input_s_unit(
    screening: Screening, rule: str, code: dict[str, Any], value: float, unit: str | None, outcome: str
) -> None:
    said = quantity(value, unit) if unit else quantity(value, text=None)
    found = judged(screening, rule, observation(code, said, ago(7)))
    assert found.outcome == outcome, found.reason


def test_a_percentage_on_the_other_scale_is_not_taken_for_this_one(screening: Screening) -> None:
    found = judged(screening, HBA1C, laboratory(IFCC, 8, "%", ago(7)))
    assert found.basis == "unusable"
    assert "under this code HbA1c is told in mmol/mol, not in %" in found.reason


def test_a_comparator_is_kept_through_a_conversion(screening: Screening) -> None:
    assert judged(screening, HBA1C, laboratory(IFCC, 130, "mmol/mol", ago(7), comparator=">")).outcome == "fail"
    assert judged(screening, HBA1C, laboratory(IFCC, 60, "mmol/mol", ago(7), comparator=">")).outcome == "unknown"


def test_blood_pressure_is_read_from_the_components_of_its_panel(screening: Screening) -> None:
    parts = [(loinc("8480-6"), quantity(150, "mm[Hg]")), (loinc("8462-4"), quantity(95, "mm[Hg]"))]
    panel = observation(loinc("85354-9"), None, ago(7), components=parts)
    assert judged(screening, PRESSURE, panel).outcome == "pass"
    assert judged(screening, PRESSURE.replace("160", "150"), panel).outcome == "fail"
    assert judged(screening, PRESSURE.replace("systolic", "diastolic").replace("160", "95"), panel).outcome == "fail"


@pytest.mark.parametrize(
    ("rule", "asked"), [(PRESSURE, "85354-9"), ("{result: egfr-variant, is: negative}", "69548-6"), (HBA1C, "59261-8")]
)
def test_a_server_is_asked_for_the_results_that_hold_what_a_trial_reads(
    screening: Screening, rule: str, asked: str
) -> None:
    found = queries(trial_of(screening, rule), screening.inputs, screening.terminology)
    (template,) = [query.template for query in found if query.type == "Observation"]
    assert asked in template.partition("code=")[2].split(",")
