"""`or-stage` of the kind `cancer`: stages that are taken without distant spread; and a cancer not of the breast."""

from typing import Any

import pytest

from service.screening import Screening
from tests.builders import ago, condition, icd10cm, loinc, observation, snomed
from tests.criteria.one_rule import judged

RULE = '{cancer: lung, extent: metastatic, or-stage: ["3b", "3c"]}'
PLAIN = "{cancer: lung, extent: metastatic}"
LUNG = condition(snomed("254637007"), ago(60))
STAGES = {"III": "1222801008", "IIIA": "1222802001", "IIIB": "1222805004", "IIIC": "1222806003", "IV": "1222837003"}


def stage(name: str, on: str | None = ago(7)) -> dict[str, Any]:
    return observation(loinc("21908-9"), snomed(STAGES[name]), on)


@pytest.mark.parametrize(
    ("rule", "resources", "outcome", "basis"),
    [
        (RULE, [LUNG, stage("IIIB")], "pass", "recorded"),
        (RULE, [LUNG, stage("IIIC")], "pass", "recorded"),
        (RULE, [LUNG, stage("IV")], "pass", "recorded"),
        (RULE, [LUNG, stage("IIIA")], "fail", "recorded"),
        (RULE, [LUNG, stage("III")], "unknown", "missing"),
        (RULE, [LUNG, stage("IIIA"), stage("IIIB")], "unknown", "conflict"),
        (RULE, [LUNG, stage("IIIA", ago(90)), stage("IIIB")], "pass", "recorded"),
        (RULE, [LUNG, stage("IIIB", ago(90)), stage("IIIA")], "fail", "recorded"),
        (RULE, [LUNG, stage("IIIB", None)], "pass", "recorded"),
        (RULE, [LUNG], "unknown", "missing"),
        (RULE, [stage("IIIB")], "fail", "no-record"),
        (RULE, [condition(snomed("254637007"), ago(60), stage=snomed(STAGES["IIIC"]))], "pass", "recorded"),
        (RULE, [condition(snomed("423121009"), ago(60))], "pass", "recorded"),
        (PLAIN, [LUNG, stage("IIIB")], "fail", "recorded"),
        (PLAIN, [LUNG, condition(icd10cm("C79.51"), ago(30))], "pass", "recorded"),
        (PLAIN, [LUNG, condition(icd10cm("C78.01"), ago(30))], "unknown", "unusable"),
        (PLAIN, [LUNG, condition(icd10cm("C79.81"), ago(30))], "pass", "recorded"),
        (PLAIN, [condition(icd10cm("C34.11"), ago(60)), condition(icd10cm("C79.51"), ago(30))], "pass", "recorded"),
        (PLAIN, [LUNG, condition(icd10cm("C50.911"), ago(900)), condition(icd10cm("C79.51"))], "unknown", "conflict"),
        (PLAIN, [condition(icd10cm("C50.911"), ago(60)), condition(icd10cm("C79.51"))], "fail", "no-record"),
    ],
)
def test_the_extent_of_a_lung_cancer(
    screening: Screening, rule: str, resources: list[dict[str, Any]], outcome: str, basis: str
) -> None:
    found = judged(screening, rule, *resources)
    assert (found.outcome, found.basis) == (outcome, basis), found.reason


def test_a_cancer_is_not_another_malignancy_of_itself(screening: Screening) -> None:
    rule = "{no-other-malignancy: lung, within: 3 years}"
    assert judged(screening, rule, LUNG, condition(icd10cm("C34.11"), ago(60))).outcome == "pass"
    assert judged(screening, rule, LUNG, condition(icd10cm("C61"), ago(60))).outcome == "fail"
