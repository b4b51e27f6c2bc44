"""Drugs: which ingredient a code tells, what counts as taken, where the code sits, and drugs without one."""

from collections.abc import Iterable

from tests.builders import (
    ASPIRE,
    SERVER,
    SINAI,
    YALE,
    Atc,
    Icd10cm,
    Json,
    Record,
    RxNorm,
    Snomed,
    administration,
    allergy,
    atc,
    concept,
    condition,
    dispense,
    eligible,
    entry,
    icd10cm,
    local,
    medication,
    ndc,
    reference,
    request,
    rxnorm,
    snomed,
    statement,
)
from tests.vignettes.vignette import Chapter, Expected, Rule, expect

chapter = Chapter()
UNTREATED, TREATED = eligible(SINAI), eligible(ASPIRE)
NO_DRUGS = TREATED.drop("docetaxel", "trastuzumab", "pertuzumab")


def course(drug: Json) -> Json:
    """Three months of it, over for a year."""
    return statement(drug, "2025-06-01", "2025-09-01")


def in_place_of_trastuzumab(drug: Json) -> Record:
    return TREATED.put(trastuzumab=course(drug))


# ---- ingredients ----
case = chapter.rule("A product of any RxNorm term type resolves to its ingredients, a combination to all of them")
case(
    "drug-tty-pack-ribociclib-letrozole",
    TREATED.add(course(RxNorm.RIBOCICLIB_21_LETROZOLE_PACK)),
    expect(YALE, no_prior_cdk46="fail/recorded"),
)
case(
    "drug-tty-phesgo",
    TREATED.drop("trastuzumab", "pertuzumab").put(phesgo=course(RxNorm.PHESGO)),
    expect(ASPIRE, prior_trastuzumab="pass/recorded") | expect(YALE, prior_pertuzumab="pass/recorded"),
)
case = chapter.rule("SNOMED CT substances and products and ATC codes of the named drugs count like RxNorm")
case(
    "drug-snomed-substance",
    TREATED.add(course(Snomed.PALBOCICLIB)),
    expect(YALE, no_prior_cdk46="fail/recorded"),
)
case(
    "drug-atc-trastuzumab",
    in_place_of_trastuzumab(Atc.TRASTUZUMAB),
    expect(ASPIRE, prior_trastuzumab="pass/recorded"),
)
# a record keeps the code it was written with, although ATC withdrew it
case(
    "drug-atc-old-trastuzumab",
    in_place_of_trastuzumab(Atc.TRASTUZUMAB_BEFORE_2022),
    expect(ASPIRE, prior_trastuzumab="pass/recorded"),
    "the code before 2022",
)
case = chapter.rule("NDC without a table is a drug without a code")
case(
    "drug-ndc-bare",
    UNTREATED.add(statement(ndc("0069-0189-21"), "2026-09-01")),
    expect(SINAI, cyp3a4="unknown", metastatic_breast_cancer="pass/recorded", liver_disease="pass/no-record"),
    "one that tells nothing makes silence about drugs unknown",
)
# a coding's display is text about the drug
case(
    "drug-ndc-named",
    TREATED.add(statement(ndc("0069-0189-21", "Ibrance 125 mg capsule"), "2026-09-01")),
    expect(YALE, no_prior_cdk46="unknown", no_prior_tdm1="pass/no-record"),
    "its text names a brand of palbociclib",
)
case = chapter.rule("T-DM1 is not trastuzumab, nor is trastuzumab deruxtecan: each is its own ingredient")
ONLY_T_DM1 = expect(ASPIRE, prior_trastuzumab="unknown/missing") | expect(YALE, no_prior_tdm1="fail/recorded")
for name, code in (("SCD", RxNorm.T_DM1_INJECTION), ("SBDF-named-trastuzumab", RxNorm.KADCYLA_FORM)):
    case(f"drug-tdm1-{name}", in_place_of_trastuzumab(code), ONLY_T_DM1)
case(
    "drug-tdxd-SBDF",
    in_place_of_trastuzumab(RxNorm.ENHERTU_FORM),
    expect(ASPIRE, prior_trastuzumab="unknown/missing") | expect(YALE, no_prior_tdm1="pass/no-record"),
)
case(
    "drug-tdm1-display-lies",
    in_place_of_trastuzumab(rxnorm("1658084", "trastuzumab 100 MG Injection")),
    ONLY_T_DM1,
    "the code counts, not what is written beside it",
)
ROLLED_UP = concept(RxNorm.T_DM1_INJECTION, RxNorm.TRASTUZUMAB)
ROLLED_UP_BY_INGREDIENT = medication(RxNorm.T_DM1_INJECTION, ingredients=[RxNorm.TRASTUZUMAB], id="drug")
case(
    "drug-tdm1-rolled-up",
    in_place_of_trastuzumab(ROLLED_UP),
    expect(ASPIRE, prior_trastuzumab="unknown") | expect(YALE, no_prior_tdm1="fail/recorded"),
    "RxNorm files it under trastuzumab, whose code may stand beside its own",
)
case(
    "drug-tdm1-rolled-up-ingredient",
    TREATED.put(trastuzumab=course(reference("#drug")) | {"contained": [ROLLED_UP_BY_INGREDIENT]}),
    expect(ASPIRE, prior_trastuzumab="unknown") | expect(YALE, no_prior_tdm1="fail/recorded"),
    "as the ingredient of its Medication",
)
case(
    "drug-tdm1-allergy-rolled-up",
    UNTREATED.add(allergy(ROLLED_UP)),
    expect(SINAI, allergy="review/manual"),
    "an allergy to a relative",
)
case = chapter.rule("A biosimilar or the subcutaneous form is trastuzumab")
case(
    "drug-biosimilar",
    in_place_of_trastuzumab(RxNorm.TRASTUZUMAB_BIOSIMILAR),
    expect(ASPIRE, prior_trastuzumab="pass/recorded") | expect(YALE, no_prior_tdm1="pass/no-record"),
)
case(
    "drug-subcutaneous",
    in_place_of_trastuzumab(RxNorm.TRASTUZUMAB_SUBCUTANEOUS),
    expect(ASPIRE, prior_trastuzumab="pass/recorded"),
)
case = chapter.rule("RxNorm 1162762 and 1922508 do not tell the three apart: unknown for each")
for code in (RxNorm.TRASTUZUMAB_INJECTABLE_PRODUCT, RxNorm.TRASTUZUMAB_INJECTION):
    case(
        f"drug-ambiguous-{code['code']}",
        in_place_of_trastuzumab(code),
        expect(ASPIRE, prior_trastuzumab="unknown/unusable") | expect(YALE, no_prior_tdm1="unknown/unusable"),
    )

# ---- taken or not ----
# five questions that ask only "ever", one drug each: one record shows five shapes
ASKED_EVER = (
    (RxNorm.T_DM1, expect(YALE, no_prior_tdm1="fail/recorded")),
    (RxNorm.PALBOCICLIB, expect(YALE, no_prior_cdk46="fail/recorded")),
    (RxNorm.PERTUZUMAB, expect(YALE, prior_pertuzumab="pass/recorded")),
    (RxNorm.DOCETAXEL, expect(ASPIRE, prior_taxane="pass/recorded")),
    (RxNorm.TRASTUZUMAB, expect(ASPIRE, prior_trastuzumab="pass/recorded")),
)
EVER = [drug for drug, _ in ASKED_EVER]
START = "2025-06-01"


def all_taken(resources: list[Json]) -> Expected:
    """What comes out when the drugs of ASKED_EVER were taken, from the first as many as there are resources."""
    return {
        key: outcome for (_, taken), _ in zip(ASKED_EVER, resources, strict=False) for key, outcome in taken.items()
    }


def show_taken(rule: Rule, id: str, resources: Iterable[Json]) -> None:
    made = list(resources)
    rule(id, NO_DRUGS.add(*made), all_taken(made))


COURSES = ("active", "completed", "stopped", "on-hold")
ORDERS = ("order", "original-order", "reflex-order", "filler-order", "instance-order")
case = chapter.rule("A MedicationStatement active, completed, stopped or on-hold was taken")
show_taken(
    case, "drug-taken-statement", (statement(drug, START, status=s) for drug, s in zip(EVER, COURSES, strict=False))
)
case = chapter.rule("A MedicationAdministration in-progress, completed, stopped or on-hold was taken")
show_taken(
    case,
    "drug-taken-administration",
    (
        administration(drug, START, status=s)
        for drug, s in zip(EVER, ("in-progress", "completed", "stopped", "on-hold"), strict=False)
    ),
)
case = chapter.rule("A MedicationDispense that is completed was taken")
show_taken(case, "drug-taken-dispense", [dispense(RxNorm.T_DM1, START)])
# in-progress stands on neither of the reference's lists
case(
    "drug-taken-dispense-in-progress",
    TREATED.add(dispense(RxNorm.T_DM1, START, status="in-progress")),
    expect(YALE, no_prior_tdm1="pass"),
    "one in progress was not handed over yet",
)
case = chapter.rule("A MedicationRequest active, completed, stopped or on-hold that is an order of any kind was taken")
show_taken(case, "drug-taken-request", (request(drug, START, status=s) for drug, s in zip(EVER, COURSES, strict=False)))
show_taken(
    case,
    "drug-taken-request-intents",
    (request(drug, START, status="completed", intent=i) for drug, i in zip(EVER, ORDERS, strict=True)),
)
for status in COURSES[1:]:
    case(
        f"drug-taken-request-{status}",
        TREATED.add(request(RxNorm.T_DM1, START, status=status)),
        expect(YALE, no_prior_tdm1="fail/recorded"),
    )
for intent in ORDERS[1:]:
    case(
        f"drug-taken-request-{intent}",
        TREATED.add(request(RxNorm.T_DM1, START, status="completed", intent=intent)),
        expect(YALE, no_prior_tdm1="fail/recorded"),
    )
case = chapter.rule(
    "What was not taken, only intended, proposed, drafted or called off, or entered in error, was not taken"
)
for name, resources in (
    ("statement", [statement(RxNorm.T_DM1, START, status=s) for s in ("not-taken", "intended", "entered-in-error")]),
    ("administration", [administration(RxNorm.T_DM1, START, status=s) for s in ("not-done", "entered-in-error")]),
    (
        "dispense",
        [dispense(RxNorm.T_DM1, START, status=s) for s in ("preparation", "cancelled", "declined", "entered-in-error")],
    ),
    ("request", [request(RxNorm.T_DM1, START, status=s) for s in ("draft", "cancelled", "entered-in-error")]),
    ("intents", [request(RxNorm.T_DM1, START, intent=i) for i in ("proposal", "plan", "option")]),
    ("do-not-perform", [request(RxNorm.T_DM1, START, doNotPerform=True)]),
):
    case(f"drug-not-taken-{name}", TREATED.add(*resources), expect(YALE, no_prior_tdm1="pass"))
case(
    "drug-not-taken-presence",
    TREATED.put(pertuzumab=request(RxNorm.PERTUZUMAB, "2026-08-10", intent="plan")),
    expect(YALE, prior_pertuzumab="unknown/missing"),
    "a planned drug is no prior one",
)
case = chapter.rule("A drug record of the status unknown gives unknown")
UNKNOWN = expect(YALE, no_prior_tdm1="unknown", no_prior_cdk46="unknown")
case(
    "drug-taken-unknown-1",
    NO_DRUGS.add(
        statement(RxNorm.T_DM1, START, status="unknown"), administration(RxNorm.PALBOCICLIB, START, status="unknown")
    ),
    UNKNOWN,
)
case(
    "drug-taken-unknown-2",
    NO_DRUGS.add(dispense(RxNorm.T_DM1, START, status="unknown"), request(RxNorm.PALBOCICLIB, START, status="unknown")),
    UNKNOWN,
)

case = chapter.rule("A status that FHIR does not know gives unknown")
for name, course_ in (
    ("statement", statement(RxNorm.T_DM1, START, status="taking")),
    ("administration", administration(RxNorm.T_DM1, START, status="given")),
    ("request", request(RxNorm.T_DM1, START, status="ordered")),
    ("dispense", dispense(RxNorm.T_DM1, START, status="handed-out")),
):
    case(f"drug-status-not-known-{name}", NO_DRUGS.add(course_), expect(YALE, no_prior_tdm1="unknown/missing"), name)
case(
    "drug-status-of-another-type",
    NO_DRUGS.add(statement(RxNorm.T_DM1, START, status="not-done"), request(RxNorm.T_DM1, START, status="declined")),
    expect(YALE, no_prior_tdm1="pass/no-record"),
    "but not taken is not taken in any of them",
)
case(
    "drug-status-in-capitals",
    NO_DRUGS.add(statement(RxNorm.T_DM1, START, status="Completed")),
    expect(YALE, no_prior_tdm1="fail/recorded"),
    "nor is one in other letters unknown",
)

# ---- where the code sits ----
case = chapter.rule("The code may sit in a Medication's code or ingredient, contained or behind a reference")
case(
    "drug-ref-five-ways",
    NO_DRUGS.put(
        m1=medication(RxNorm.PERTUZUMAB),
        m2=medication(RxNorm.DOCETAXEL),
        m3=medication(ingredients=[reference("Medication/m4")]),
        m4=medication(RxNorm.TRASTUZUMAB),
    ).add(
        course(reference("#drug")) | {"contained": [medication(RxNorm.T_DM1, id="drug")]},
        course(reference("#drug")) | {"contained": [medication(ingredients=[RxNorm.PALBOCICLIB], id="drug")]},
        course(reference("Medication/m1")),
        course(reference(f"{SERVER}/Medication/m2")),
        course(reference("Medication/m3")),
    ),
    all_taken(EVER),
)
case(
    "drug-ref-two-ingredients",
    TREATED.put(m1=medication(ingredients=[RxNorm.METFORMIN, RxNorm.PALBOCICLIB])).add(
        course(reference("Medication/m1"))
    ),
    expect(YALE, no_prior_cdk46="fail/recorded", no_prior_tdm1="pass/no-record"),
)
DRUG_UUID = "urn:uuid:6c1f0d4e-3c7a-4d0b-9a53-0a2f6d9c1e11"
case(
    "drug-ref-uuid",
    TREATED.bundle(
        {"fullUrl": DRUG_UUID, "resource": medication(RxNorm.T_DM1)},
        entry(course(reference(DRUG_UUID)) | {"id": "by-uuid"}),
    ),
    expect(YALE, no_prior_tdm1="fail/recorded"),
)

# ---- drugs without a code ----
case = chapter.rule("A reference that leads nowhere is a drug without a code")
case(
    "drug-ref-dangling",
    TREATED.add(course(reference("Medication/gone"))),
    expect(YALE, no_prior_tdm1="unknown", no_prior_cdk46="unknown", prior_pertuzumab="pass/recorded"),
    "one that tells nothing makes silence about drugs unknown",
)
# a reference's display is text about the drug
case(
    "drug-ref-dangling-display",
    TREATED.add(course({"reference": "Medication/gone", "display": "Ibrance 125 mg"})),
    expect(YALE, no_prior_cdk46="unknown", no_prior_tdm1="pass/no-record"),
    "its display names Ibrance",
)
case = chapter.rule("A drug without a usable code whose text names a relevant drug gives unknown")
case(
    "drug-text-brand",
    TREATED.add(course(concept(text="KADCYLA 100 mg vial"))),
    expect(YALE, no_prior_tdm1="unknown", no_prior_cdk46="pass/no-record"),
)
case(
    "drug-text-local-code",
    UNTREATED.add(statement(local("V-80", "verapamil 80 mg"), "2026-09-01")),
    expect(SINAI, cyp3a4="unknown"),
    "a local code is no usable one",
)
case(
    "drug-text-regimen",
    TREATED.add(course(concept(text="TCHP x 6"))),
    expect(YALE, no_prior_tdm1="pass/no-record", no_prior_cdk46="pass/no-record"),
    "a regimen names all of its drugs and no other",
)
for name, text in (("regimen", "TCHP x 6"), ("class", "chemotherapy (AC-T)"), ("language", "Docetaxelum")):
    case(
        f"drug-text-since-metastasis-{name}",
        UNTREATED.add(statement(concept(text=text), "2026-09-01")),
        expect(SINAI, no_prior_metastatic_therapy="unknown", recent_anticancer_therapy="unknown"),
    )
for name, text in (("sister-drug", "dalpiciclib"), ("language", "palbociclibe")):
    case(
        f"drug-text-cdk46-{name}",
        TREATED.add(course(concept(text=text))),
        expect(YALE, no_prior_tdm1="pass/no-record", no_prior_cdk46="unknown"),
    )
case(
    "drug-text-conjugate-in-another-language",
    TREATED.add(course(concept(text="trastuzumab emtansina"))),
    expect(YALE, no_prior_tdm1="unknown"),
    "the longer name is meant",
)
case(
    "drug-text-abbreviation-inside",
    UNTREATED.add(statement(concept(text="Aspirin EC 81 mg"), "2026-09-01")),
    expect(SINAI, no_prior_metastatic_therapy="pass/no-record"),
    "an abbreviation of a regimen counts alone, not in other words",
)
case(
    "drug-text-presence",
    TREATED.put(docetaxel=course(concept(text="Taxotere"))),
    expect(ASPIRE, prior_taxane="unknown"),
)
case(
    "drug-text-other",
    TREATED.add(course(concept(text="Vitamin D 1000 IU"))),
    expect(YALE, no_prior_tdm1="pass/no-record", no_prior_cdk46="pass/no-record"),
    "one that names another drug does not",
)
case = chapter.rule("A drug that tells nothing at all makes silence about drugs unknown")
case(
    "drug-nothing-local-code",
    TREATED.add(course(local("4711"))),
    expect(YALE, no_prior_tdm1="unknown", no_prior_cdk46="unknown", prior_pertuzumab="pass/recorded"),
)
case(
    "drug-nothing-study-drug-washout",
    UNTREATED.add(statement(concept(text="investigational product"), "2026-10-01", "2026-11-15")),
    expect(SINAI, recent_anticancer_therapy="unknown", cyp3a4="unknown", no_prior_metastatic_therapy="unknown"),
    "what is taken in another study may be anything",
)
case(
    "drug-nothing-not-taken",
    TREATED.add(statement(local("4711"), START, status="not-taken")),
    expect(YALE, no_prior_tdm1="pass/no-record"),
    "not one that was not taken",
)
for name, drug in (
    ("text-blank", {"text": " "}),
    ("display-blank", concept(local("4711", "  "))),
    ("text-of-signs", {"text": "---"}),
    ("text-study-drug", concept(text="Study medication (blinded)")),
    ("text-and-display-blank", {"coding": [local("4711", " ")], "text": "\t"}),
    ("reference-display-blank", {"reference": "Medication/gone", "display": " "}),
    ("snomed-code-alone", snomed("386873009")),
    ("atc-code-alone", atc("C09AA03")),
    ("atc-class-alone", atc("L01EF")),
):
    case(f"drug-nothing-{name}", TREATED.add(course(drug)), expect(YALE, no_prior_tdm1="unknown/unusable"), name)
for name, drug in (
    ("snomed-code", concept(snomed("386873009", "lisinopril"))),
    ("atc-code", {"coding": [atc("C09AA03")], "text": "lisinopril"}),
    ("local-code", concept(local("4711", "lisinopril"))),
):
    case(
        f"drug-other-{name}-with-words",
        TREATED.add(course(drug)),
        expect(YALE, no_prior_tdm1="pass/no-record", no_prior_cdk46="pass/no-record"),
        "its words name another drug",
    )
case(
    "drug-atc-class-with-words",
    TREATED.add(course({"coding": [atc("L01EF")], "text": "CDK4/6 inhibitor"})),
    expect(YALE, no_prior_cdk46="unknown/unusable", no_prior_tdm1="pass/no-record"),
    "its words name a class of drugs",
)
case(
    "drug-text-prodrug",
    UNTREATED.add(statement(concept(text="Fosphenytoin 50 mg PE/mL"), "2026-09-01")),
    expect(SINAI, cyp3a4="unknown/unusable"),
    "a prodrug of phenytoin",
)
case(
    "drug-text-like-a-prodrug",
    UNTREATED.add(statement(concept(text="Fosfomycin 3 g"), "2026-09-01")),
    expect(SINAI, cyp3a4="pass/no-record"),
    "a word that only looks like it",
)
case = chapter.rule("The reason may be a Condition contained in the record of the drug")
RHEUMATOID, CANCER = condition(Icd10cm.RHEUMATOID_ARTHRITIS), condition(Icd10cm.BREAST_CANCER)
for name, reason, outcome in (
    ("other", RHEUMATOID, "pass/no-record"),
    ("cancer", CANCER, "fail/recorded"),
    ("elsewhere", CANCER | {"id": "another"}, "unknown"),
    ("entered-in-error", condition(Icd10cm.RHEUMATOID_ARTHRITIS, verification="entered-in-error"), "unknown"),
):
    taken = statement(RxNorm.METHOTREXATE_TABLET, "2026-09-10", "2026-10-10", reasonReference=[reference("#why")])
    case(
        f"drug-reason-contained-{name}",
        UNTREATED.add(taken | {"contained": [{"id": "why"} | reason]}),
        expect(SINAI, no_prior_metastatic_therapy=outcome),
        name,
    )
case = chapter.rule("A Condition behind a reference tells the reason as a coded reason does")
for name, reason, outcome in (("other", RHEUMATOID, "pass/no-record"), ("cancer", CANCER, "fail/recorded")):
    case(
        f"drug-reason-referenced-{name}",
        UNTREATED.put(
            why=reason,
            methotrexate=statement(
                RxNorm.METHOTREXATE_TABLET, "2026-09-10", "2026-10-10", reasonReference=[reference("Condition/why")]
            ),
        ),
        expect(SINAI, no_prior_metastatic_therapy=outcome),
        name,
    )
case(
    "drug-reason-blank",
    UNTREATED.add(statement(RxNorm.LETROZOLE, "2026-09-10", "2026-10-10", reasonCode=[{"text": " "}])),
    expect(SINAI, no_prior_metastatic_therapy="fail/recorded"),
    "a blank text is no reason",
)
for verification in ("refuted", "entered-in-error"):
    told = reference("Condition/why") | {"display": "Rheumatoid arthritis"}
    case(
        f"drug-reason-referenced-{verification}-with-words",
        UNTREATED.put(
            why=condition(Icd10cm.RHEUMATOID_ARTHRITIS, verification=verification),
            methotrexate=statement(RxNorm.METHOTREXATE_TABLET, "2026-09-10", "2026-10-10", reasonReference=[told]),
        ),
        expect(SINAI, no_prior_metastatic_therapy="unknown/missing"),
        "one that is not so is no reason, whatever words stand beside its reference",
    )
case(
    "drug-reason-referenced-nowhere",
    UNTREATED.add(
        statement(
            RxNorm.METHOTREXATE_TABLET, "2026-09-10", "2026-10-10", reasonReference=[reference("Condition/elsewhere")]
        )
    ),
    expect(SINAI, no_prior_metastatic_therapy="unknown"),
    "where it leads nowhere it tells none",
)
case = chapter.rule("A reason told by a reference's words, or by an ICD-10 code that no list has, is told")
for name, drug, reason, outcome in (
    ("words-arthritis", RxNorm.METHOTREXATE_TABLET, {"display": "Rheumatoid arthritis"}, "pass/no-record"),
    ("words-cancer", RxNorm.METHOTREXATE_TABLET, {"display": "Metastatic breast cancer"}, "fail/recorded"),
    ("words-fertility", RxNorm.LETROZOLE, {"display": "Ovulation induction"}, "pass/no-record"),
    ("words-neoplasm", RxNorm.EVEROLIMUS_TABLET, {"display": "Neoplasm of breast"}, "fail/recorded"),
    ("words-benign", RxNorm.EVEROLIMUS_TABLET, {"display": "Benign neoplasm of brain"}, "pass/no-record"),
):
    reason = {"reference": "Condition/elsewhere"} | reason
    taken = statement(drug, "2026-09-10", "2026-10-10", reasonReference=[reason])
    case(f"drug-reason-{name}", UNTREATED.add(taken), expect(SINAI, no_prior_metastatic_therapy=outcome))
for name, drug, code, outcome in (
    ("psoriasis", RxNorm.METHOTREXATE_TABLET, "L40.8", "pass/no-record"),
    ("cancer", RxNorm.METHOTREXATE_TABLET, "C50.911", "fail/recorded"),
    ("of-uncertain-behaviour", RxNorm.METHOTREXATE_TABLET, "D48.60", "fail/recorded"),
    ("benign-first", RxNorm.EVEROLIMUS_TABLET, "D10.0", "pass/no-record"),
    ("benign-kidney", RxNorm.EVEROLIMUS_TABLET, "D17.71", "pass/no-record"),
    ("benign-brain", RxNorm.EVEROLIMUS_TABLET, "D33.2", "pass/no-record"),
    ("benign-last", RxNorm.EVEROLIMUS_TABLET, "D36.9", "pass/no-record"),
    ("anaemia", RxNorm.METHOTREXATE_TABLET, "D50.9", "pass/no-record"),
):
    taken = statement(drug, "2026-09-10", "2026-10-10", reason=icd10cm(code))
    case(f"drug-reason-code-{name}", UNTREATED.add(taken), expect(SINAI, no_prior_metastatic_therapy=outcome), code)
case = chapter.rule("An ICD-10 code of a neoplasm decides what the reason is, whatever words stand beside it")
for name, drug, code, words, outcome in (
    ("uncertain", RxNorm.CAPECITABINE, "D46.9", "Myelodysplastic syndrome", "fail/recorded"),
    ("benign", RxNorm.EVEROLIMUS_TABLET, "D35.2", "Pituitary tumor", "pass/no-record"),
    ("none", RxNorm.METHOTREXATE_TABLET, "Z09", "Adjuvant treatment of carcinoma", "fail/recorded"),
):
    taken = statement(drug, "2026-09-10", "2026-10-10", reason=concept(icd10cm(code), text=words))
    case(f"drug-reason-code-and-words-{name}", UNTREATED.add(taken), expect(SINAI, no_prior_metastatic_therapy=outcome))
case = chapter.rule("A route may be told by its usual letters")
METHOTREXATE = rxnorm("6851")
for name, outcome in (("IV", "fail/recorded"), ("PO", "unknown/missing"), ("SC", "unknown/missing")):
    given = administration(METHOTREXATE, "2026-10-01", route=concept(text=name))
    case(f"drug-route-{name}", UNTREATED.add(given), expect(SINAI, no_prior_metastatic_therapy=outcome))
case = chapter.rule("An end before the start is no end")
case(
    "drug-end-before-start",
    UNTREATED.add(statement(RxNorm.LETROZOLE_TABLET, "2026-09-20", "2026-09-10")),
    expect(SINAI, no_prior_metastatic_therapy="fail/recorded", recent_anticancer_therapy="unknown"),
    "it was over some time since",
)
case = chapter.rule("A Medication that was entered in error tells no drug; its ingredients may be Substances")
KADCYLA = medication(RxNorm.KADCYLA)
for name, drug, outcome in (
    ("sound", KADCYLA, "fail/recorded"),
    ("entered-in-error", KADCYLA | {"status": "entered-in-error"}, "unknown"),
):
    record = TREATED.put(drug=drug).add(statement(reference("Medication/drug"), "2026-01-10", "2026-04-01"))
    case(f"drug-medication-{name}", record, expect(YALE, no_prior_tdm1=outcome))
SUBSTANCE = {"resourceType": "Substance", "id": "s", "code": concept(Snomed.T_DM1)}
OF_A_SUBSTANCE = medication(ingredients=[reference("#s")]) | {"contained": [SUBSTANCE]}
case(
    "drug-medication-of-a-substance",
    TREATED.put(drug=OF_A_SUBSTANCE).add(statement(reference("Medication/drug"), "2026-01-10", "2026-04-01")),
    expect(YALE, no_prior_tdm1="fail/recorded"),
)
case = chapter.rule(
    "A drug told by its ingredients is a drug without a code where one of them leads nowhere, or tells nothing"
)
ELSEWHERE = reference("Substance/elsewhere")
for name, told, outcome in (
    ("alone", medication(ingredients=[ELSEWHERE]), "unknown/unusable"),
    ("beside-another", medication(ingredients=[RxNorm.METFORMIN, ELSEWHERE]), "unknown/unusable"),
    ("of-no-name", medication(ingredients=[RxNorm.METFORMIN, {"text": "study medication"}]), "unknown/unusable"),
    (
        "in-words",
        medication(ingredients=[RxNorm.METFORMIN, ELSEWHERE | {"display": "Trastuzumab emtansine"}]),
        "unknown/unusable",
    ),
    (
        "in-other-words",
        medication(ingredients=[RxNorm.METFORMIN, ELSEWHERE | {"display": "Sitagliptin"}]),
        "pass/no-record",
    ),
    ("of-a-known-product", medication(RxNorm.METFORMIN, ingredients=[ELSEWHERE]), "pass/no-record"),
    (
        "not-active",
        medication()
        | {
            "ingredient": [
                {"itemCodeableConcept": concept(RxNorm.METFORMIN)},
                {"itemReference": ELSEWHERE, "isActive": False},
            ]
        },
        "pass/no-record",
    ),
):
    record = TREATED.put(drug=told).add(statement(reference("Medication/drug"), "2026-01-10", "2026-04-01"))
    case(f"drug-ingredient-elsewhere-{name}", record, expect(YALE, no_prior_tdm1=outcome))
case = chapter.rule("A reference that leads nowhere tells a drug by its words alone")
for name, display, outcome in (
    ("relevant", "Ibrance 125 mg", "unknown"),
    ("other", "Metformin 500 mg", "pass/no-record"),
):
    taken = statement({"reference": "Medication/elsewhere", "display": display}, "2026-01-10", "2026-04-01")
    case(f"drug-reference-display-{name}", TREATED.add(taken), expect(YALE, no_prior_cdk46=outcome))
case = chapter.rule("An RxNorm code on no list is another drug, not a drug without a code")
case(
    "drug-rxnorm-on-no-list",
    TREATED.add(statement(RxNorm.METFORMIN, "2026-09-01")),
    expect(YALE, no_prior_tdm1="pass/no-record", no_prior_cdk46="pass/no-record")
    | expect(SINAI, cyp3a4="pass/no-record"),
)
