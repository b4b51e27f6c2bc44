"""Another primary malignancy within 3 years, which closes NCT03304080."""

from tests.builders import (
    SINAI,
    Icd10cm,
    Json,
    Snomed,
    condition,
    eligible,
    icd10cm,
    snomed,
)
from tests.vignettes.vignette import Chapter, Rule, expect

chapter = Chapter()
UNTREATED = eligible(SINAI)


def show(rule: Rule, id: str, outcome: str, *conditions: Json, detail: str = "") -> None:
    rule(f"other-cancer-{id}", UNTREATED.add(*conditions), expect(SINAI, other_malignancy=outcome), detail)


case = chapter.rule("Another primary with its onset within 3 years fails, resolved or not")
show(case, "colon-2-years", "fail/recorded", condition(Icd10cm.COLON_CANCER, "2024-06-01"))
show(
    case,
    "colon-resolved-3-years-today",
    "fail/recorded",
    condition(Snomed.COLON_CANCER, "2023-11-21", clinical="resolved"),
)
show(
    case,
    "colon-resolved-3-years-and-a-day",
    "pass/recorded",
    condition(Snomed.COLON_CANCER, "2023-11-20", clinical="resolved"),
)
case = chapter.rule("A refuted one, or one of a later day, is none; one that is not confirmed is unknown")
show(case, "refuted", "pass/no-record", condition(Icd10cm.COLON_CANCER, "2024-06-01", verification="refuted"))
show(case, "later", "pass/no-record", condition(Icd10cm.COLON_CANCER, "2026-12-01"))
show(case, "provisional", "unknown", condition(Icd10cm.COLON_CANCER, "2024-06-01", verification="provisional"))
case = chapter.rule("Earlier or undated: unknown while active, a pass in remission, resolved or inactive")
show(case, "colon-2015-active", "unknown", condition(icd10cm("C18.2"), "2015-06-01"))
show(case, "lymphoma-2015-remission", "pass", condition(icd10cm("C83.30"), "2015-06-01", clinical="remission"))
show(case, "active-undated", "unknown", condition(Snomed.PANCREATIC_CANCER))
# it is resolved, but it may have begun within the 3 years
show(case, "resolved-undated", "unknown", condition(Snomed.COLON_PRIMARY, clinical="resolved"))
show(
    case,
    "year-2023",
    "unknown",
    condition(icd10cm("C64.9"), "2023", clinical="resolved"),
    detail="a year on both sides of the 3 years",
)
show(case, "history-z85038-2012", "pass", condition(icd10cm("Z85.038"), "2012-01-01"), detail="a history code")
case = chapter.rule("Breast carcinoma on either side, metastases, C80 and in-situ disease are not another primary")
show(case, "contralateral-breast", "pass", condition(Icd10cm.BREAST_CANCER_OTHER_SIDE, "2025-06-01"))
show(
    case,
    "secondary-and-unspecified",
    "pass",
    condition(icd10cm("C78.02"), "2026-09-10"),
    condition(icd10cm("C80.1"), "2026-09-10"),
)
show(case, "dcis-other-side", "pass", condition(Icd10cm.CARCINOMA_IN_SITU_OF_BREAST, "2025-06-01"))
show(case, "melanoma-in-situ", "pass", condition(icd10cm("D03.59"), "2025-06-01"))
case = chapter.rule(
    "Of skin: basal and squamous cell carcinoma do not count, no type told is unknown, C44.x9 is another"
)
for name, code, outcome in (
    # though it ends in 9
    ("skin-basal-c44519", icd10cm("C44.519"), "pass"),
    ("skin-unspecified-c4440", icd10cm("C44.40"), "unknown"),
    ("skin-unspecified-c4490", icd10cm("C44.90"), "unknown"),
    ("skin-other-c4449", icd10cm("C44.49"), "fail/recorded"),
):
    show(case, name, outcome, condition(code, "2026-06-01"))
case = chapter.rule("Carcinoma of the cervix passes, but is unknown while active")
show(case, "cervix-active", "unknown", condition(icd10cm("C53.9"), "2025-06-01"))
show(case, "cervix-resolved", "pass", condition(Snomed.CERVICAL_CANCER, "2025-06-01", clinical="resolved"))
case = chapter.rule("A tumour whose code does not tell whether it is malignant is unknown, a pass once it is long gone")
TUMOUR_OF_PROSTATE = snomed("126906006")
show(case, "tumour-recent", "unknown", condition(TUMOUR_OF_PROSTATE, "2025-06-01"))
show(case, "tumour-2015-active", "unknown", condition(TUMOUR_OF_PROSTATE, "2015-06-01"))
show(case, "tumour-2015-resolved", "pass", condition(TUMOUR_OF_PROSTATE, "2015-06-01", clinical="resolved"))
case = chapter.rule("Two Conditions of one id are two, though the other is of the breast")
case(
    "other-cancer-under-the-id-of-the-breast-cancer",
    UNTREATED.add(condition(snomed("372244006"), "2025-10-01") | {"id": "cancer"}),
    expect(SINAI, other_malignancy="fail/recorded", metastatic_breast_cancer="unknown/conflict"),
)
