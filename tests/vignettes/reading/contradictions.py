"""Records that contradict each other at one time, and courses that do not."""

from tests.builders import ASPIRE, BIOPSY, PATINA, SINAI, Loinc, LoincAnswer, Snomed, eligible, observation
from tests.vignettes.vignette import Chapter, expect

chapter = Chapter()

case = chapter.rule("ER positive and ER negative on one day are a conflict")
case(
    "contradiction-er-same-day-hr",
    eligible(PATINA).drop("pr").add(observation(Loinc.ER, LoincAnswer.NEGATIVE, BIOPSY[PATINA])),
    expect(PATINA, hormone_receptor_positive="unknown/conflict"),
    "and no PR",
)
case(
    "contradiction-er-next-day",
    eligible(ASPIRE).add(observation(Loinc.ER, LoincAnswer.NEGATIVE, "2025-05-11")),
    expect(ASPIRE, er_positive="fail/recorded"),
    "at one time only: the newest speaks",
)
case = chapter.rule("An earlier stage and a later metastasis are a course, not a conflict")
case(
    "contradiction-stage3-earlier",
    eligible(SINAI).add(observation(Loinc.STAGE_CLINICAL, Snomed.STAGE_3, "2024-06-01")),
    expect(SINAI, metastatic_breast_cancer="pass/recorded"),
)
