"""FHIR R4 resources as plain dicts, made by small functions, and the patients whom the trials take.

A `Record` holds one patient's resources under short keys, which are also their ids. Every method gives a changed copy,
so a case reads as one change: `eligible(SINAI).put(anc=laboratory(Loinc.ANC, 0.9, "10*3/uL"))`. Copies share what did
not change: what a builder returned is never to be altered in place.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec

Json = dict[str, Any]
Coding = dict[str, str]
Number = int | float | Decimal
When = str | Json | None

PATINA, SINAI, YALE, ASPIRE = "NCT02947685", "NCT03304080", "HIC-2000023405", "NCT03709082"
TRIALS = (PATINA, SINAI, YALE, ASPIRE)

AS_OF = date(2026, 11, 21)
RECENT = "2026-11-10"  # inside every window but the one of seven days
SERVER = "https://ehr.example.org/fhir"
PATIENT = "Patient/p1"

UCUM = "http://unitsofmeasure.org"
HL7 = "http://terminology.hl7.org/CodeSystem/"

# decimals are written digit by digit, as a laboratory sends them; a float would have lost some of them before
as_json = msgspec.json.Encoder(decimal_format="number").encode


def ago(days: int) -> str:
    """The date so many days before the as-of date."""
    return (AS_OF - timedelta(days=days)).isoformat()


# ---- codings ---------------------------------------------------------------------------------------------------------


def coding(system: str | None, code: str, display: str | None = None) -> Coding:
    """A Coding. One without a display is whole: displays stand only where a case is about them."""
    made = {"system": system, "code": code, "display": display}
    return {name: value for name, value in made.items() if value is not None}


def loinc(code: str, display: str | None = None) -> Coding:
    return coding("http://loinc.org", code, display)


def snomed(code: str, display: str | None = None) -> Coding:
    return coding("http://snomed.info/sct", code, display)


def rxnorm(code: str, display: str | None = None) -> Coding:
    return coding("http://www.nlm.nih.gov/research/umls/rxnorm", code, display)


def icd10cm(code: str, display: str | None = None) -> Coding:
    return coding("http://hl7.org/fhir/sid/icd-10-cm", code, display)


def icd10(code: str) -> Coding:
    """ICD-10 of the WHO."""
    return coding("http://hl7.org/fhir/sid/icd-10", code)


def atc(code: str) -> Coding:
    return coding("http://www.whocc.no/atc", code)


def ndc(code: str, display: str | None = None) -> Coding:
    return coding("http://hl7.org/fhir/sid/ndc", code, display)


def ajcc(code: str) -> Coding:
    return coding("http://cancerstaging.org", code)


def local(code: str, display: str | None = None) -> Coding:
    """A code of the hospital's own."""
    return coding("urn:oid:1.2.3.4", code, display)


def hl7(system: str, code: str) -> Coding:
    return coding(HL7 + system, code)


class Loinc:
    """Tests and observations. The plain name is the code most laboratories send."""

    ANC = loinc("751-8")
    ANC_MANUAL = loinc("753-4")
    ANC_ANY_METHOD = loinc("26499-4")
    PLATELETS = loinc("777-3")
    PLATELETS_MANUAL = loinc("778-1")
    PLATELETS_ANY_METHOD = loinc("26515-7")
    HEMOGLOBIN = loinc("718-7")
    HEMOGLOBIN_CALCULATED = loinc("20509-6")
    HEMOGLOBIN_MOLAR = loinc("59260-0")
    ERYTHROCYTES = loinc("789-8")
    BLOOD_COUNT_PANEL = loinc("58410-2")
    BILIRUBIN = loinc("1975-2")
    BILIRUBIN_MOLAR = loinc("14631-6")
    BILIRUBIN_IN_BLOOD = loinc("42719-5")
    BILIRUBIN_DIRECT = loinc("1968-7")
    ALT = loinc("1742-6")
    AST = loinc("1920-8")
    AST_WITH_P5P = loinc("30239-8")
    AST_WITHOUT_P5P = loinc("88112-8")
    ALP = loinc("6768-6")
    CREATININE = loinc("2160-0")
    CREATININE_MOLAR = loinc("14682-9")
    CREATININE_IN_BLOOD = loinc("38483-4")
    METABOLIC_PANEL = loinc("24323-8")
    FASTING_GLUCOSE = loinc("1558-6")
    FASTING_GLUCOSE_VENOUS = loinc("1557-8")
    FASTING_GLUCOSE_MOLAR = loinc("14771-0")
    FASTING_GLUCOSE_MOLAR_IN_BLOOD = loinc("76629-5")
    GLUCOSE = loinc("2345-7")

    ECOG = loinc("89247-1")
    ECOG_INTERPRETATION = loinc("89262-0")
    KARNOFSKY = loinc("89243-0")
    LVEF = loinc("10230-1")
    LVEF_ULTRASOUND = loinc("18043-0")
    LVEF_BIPLANE = loinc("79991-6")
    LVEF_NUCLEAR = loinc("8812-0")
    LVEF_MRI = loinc("8811-2")
    SATURATION = loinc("59408-5")
    SATURATION_ROOM_AIR = loinc("59410-1")
    SATURATION_RESTING = loinc("59417-6")
    SATURATION_ARTERIAL = loinc("2708-6")
    OXYGEN_FLOW = loinc("3151-8")
    FEV1_OF_PREDICTED = loinc("20152-5")
    DLCO = loinc("19911-7")

    ER = loinc("85337-4")
    ER_PERCENT = loinc("85329-1")
    ER_IN_TISSUE = loinc("40556-3")
    ER_INTERPRETATION = loinc("16112-5")
    ER_INTENSITY = loinc("85310-1")
    PR = loinc("85339-0")
    PR_PERCENT = loinc("85325-9")
    PR_PERCENT_IN_TISSUE = loinc("14230-7")
    PR_INTERPRETATION = loinc("16113-3")
    ER_AND_PR = loinc("10480-2")
    HER2_IHC = loinc("85319-2")
    HER2_IHC_IN_TISSUE = loinc("18474-7")
    HER2_IMMUNOASSAY = loinc("72383-3")
    HER2_FISH = loinc("85318-4")
    HER2_FISH_IN_TISSUE = loinc("31150-6")
    HER2_FISH_IN_TUMOR = loinc("96893-3")
    HER2_FISH_PANEL = loinc("74885-5")
    HER2_RATIO = loinc("49683-6")
    HER2_COPIES = loinc("74860-8")
    HER2_OVERALL = loinc("48676-1")
    HER2_IN_SERUM = loinc("51981-9")
    SURGICAL_PATHOLOGY = loinc("11529-5")

    STAGE_CLINICAL = loinc("21908-9")
    STAGE_PATHOLOGIC = loinc("21902-2")
    STAGE_OTHER = loinc("21914-7")
    M_CLINICAL = loinc("21907-1")
    METASTASIS_SITE = loinc("44667-4")
    DISEASE_STATUS = loinc("97509-4")

    PREGNANCY_TEST_URINE = loinc("2106-3")
    PREGNANCY_TEST_URINE_RAPID = loinc("80384-1")
    PREGNANCY_TEST_SERUM = loinc("2118-8")
    PREGNANCY_TEST_SERUM_BETA = loinc("2110-5")
    HCG_QUANTITATIVE = loinc("21198-7")
    PREGNANCY_STATUS = loinc("82810-3")
    BREAST_FEEDING_STATUS = loinc("63895-7")
    LAST_MENSTRUAL_PERIOD = loinc("8665-2")
    FSH = loinc("15067-2")
    LH = loinc("10501-5")
    ESTRADIOL = loinc("83096-8")


class LoincAnswer:
    """Answers out of LOINC's lists."""

    POSITIVE = loinc("LA6576-8")
    NEGATIVE = loinc("LA6577-6")
    EQUIVOCAL = loinc("LA11885-3")
    IHC_0 = loinc("LA6111-4")
    IHC_1 = loinc("LA11841-6")
    IHC_2 = loinc("LA11842-4")
    IHC_3 = loinc("LA11843-2")
    ECOG_2 = loinc("LA9624-3")
    DEAD = loinc("LA9627-6")
    YES = loinc("LA33-6")
    PREGNANT = loinc("LA15173-0")
    NOT_PREGNANT = loinc("LA26683-5")


class Snomed:
    """Answers, diagnoses, sites, procedures and substances."""

    POSITIVE = snomed("10828004")
    NEGATIVE = snomed("260385009")
    EQUIVOCAL = snomed("42425007")
    NORMAL = snomed("17621005")
    NONE = snomed("260413007")
    THREE_PLUS = snomed("260349009")
    AMPLIFIED = snomed("12645001")
    NOT_AMPLIFIED = snomed("705105000")
    ECOG = snomed("423740007")
    ECOG_3 = snomed("423053003")
    FEMALE = snomed("248152002")
    MALE = snomed("248153007")

    BREAST_CANCER = snomed("254837009")
    DUCTAL_CARCINOMA = snomed("408643008")
    BREAST_QUADRANT_CANCER = snomed("373088001")
    BREAST_LYMPHOMA = snomed("278052009")
    BREAST_PHYLLODES = snomed("254844000")
    BREAST_MELANOMA = snomed("188050009")
    HISTORY_OF_BREAST_CANCER = snomed("429087003")
    METASTATIC_BREAST_CANCER = snomed("315004001")
    RECURRENT_BREAST_CANCER = snomed("1306515008")
    METASTATIC_HER2_POSITIVE_BREAST_CANCER = snomed("459391000124109")
    HR_POSITIVE_BREAST_CANCER = snomed("417181009")
    HER2_POSITIVE_BREAST_CANCER = snomed("427685000")
    HER2_NEGATIVE_BREAST_CANCER = snomed("431396003")
    ER_POSITIVE_TUMOR = snomed("416053008")
    HR_POSITIVE_TUMOR = snomed("417742002")
    HR_NEGATIVE_TUMOR = snomed("438628005")
    PR_NEGATIVE_TUMOR = snomed("441118006")
    MALIGNANCY = snomed("363346000")
    COLON_CANCER = snomed("363406005")
    COLON_PRIMARY = snomed("93761005")
    PANCREATIC_CANCER = snomed("363418001")
    CERVICAL_CANCER = snomed("363354003")

    METASTASIS = snomed("128462008")
    METASTASIS_TO_BONE = snomed("94222008")
    METASTASIS_TO_BRAIN = snomed("94225005")
    METASTASIS_TO_CORD = snomed("94600009")
    METASTASIS_TO_LIVER = snomed("94381002")
    METASTASIS_TO_CHEST_WALL = snomed("94253005")
    METASTASIS_TO_NODES = snomed("94392001")
    METASTASIS_TO_INFRACLAVICULAR_NODES = snomed("94338000")
    METASTASIS_TO_SUPRACLAVICULAR_NODES = snomed("94614009")
    METASTASIS_TO_LEPTOMENINGES = snomed("1155991005")
    METASTASIS_TO_MENINGES = snomed("722671009")
    MALIGNANT_MENINGITIS = snomed("230156002")
    BREAST = snomed("76752008")
    LIVER = snomed("10200004")
    AXILLARY_NODES = snomed("68171009")
    LEFT_OVARY = snomed("43981004")
    RIGHT_OVARY = snomed("20837000")

    M0 = snomed("30893008")
    M1 = snomed("55440008")
    CLINICAL_M0 = snomed("1229901006")
    CLINICAL_M1 = snomed("1229903009")
    STAGE_2 = snomed("258219007")
    STAGE_3 = snomed("258224005")
    STAGE_4 = snomed("258228008")
    AJCC_STAGE_4 = snomed("1222837003")
    CLINICAL_STAGE_GROUP = snomed("399537006")
    PATHOLOGIC_STAGE_GROUP = snomed("399588009")
    IMPROVED = snomed("268910001")
    STABLE = snomed("359746009")
    PROGRESSIVE = snomed("271299001")
    UNDETERMINED = snomed("709137006")
    FULL_REMISSION = snomed("103338009")

    NYHA = snomed("420816009")
    NYHA_1 = snomed("420300004")
    NYHA_2 = snomed("421704003")
    NYHA_3 = snomed("420913000")
    NYHA_4 = snomed("422293003")
    HEART_FAILURE = snomed("84114007")
    CONGESTIVE_HEART_FAILURE = snomed("42343007")
    INFARCTION = snomed("22298006")
    ACUTE_NSTEMI = snomed("401314000")
    UNSTABLE_ANGINA = snomed("4557003")
    ISCHEMIC_STROKE = snomed("422504002")
    ACUTE_STROKE_OF_THE_US_EDITION = snomed("457551000124104")
    TRANSIENT_ISCHEMIC_ATTACK = snomed("266257000")
    ATRIAL_FIBRILLATION = snomed("49436004")
    LONG_QT = snomed("9651007")
    SEPSIS = snomed("91302008")
    ACTIVE_TUBERCULOSIS = snomed("427099000")
    CHRONIC_ACTIVE_HEPATITIS = snomed("197284004")
    ULCERATIVE_COLITIS = snomed("64766004")
    NAUSEA = snomed("422587007")
    VOMITING = snomed("422400008")
    VON_WILLEBRAND_DISEASE = snomed("128105004")
    ALCOHOL_DEPENDENCE = snomed("66590003")
    ANAPHYLAXIS = snomed("39579001")
    DRUG_ALLERGY = snomed("416098002")
    NO_KNOWN_ALLERGY = snomed("716186003")

    POSTMENOPAUSAL = snomed("76498008")
    MENOPAUSE_PRESENT = snomed("289903006")
    PREMENOPAUSAL = snomed("22636003")
    PREGNANT = snomed("77386006")
    NOT_PREGNANT = snomed("60001007")
    BREAST_FEEDING = snomed("866041003")
    MATERNAL_BREAST_FEEDING = snomed("1260078007")
    HISTORY_OF_BILATERAL_OOPHORECTOMY = snomed("391083006")

    BILATERAL_OOPHORECTOMY = snomed("76876009")
    OOPHORECTOMY = snomed("83152002")
    OVARIAN_IRRADIATION = snomed("373837003")
    HYSTERECTOMY = snomed("236886002")
    TOTAL_HYSTERECTOMY = snomed("116140006")
    MASTECTOMY = snomed("172043006")
    SMALL_BOWEL_RESECTION = snomed("54357003")
    RADIOTHERAPY = snomed("53438000")
    TELERADIOTHERAPY = snomed("33195004")
    PHOTON_RADIOTHERAPY = snomed("1156506007")
    PROTON_RADIOTHERAPY = snomed("10611004")
    ELECTRON_RADIOTHERAPY = snomed("45643008")

    PALBOCICLIB = snomed("715958001")
    TRASTUZUMAB = snomed("387003001")
    PERTUZUMAB = snomed("704226002")
    T_DM1 = snomed("702836004")
    LETROZOLE = snomed("386911004")
    INTRAVENOUS = snomed("47625008")
    TOPICAL = snomed("6064005")
    INTRAVITREAL = snomed("418401004")


class Icd10cm:
    """Diagnoses. Where a rule speaks of a code, the case writes the code itself."""

    BREAST_CANCER = icd10cm("C50.911")
    BREAST_CANCER_OTHER_SIDE = icd10cm("C50.912")
    BREAST_CANCER_IN_A_MAN = icd10cm("C50.921")
    HISTORY_OF_BREAST_CANCER = icd10cm("Z85.3")
    METASTASIS_TO_BONE = icd10cm("C79.51")
    METASTASIS_TO_BRAIN = icd10cm("C79.31")
    METASTASIS_TO_LIVER = icd10cm("C78.7")
    METASTASIS_TO_MENINGES = icd10cm("C79.32")
    COLON_CANCER = icd10cm("C18.9")
    LUNG_CANCER = icd10cm("C34.11")
    CARCINOMA_IN_SITU_OF_BREAST = icd10cm("D05.11")
    CIRRHOSIS = icd10cm("K74.60")
    OTHER_CIRRHOSIS = icd10cm("K74.69")
    INFARCTION = icd10cm("I21.4")
    OLD_INFARCTION = icd10cm("I25.2")
    STROKE = icd10cm("I63.9")
    UNSTABLE_ANGINA = icd10cm("I20.0")
    HEART_FAILURE = icd10cm("I50.9")
    HAEMOPHILIA = icd10cm("D66")
    ALCOHOL_DEPENDENCE = icd10cm("F10.20")
    ALCOHOL_DEPENDENCE_IN_REMISSION = icd10cm("F10.21")
    OPIOID_DEPENDENCE = icd10cm("F11.20")
    HYPERLIPIDEMIA = icd10cm("E78.5")
    RHEUMATOID_ARTHRITIS = icd10cm("M06.9")
    INFERTILITY = icd10cm("N97.9")
    ABSENT_OVARIES = icd10cm("Z90.722")
    TUBAL_LIGATION = icd10cm("Z98.51")
    PREGNANT = icd10cm("Z33.1")
    PREGNANCY_SUPERVISION = icd10cm("Z34.83")
    DELIVERY = icd10cm("O80")
    CHEMOTHERAPY_ENCOUNTER = icd10cm("Z51.11")
    HISTORY_OF_CHEMOTHERAPY = icd10cm("Z92.21")
    AROMATASE_INHIBITOR_USE = icd10cm("Z79.811")


class RxNorm:
    """Ingredients under their plain names; products and brands say their form."""

    TRASTUZUMAB = rxnorm("224905")
    TRASTUZUMAB_SOLUTION = rxnorm("1922516")
    TRASTUZUMAB_BIOSIMILAR = rxnorm("2179753")
    OGIVRI = rxnorm("2179763")
    TRASTUZUMAB_SUBCUTANEOUS = rxnorm("2119714")
    TRASTUZUMAB_INJECTION = rxnorm("1922508")  # this and the next do not tell trastuzumab, T-DM1 and T-DXd apart
    TRASTUZUMAB_INJECTABLE_PRODUCT = rxnorm("1162762")
    PERTUZUMAB = rxnorm("1298944")
    PERTUZUMAB_INJECTION = rxnorm("1298948")
    PERJETA = rxnorm("1298953")
    PHESGO = rxnorm("2382605")  # pertuzumab and trastuzumab in one vial
    PHESGO_PRODUCT = rxnorm("2382608")
    PHESGO_15_ML = rxnorm("2382609")
    PERTUZUMAB_TRASTUZUMAB_10_ML = rxnorm("2383305")
    MARGETUXIMAB = rxnorm("2473850")
    T_DM1 = rxnorm("1371041")
    T_DM1_INJECTION = rxnorm("1658084")
    KADCYLA = rxnorm("1658087")
    KADCYLA_FORM = rxnorm("1658086")  # RxNorm calls it a trastuzumab injection
    T_DXD = rxnorm("2267582")
    T_DXD_INJECTION = rxnorm("2267576")
    ENHERTU_FORM = rxnorm("2267579")  # RxNorm calls it a trastuzumab injection

    DOCETAXEL = rxnorm("72962")
    DOCETAXEL_SOLUTION = rxnorm("1093280")
    PACLITAXEL_SOLUTION = rxnorm("312199")
    ABRAXANE = rxnorm("583218")
    CABAZITAXEL = rxnorm("996051")
    CAPECITABINE = rxnorm("194000")
    CAPECITABINE_TABLET = rxnorm("200328")
    XELODA = rxnorm("213293")
    ERIBULIN_INJECTION = rxnorm("1045456")
    DOXORUBICIN = rxnorm("3639")
    FLUOROURACIL = rxnorm("4492")
    METHOTREXATE_TABLET = rxnorm("105585")
    METHOTREXATE_INJECTION = rxnorm("1655968")
    METHOTREXATE_PREFILLED_SYRINGE = rxnorm("2377338")  # Reditrex
    CYCLOPHOSPHAMIDE_TABLET = rxnorm("197550")
    BEVACIZUMAB = rxnorm("253337")

    PALBOCICLIB = rxnorm("1601374")
    PALBOCICLIB_CAPSULE = rxnorm("1601380")
    IBRANCE_TABLET = rxnorm("2284106")
    RIBOCICLIB_TABLET = rxnorm("1873983")
    RIBOCICLIB_21_LETROZOLE_PACK = rxnorm("1923053")
    RIBOCICLIB_42_LETROZOLE_PACK = rxnorm("1923055")
    ABEMACICLIB = rxnorm("1946825")
    EVEROLIMUS_TABLET = rxnorm("845512")
    TUCATINIB_TABLET = rxnorm("2361290")

    LETROZOLE = rxnorm("72965")
    LETROZOLE_TABLET = rxnorm("200064")
    ANASTROZOLE_TABLET = rxnorm("199224")
    ARIMIDEX = rxnorm("262485")
    TAMOXIFEN_TABLET = rxnorm("313195")
    MEGESTROL_SUSPENSION = rxnorm("577154")
    ENZALUTAMIDE = rxnorm("1307298")
    GOSERELIN = rxnorm("50610")
    GOSERELIN_3_6_MG = rxnorm("310592")
    GOSERELIN_10_8_MG = rxnorm("314008")
    LEUPROLIDE_7_5_MG = rxnorm("752899")
    LEUPROLIDE_11_25_MG = rxnorm("1115472")
    LUPRON_11_25_MG = rxnorm("1115473")
    LEUPROLIDE_45_MG = rxnorm("752884")
    ELIGARD_45_MG = rxnorm("825325")
    CAMCEVI_42_MG = rxnorm("2595049")
    TRIPTORELIN_11_25_MG = rxnorm("905062")
    TRIPTORELIN_22_5_MG = rxnorm("905053")
    DENOSUMAB = rxnorm("993449")
    DENOSUMAB_INJECTION = rxnorm("1046398")
    XGEVA = rxnorm("1046402")
    ZOLEDRONIC_ACID_INFUSION = rxnorm("1114085")

    VERAPAMIL = rxnorm("11170")
    VERAPAMIL_TABLET = rxnorm("897722")
    TRANDOLAPRIL_VERAPAMIL = rxnorm("897846")
    DILANTIN = rxnorm("855673")
    FOSPHENYTOIN = rxnorm("72236")
    ISONIAZID_RIFAMPIN = rxnorm("198203")
    ST_JOHNS_WORT = rxnorm("200145")
    LOPINAVIR_RITONAVIR = rxnorm("597730")
    CLARITHROMYCIN_TABLET = rxnorm("197517")
    KETOCONAZOLE = rxnorm("6135")
    KETOCONAZOLE_SHAMPOO = rxnorm("106336")
    FENTANYL = rxnorm("4337")
    FENTANYL_PATCH = rxnorm("1603495")
    TACROLIMUS_CAPSULE = rxnorm("108514")
    TACROLIMUS_OINTMENT = rxnorm("313189")
    CICLOSPORIN_EYE_DROPS = rxnorm("2590608")
    ERGOTAMINE_CAFFEINE = rxnorm("214336")
    COBICISTAT = rxnorm("1306284")

    LISINOPRIL_TABLET = rxnorm("314076")
    METFORMIN = rxnorm("6809")
    MORPHINE = rxnorm("7052")
    PENICILLIN_G = rxnorm("7980")


class Atc:
    TRASTUZUMAB = atc("L01FD01")
    TRASTUZUMAB_BEFORE_2022 = atc("L01XC03")
    T_DM1 = atc("L01FD03")
    PALBOCICLIB = atc("L01EF01")


ENCOUNTER_DIAGNOSIS = hl7("condition-category", "encounter-diagnosis")
PROBLEM_LIST_ITEM = hl7("condition-category", "problem-list-item")


# ---- datatypes -------------------------------------------------------------------------------------------------------


def concept(*codings: Json, text: str | None = None) -> Json:
    """A CodeableConcept of codings; one that already is one comes back as it is."""
    if len(codings) == 1 and text is None and codings[0].keys() & {"coding", "text"}:
        return codings[0]
    made: Json = {"coding": list(codings)} if codings else {}
    return made | ({"text": text} if text else {})


def quantity(value: Number, unit: str | None = None, *, text: str | None = None, comparator: str | None = None) -> Json:
    """A Quantity. `unit` is its UCUM code; with `text` alone the unit is only written, not coded."""
    made: Json = {"value": value}
    if comparator:
        made["comparator"] = comparator
    if text or unit:
        made["unit"] = text or unit
    return made | ({"system": UCUM, "code": unit} if unit else {})


def percent(value: Number, comparator: str | None = None) -> Json:
    return quantity(value, "%", comparator=comparator)


def years(number: int) -> Json:
    return quantity(number, "a", text="years")


def value_range(low: Number, high: Number, unit: str) -> Json:
    return {"low": quantity(low, unit), "high": quantity(high, unit)}


def ratio(numerator: Json, denominator: Json) -> Json:
    return {"numerator": numerator, "denominator": denominator}


def reference(target: str | None) -> Json | None:
    return {"reference": target} if target else None


def period(start: str | None = None, end: str | None = None) -> Json:
    return {name: day for name, day in (("start", start), ("end", end)) if day}


def normal_range(low: Number | None = None, high: Number | None = None, unit: str | None = None, **more: Any) -> Json:
    """One referenceRange of an Observation; its bounds have no unit where none is given."""
    bounds = (("low", low), ("high", high))
    return {name: quantity(bound, unit) for name, bound in bounds if bound is not None} | more


def flag(code: str) -> list[Json]:
    """An Observation's interpretation: N, H, L, POS, NEG …"""
    return [concept(hl7("v3-ObservationInterpretation", code))]


def value_of(value: Any) -> Json:
    """The value[x] of a Python or FHIR value; a dict that names its element (`valueDateTime`) stays as it is."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        kind = {bool: "Boolean", int: "Integer", str: "String"}[type(value)]
        return {f"value{kind}": value}
    if any(name.startswith("value") and name != "value" for name in value):
        return value
    if "value" in value:
        return {"valueQuantity": value}
    if "numerator" in value:
        return {"valueRatio": value}
    if "low" in value or "high" in value:
        return {"valueRange": value}
    return {"valueCodeableConcept": concept(value)}


def timed(element: str, when: When) -> Json:
    """onset[x], effective[x], performed[x] …: a date, a Period, or a dict that names its element."""
    if when is None:
        return {}
    if isinstance(when, str):
        return {f"{element}DateTime": when}
    return {f"{element}Period": when} if when.keys() <= {"start", "end"} else when


# ---- resources -------------------------------------------------------------------------------------------------------


def _resource(kind: str, elements: Json) -> Json:
    return {"resourceType": kind} | {name: value for name, value in elements.items() if value not in (None, [])}


def _concepts(*codings: Json | None) -> list[Json]:
    return [concept(c) for c in codings if c is not None]


def patient(birth: str | None = "1960-03-05", gender: str | None = "female", *, id: str = "p1", **more: Any) -> Json:
    return _resource("Patient", {"id": id, "gender": gender, "birthDate": birth} | more)


def birth_sex(code: str) -> list[Json]:
    url = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
    return [{"url": url, "valueCode": code}]


def observation(
    code: Json,
    value: Any = None,
    on: When = RECENT,
    *,
    status: str | None = "final",
    specimen: str | None = None,
    components: Iterable[tuple[Coding, Any]] = (),
    subject: str | None = PATIENT,
    **more: Any,
) -> Json:
    """An Observation. `value` is a Quantity, Range, Ratio, code, text, number or truth (see `value_of`)."""
    elements = {"status": status, "code": concept(code), "subject": reference(subject)}
    parts = [{"code": concept(part)} | value_of(said) for part, said in components]
    elements |= value_of(value) | timed("effective", on) | {"component": parts}
    return _resource("Observation", elements | {"specimen": reference(specimen and f"Specimen/{specimen}")} | more)


def laboratory(
    code: Json,
    value: Number,
    unit: str,
    on: When = RECENT,
    *,
    high: Number | None = None,
    comparator: str | None = None,
    **more: Any,
) -> Json:
    """A measured value; `high` is its upper limit of normal in the same unit."""
    if high is not None:
        more["referenceRange"] = [normal_range(None, high, unit)]
    return observation(code, quantity(value, unit, comparator=comparator), on, **more)


def condition(
    code: Json,
    onset: When = None,
    *,
    clinical: str | None = "active",
    verification: str | None = "confirmed",
    abatement: When = None,
    recorded: str | None = None,
    body_site: Coding | None = None,
    stage: Json | None = None,
    category: Coding | None = None,
    subject: str | None = PATIENT,
    **more: Any,
) -> Json:
    """A Condition; undated without `onset` and `recorded`. `stage` is the code of its stage's summary."""
    status = {
        "clinicalStatus": clinical and concept(hl7("condition-clinical", clinical)),
        "verificationStatus": verification and concept(hl7("condition-ver-status", verification)),
    }
    elements = {"code": concept(code), "subject": reference(subject), "recordedDate": recorded}
    elements |= {"category": _concepts(category), "bodySite": _concepts(body_site)}
    elements |= {"stage": [{"summary": concept(stage)}] if stage else None}
    return _resource("Condition", status | elements | timed("onset", onset) | timed("abatement", abatement) | more)


def procedure(
    code: Json, on: When = None, *, status: str = "completed", body_site: Coding | None = None, **more: Any
) -> Json:
    elements = {"status": status, "code": concept(code), "subject": reference(PATIENT)}
    return _resource("Procedure", elements | timed("performed", on) | {"bodySite": _concepts(body_site)} | more)


def allergy(
    code: Json | None = None,
    *,
    type: str | None = "allergy",
    clinical: str | None = "active",
    verification: str | None = "confirmed",
    substance: Json | None = None,
    subject: str = PATIENT,
) -> Json:
    """An AllergyIntolerance; `substance` is the one named by a reaction."""
    reaction = {"manifestation": [concept(Snomed.ANAPHYLAXIS)]}
    elements = {
        "clinicalStatus": clinical and concept(hl7("allergyintolerance-clinical", clinical)),
        "verificationStatus": verification and concept(hl7("allergyintolerance-verification", verification)),
        "type": type,
        "code": code and concept(code),
        "patient": reference(subject),
        "reaction": [reaction | {"substance": concept(substance)}] if substance else None,
    }
    return _resource("AllergyIntolerance", elements)


def _drug(drug: Json) -> Json:
    return {"medicationReference": drug} if "reference" in drug else {"medicationCodeableConcept": concept(drug)}


def statement(
    drug: Json,
    start: str | None = None,
    end: str | None = None,
    *,
    status: str | None = None,
    reason: Json | None = None,
    **more: Any,
) -> Json:
    """A MedicationStatement: completed where it has an end, else active, unless `status` says another."""
    elements = {"status": status or ("completed" if end else "active"), "subject": reference(PATIENT)} | _drug(drug)
    elements |= {"effectivePeriod": period(start, end) or None, "reasonCode": _concepts(reason)}
    return _resource("MedicationStatement", elements | more)


def request(
    drug: Json,
    authored: str | None = None,
    *,
    status: str = "active",
    intent: str = "order",
    route: Coding | None = None,
    bounds: Json | None = None,
    **more: Any,
) -> Json:
    """A MedicationRequest; `bounds` is the Period or the Duration of its dosage."""
    elements = {"status": status, "intent": intent, "subject": reference(PATIENT), "authoredOn": authored}
    dosage: Json = {"route": concept(route)} if route else {}
    if bounds:
        dosage["timing"] = {"repeat": {"boundsDuration" if "value" in bounds else "boundsPeriod": bounds}}
    return _resource(
        "MedicationRequest", elements | _drug(drug) | {"dosageInstruction": [dosage] * bool(dosage)} | more
    )


def administration(
    drug: Json,
    on: When,
    *,
    status: str = "completed",
    route: Coding | None = None,
    dose: Json | None = None,
    **more: Any,
) -> Json:
    dosage: Json = {"route": concept(route)} if route else {}
    if route or dose:
        # a dosage needs a dose, a rate or a text
        dosage |= {"dose": dose} if dose else {"text": "as charted"}
    elements = {"status": status, "subject": reference(PATIENT), "dosage": dosage or None}
    return _resource("MedicationAdministration", elements | _drug(drug) | timed("effective", on) | more)


def dispense(drug: Json, handed_over: str | None = None, *, status: str = "completed") -> Json:
    elements = {"status": status, "subject": reference(PATIENT), "whenHandedOver": handed_over}
    return _resource("MedicationDispense", elements | _drug(drug))


def medication(drug: Json | None = None, *, ingredients: Iterable[Json] = (), id: str | None = None) -> Json:
    """A Medication, by its own code or by its ingredients: codes or references."""
    parts = [
        {"itemReference": part} if "reference" in part else {"itemCodeableConcept": concept(part)}
        for part in ingredients
    ]
    return _resource("Medication", {"id": id, "code": drug and concept(drug), "ingredient": parts})


def specimen(collected: str, id: str | None = None) -> Json:
    return _resource(
        "Specimen", {"id": id, "subject": reference(PATIENT), "collection": {"collectedDateTime": collected}}
    )


def report(on: str, *observations: str) -> Json:
    """A DiagnosticReport of a pathologist that holds Observations, named by their ids."""
    elements = {"status": "final", "code": concept(Loinc.SURGICAL_PATHOLOGY), "subject": reference(PATIENT)}
    results = [reference(f"Observation/{id}") for id in observations]
    return _resource("DiagnosticReport", elements | {"effectiveDateTime": on, "result": results})


def operation_outcome(severity: str = "error", code: str = "exception") -> Json:
    return _resource(
        "OperationOutcome", {"issue": [{"severity": severity, "code": code, "diagnostics": "the search failed"}]}
    )


UNKNOWN_MODIFIER = [{"url": f"{SERVER}/StructureDefinition/not-what-it-seems", "valueBoolean": True}]


# ---- Bundles ---------------------------------------------------------------------------------------------------------


def entry(resource: Json, server: str | None = SERVER, **more: Any) -> Json:
    """A Bundle's entry; its fullUrl is the resource's address on `server`, where there is one."""
    address = f"{server}/{resource['resourceType']}/{resource['id']}" if server and "id" in resource else None
    return ({"fullUrl": address} if address else {}) | {"resource": resource} | more


def collection(*entries: Json) -> Json:
    return {"resourceType": "Bundle", "type": "collection", "entry": list(entries)}


def searchset(
    resources: Iterable[Json],
    kind: str | None = None,
    *,
    self_url: str | None = None,
    next_url: str | None = None,
    total: int | None = None,
    more_entries: Iterable[Json] = (),
) -> Json:
    """One page of a search. Its self link names the type `kind`; without one no type can be told."""
    own = self_url or (f"{SERVER}/{kind}?patient=p1" if kind else f"{SERVER}/Patient/p1/$everything")
    links = [{"relation": "self", "url": own}] + ([{"relation": "next", "url": next_url}] if next_url else [])
    entries = [entry(r, search={"mode": "match"}) for r in resources] + list(more_entries)
    return _resource("Bundle", {"type": "searchset", "total": total, "link": links, "entry": entries})


# ---- a patient's record ----------------------------------------------------------------------------------------------

SEARCHED = (
    "Observation",
    "Condition",
    "Procedure",
    "AllergyIntolerance",
    "MedicationStatement",
    "MedicationRequest",
    "MedicationAdministration",
    "MedicationDispense",
    "Specimen",
)


def _with_id(resource: Json, id: str) -> Json:
    return {"resourceType": resource["resourceType"], "id": id} | resource


@dataclass(frozen=True)
class Record:
    """One patient's resources, in order, under keys. A resource without an id takes its key."""

    resources: Mapping[str, Json]

    def put(self, **resources: Json) -> "Record":
        """Replaces or adds resources under their keys."""
        made = {key: _with_id(resource, key.replace("_", "-")) for key, resource in resources.items()}
        return Record({**self.resources, **made})

    def add(self, *resources: Json) -> "Record":
        """Adds resources whose keys do not matter."""
        first = len(self.resources) + 1
        made = {f"added-{n}": _with_id(resource, f"added-{n}") for n, resource in enumerate(resources, first)}
        return Record({**self.resources, **made})

    def drop(self, *keys: str) -> "Record":
        if missing := set(keys) - set(self.resources):
            raise KeyError(f"nothing to drop under {sorted(missing)}")
        return Record({key: resource for key, resource in self.resources.items() if key not in keys})

    def edit(self, key: str, **elements: Any) -> "Record":
        """Sets elements of one resource; None takes one away."""
        edited = {name: value for name, value in (self.resources[key] | elements).items() if value is not None}
        return Record({**self.resources, key: edited})

    def of_type(self, kind: str) -> list[Json]:
        return [resource for resource in self.resources.values() if resource["resourceType"] == kind]

    def entries(self, server: str | None = SERVER) -> list[Json]:
        return [entry(resource, server) for resource in self.resources.values()]

    def bundle(self, *more_entries: Json, server: str | None = SERVER) -> Json:
        """The whole record, handed in as one collection."""
        return collection(*self.entries(server), *more_entries)

    def everything(self, **options: Any) -> Json:
        """The record as Patient/$everything returns it: one search result over all types."""
        return searchset(self.resources.values(), **options)

    def searches(self, **special: Json | list[Json]) -> Json:
        """The Patient and one search result a type. `special` gives a type's own options for `searchset`, or ready
        entries in its place."""
        entries = [entry(resource) for resource in self.of_type("Patient")]
        for kind in dict.fromkeys((*SEARCHED, *special)):
            options = special.get(kind, {})
            if isinstance(options, list):
                entries += options
            else:
                found = self.of_type(kind)
                entries.append({"resource": searchset(found, kind, **{"total": len(found)} | options)})
        return collection(*entries)


# ---- the patients whom the trials take -------------------------------------------------------------------------------

BIOPSY = {PATINA: "2026-01-20", SINAI: "2026-09-05", YALE: "2025-05-10", ASPIRE: "2025-05-10"}


def eligible(trial: str) -> Record:
    """A woman of 66 for whom every criterion of `trial` that a computer can judge passes on the as-of date."""
    return {PATINA: _after_induction, SINAI: _untreated, YALE: _treated, ASPIRE: _treated}[trial]()


def younger(trial: str = SINAI, birth: str = "1981-04-12") -> Record:
    """The same woman at 45, of child-bearing potential: a negative test three days ago and, for SINAI, goserelin."""
    record = eligible(trial).edit("patient", birthDate=birth)
    if trial == SINAI:
        record = record.put(goserelin=statement(RxNorm.GOSERELIN_3_6_MG, "2026-09-20"))
    return record.put(pregnancy_test=observation(Loinc.PREGNANCY_TEST_URINE, Snomed.NEGATIVE, "2026-11-18"))


def man(trial: str = SINAI) -> Record:
    record = eligible(trial).edit("patient", gender="male")
    return record.put(cancer=condition(Icd10cm.BREAST_CANCER_IN_A_MAN, "2019-05-10"))


def _metastatic(since: str, biopsy: str) -> Record:
    """HER2 positive, hormone receptor positive breast cancer with a bone metastasis."""
    return Record({}).put(
        patient=patient(),
        cancer=condition(Snomed.BREAST_CANCER, "2019-05-10"),
        metastasis=condition(Snomed.METASTASIS_TO_BONE, since),
        biopsy=specimen(biopsy),
        her2=observation(Loinc.HER2_IHC, LoincAnswer.IHC_3, biopsy, specimen="biopsy"),
        er=observation(Loinc.ER_PERCENT, percent(90), biopsy, specimen="biopsy"),
        pr=observation(Loinc.PR_PERCENT, percent(40), biopsy, specimen="biopsy"),
        ecog=observation(Loinc.ECOG, 1),
        lvef=observation(Loinc.LVEF_ULTRASOUND, percent(62), "2026-11-01"),
    )


def _with_laboratory(record: Record) -> Record:
    return record.put(
        anc=laboratory(Loinc.ANC, 3.2, "10*3/uL"),
        platelets=laboratory(Loinc.PLATELETS, 240, "10*3/uL"),
        hemoglobin=laboratory(Loinc.HEMOGLOBIN, 12.4, "g/dL"),
        bilirubin=laboratory(Loinc.BILIRUBIN, 0.6, "mg/dL", high=1.2),
        alt=laboratory(Loinc.ALT, 22, "U/L", high=40),
        ast=laboratory(Loinc.AST, 24, "U/L", high=40),
        alp=laboratory(Loinc.ALP, 80, "U/L", high=120),
        creatinine=laboratory(Loinc.CREATININE, 0.8, "mg/dL", high=1.1),
    )


def _after_induction() -> Record:
    """Metastatic since January, three months of docetaxel, trastuzumab and pertuzumab, stable since."""
    return _metastatic("2026-01-15", BIOPSY[PATINA]).put(
        docetaxel=statement(RxNorm.DOCETAXEL_SOLUTION, "2026-02-10", "2026-04-14"),
        trastuzumab=statement(RxNorm.TRASTUZUMAB_SOLUTION, "2026-02-10", "2026-04-14"),
        pertuzumab=statement(RxNorm.PERTUZUMAB_INJECTION, "2026-02-10", "2026-04-14"),
        status=observation(Loinc.DISEASE_STATUS, Snomed.STABLE, "2026-05-05"),
    )


def _untreated() -> Record:
    """Metastatic since September and not treated for it."""
    return _with_laboratory(_metastatic("2026-09-01", BIOPSY[SINAI])).put(
        saturation=observation(Loinc.SATURATION, percent(97)),
        glucose=laboratory(Loinc.FASTING_GLUCOSE, 92, "mg/dL", high=100),
        lisinopril=request(RxNorm.LISINOPRIL_TABLET, "2024-03-01"),
    )


def _treated() -> Record:
    """One line of treatment, over for a year: docetaxel, trastuzumab and pertuzumab."""
    return _with_laboratory(_metastatic("2025-05-05", BIOPSY[YALE])).put(
        docetaxel=statement(RxNorm.DOCETAXEL_SOLUTION, "2025-06-01", "2025-10-20"),
        trastuzumab=statement(RxNorm.TRASTUZUMAB_SOLUTION, "2025-06-01", "2025-12-15"),
        pertuzumab=statement(RxNorm.PERTUZUMAB_INJECTION, "2025-06-01", "2025-12-15"),
    )
