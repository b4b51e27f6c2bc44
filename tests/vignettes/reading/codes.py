"""Codes: which coding of a CodeableConcept matches, how ICD-10 is written, and codes without their system."""

from tests.builders import (
    ASPIRE,
    SINAI,
    Icd10cm,
    Loinc,
    LoincAnswer,
    RxNorm,
    coding,
    concept,
    condition,
    eligible,
    icd10,
    icd10cm,
    laboratory,
    local,
    observation,
    snomed,
    statement,
)
from tests.vignettes.vignette import Chapter, expect

chapter = Chapter()
UNTREATED, TREATED = eligible(SINAI), eligible(ASPIRE)


def bare(coded: dict[str, str]) -> dict[str, str]:
    """The code without its system."""
    return coding(None, coded["code"])


case = chapter.rule("Any coding of a CodeableConcept may match")
case(
    "code-second-coding",
    UNTREATED.add(condition(concept(local("LIV-9"), Icd10cm.CIRRHOSIS), "2025-02-01")),
    expect(SINAI, liver_disease="fail/recorded"),
)
case = chapter.rule("ICD-10-CM and ICD-10 are matched without regard to case and dot")
case(
    "code-icd-10-who",
    UNTREATED.add(condition(icd10("K74.6"), "2025-02-01")),
    expect(SINAI, liver_disease="fail/recorded"),
)
case(
    "code-icd-breast-and-bone",
    UNTREATED.put(
        cancer=condition(icd10cm("c50911"), "2025-02-01"), metastasis=condition(icd10("C7951"), "2026-08-01")
    ),
    expect(SINAI, metastatic_breast_cancer="pass/recorded"),
)
case = chapter.rule("A code without a system, or under the wrong one, never decides alone: unknown where it would")
case(
    "code-nosystem-condition",
    UNTREATED.add(condition(bare(Icd10cm.CIRRHOSIS), "2025-02-01")),
    expect(SINAI, liver_disease="unknown"),
)
case(
    "code-wrongsystem-condition",
    UNTREATED.add(condition(snomed("K74.60"), "2025-02-01")),
    expect(SINAI, liver_disease="unknown"),
)
case(
    "code-nosystem-lab",
    UNTREATED.put(anc=laboratory(bare(Loinc.ANC), 2.1, "10*3/uL")),
    expect(SINAI, anc="unknown"),
)
case(
    "code-nosystem-drug-active",
    UNTREATED.add(statement(bare(RxNorm.VERAPAMIL), "2026-09-01")),
    expect(SINAI, cyp3a4="unknown"),
)
case(
    "code-nosystem-value",
    TREATED.put(her2=observation(Loinc.HER2_IHC, bare(LoincAnswer.IHC_3))),
    expect(ASPIRE, her2_positive="unknown"),
    "the code of a value",
)
case(
    "code-nosystem-only-mets",
    UNTREATED.put(metastasis=condition(bare(Icd10cm.METASTASIS_TO_BONE), "2026-08-01")),
    expect(SINAI, metastatic_breast_cancer="unknown"),
)
case(
    "code-nosystem-irrelevant",
    UNTREATED.add(condition(bare(Icd10cm.HYPERLIPIDEMIA), "2025-02-01")),
    expect(SINAI, liver_disease="pass"),
    "an irrelevant one would not decide",
)
case = chapter.rule("A SNOMED CT expression is of the kind of its focus; its side and finding site are read, no more")
for name, code, outcome in (
    ("side", "254837009 |breast cancer| : 272741003 |side| = 7771000 |left|", "pass/recorded"),
    ("term", "254837009 |breast cancer|", "pass/recorded"),
    ("finding-site", "363346000:{363698007=76752008,272741003=7771000}", "pass/recorded"),
    ("another-site", "363346000:363698007=71854001", "fail/no-record"),
    ("context", "254837009:408729009=410516002", "unknown/unusable"),
    ("nested", "254837009:363698007=(76752008:272741003=7771000)", "unknown/unusable"),
):
    case(
        f"code-expression-{name}",
        UNTREATED.put(cancer=condition(snomed(code), "2025-02-01")),
        expect(SINAI, metastatic_breast_cancer=outcome),
    )
for name, site, outcome in (("liver", "10200004", "pass/recorded"), ("axilla", "68171009", "unknown/missing")):
    case(
        f"code-expression-metastasis-{name}",
        UNTREATED.put(metastasis=condition(snomed(f"128462008:363698007={site}"), "2026-08-01")),
        expect(SINAI, metastatic_breast_cancer=outcome),
    )
