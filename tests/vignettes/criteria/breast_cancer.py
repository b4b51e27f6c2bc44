"""The shared input breast-cancer, through the criterion metastatic-breast-cancer of all four trials."""

from typing import Any

from tests.builders import (
    SINAI,
    TRIALS,
    Icd10cm,
    Json,
    Loinc,
    Record,
    Snomed,
    coding,
    concept,
    condition,
    eligible,
    icd10,
    icd10cm,
    observation,
    snomed,
)
from tests.vignettes.vignette import Chapter, Expected, expect_in

chapter = Chapter()
METASTATIC = eligible(SINAI)
NO_METASTASIS = METASTATIC.drop("metastasis")


def metastatic_breast_cancer(outcome: str) -> Expected:
    return expect_in(TRIALS, metastatic_breast_cancer=outcome)


def with_cancer(code: Json, base: Record = METASTATIC, **more: Any) -> Record:
    return base.put(cancer=condition(code, "2019-05-10", **more))


case = chapter.rule("C50 of ICD-10-CM and ICD-10, without regard to case and dot, and SNOMED breast carcinoma count")
for name, code in (
    ("icd10cm-male", icd10cm("C50.422")),
    ("icd10cm-lower-undotted", icd10cm("c50912")),
    ("icd10cm-inflammatory-new", icd10cm("C50.A1")),
    ("icd10-who", icd10("C50.9")),
    ("snomed-quadrant", Snomed.BREAST_QUADRANT_CANCER),
    ("snomed-familial", snomed("254843006")),
):
    case(f"bc-code-{name}", with_cancer(code), metastatic_breast_cancer("pass/recorded"))
case = chapter.rule("Breast cancer counts in any clinical status: the primary is often removed")
case(
    "bc-resolved",
    with_cancer(Snomed.DUCTAL_CARCINOMA, clinical="resolved", abatement="2019-08-01"),
    metastatic_breast_cancer("pass/recorded"),
)
case = chapter.rule("A breast cancer that was only refuted is a recorded absence; one entered in error was never there")
case(
    "bc-refuted-only",
    with_cancer(Icd10cm.BREAST_CANCER, verification="refuted", clinical=None),
    metastatic_breast_cancer("fail/recorded"),
)
case(
    "bc-entered-in-error-only",
    with_cancer(Icd10cm.BREAST_CANCER, verification="entered-in-error", clinical=None),
    metastatic_breast_cancer("fail/no-record"),
)
case = chapter.rule("A provisional breast cancer is unknown where it would decide")
case(
    "bc-provisional",
    with_cancer(Icd10cm.BREAST_CANCER, verification="provisional"),
    metastatic_breast_cancer("unknown/missing"),
)
EARLY = NO_METASTASIS.add(observation(Loinc.M_CLINICAL, Snomed.M0, "2026-09-01"))
case(
    "bc-provisional-without-spread",
    with_cancer(Icd10cm.BREAST_CANCER, EARLY, verification="provisional"),
    metastatic_breast_cancer("fail/recorded"),
    "confirmed or not, it has not spread",
)
case(
    "bc-provisional-recurrence-without-spread",
    with_cancer(Icd10cm.BREAST_CANCER, EARLY, verification="provisional", clinical="recurrence"),
    metastatic_breast_cancer("unknown"),
)
case = chapter.rule("What began after the as-of date does not count")
case(
    "bc-later",
    METASTATIC.put(cancer=condition(Icd10cm.BREAST_CANCER, "2026-12-01")),
    metastatic_breast_cancer("fail/no-record"),
)
case = chapter.rule("No breast cancer in completely read Conditions fails")
case("bc-none-recorded", METASTATIC.drop("cancer"), metastatic_breast_cancer("fail/no-record"), "a metastasis alone")
case = chapter.rule("In-situ disease does not count")
for name, code in (("d05", Icd10cm.CARCINOMA_IN_SITU_OF_BREAST), ("z86000", icd10cm("Z86.000"))):
    case(f"bc-in-situ-{name}", with_cancer(code), metastatic_breast_cancer("fail/no-record"))
case = chapter.rule("A syndrome that disposes to breast cancer is none")
case("bc-hereditary-syndrome", with_cancer(snomed("718220008")), metastatic_breast_cancer("fail/no-record"))
case = chapter.rule("Lymphoma, sarcoma, melanoma and phyllodes of the breast are not breast carcinoma")
for name, code in (
    ("lymphoma", Snomed.BREAST_LYMPHOMA),
    ("phyllodes", Snomed.BREAST_PHYLLODES),
    # whose metastasis it is, is in doubt beside another primary; that there is no breast cancer is not
    ("melanoma", Snomed.BREAST_MELANOMA),
):
    case(f"bc-other-tumour-{name}", with_cancer(code), metastatic_breast_cancer("fail"))
case = chapter.rule("C79.81 is a spread to the breast from elsewhere, and no breast cancer")
case("bc-spread-to-breast-c7981", with_cancer(icd10cm("C79.81")), metastatic_breast_cancer("fail/no-record"))
case = chapter.rule("A code that says metastatic breast cancer is both the cancer and its metastasis")
case(
    "bc-says-metastatic",
    NO_METASTASIS.drop("cancer").add(condition(Snomed.METASTATIC_BREAST_CANCER, "2026-08-01")),
    metastatic_breast_cancer("pass/recorded"),
)
case(
    "bc-says-metastatic-her2",
    NO_METASTASIS.drop("cancer", "her2").add(condition(Snomed.METASTATIC_HER2_POSITIVE_BREAST_CANCER, "2026-08-01")),
    metastatic_breast_cancer("pass/recorded") | expect_in(TRIALS, her2_positive="pass/recorded"),
    "and HER2 positive where no laboratory says it",
)
case = chapter.rule("A general malignancy code counts with the body site breast; a text that names it is unknown")
case(
    "bc-general-code-at-breast",
    with_cancer(Snomed.MALIGNANCY, body_site=Snomed.BREAST),
    metastatic_breast_cancer("pass/recorded"),
)
case(
    "bc-general-code-text",
    with_cancer(concept(Snomed.MALIGNANCY, text="Invasive ductal breast cancer, left")),
    metastatic_breast_cancer("unknown"),
)
for name, code in (("icd", icd10cm("C80.1")), ("metastatic", Snomed.METASTASIS)):
    case(
        f"bc-general-code-{name}-text",
        with_cancer(concept(code, text="Carcinoma of left breast")),
        metastatic_breast_cancer("unknown"),
    )
case = chapter.rule("A text names breast cancer whatever its side, part and language; what is no breast cancer is none")
for name, text, outcome in (
    ("side", "Carcinoma of left breast", "unknown"),
    ("part", "Malignant neoplasm of upper-outer quadrant of right female breast", "unknown"),
    ("after-a-comma", "Invasive ductal carcinoma, left breast", "unknown"),
    ("german", "Mammakarzinom rechts", "unknown"),
    ("spanish", "Cáncer de mama izquierda", "unknown"),
    ("in-situ", "Ductal carcinoma in situ of left breast", "fail/no-record"),
    ("benign", "Benign neoplasm of left breast", "fail/no-record"),
    ("spread-to-the-breast", "Secondary malignant neoplasm of left breast", "fail/no-record"),
    ("screening", "Screening for cancer of the left breast", "fail/no-record"),
):
    case(f"bc-text-{name}", with_cancer(concept(text=text)), metastatic_breast_cancer(outcome))
case = chapter.rule("A history of breast cancer counts with evidence of metastasis, and alone is unknown")
case(
    "bc-history-z853-with-metastasis",
    with_cancer(Icd10cm.HISTORY_OF_BREAST_CANCER),
    metastatic_breast_cancer("pass/recorded"),
)
case(
    "bc-history-snomed-with-stage-iv",
    with_cancer(Snomed.HISTORY_OF_BREAST_CANCER, NO_METASTASIS).add(
        observation(Loinc.STAGE_CLINICAL, Snomed.STAGE_4, "2026-09-01")
    ),
    metastatic_breast_cancer("pass/recorded"),
)
case(
    "bc-history-alone",
    with_cancer(Icd10cm.HISTORY_OF_BREAST_CANCER, NO_METASTASIS),
    metastatic_breast_cancer("unknown"),
)
case = chapter.rule("A code without a system, or under the wrong one, is unknown")
case("bc-code-without-system", with_cancer(coding(None, "C50.911")), metastatic_breast_cancer("unknown"))
case("bc-code-under-wrong-system", with_cancer(snomed("C50.911")), metastatic_breast_cancer("unknown"))
