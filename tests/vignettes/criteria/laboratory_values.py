"""The laboratory criteria of NCT03304080 and Yale: both sides of every limit."""

from tests.builders import (
    RECENT,
    SINAI,
    YALE,
    Icd10cm,
    Json,
    Loinc,
    Record,
    Snomed,
    ago,
    condition,
    eligible,
    flag,
    laboratory,
)
from tests.vignettes.vignette import Chapter, Expected, Rule, expect

chapter = Chapter()
UNTREATED = eligible(SINAI)


def show(rule: Rule, id: str, test: str, result: Json, sinai: str, yale: str, detail: str = "") -> None:
    """One result in the place of the test's own, and what both trials say of the criterion of that name."""
    rule(id, UNTREATED.put(**{test: result}), expect(SINAI, **{test: sinai}) | expect(YALE, **{test: yale}), detail)


def without(test: str) -> Record:
    return UNTREATED.drop(test)


PASS, FAIL, MISSING, STALE = "pass/recorded", "fail/recorded", "unknown/missing", "unknown/stale"

# ---- blood counts ----
case = chapter.rule("ANC at least 1,500 /mm3 for NCT03304080, 1,000 for Yale")
for name, result, sinai, yale in (
    ("1.5", laboratory(Loinc.ANC_ANY_METHOD, 1.5, "10*3/uL"), PASS, PASS),
    ("1499", laboratory(Loinc.ANC_MANUAL, 1499, "/mm3"), FAIL, PASS),
    ("1000", laboratory(Loinc.ANC_MANUAL, 1000, "/uL"), FAIL, PASS),
    ("0.99", laboratory(Loinc.ANC, 0.99, "10*9/L"), FAIL, FAIL),
    ("less-than-1.5", laboratory(Loinc.ANC, 1.5, "10*3/uL", comparator="<"), FAIL, "unknown"),
    ("day-29", laboratory(Loinc.ANC, 2.0, "10*3/uL", ago(29)), STALE, STALE),
):
    show(case, f"anc-{name}", "anc", result, sinai, yale, name)
case("anc-none", without("anc"), expect(SINAI, anc=MISSING) | expect(YALE, anc=MISSING))
case = chapter.rule("Platelets at least 75,000 /mm3 for NCT03304080, 100,000 for Yale")
for name, result, sinai, yale in (
    ("75", laboratory(Loinc.PLATELETS_ANY_METHOD, 75, "10*3/uL"), PASS, FAIL),
    ("74999", laboratory(Loinc.PLATELETS_MANUAL, 74999, "/mm3"), FAIL, FAIL),
    ("100", laboratory(Loinc.PLATELETS, 100, "10*9/L"), PASS, PASS),
):
    show(case, f"platelets-{name}", "platelets", result, sinai, yale)
case = chapter.rule("Haemoglobin more than 9 g/dL for NCT03304080, at least 10 for Yale")
for name, result, sinai, yale in (
    ("9.0", laboratory(Loinc.HEMOGLOBIN, 9.0, "g/dL"), FAIL, FAIL),
    ("9.1", laboratory(Loinc.HEMOGLOBIN_CALCULATED, 9.1, "g/dL"), PASS, FAIL),
    ("10-g-per-l", laboratory(Loinc.HEMOGLOBIN, 100, "g/L"), PASS, PASS),
):
    show(case, f"hemoglobin-{name}", "hemoglobin", result, sinai, yale)

# ---- bilirubin ----
case = chapter.rule("Bilirubin at most 1.5 x ULN for NCT03304080")
for name, code, value, yale in (
    ("1.8-of-1.2", Loinc.BILIRUBIN, 1.8, PASS),
    ("1.81-of-1.2", Loinc.BILIRUBIN_IN_BLOOD, 1.81, PASS),
    ("2.0-of-1.2", Loinc.BILIRUBIN, 2.0, PASS),
    ("2.1-of-1.2", Loinc.BILIRUBIN, 2.1, "unknown"),
    ("2.5-of-1.2", Loinc.BILIRUBIN, 2.5, FAIL),
):
    show(
        case,
        f"bilirubin-{name}",
        "bilirubin",
        laboratory(code, value, "mg/dL", high=1.2),
        PASS if value == 1.8 else FAIL,
        yale,
        "for Yale at most 2.0 mg/dL; above that and within 2.0 x ULN unknown; above both a fail",
    )
case = chapter.rule("Without a range bilirubin is unknown, but for Yale's 2.0 mg/dL")
show(case, "bilirubin-2.1-no-range", "bilirubin", laboratory(Loinc.BILIRUBIN, 2.1, "mg/dL"), "unknown", "unknown")
show(case, "bilirubin-1.5-no-range", "bilirubin", laboratory(Loinc.BILIRUBIN, 1.5, "mg/dL"), "unknown", PASS)
for name, value, said, sinai in (("flag-n", 0.9, "N", PASS), ("flag-h", 1.3, "H", "unknown")):
    result = laboratory(Loinc.BILIRUBIN, value, "mg/dL", interpretation=flag(said))
    show(
        case,
        f"bilirubin-{name}",
        "bilirubin",
        result,
        sinai,
        PASS,
        "a flag of normal passes, one of high decides nothing",
    )
case = chapter.rule("34 umol/L are 1.99 mg/dL, here 1.66 x ULN")
show(case, "bilirubin-umol", "bilirubin", laboratory(Loinc.BILIRUBIN_MOLAR, 34, "umol/L", high=20.5), FAIL, PASS)
case = chapter.rule("Direct bilirubin is not total bilirubin")
show(
    case,
    "bilirubin-direct-only",
    "bilirubin",
    laboratory(Loinc.BILIRUBIN_DIRECT, 0.2, "mg/dL", high=0.3),
    MISSING,
    MISSING,
)

# ---- enzymes and creatinine ----
case = chapter.rule("ALT and AST at most 2.5 x ULN for NCT03304080, 2.0 for Yale")
for name, test, result, sinai, yale in (
    ("alt-81-of-40", "alt", laboratory(Loinc.ALT, 81, "U/L", high=40), PASS, FAIL),
    ("alt-100-of-40", "alt", laboratory(Loinc.ALT, 100, "U/L", high=40), PASS, FAIL),
    ("ast-112.5-of-45", "ast", laboratory(Loinc.AST_WITH_P5P, 112.5, "U/L", high=45), PASS, FAIL),
    ("ast-112.6-of-45", "ast", laboratory(Loinc.AST_WITHOUT_P5P, 112.6, "U/L", high=45), FAIL, FAIL),
):
    show(case, name, test, result, sinai, yale)


def alt(sinai: str, yale: str) -> Expected:
    return expect(SINAI, alt=sinai) | expect(YALE, alt=yale)


def with_alt(value: float, metastasis: Json) -> Record:
    return UNTREATED.put(alt=laboratory(Loinc.ALT, value, "U/L", high=40)).add(metastasis)


case = chapter.rule("With liver metastases 5 x ULN for NCT03304080; Yale makes no difference")
case(
    "alt-200-of-40-liver",
    with_alt(200, condition(Icd10cm.METASTASIS_TO_LIVER, "2026-09-10")),
    alt(PASS, FAIL),
)
case(
    "alt-201-of-40-liver",
    with_alt(201, condition(Snomed.METASTASIS_TO_LIVER, "2026-09-10")),
    alt(FAIL, FAIL),
)
case(
    "alt-150-liver-provisional",
    with_alt(150, condition(Icd10cm.METASTASIS_TO_LIVER, "2026-09-10", verification="provisional")),
    alt("unknown", FAIL),
    "a provisional one would decide between pass and fail",
)
case = chapter.rule("ALP at most 2.0 x ULN for Yale")
for name, value, outcome in (("240-of-120", 240, PASS), ("241-of-120", 241, FAIL)):
    result = laboratory(Loinc.ALP, value, "U/L", RECENT, high=120)
    case(f"alp-{name}", UNTREATED.put(alp=result), expect(YALE, alp=outcome))
case("alp-none", without("alp"), expect(YALE, alp=MISSING))
case = chapter.rule("Creatinine at most 1.5 x ULN")
show(case, "creatinine-1.65-of-1.1", "creatinine", laboratory(Loinc.CREATININE, 1.65, "mg/dL", high=1.1), PASS, PASS)
show(
    case,
    "creatinine-1.66-of-1.1",
    "creatinine",
    laboratory(Loinc.CREATININE_IN_BLOOD, 1.66, "mg/dL", high=1.1),
    FAIL,
    FAIL,
)
