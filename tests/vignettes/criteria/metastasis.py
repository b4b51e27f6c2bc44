"""The shared input metastatic: sites, stage and TNM, courses, another primary; through all four trials."""

from typing import Any

from tests.builders import (
    PATINA,
    SINAI,
    TRIALS,
    UNKNOWN_MODIFIER,
    YALE,
    Coding,
    Icd10cm,
    Json,
    Loinc,
    Record,
    Snomed,
    ajcc,
    concept,
    condition,
    eligible,
    icd10cm,
    loinc,
    observation,
    reference,
    snomed,
)
from tests.vignettes.vignette import Chapter, Expected, expect, expect_in

chapter = Chapter()
METASTATIC = eligible(SINAI)
NO_METASTASIS = METASTATIC.drop("metastasis")


def metastatic(outcome: str, *, patina: str | None = None, yale: str | None = None) -> Expected:
    """One outcome of metastatic-breast-cancer in all trials; another for PATINA or Yale where it is given."""
    return (
        expect_in(TRIALS, metastatic_breast_cancer=outcome)
        | expect(PATINA, metastatic_breast_cancer=patina or outcome)
        | expect(YALE, metastatic_breast_cancer=yale or outcome)
    )


def with_metastasis(code: Json, **more: Any) -> Record:
    return METASTATIC.put(metastasis=condition(code, "2026-09-01", **more))


def cancer(**more: Any) -> Json:
    return condition(Snomed.BREAST_CANCER, "2019-05-10", **more)


def staged(code: Coding, value: Json, on: str | None = "2026-09-01", **more: Any) -> Json:
    return observation(code, value, on, **more)


# ---- sites ----
case = chapter.rule(
    "C78, C79 but C79.81, C77.2, C77.4, C77.5 and the SNOMED codes of those sites are distant; so is no site"
)
for name, code in (
    ("lung", icd10cm("C78.01")),
    ("c772-abdominal-nodes", icd10cm("C77.2")),
    ("c775-pelvic-nodes", icd10cm("c775")),
    ("leptomeningeal", Snomed.METASTASIS_TO_LEPTOMENINGES),
    ("c799-unspecified", icd10cm("C79.9")),
    ("snomed-general", Snomed.METASTASIS),
):
    case(f"met-site-{name}", with_metastasis(code), metastatic("pass/recorded"))
case = chapter.rule("The site may stand in the body site")
case(
    "met-general-code-site-liver",
    with_metastasis(Snomed.METASTASIS, body_site=Snomed.LIVER),
    metastatic("pass/recorded"),
)
case(
    "met-general-code-site-axilla",
    with_metastasis(Snomed.METASTASIS, body_site=Snomed.AXILLARY_NODES),
    metastatic("unknown"),
    "axillary nodes are regional: neither metastasis nor stage",
)
for name, side in (("right", "24028007"), ("left", "7771000"), ("bilateral", "51440002")):
    case(
        f"met-general-code-side-{name}",
        with_metastasis(Snomed.METASTASIS, body_site=snomed(side)),
        metastatic("pass/recorded"),
        "a side is no site",
    )
case = chapter.rule("A metastasis counts in any clinical status")
case(
    "met-remission",
    with_metastasis(Snomed.METASTASIS_TO_BONE, clinical="remission"),
    metastatic("pass/recorded"),
)
case = chapter.rule("Regional nodes are not metastatic; without a stage or M that is unknown")
# nodes alone are no recorded stage I to III, which would fail
for name, code in (("c773", icd10cm("C77.3")), ("infraclavicular", Snomed.METASTASIS_TO_INFRACLAVICULAR_NODES)):
    case(f"met-regional-{name}", with_metastasis(code), metastatic("unknown/missing"))
case = chapter.rule(
    "C77.0, C77.1, C77.8, C77.9, supraclavicular and unspecified nodes and the chest wall alone are unknown"
)
for name, code in (
    ("c770", icd10cm("C77.0")),
    ("supraclavicular", Snomed.METASTASIS_TO_SUPRACLAVICULAR_NODES),
    ("nodes-unspecified", Snomed.METASTASIS_TO_NODES),
    ("chest-wall", Snomed.METASTASIS_TO_CHEST_WALL),
):
    case(f"met-alone-unknown-{name}", with_metastasis(code), metastatic("unknown"))
case = chapter.rule("A provisional metastasis is unknown where it would decide; a refuted one never counts")
case(
    "met-provisional",
    with_metastasis(Icd10cm.METASTASIS_TO_LIVER, verification="provisional"),
    metastatic("unknown/missing"),
)
case(
    "met-refuted",
    with_metastasis(Icd10cm.METASTASIS_TO_LIVER, verification="refuted", clinical=None),
    metastatic("unknown/missing"),
)
case = chapter.rule("Breast cancer with neither metastasis nor stage is unknown")
case("met-neither", NO_METASTASIS, metastatic("unknown/missing"))

# ---- stage and TNM ----
case = chapter.rule("M1 or stage group IV tells it without any Condition of a metastasis")
for name, code, value in (
    ("m1-snomed-older", Loinc.M_CLINICAL, Snomed.M1),
    ("m1-ajcc-cm1", Loinc.M_CLINICAL, Snomed.CLINICAL_M1),
    ("group-clinical", Loinc.STAGE_CLINICAL, Snomed.STAGE_4),
    ("group-path-iv", Loinc.STAGE_PATHOLOGIC, ajcc("IV")),
    ("group-other-4", Loinc.STAGE_OTHER, ajcc("4")),
    ("group-snomed-obs", Snomed.CLINICAL_STAGE_GROUP, Snomed.AJCC_STAGE_4),
):
    case(f"stage-{name}", NO_METASTASIS.add(staged(code, value)), metastatic("pass/recorded"))
case(
    "stage-m1-as-condition",
    NO_METASTASIS.add(condition(Snomed.CLINICAL_M1, "2026-09-01")),
    metastatic("pass/recorded"),
    "M1 as the code of a Condition",
)
case(
    "stage-inside-condition",
    NO_METASTASIS.put(cancer=cancer(stage=Snomed.STAGE_4)),
    metastatic("pass/recorded"),
    "the breast cancer Condition's own stage",
)
case = chapter.rule("A stage whose focus is another cancer is not used")
case(
    "stage-other-cancers-focus",
    NO_METASTASIS.put(lung=condition(Icd10cm.LUNG_CANCER, "2015-03-01", clinical="resolved")).add(
        staged(Loinc.STAGE_CLINICAL, Snomed.STAGE_4, "2015-04-01", focus=[reference("Condition/lung")])
    ),
    metastatic("unknown"),
)
case = chapter.rule("Breast cancer with only stage 0 to III or M0 fails")
for name, code, value in (
    ("stage-0", Loinc.STAGE_CLINICAL, ajcc("0")),
    ("stage-1", Loinc.STAGE_CLINICAL, ajcc("IA")),
    ("stage-2", Loinc.STAGE_CLINICAL, Snomed.STAGE_2),
    ("m0", Loinc.M_CLINICAL, Snomed.M0),
    ("stage-iib-text-code", Snomed.PATHOLOGIC_STAGE_GROUP, ajcc("IIB")),
):
    case(f"early-{name}", NO_METASTASIS.add(staged(code, value, "2019-06-01")), metastatic("fail/recorded"))
case(
    "early-stage-3",
    NO_METASTASIS.add(staged(Loinc.STAGE_CLINICAL, Snomed.STAGE_3)),
    metastatic("fail/recorded", patina="review/manual"),
    "PATINA takes what cannot be resected: stage III is for review",
)
case = chapter.rule("A recurrence or relapse beside an early stage is unknown; Yale takes recurrent disease")
case(
    "early-stage-3-recurrence",
    NO_METASTASIS.put(cancer=cancer(clinical="recurrence")).add(
        staged(Loinc.STAGE_CLINICAL, Snomed.STAGE_3, "2019-06-01")
    ),
    metastatic("unknown", yale="pass/recorded"),
)
case(
    "early-stage-2-relapse",
    NO_METASTASIS.put(cancer=cancer(clinical="relapse")).add(
        staged(Loinc.STAGE_PATHOLOGIC, Snomed.STAGE_2, "2019-06-01")
    ),
    metastatic("unknown", yale="pass/recorded"),
)
case(
    "recurrence-without-stage",
    NO_METASTASIS.put(cancer=cancer(clinical="recurrence")),
    metastatic("unknown", yale="pass/recorded"),
)

# ---- courses and conflicts ----
case = chapter.rule(
    "An earlier M0 or stage and a later metastasis are a course; an M0 after a metastasis is a conflict"
)
case(
    "course-m0-then-metastasis",
    METASTATIC.add(staged(Loinc.M_CLINICAL, Snomed.M0, "2019-06-01")),
    metastatic("pass/recorded"),
)
case(
    "course-stage-2-then-stage-4",
    NO_METASTASIS.add(
        staged(Loinc.STAGE_PATHOLOGIC, Snomed.STAGE_2, "2019-06-01"), staged(Loinc.STAGE_CLINICAL, Snomed.STAGE_4)
    ),
    metastatic("pass/recorded"),
)
case(
    "conflict-m0-after-metastasis",
    METASTATIC.add(staged(Loinc.M_CLINICAL, Snomed.CLINICAL_M0, "2026-10-01")),
    metastatic("unknown/conflict"),
)
case(
    "conflict-m1-without-a-date-beside-m0",
    NO_METASTASIS.add(staged(Loinc.M_CLINICAL, Snomed.M1, None), staged(Loinc.M_CLINICAL, Snomed.M0, "2026-10-01")),
    metastatic("unknown/conflict"),
    "an undated result serves only where nothing dated does",
)
case(
    "course-m0-and-a-metastasis-without-a-date",
    NO_METASTASIS.add(staged(Loinc.M_CLINICAL, Snomed.M0, "2019-06-01"), condition(Icd10cm.METASTASIS_TO_BONE)),
    metastatic("pass/recorded"),
)
case(
    "course-m0-without-a-date-beside-metastasis",
    METASTATIC.add(staged(Loinc.M_CLINICAL, Snomed.M0, None)),
    metastatic("pass/recorded"),
)
case(
    "conflict-m0-and-m1-in-one-answer",
    NO_METASTASIS.add(staged(Loinc.M_CLINICAL, concept(Snomed.M0, Snomed.M1))),
    metastatic("unknown/conflict"),
)
case(
    "conflict-stages-in-one-answer",
    NO_METASTASIS.add(staged(Loinc.STAGE_CLINICAL, concept(Snomed.STAGE_2, Snomed.STAGE_4))),
    metastatic("unknown/conflict"),
)
case = chapter.rule("A stage or M1 from after the as-of date does not count; an unusable one is unknown")
case(
    "stage-m1-later",
    NO_METASTASIS.add(staged(Loinc.M_CLINICAL, Snomed.M1, "2026-12-01")),
    metastatic("unknown/missing"),
)
case(
    "stage-m1-unusable",
    NO_METASTASIS.add(staged(Loinc.M_CLINICAL, Snomed.M1, modifierExtension=UNKNOWN_MODIFIER)),
    metastatic("unknown/unusable"),
)
case("met-later", NO_METASTASIS.add(condition(Icd10cm.METASTASIS_TO_BONE, "2026-12-01")), metastatic("unknown/missing"))
for name, more, outcome in (
    ("provisional", {"verification": "provisional"}, "unknown"),
    ("refuted", {"verification": "refuted", "clinical": None}, "fail/recorded"),
):
    case(
        f"stage-inside-{name}-condition",
        NO_METASTASIS.put(cancer=cancer(stage=Snomed.STAGE_4, **more)),
        metastatic(outcome),
    )
case = chapter.rule("The site of distant metastasis answered 'none' is no metastasis")
# it is read as an M0; as no evidence at all it would be unknown
case(
    "site-of-metastasis-none",
    NO_METASTASIS.add(staged(Loinc.METASTASIS_SITE, Snomed.NONE)),
    metastatic("fail"),
)
for name, answer in (("loinc", loinc("LA137-2")), ("text", "None")):
    case(
        f"site-of-metastasis-none-{name}",
        METASTATIC.add(observation(Loinc.METASTASIS_SITE, answer, "2026-08-01")),
        metastatic("pass/recorded") | expect(SINAI, brain_metastases="pass", leptomeningeal="pass"),
        "and leaves no site open",
    )
# many records tell a metastasis only so, although the reference speaks only of 'none'
case(
    "site-of-metastasis-liver",
    NO_METASTASIS.add(staged(Loinc.METASTASIS_SITE, Snomed.LIVER)),
    metastatic("pass/recorded"),
    "and a site is one",
)

# ---- another primary ----
LUNG_CANCER = condition(Icd10cm.LUNG_CANCER, "2019-01-05")
OF_THE_BREAST = [reference("Condition/cancer")]
MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-related-primary-cancer-condition"


def said_to_be_of(primary: str, url: str = MCODE) -> Record:
    """A metastasis whose record names the primary cancer, beside cancers of breast and lung."""
    extension = [{"url": url, "valueReference": reference(primary)}]
    return with_metastasis(Icd10cm.METASTASIS_TO_LIVER, extension=extension).put(lung=LUNG_CANCER)


case = chapter.rule("A metastasis whose record says that it is of the breast cancer is, beside another active primary")
case("other-primary-but-related", said_to_be_of("Condition/cancer"), metastatic("pass/recorded"))
case("other-primary-and-related", said_to_be_of("Condition/lung"), metastatic("unknown/conflict"))
case(
    "other-primary-and-another-extension",
    said_to_be_of("Condition/cancer", "http://example.org/asserted-with"),
    metastatic("unknown/conflict"),
)
case = chapter.rule("Beside another active primary evidence that does not name the breast is a conflict")
case(
    "other-primary-active",
    with_metastasis(Icd10cm.METASTASIS_TO_LIVER).add(LUNG_CANCER),
    metastatic("unknown/conflict"),
)
case(
    "other-primary-resolved",
    with_metastasis(Icd10cm.METASTASIS_TO_LIVER).add(
        condition(Snomed.COLON_PRIMARY, "2010-01-05", clinical="resolved")
    ),
    metastatic("pass/recorded"),
    "a resolved one does not disturb",
)
case(
    "other-primary-skin",
    METASTATIC.add(condition(icd10cm("C44.311"), "2025-01-05")),
    metastatic("pass/recorded"),
    "nor does a basal cell carcinoma of skin",
)
case(
    "other-primary-but-315004001",
    NO_METASTASIS.add(LUNG_CANCER, condition(Snomed.METASTATIC_BREAST_CANCER, "2026-08-01")),
    metastatic("pass/recorded"),
    "a code that names the breast settles it",
)
case(
    "other-primary-but-own-stage",
    NO_METASTASIS.put(cancer=cancer(stage=Snomed.STAGE_4)).add(LUNG_CANCER),
    metastatic("pass/recorded"),
    "so does the breast cancer's own stage",
)
case(
    "other-primary-but-focus",
    NO_METASTASIS.add(LUNG_CANCER, staged(Loinc.STAGE_CLINICAL, Snomed.STAGE_4, focus=OF_THE_BREAST)),
    metastatic("pass/recorded"),
    "and a stage whose focus is the breast cancer",
)
