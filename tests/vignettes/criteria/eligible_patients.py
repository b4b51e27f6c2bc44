"""The eligible patients themselves, criterion by criterion, and the criteria that only a person judges."""

from tests.builders import (
    ASPIRE,
    PATINA,
    SINAI,
    YALE,
    Loinc,
    RxNorm,
    Snomed,
    administration,
    condition,
    eligible,
    icd10cm,
    laboratory,
    man,
    procedure,
    younger,
)
from tests.vignettes.vignette import GRADE, Chapter, expect, expect_in

chapter = Chapter()
RECORDED, SILENT, NOT_ASKED, MANUAL = "pass/recorded", "pass/no-record", "pass/not-applicable", "review/manual"
ALIVE_AND_PROBABLE = {"alive": "absent", GRADE: "probable"}

case = chapter.rule("PATINA takes the eligible patient, every criterion that a computer can judge")
IN_PATINA = expect(
    PATINA,
    metastatic_breast_cancer=RECORDED,
    histology=MANUAL,
    her2_positive=RECORDED,
    hormone_receptor_positive=RECORDED,
    induction_chemo_her2=RECORDED,
    no_progression_after_induction=RECORDED,
    archival_tissue=MANUAL,
    metastatic_specimen=NOT_ASKED,
    **ALIVE_AND_PROBABLE,
)
case("base-patina", eligible(PATINA), IN_PATINA)
INDUCTION = (RxNorm.DOCETAXEL_SOLUTION, RxNorm.TRASTUZUMAB_SOLUTION, RxNorm.PERTUZUMAB_INJECTION)
CYCLES = ("2026-02-10", "2026-03-03", "2026-03-24", "2026-04-14")
case(
    "base-patina-administrations",
    eligible(PATINA)
    .drop("docetaxel", "trastuzumab", "pertuzumab")
    .add(*(administration(drug, day) for day in CYCLES for drug in INDUCTION)),
    IN_PATINA,
    "the induction told by its administrations",
)

case = chapter.rule("NCT03304080 takes the eligible patient, every criterion that a computer can judge")
case(
    "base-sinai",
    eligible(SINAI),
    expect(
        SINAI,
        metastatic_breast_cancer=RECORDED,
        evaluable_disease=MANUAL,
        no_prior_metastatic_therapy=SILENT,
        biopsy_confirmed=MANUAL,
        hormone_receptor_positive=RECORDED,
        her2_positive=RECORDED,
        adult=RECORDED,
        ecog=RECORDED,
        brain_metastases=SILENT,
        lvef=RECORDED,
        menopause_or_suppression=RECORDED,
        anc=RECORDED,
        platelets=RECORDED,
        hemoglobin=RECORDED,
        bilirubin=RECORDED,
        alt=RECORDED,
        ast=RECORDED,
        creatinine=RECORDED,
        consent=MANUAL,
        baseline_imaging=MANUAL,
        pregnancy_test=NOT_ASKED,
        contraception=NOT_ASKED,
        adjuvant_her2_washout=SILENT,
        recent_anticancer_therapy=SILENT,
        major_surgery=MANUAL,
        investigational_drug=MANUAL,
        cyp3a4=SILENT,
        leptomeningeal=SILENT,
        other_malignancy=SILENT,
        heart_failure=SILENT,
        uncontrolled_illness=MANUAL,
        cardiac_event=SILENT,
        lung_function=RECORDED,
        fasting_glucose=RECORDED,
        active_infection=SILENT,
        liver_disease=SILENT,
        gi_absorption=SILENT,
        bleeding_diathesis=SILENT,
        compliance=MANUAL,
        substance_use=SILENT,
        pregnancy_lactation="pass",
        allergy=SILENT,
        **ALIVE_AND_PROBABLE,
    ),
)
case(
    "base-sinai-not-measured",
    eligible(SINAI).drop("saturation", "glucose"),
    expect(SINAI, lung_function=SILENT, fasting_glucose=SILENT, **ALIVE_AND_PROBABLE),
    "a saturation or glucose that was not measured excludes nobody",
)

IN_YALE = expect(
    YALE,
    informed=MANUAL,
    consent=MANUAL,
    ecog=RECORDED,
    metastatic_breast_cancer=RECORDED,
    her2_positive=RECORDED,
    lvef=RECORDED,
    creatinine=RECORDED,
    bilirubin=RECORDED,
    alt=RECORDED,
    ast=RECORDED,
    alp=RECORDED,
    anc=RECORDED,
    platelets=RECORDED,
    hemoglobin=RECORDED,
    compliance=MANUAL,
    prior_pertuzumab=RECORDED,
    lines_of_therapy=RECORDED,
    no_prior_tdm1=SILENT,
    no_prior_cdk46=SILENT,
    cns_metastases=SILENT,
    allergy=SILENT,
    active_infection=SILENT,
    uncontrolled_illness=MANUAL,
    cardiac_event=SILENT,
    pregnancy_lactation="pass",
    pregnancy_test=NOT_ASKED,
    contraception=NOT_ASKED,
    # the drugs that have ended are shown; that none is taken now still rests on silence
    concurrent_therapy=SILENT,
    **ALIVE_AND_PROBABLE,
)
IN_ASPIRE = expect(
    ASPIRE,
    female=RECORDED,
    adult=RECORDED,
    metastatic_breast_cancer=RECORDED,
    histology=MANUAL,
    er_positive=RECORDED,
    her2_positive=RECORDED,
    prior_taxane=RECORDED,
    prior_trastuzumab=RECORDED,
    recist_disease=MANUAL,
    ecog=RECORDED,
    organ_function=MANUAL,
    postmenopausal=RECORDED,
    swallow_pills=MANUAL,
    investigational_agents=MANUAL,
    no_prior_cdk46=SILENT,
    recent_chemo_radiotherapy="pass",
    recovered=MANUAL,
    leptomeningeal=SILENT,
    allergy=SILENT,
    other_illness=MANUAL,
    **ALIVE_AND_PROBABLE,
)
case = chapter.rule("HIC-2000023405 and ASPIRE take one patient, every criterion that a computer can judge")
case("base-yale-and-aspire", eligible(YALE), IN_YALE | IN_ASPIRE)

case = chapter.rule("A woman of child-bearing potential passes with a negative test and, where asked, a GnRH agonist")
case(
    "base-sinai-younger",
    younger(SINAI),
    expect(
        SINAI,
        menopause_or_suppression=RECORDED,
        pregnancy_test=RECORDED,
        contraception=MANUAL,
        pregnancy_lactation="pass",
        no_prior_metastatic_therapy="pass",
        recent_anticancer_therapy="pass",
    ),
)
case(
    "base-yale-younger",
    younger(YALE),
    expect(YALE, pregnancy_test=RECORDED, contraception=MANUAL, pregnancy_lactation="pass"),
)
case = chapter.rule(
    "Menopause, pregnancy test, pregnancy and lactation do not concern men; contraception is for review"
)
case(
    "base-sinai-man",
    man(SINAI),
    expect(
        SINAI,
        metastatic_breast_cancer=RECORDED,
        menopause_or_suppression=NOT_ASKED,
        pregnancy_test=NOT_ASKED,
        contraception=MANUAL,
        pregnancy_lactation=NOT_ASKED,
    )
    | expect(ASPIRE, female="fail/recorded"),
)
case(
    "base-yale-man",
    man(YALE),
    expect(YALE, pregnancy_test=NOT_ASKED, contraception=NOT_ASKED, pregnancy_lactation=NOT_ASKED),
    "Yale asks men for no contraception",
)

case = chapter.rule("What only a person can judge is for review, whatever is recorded")
case(
    "review-surgery-ten-days-ago",
    eligible(SINAI).add(procedure(Snomed.MASTECTOMY, "2026-11-11")),
    expect(SINAI, major_surgery=MANUAL),
    "an operation ten days ago is only shown",
)
case(
    "review-noncompliance-code",
    eligible(SINAI).add(condition(icd10cm("Z91.148"), "2026-01-01")),
    expect_in((SINAI, YALE), compliance=MANUAL),
    "compliance beside a code of non-compliance",
)
case(
    "review-organ-function-bad",
    eligible(ASPIRE).put(anc=laboratory(Loinc.ANC_ANY_METHOD, 0.4, "10*3/uL")),
    expect(ASPIRE, organ_function=MANUAL),
    "ASPIRE gives organ function no thresholds",
)
case = chapter.rule("PATINA's wish for a metastatic specimen never stands in the way")
case(
    "wish-metastatic-specimen",
    eligible(PATINA).drop("metastasis", "cancer", "her2", "er", "pr"),
    expect(PATINA, metastatic_specimen=NOT_ASKED, archival_tissue=MANUAL, histology=MANUAL),
)
