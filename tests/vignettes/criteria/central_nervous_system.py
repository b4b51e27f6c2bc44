"""Metastases of the brain, the leptomeninges and other parts of the central nervous system."""

from typing import Any

from tests.builders import (
    ASPIRE,
    SINAI,
    YALE,
    Icd10cm,
    Json,
    Record,
    Snomed,
    concept,
    condition,
    eligible,
    icd10cm,
)
from tests.vignettes.vignette import Chapter, Expected, expect, expect_in

chapter = Chapter()
UNTREATED = eligible(SINAI)
FAIL, REVIEW, SILENT = "fail/recorded", "review/manual", "pass/no-record"


def leptomeningeal(outcome: str) -> Expected:
    """The same in all three trials that ask for it; Yale asks within its criterion for the nervous system."""
    return expect_in((SINAI, ASPIRE), leptomeningeal=outcome) | expect(YALE, cns_metastases=outcome)


def only_brain() -> Expected:
    return (
        expect(SINAI, brain_metastases=REVIEW)
        | expect_in((SINAI, ASPIRE), leptomeningeal=SILENT)
        | expect(YALE, cns_metastases=REVIEW)
    )


def with_metastasis(code: Json, onset: str = "2026-09-10", **more: Any) -> Record:
    return UNTREATED.add(condition(code, onset, **more))


case = chapter.rule("A leptomeningeal metastasis fails")
case("cns-leptomeningeal-snomed", with_metastasis(Snomed.METASTASIS_TO_LEPTOMENINGES), leptomeningeal(FAIL))
case("cns-malignant-meningitis", with_metastasis(Snomed.MALIGNANT_MENINGITIS), leptomeningeal(FAIL))
case(
    "cns-leptomeningeal-resolved",
    with_metastasis(Snomed.METASTASIS_TO_LEPTOMENINGES, "2025-02-01", clinical="resolved"),
    leptomeningeal(FAIL),
    "a metastasis is read as history of: a resolved one counts",
)
case(
    "cns-c7932-text",
    with_metastasis(concept(Icd10cm.METASTASIS_TO_MENINGES, text="Leptomeningeal carcinomatosis, CSF positive")),
    leptomeningeal(FAIL),
    "C79.32 with a text that says so",
)
case = chapter.rule("C79.32, 94246001 and 722671009 alone also code dural spread: review")
for name, code in (("c7932", Icd10cm.METASTASIS_TO_MENINGES), ("722671009", Snomed.METASTASIS_TO_MENINGES)):
    case(f"cns-unclear-{name}", with_metastasis(code), leptomeningeal(REVIEW))
case = chapter.rule("A code of spread that does not tell where, with a text that names the place, is unknown")
for name, code in (("snomed", Snomed.METASTASIS), ("c799", icd10cm("C79.9")), ("c7989", icd10cm("C79.89"))):
    case(
        f"cns-general-{name}-leptomeningeal",
        with_metastasis(concept(code, text="Carcinomatous meningitis")),
        leptomeningeal("unknown"),
    )
    case(
        f"cns-general-{name}-brain",
        with_metastasis(concept(code, text="Brain metastases, left frontal")),
        expect(SINAI, brain_metastases="unknown") | expect(YALE, cns_metastases="unknown"),
    )
case(
    "cns-general-no-evidence",
    with_metastasis(concept(Snomed.METASTASIS, text="Metastatic cancer, no evidence of brain metastases")),
    expect(SINAI, brain_metastases="pass") | expect(YALE, cns_metastases="pass"),
)
case = chapter.rule("A text without a code that names such a metastasis, in the words of a chart, is unknown")
for text in ("Brain mets, multiple", "Metastases to the brain", "Breast cancer metastatic to brain", "CNS metastases"):
    case(
        f"cns-text-{text.split(',')[0].replace(' ', '-').lower()}",
        with_metastasis(concept(text=text)),
        expect(SINAI, brain_metastases="unknown") | expect(YALE, cns_metastases="unknown"),
    )
case("cns-text-leptomeningeal-mets", with_metastasis(concept(text="Leptomeningeal mets")), leptomeningeal("unknown"))
case = chapter.rule("A provisional one is unknown")
case(
    "cns-leptomeningeal-provisional",
    with_metastasis(Snomed.METASTASIS_TO_LEPTOMENINGES, verification="provisional"),
    leptomeningeal("unknown"),
)
case = chapter.rule("A brain metastasis, ever, is for review, and none of the leptomeninges")
case("cns-brain-icd", with_metastasis(Icd10cm.METASTASIS_TO_BRAIN), only_brain())
case(
    "cns-brain-resolved",
    with_metastasis(Snomed.METASTASIS_TO_BRAIN, "2025-02-01", clinical="resolved"),
    only_brain(),
)
case = chapter.rule("Cord and other parts of the nervous system are for review at Yale, and no brain metastasis")
case(
    "cns-other-c7949",
    with_metastasis(icd10cm("C79.49")),
    expect(YALE, cns_metastases=REVIEW) | expect(SINAI, brain_metastases="pass", leptomeningeal=SILENT),
)
case(
    "cns-cord",
    with_metastasis(Snomed.METASTASIS_TO_CORD),
    expect(YALE, cns_metastases=REVIEW) | expect(SINAI, brain_metastases="pass"),
)
