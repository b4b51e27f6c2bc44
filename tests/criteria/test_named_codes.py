"""The codes that the reference names one by one, each with the outcome that it gives them.

A row is a claim, a criterion, what should come out, a record in which the code is put, and the codes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from service.screening import Screening
from tests.builders import (
    AS_OF,
    ASPIRE,
    SINAI,
    YALE,
    Coding,
    Loinc,
    Record,
    RxNorm,
    Snomed,
    ago,
    as_json,
    condition,
    eligible,
    icd10,
    icd10cm,
    observation,
    rxnorm,
    snomed,
    statement,
    younger,
)

Making = Callable[[Coding], Record]


@dataclass(frozen=True)
class Row:
    claim: str
    trial: str
    criterion: str
    outcome: str
    record: Making
    codes: tuple[Coding, ...]


def icd(text: str) -> tuple[Coding, ...]:
    return tuple(icd10cm(code) for code in text.split())


def both(text: str) -> tuple[Coding, ...]:
    """Codes of ICD-10-CM, and the codes of ICD-10 above them, which have one place after the dot."""
    return icd(text) + tuple(icd10(code) for code in dict.fromkeys(code[:5] for code in text.split()))


def sct(text: str) -> tuple[Coding, ...]:
    return tuple(snomed(code) for code in text.split())


def rx(text: str) -> tuple[Coding, ...]:
    return tuple(rxnorm(code) for code in text.split())


def beside(trial: str, onset: str = "2026-10-10", **elements: str) -> Making:
    """One more diagnosis of an eligible patient."""
    return lambda code: eligible(trial).add(condition(code, onset, **elements))


def instead_of(key: str, base: Record, onset: str = "2026-09-01") -> Making:
    """A diagnosis in the place of a resource."""
    return lambda code: base.put(**{key: condition(code, onset)})


def of_receptors(trial: str) -> Making:
    """Receptors that only a diagnosis tells."""
    return lambda code: eligible(trial).drop("er", "pr", "her2").add(condition(code, "2026-09-01"))


def aged(birth: str, trial: str = ASPIRE) -> Making:
    return lambda code: eligible(trial).edit("patient", birthDate=birth).add(condition(code, "2026-06-01"))


def carrying(onset: str = "2026-10-01") -> Making:
    return lambda code: younger(SINAI).drop("pregnancy_test").add(condition(code, onset))


def taking(trial: str = SINAI) -> Making:
    return lambda code: eligible(trial).add(statement(code, "2026-01-01"))


def earlier(trial: str) -> Making:
    return lambda code: eligible(trial).add(statement(code, "2020-01-01", "2020-06-01"))


def without(trial: str, key: str) -> Making:
    """A drug in the place of the one that the trial asks for."""
    return lambda code: eligible(trial).put(**{key: statement(code, "2025-06-01", "2025-12-15")})


NO_SPREAD = eligible(SINAI).drop("metastasis")
STAGE_2 = NO_SPREAD.add(observation(Loinc.STAGE_CLINICAL, Snomed.STAGE_2, "2019-05-10"))
WITH_OPIOID = eligible(SINAI).add(statement(RxNorm.MORPHINE, "2026-01-01"))

DISTANT = both(
    "C78.00 C78.01 C78.02 C78.1 C78.2 C78.30 C78.39 C78.4 C78.5 C78.6 C78.7 C78.80 C78.89 C79.00 C79.01 C79.02 C79.10 "
    "C79.11 C79.19 C79.2 C79.31 C79.32 C79.40 C79.49 C79.51 C79.52 C79.60 C79.61 C79.62 C79.63 C79.70 C79.71 C79.72 "
    "C79.9 C77.2 C77.4 C77.5"
) + icd("C79.82 C79.89")
BREAST = both(
    "C50.011 C50.112 C50.219 C50.311 C50.412 C50.519 C50.611 C50.812 C50.919 C50.021 C50.122 C50.229 C50.321 C50.422 "
    "C50.529 C50.621 C50.822 C50.929"
)
NOT_BREAST = both("D05.00 D05.01 D05.02 D05.10 D05.11 D05.12 D05.80 D05.90 Z86.000 C79.81")
DEPENDENCE = "F1{}.20 F1{}.220 F1{}.230"
DRUGS_OF_ABUSE = "12345689"

# no such code, or one of the breast, the skin, the cervix or a spread
NO_OTHER_PRIMARY = {27, 28, 29, 35, 36, 42, 44, 50, 53, 59, 77, 78, 79, 80, 87, 89}

INDUCERS = "8183 72236 9384 2002 258326 75207 195085 475969 30125 7233"
INHIBITORS = "21212 114289 28031 6135 195088 31565 134527 282446 85762 83395 1102261 274786 11170 121243"
SUBSTRATES = "480 3008 3418 4025 141704 4337 8331 9068 35302 42316"

ROWS = [
    Row("breast cancer", SINAI, "metastatic-breast-cancer", "pass", instead_of("cancer", eligible(SINAI)), BREAST),
    Row(
        "metastatic breast cancer in one code",
        SINAI,
        "metastatic-breast-cancer",
        "pass",
        instead_of("cancer", NO_SPREAD),
        sct("315004001 459391000124109"),
    ),
    Row(
        "a history, with a metastasis",
        SINAI,
        "metastatic-breast-cancer",
        "pass",
        instead_of("cancer", eligible(SINAI)),
        icd("Z85.3") + sct("429087003"),
    ),
    Row(
        "a history alone",
        SINAI,
        "metastatic-breast-cancer",
        "unknown",
        instead_of("cancer", NO_SPREAD),
        icd("Z85.3") + sct("429087003"),
    ),
    Row("no breast cancer", SINAI, "metastatic-breast-cancer", "fail", instead_of("cancer", NO_SPREAD), NOT_BREAST),
    Row("distant spread", SINAI, "metastatic-breast-cancer", "pass", instead_of("metastasis", STAGE_2), DISTANT),
    Row(
        "spread without a site",
        SINAI,
        "metastatic-breast-cancer",
        "pass",
        instead_of("metastasis", STAGE_2),
        sct("128462008"),
    ),
    Row(
        "regional spread",
        SINAI,
        "metastatic-breast-cancer",
        "fail",
        instead_of("metastasis", STAGE_2),
        icd("C77.3 C79.81"),
    ),
    Row(
        "spread of which the code does not tell",
        SINAI,
        "metastatic-breast-cancer",
        "unknown/unusable",
        instead_of("metastasis", NO_SPREAD),
        both("C77.0 C77.1 C77.8 C77.9"),
    ),
    *(
        Row(f"{code} tells {criterion}", trial, criterion, outcome, of_receptors(trial), icd(code))
        for code, outcomes in {
            # ER of ASPIRE, ER or PR of the other trial, HER2 of each
            "Z17.0": "pass pass unknown",
            "Z17.1": "fail unknown unknown",
            "Z17.21": "unknown pass unknown",
            "Z17.22": "unknown unknown unknown",
            "Z17.31": "unknown unknown pass",
            "Z17.32": "unknown unknown fail",
            "Z17.410": "unknown pass pass",
            "Z17.411": "unknown pass fail",
            "Z17.420": "fail fail pass",
            "Z17.421": "fail fail fail",
        }.items()
        for (trial, criterion), outcome in zip(
            ((ASPIRE, "er-positive"), (SINAI, "hormone-receptor-positive"), (YALE, "her2-positive")),
            outcomes.split(),
            strict=True,
        )
    ),
    Row(
        "a coded menopause, from 50 on",
        ASPIRE,
        "postmenopausal",
        "pass",
        aged("1974-04-12"),
        icd("Z78.0 N95.0 N95.2 Z90.722") + sct("76498008 289903006 371036001"),
    ),
    Row("both ovaries removed, at 45", ASPIRE, "postmenopausal", "pass", aged("1981-04-12"), icd("Z90.722")),
    Row(
        "what proves no menopause",
        ASPIRE,
        "postmenopausal",
        "unknown",
        aged("1974-04-12"),
        icd("N95.1 N95.8 N95.9 E28.310 E28.319 E28.39 E89.40 E89.41 Z90.710 Z90.711 Z90.721"),
    ),
    Row(
        "pregnant",
        SINAI,
        "pregnancy-lactation",
        "fail",
        carrying(),
        icd("Z33.1 Z34.00 Z34.82 Z34.93 O09.00 O09.291 O09.511 O09.93 Z3A.08 Z3A.20"),
    ),
    Row(
        "a pregnancy lost or over",
        SINAI,
        "pregnancy-lactation",
        "pass",
        carrying(),
        icd("O00.101 O01.9 O02.1 O03.9 O04.80 O07.4 O08.9 O80 O82 O86.4 O90.0"),
    ),
    Row(
        "endocrine therapy going on",
        YALE,
        "concurrent-therapy",
        "review",
        beside(YALE),
        icd("Z79.811 Z79.810"),
    ),
    Row("leptomeningeal", SINAI, "leptomeningeal", "fail", beside(SINAI), sct("1155991005 230156002")),
    Row(
        "leptomeningeal or dural",
        SINAI,
        "leptomeningeal",
        "review",
        beside(SINAI),
        icd("C79.32") + sct("94246001 722671009"),
    ),
    Row("leptomeningeal", ASPIRE, "leptomeningeal", "fail", beside(ASPIRE), sct("1155991005 230156002")),
    Row("leptomeningeal", YALE, "cns-metastases", "fail", beside(YALE), sct("1155991005 230156002")),
    Row(
        "central nervous system",
        YALE,
        "cns-metastases",
        "review",
        beside(YALE),
        icd("C79.31 C79.32 C79.40 C79.49") + sct("94246001 722671009"),
    ),
    Row("brain", SINAI, "brain-metastases", "review", beside(SINAI), icd("C79.31")),
    Row("no brain", SINAI, "brain-metastases", "pass", beside(SINAI), icd("C79.51 C79.32")),
    Row(
        "another cancer",
        SINAI,
        "other-malignancy",
        "fail",
        beside(SINAI),
        both("C18.9 C34.11 C43.9 C56.1 C73 C81.90 C91.00 C96.9") + icd("C44.09 C44.199 C44.99"),
    ),
    Row(
        "no other cancer",
        SINAI,
        "other-malignancy",
        "pass",
        beside(SINAI),
        icd(
            "C50.912 C77.0 C77.9 C78.00 C79.51 C79.81 C79.9 C80.0 C80.1 C80.2 D00.1 D01.0 D02.20 D03.9 D04.9 "
            "D05.11 D06.9 D07.0 D09.0 C44.01 C44.111 C44.211 C44.310 C44.41 C44.510 C44.611 C44.711 C44.81 C44.91 "
            "C44.02 C44.121 C44.221 C44.320 C44.42 C44.520 C44.621 C44.721 C44.82 C44.92"
        )
        + sct("363346000"),
    ),
    Row(
        "a cancer of the skin whose type is not told",
        SINAI,
        "other-malignancy",
        "unknown/unusable",
        beside(SINAI),
        both("C44.00 C44.101 C44.201 C44.300 C44.40 C44.500 C44.601 C44.701 C44.80 C44.90 C44.9"),
    ),
    Row("cervix, active", SINAI, "other-malignancy", "unknown/missing", beside(SINAI), both("C53.0 C53.1 C53.8 C53.9")),
    Row(
        "cervix, in remission",
        SINAI,
        "other-malignancy",
        "pass",
        beside(SINAI, clinical="remission"),
        both("C53.0 C53.1 C53.8 C53.9"),
    ),
    Row("NYHA III and IV", SINAI, "heart-failure", "fail", beside(SINAI), sct("420913000 422293003")),
    Row("NYHA I and II", SINAI, "heart-failure", "pass", beside(SINAI), sct("420300004 421704003")),
    Row("NYHA III and IV", YALE, "cardiac-event", "fail", beside(YALE), sct("420913000 422293003")),
    Row("NYHA II", YALE, "cardiac-event", "unknown/missing", beside(YALE), sct("421704003")),
    Row("NYHA I", YALE, "cardiac-event", "pass", beside(YALE), sct("420300004")),
    Row(
        "cirrhosis, chronic active or persistent hepatitis",
        SINAI,
        "liver-disease",
        "fail",
        beside(SINAI),
        both("K70.30 K70.31 K71.3 K71.4 K71.50 K71.51 K71.7 K73.0 K73.1 K73.2 K74.3 K74.4 K74.5 K74.60 K74.69"),
    ),
    Row(
        "liver disease that may be meant",
        SINAI,
        "liver-disease",
        "unknown/missing",
        beside(SINAI),
        both("K70.2 K74.00 K74.01 K74.02 K74.1 K74.2 B18.0 B18.1 B18.2 B18.8 B18.9 K73.8 K73.9 K75.4") + icd("K83.01"),
    ),
    Row(
        "bleeding diathesis",
        SINAI,
        "bleeding-diathesis",
        "fail",
        beside(SINAI),
        both("D65 D66 D67 D68.00 D68.01 D68.020 D68.09 D68.1 D68.2 D68.311 D68.312 D68.318 D68.32 D68.4"),
    ),
    Row(
        "what may bleed",
        SINAI,
        "bleeding-diathesis",
        "unknown/missing",
        beside(SINAI),
        both("D68.8 D68.9 D69.0 D69.1 D69.2 D69.3 D69.41 D69.42 D69.49 D69.8 D69.9"),
    ),
    Row(
        "thrombophilia and other thrombocytopenia",
        SINAI,
        "bleeding-diathesis",
        "pass",
        beside(SINAI),
        both("D68.51 D68.52 D68.59 D68.61 D68.62 D68.69 D69.51 D69.59 D69.6"),
    ),
    Row(
        "dependence",
        SINAI,
        "substance-use",
        "fail",
        beside(SINAI),
        both("F10.20 F10.220 F10.239 " + " ".join(f"F1{n}.20 F1{n}.220 F1{n}.29" for n in DRUGS_OF_ABUSE)),
    ),
    Row(
        "dependence in remission, and nicotine",
        SINAI,
        "substance-use",
        "pass",
        beside(SINAI),
        icd("F10.21 " + " ".join(f"F1{n}.21" for n in DRUGS_OF_ABUSE) + " F17.200 F17.210 F17.220 F17.290"),
    ),
    Row(
        "abuse",
        SINAI,
        "substance-use",
        "unknown/missing",
        beside(SINAI),
        both("F10.10 " + " ".join(f"F1{n}.10" for n in DRUGS_OF_ABUSE)),
    ),
    Row(
        "opioid dependence with an opioid prescribed",
        SINAI,
        "substance-use",
        "unknown/missing",
        lambda code: WITH_OPIOID.add(condition(code, "2026-10-10")),
        icd("F11.20 F11.220 F11.29"),
    ),
    Row(
        "CYP3A4 drugs that the trial names",
        SINAI,
        "cyp3a4",
        "fail",
        taking(),
        rx(f"{INDUCERS} {INHIBITORS} {SUBSTRATES}"),
    ),
    Row(
        "another cancer, of any site",
        SINAI,
        "other-malignancy",
        "fail",
        beside(SINAI),
        both(
            " ".join(f"C{n:02d}" for n in range(97) if n not in NO_OTHER_PRIMARY),
        )
        + icd("C4A.9 C7A.00 C7A.8"),
    ),
    Row(
        "a severe infection, however old",
        SINAI,
        "active-infection",
        "unknown/missing",
        beside(SINAI, "2025-10-10"),
        icd(
            # sepsis
            "A40.9 A41.9 A02.1 A20.7 A22.7 A26.7 A32.7 A39.4 A42.7 A54.86 B37.7 I26.90 I76 O03.37 O08.82 O85 "
            "O86.04 O88.3 R65.20 R65.21 T81.12XA T81.44XA "
            # pneumonia
            "A01.03 A02.22 A37.01 A48.1 A54.84 B01.2 B05.2 B06.81 B25.0 B59 B77.81 J09.X1 J10.00 J11.00 J12.9 J13 "
            "J14 J15.9 J16.8 J17 J18.9 J95.851 "
            # tuberculosis
            "A15.0 A17.0 A18.01 A19.9 J65 O98.011 "
            # abscess
            "A54.1 A54.82 B43.1 D73.3 E32.1 G06.0 H60.00 J34.0 J36 J39.0 J39.1 J85.1 K04.6 K04.7 K11.3 K12.2 "
            "K35.211 K35.33 K50.014 K50.914 K51.014 K51.914 K57.00 K57.20 K57.40 K57.80 K61.0 K63.0 K65.1 K68.12 "
            "K68.19 K75.0 L02.91 L05.01 M65.00 M71.00 N15.1 N34.0 N41.2 N45.4 N48.21 N61.1 N75.1 N76.4 O91.12 "
            # osteomyelitis
            "A01.05 A02.24 A54.43 H05.021 M46.20 M86.9 "
            # endocarditis
            "A32.82 A39.51 A52.03 B33.21 B37.6 I33.0 I39 "
            # HIV, hepatitis B and C
            "B20 B97.35 O98.711 Z21 B16.9 B17.0 B17.10 B17.11 B18.0 B18.1 B18.2 B19.10 B19.20"
        ),
    ),
    Row(
        "another infection, longer than 28 days ago, and what is none",
        SINAI,
        "active-infection",
        "pass",
        beside(SINAI, ago(29)),
        icd("J20.9 N39.0 B00.9 L03.90 K35.80 Z22.7 Z11.4 Z86.15 K57.10 K57.30 K57.50 K57.90 M87.00 J69.0"),
    ),
    Row(
        "another infection within 28 days",
        SINAI,
        "active-infection",
        "unknown/missing",
        beside(SINAI, ago(28)),
        icd("J20.9 N39.0 B00.9 L03.90 K35.80"),
    ),
    Row(
        "infarction or unstable angina within 6 months",
        SINAI,
        "cardiac-event",
        "fail",
        beside(SINAI, "2026-05-21"),
        icd("I21.01 I21.11 I21.29 I21.3 I21.4 I21.9 I21.A1 I21.A9 I22.0 I22.9 I20.0 I25.110 I25.700 I25.710 I25.790"),
    ),
    Row(
        "rhythm and conduction",
        SINAI,
        "cardiac-event",
        "unknown/missing",
        beside(SINAI, "2026-05-21"),
        icd("I48.0 I48.11 I48.20 I48.3 I48.4 I48.91 I48.92 I47.20 I47.21 I47.29 I49.01 I49.02 I44.1 I44.2 I45.81"),
    ),
    Row(
        "other arrhythmia",
        SINAI,
        "cardiac-event",
        "pass",
        beside(SINAI, "2026-05-21"),
        icd("I44.0 I47.10 I49.1 I49.3"),
    ),
    Row("stroke within 3 months", YALE, "cardiac-event", "fail", beside(YALE, "2026-08-21"), icd("I60.9 I61.9 I63.9")),
    Row("no stroke", YALE, "cardiac-event", "pass", beside(YALE, "2026-08-21"), icd("G45.9 I67.1")),
    Row(
        "heart failure without a class",
        SINAI,
        "heart-failure",
        "unknown/missing",
        beside(SINAI),
        icd("I09.81 I11.0 I13.0 I13.2 I50.1 I50.22 I50.30 I50.42 I50.810 I50.84 I50.9 I97.130 I97.131"),
    ),
    Row(
        "what may hinder absorption",
        SINAI,
        "gi-absorption",
        "unknown/missing",
        beside(SINAI),
        icd("K90.0 K90.9 K91.2 K25.9 K26.9 K27.9 K28.9 K50.90 K51.90 R11.0 R11.10 R11.2 R19.7 K58.0 K59.1"),
    ),
    Row("other disease of the gut", SINAI, "gi-absorption", "pass", beside(SINAI), icd("K21.9 K58.1 K59.00 K57.30")),
    Row(
        "a CDK4/6 inhibitor",
        YALE,
        "no-prior-cdk46",
        "fail",
        earlier(YALE),
        rx("1601374 1873916 1946825"),
    ),
    Row(
        "a taxane",
        ASPIRE,
        "prior-taxane",
        "pass",
        without(ASPIRE, "docetaxel"),
        rx("56946 72962 583218"),
    ),
    Row(
        "no taxane that the trial means",
        ASPIRE,
        "prior-taxane",
        "unknown",
        without(ASPIRE, "docetaxel"),
        rx("996051 3639"),
    ),
    Row(
        "three drugs in one code",
        ASPIRE,
        "prior-trastuzumab",
        "unknown",
        without(ASPIRE, "trastuzumab"),
        rx("1162762 1922508 1371041 2267582"),
    ),
    Row(
        "three drugs in one code",
        YALE,
        "no-prior-tdm1",
        "unknown",
        earlier(YALE),
        rx("1162762 1922508"),
    ),
    Row(
        "the conjugate",
        YALE,
        "no-prior-tdm1",
        "fail",
        earlier(YALE),
        rx("1371041 1658084 1658086"),
    ),
    Row(
        "not the conjugate",
        YALE,
        "no-prior-tdm1",
        "pass",
        earlier(YALE),
        rx("224905 2267582 2119714"),
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.criterion}: {row.claim}")
def test_a_named_code_has_the_outcome_of_the_reference(screening: Screening, row: Row) -> None:
    wrong = []
    for code in row.codes:
        record = screening.read(as_json(row.record(code).bundle()), "record")
        result = next(r for r in screening.screen(record, AS_OF).results if r.trial == row.trial)
        found = next(c for c in result.criteria if c.id == row.criterion)
        if row.outcome not in (found.outcome, f"{found.outcome}/{found.basis}"):
            wrong.append(f"{code['code']}: {found.outcome}/{found.basis} ({found.reason})")
    assert wrong == []
