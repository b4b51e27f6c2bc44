"""What silence proves, and when a read was not complete."""

from tests.builders import (
    ASPIRE,
    SERVER,
    SINAI,
    Icd10cm,
    Json,
    collection,
    condition,
    eligible,
    entry,
    operation_outcome,
    patient,
    searchset,
)
from tests.vignettes.vignette import Chapter, expect

chapter = Chapter()
UNTREATED = eligible(SINAI)
NEXT = f"{SERVER}?_getpages=abc&_getpagesoffset=50"
CUT = {"next_url": NEXT, "total": None}

# ---- a whole record ----
case = chapter.rule("A criterion that asks for a presence is unknown where nothing is recorded")
case(
    "silence-presence",
    eligible(ASPIRE).drop("docetaxel", "trastuzumab", "her2", "ecog"),
    expect(
        ASPIRE,
        prior_taxane="unknown/missing",
        prior_trastuzumab="unknown/missing",
        her2_positive="unknown/missing",
        ecog="unknown/missing",
    ),
)
case = chapter.rule("A whole record without breast cancer fails; absences that are asked for pass with no-record")
case(
    "silence-patient-only",
    collection(entry(patient())),
    expect(
        SINAI,
        metastatic_breast_cancer="fail/no-record",
        anc="unknown/missing",
        lvef="unknown/missing",
        allergy="pass/no-record",
        cyp3a4="pass/no-record",
    ),
)
case = chapter.rule("A document handed in is the whole record unless it says otherwise")
case(
    "silence-list-of-resources",
    list(UNTREATED.resources.values()),
    expect(SINAI, anc="pass/recorded", liver_disease="pass/no-record", cyp3a4="pass/no-record"),
    "a list of resources",
)
case(
    "silence-searches-complete",
    UNTREATED.searches(),
    expect(
        SINAI,
        metastatic_breast_cancer="pass/recorded",
        anc="pass/recorded",
        liver_disease="pass/no-record",
        allergy="pass/no-record",
    ),
    "a complete search result a type",
)
# beside the search results of other types a missing one may be a search that was not made; the Bundle does not say so
case(
    "silence-searches-type-absent",
    UNTREATED.searches(AllergyIntolerance=[]),
    expect(SINAI, allergy="pass/no-record"),
    "a type that is not in it was not recorded",
)

# ---- an incomplete read ----
OTHER_TYPES = expect(SINAI, cyp3a4="pass/no-record", allergy="pass/no-record", anc="pass/recorded")
NO_CONDITIONS = expect(
    SINAI,
    liver_disease="unknown/missing",
    brain_metastases="unknown/missing",
    other_malignancy="unknown/missing",
)
NO_TYPE = NO_CONDITIONS | expect(
    SINAI,
    cyp3a4="unknown/missing",
    allergy="unknown/missing",
    anc="pass/recorded",
    metastatic_breast_cancer="pass/recorded",
)
case = chapter.rule("A search cut short, its next link not followed, makes silence about that type unknown")
case("silence-next-conditions", UNTREATED.searches(Condition=CUT), NO_CONDITIONS | OTHER_TYPES)
case(
    "silence-next-recorded-decides",
    UNTREATED.add(condition(Icd10cm.CIRRHOSIS, "2025-02-01")).searches(Condition=CUT),
    expect(
        SINAI,
        liver_disease="fail/recorded",
        metastatic_breast_cancer="pass/recorded",
        brain_metastases="unknown/missing",
    ),
    "a value recorded in such a type still decides",
)
case(
    "silence-next-no-cancer",
    UNTREATED.drop("cancer", "metastasis").searches(Condition=CUT),
    expect(SINAI, metastatic_breast_cancer="unknown/missing"),
    "no breast cancer seen: unknown, not fail",
)
CONDITIONS = UNTREATED.of_type("Condition")
SECOND_PAGE = f"{SERVER}?_getpages=c&_getpagesoffset=1"
# a next page that is handed in beside the first was followed
case(
    "silence-next-followed",
    UNTREATED.searches(
        Condition=[
            {"resource": searchset(CONDITIONS[:1], "Condition", next_url=SECOND_PAGE)},
            {"resource": searchset(CONDITIONS[1:], self_url=SECOND_PAGE)},
        ]
    ),
    expect(SINAI, liver_disease="pass/no-record", metastatic_breast_cancer="pass/recorded"),
    "unless that page is there",
)
case(
    "silence-next-observations",
    UNTREATED.drop("saturation", "glucose").searches(Observation=CUT),
    expect(
        SINAI,
        lung_function="unknown/missing",
        fasting_glucose="unknown/missing",
        anc="pass/recorded",
        liver_disease="pass/no-record",
    ),
    "exclusions by a measured value",
)
case(
    "silence-next-requests",
    UNTREATED.searches(MedicationRequest=CUT),
    expect(
        SINAI,
        cyp3a4="unknown/missing",
        no_prior_metastatic_therapy="unknown/missing",
        liver_disease="pass/no-record",
    ),
    "one of the types that tell drugs is enough",
)
case(
    "silence-next-other-type",
    UNTREATED.searches(Immunization=CUT),
    OTHER_TYPES | expect(SINAI, liver_disease="pass/no-record"),
    "not a type that no criterion asks for",
)
case(
    "silence-next-whole",
    UNTREATED.everything(next_url=NEXT),
    NO_TYPE,
    "about all types where the type cannot be told",
)
case = chapter.rule("Fewer entries than the total are an incomplete read")
case("silence-total-conditions", UNTREATED.searches(Condition={"total": 3}), NO_CONDITIONS | OTHER_TYPES)
case("silence-total-whole", UNTREATED.everything(total=len(UNTREATED.resources) + 1), NO_TYPE, "of no one type")
INCLUDED = entry({"resourceType": "Practitioner", "id": "dr1"}, search={"mode": "include"})
case(
    "silence-total-included-do-not-count",
    UNTREATED.searches(Condition={"total": 3, "more_entries": [INCLUDED]}),
    NO_CONDITIONS,
    "an included resource is no match",
)


def outcome(severity: str) -> Json:
    return {"resource": operation_outcome(severity), "search": {"mode": "outcome"}}


case = chapter.rule("So is an OperationOutcome of the severity error")
case(
    "silence-outcome-in-conditions",
    UNTREATED.searches(Condition={"more_entries": [outcome("error")]}),
    NO_CONDITIONS | OTHER_TYPES,
)
case(
    "silence-outcome-warning",
    UNTREATED.searches(Condition={"more_entries": [outcome("warning")]}),
    expect(SINAI, liver_disease="pass/no-record"),
    "a warning is none",
)
# the reference says error; fatal is worse
case(
    "silence-outcome-fatal",
    UNTREATED.searches(Condition={"more_entries": [outcome("fatal")]}),
    NO_CONDITIONS,
    "fatal is worse",
)
case("silence-outcome-whole", UNTREATED.bundle({"resource": operation_outcome()}), NO_TYPE, "no type told")
# the types whose search results came might be taken as read completely; which search failed is not told
case(
    "silence-outcome-for-searchset",
    UNTREATED.searches(Condition=[{"resource": operation_outcome()}]),
    expect(SINAI, liver_disease="unknown/missing", cyp3a4="unknown/missing"),
    "in the place of one type's search result",
)
REFUSED = {"response": {"status": "403 Forbidden", "outcome": operation_outcome(code="forbidden")}}
case = chapter.rule("So is a search that was refused")
case(
    "silence-batch-response-refused",
    {
        "resourceType": "Bundle",
        "type": "batch-response",
        "entry": [found | {"response": {"status": "200 OK"}} for found in UNTREATED.entries()] + [REFUSED],
    },
    expect(SINAI, liver_disease="unknown/missing", cyp3a4="unknown/missing", anc="pass/recorded"),
    "of no type that is told",
)
