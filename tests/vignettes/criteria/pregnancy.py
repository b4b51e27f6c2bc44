"""Pregnancy tests, contraception, pregnancy and breast-feeding of a woman of child-bearing potential."""

from tests.builders import (
    RECENT,
    SINAI,
    UNKNOWN_MODIFIER,
    YALE,
    Icd10cm,
    Json,
    Loinc,
    LoincAnswer,
    Snomed,
    ago,
    concept,
    condition,
    flag,
    icd10cm,
    observation,
    procedure,
    quantity,
    snomed,
    younger,
)
from tests.vignettes.vignette import Chapter, Expected, expect, expect_in

chapter = Chapter()
BOTH = (SINAI, YALE)
PASS, NOT_ASKED, FAIL = "pass/recorded", "pass/not-applicable", "fail/recorded"
MISSING, STALE, REVIEW = "unknown/missing", "unknown/stale", "review/manual"
CONFLICT = "unknown/conflict"
LAST_PERIOD = observation(Loinc.LAST_MENSTRUAL_PERIOD, {"valueDateTime": "2026-10-28"})
MENOPAUSE_UNKNOWN = younger().drop("goserelin", "pregnancy_test")
# pre-menopausal, on goserelin for NCT03304080, not tested
NOT_TESTED = younger().drop("pregnancy_test").put(lmp=LAST_PERIOD)


def pregnancy_test(sinai: str, yale: str) -> Expected:
    return expect(SINAI, pregnancy_test=sinai) | expect(YALE, pregnancy_test=yale)


def pregnancy(outcome: str) -> Expected:
    return expect_in(BOTH, pregnancy_lactation=outcome)


def urine(answer: Json, on: str) -> Json:
    return observation(Loinc.PREGNANCY_TEST_URINE, answer, on)


# ---- the test ----
case = chapter.rule("A negative test within 7 days for NCT03304080, within 28 for Yale")
for name, code, answer, day, sinai, yale in (
    ("day-7", Loinc.PREGNANCY_TEST_URINE, Snomed.NEGATIVE, 7, PASS, PASS),
    ("day-8", Loinc.PREGNANCY_TEST_SERUM_BETA, LoincAnswer.NEGATIVE, 8, STALE, PASS),
    ("day-28", Loinc.PREGNANCY_TEST_URINE_RAPID, Snomed.NEGATIVE, 28, STALE, PASS),
):
    case(
        f"hcg-negative-{name}",
        NOT_TESTED.add(observation(code, answer, ago(day))),
        pregnancy_test(sinai, yale),
    )
case("hcg-none", NOT_TESTED, pregnancy_test(MISSING, MISSING), "without a test it is unknown")
case = chapter.rule("A positive one within 28 days fails; a later negative one ends the pregnancy")
case(
    "hcg-positive-day-28",
    NOT_TESTED.add(urine(Snomed.POSITIVE, ago(28))),
    pregnancy_test(FAIL, FAIL) | pregnancy(FAIL),
)
case(
    "hcg-positive-then-negative",
    NOT_TESTED.add(urine(Snomed.POSITIVE, ago(20)), observation(Loinc.PREGNANCY_TEST_SERUM, Snomed.NEGATIVE, ago(3))),
    pregnancy_test(PASS, PASS) | pregnancy("pass"),
)
case = chapter.rule("A quantitative hCG below 5 IU/L is negative, from 25 on positive, between them unknown")
for name, value, outcome in (
    ("4.9", quantity(4.9, "m[IU]/mL"), PASS),
    ("5", quantity(5, "m[IU]/mL"), "unknown"),
    ("24.9", quantity(24.9, "[IU]/L"), "unknown"),
    ("25", quantity(25, "[IU]/L"), FAIL),
    ("below-1", quantity(1, "m[IU]/mL", comparator="<"), PASS),
):
    case(
        f"hcg-quantity-{name}",
        NOT_TESTED.add(observation(Loinc.HCG_QUANTITATIVE, value, ago(2))),
        pregnancy_test(outcome, outcome),
    )

case = chapter.rule("Tests of one day that disagree are a conflict")
case(
    "hcg-conflict",
    NOT_TESTED.add(urine(Snomed.POSITIVE, ago(2)), observation(Loinc.PREGNANCY_TEST_SERUM, Snomed.NEGATIVE, ago(2))),
    pregnancy_test(CONFLICT, CONFLICT) | pregnancy(CONFLICT),
)
EARLY_ISSUE, LATE_ISSUE = ({"issued": f"{ago(2)}T{hour}:00:00Z"} for hour in (10, 16))
POSITIVE, NEGATIVE = urine(Snomed.POSITIVE, ago(2)), urine(Snomed.NEGATIVE, ago(2))
case(
    "hcg-negative-issued-later",
    NOT_TESTED.add(POSITIVE | EARLY_ISSUE, NEGATIVE | LATE_ISSUE),
    pregnancy_test(PASS, PASS) | pregnancy(PASS),
    "at one time the one issued later wins",
)
case(
    "hcg-positive-issued-later",
    NOT_TESTED.add(POSITIVE | LATE_ISSUE, NEGATIVE | EARLY_ISSUE),
    pregnancy_test(FAIL, FAIL) | pregnancy(FAIL),
)
case(
    "hcg-preliminary-issued-later",
    NOT_TESTED.add(POSITIVE | EARLY_ISSUE, NEGATIVE | LATE_ISSUE | {"status": "preliminary"}),
    pregnancy_test(FAIL, FAIL) | pregnancy(FAIL),
    "but not one that is not final",
)
case(
    "hcg-positive-and-negative",
    NOT_TESTED.add(urine(concept(Snomed.POSITIVE, Snomed.NEGATIVE), ago(2))),
    pregnancy_test("unknown", "unknown") | pregnancy("unknown"),
    "both in one answer",
)
case = chapter.rule("Where the date does not tell whether the test lies in the window it is unknown")
for name, day, sinai, yale in (
    ("month", "2026-11", MISSING, PASS),
    ("month-before", "2026-10", STALE, MISSING),
    ("undated", None, MISSING, MISSING),
):
    case(f"hcg-negative-{name}", NOT_TESTED.add(urine(Snomed.NEGATIVE, day)), pregnancy_test(sinai, yale))

# ---- child-bearing potential ----
case = chapter.rule("Under 60 with menopause unknown she is treated as child-bearing")
case("hcg-menopause-unknown", MENOPAUSE_UNKNOWN, pregnancy_test(MISSING, MISSING))
# the reference says so of the pregnancy test; contraception is read alike
case("contraception-unknown-menopause", younger().drop("goserelin"), expect_in(BOTH, contraception=REVIEW))
case = chapter.rule("Tubal ligation ends child-bearing potential for Yale only")
case(
    "tubal-ligation",
    NOT_TESTED.add(condition(Icd10cm.TUBAL_LIGATION, "2015-01-01")),
    pregnancy_test(MISSING, NOT_ASKED) | expect(SINAI, contraception=REVIEW) | expect(YALE, contraception=NOT_ASKED),
)

case = chapter.rule("A hysterectomy ends child-bearing potential where it was surely done")
for name, told, outcome in (
    ("procedure", procedure(Snomed.HYSTERECTOMY, "2015-01-01"), NOT_ASKED),
    ("procedure-of-unknown-status", procedure(Snomed.HYSTERECTOMY, "2015-01-01", status="unknown"), MISSING),
    ("procedure-later", procedure(Snomed.HYSTERECTOMY, "2026-12-01"), MISSING),
    ("z90710", condition(icd10cm("Z90.710"), "2015-01-01"), NOT_ASKED),
    ("z90710-provisional", condition(icd10cm("Z90.710"), "2015-01-01", verification="provisional"), MISSING),
    ("z90710-refuted", condition(icd10cm("Z90.710"), "2015-01-01", verification="refuted"), MISSING),
    ("z90710-later", condition(icd10cm("Z90.710"), "2026-12-01"), MISSING),
):
    case(f"hysterectomy-{name}", NOT_TESTED.add(told), pregnancy_test(outcome, outcome))
case = chapter.rule("A weakly reactive test is neither positive nor negative, and no older one decides")
case(
    "pregnancy-test-weakly-reactive",
    NOT_TESTED.add(
        urine(Snomed.NEGATIVE, ago(5)), observation(Loinc.PREGNANCY_TEST_URINE, None, ago(2), interpretation=flag("WR"))
    ),
    pregnancy_test("unknown/unusable", "unknown/unusable") | pregnancy("unknown/unusable"),
)

# ---- pregnant ----
case = chapter.rule("A pregnancy, by Condition or status, fails")
case("pregnant-z331", NOT_TESTED.add(condition(Icd10cm.PREGNANT, "2026-07-01")), pregnancy(FAIL))
case("pregnant-snomed", NOT_TESTED.add(condition(Snomed.PREGNANT, "2026-07-01")), pregnancy(FAIL))
case(
    "pregnant-status",
    NOT_TESTED.add(observation(Loinc.PREGNANCY_STATUS, LoincAnswer.PREGNANT)),
    pregnancy(FAIL),
)
case(
    "pregnant-status-normal-pregnancy",
    NOT_TESTED.add(observation(Loinc.PREGNANCY_STATUS, snomed("72892002"))),
    pregnancy(FAIL),
)
case(
    "pregnant-status-not",
    NOT_TESTED.add(observation(Loinc.PREGNANCY_STATUS, LoincAnswer.NOT_PREGNANT)),
    pregnancy("pass/recorded"),
    "'not pregnant' is a recorded pass",
)
case("pregnant-o03", NOT_TESTED.add(condition(icd10cm("O03.9"), "2026-10-01")), pregnancy("pass"), "O00-O08 are none")
case = chapter.rule("A later 'not pregnant' or delivery ends it")
case(
    "pregnant-then-not",
    NOT_TESTED.add(
        condition(Snomed.PREGNANT, "2026-03-01"),
        observation(Loinc.PREGNANCY_STATUS, Snomed.NOT_PREGNANT, RECENT),
    ),
    pregnancy("pass"),
)
case(
    "pregnant-then-delivery",
    NOT_TESTED.add(condition(Icd10cm.PREGNANCY_SUPERVISION, "2026-02-01"), condition(Icd10cm.DELIVERY, "2026-10-20")),
    pregnancy("pass"),
)
# a delivery is over soon; what it says lasts
case(
    "pregnant-then-delivery-resolved",
    NOT_TESTED.add(
        condition(Icd10cm.PREGNANCY_SUPERVISION, "2026-02-01"),
        condition(Icd10cm.DELIVERY, "2026-10-20", clinical="resolved"),
    ),
    pregnancy("pass/recorded"),
)
case(
    "pregnant-then-delivery-until-this-month",
    NOT_TESTED.add(
        condition(Icd10cm.PREGNANCY_SUPERVISION, "2026-02-01"),
        condition(Icd10cm.DELIVERY, "2026-11-14", abatement="2026-11"),
    ),
    pregnancy("pass/recorded"),
)
case(
    "pregnant-until-abated",
    NOT_TESTED.add(condition(Icd10cm.PREGNANT, "2026-02-01", clinical="resolved", abatement="2026-06-01")),
    pregnancy("pass"),
)
case(
    "pregnant-again-after-one-that-ended",
    NOT_TESTED.add(
        condition(Icd10cm.PREGNANT, "2026-01-01", clinical="resolved", abatement="2026-03-01"),
        condition(Icd10cm.PREGNANT, "2026-07-01"),
    ),
    pregnancy(FAIL),
)
case = chapter.rule("A pregnancy begun more than 300 days ago without an end is set aside")
for day, outcome in ((300, FAIL), (301, "pass")):
    case(
        f"pregnant-{day}-days", NOT_TESTED.add(condition(Icd10cm.PREGNANT, ago(day))), pregnancy(outcome), f"day {day}"
    )
case = chapter.rule("Where the date does not tell whether it began within 300 days it is unknown")
for name, onset, recorded, outcome in (
    ("year", "2026", None, MISSING),
    ("year-before", "2025", None, "pass"),
    ("month-across", "2026-01", None, MISSING),
    ("month-within", "2026-02", None, FAIL),
    ("undated", None, None, MISSING),
    ("recorded-only", None, ago(100), MISSING),
):
    record = NOT_TESTED.add(condition(Icd10cm.PREGNANT, onset, recorded=recorded))
    case(f"pregnant-{name}", record, pregnancy(outcome))
case(
    "pregnant-status-year",
    NOT_TESTED.add(observation(Loinc.PREGNANCY_STATUS, LoincAnswer.PREGNANT, "2026")),
    pregnancy("unknown"),
)
case = chapter.rule("A preliminary yes leaves it open, a preliminary no is only listed")
for name, code, answer, outcome in (
    ("test", Loinc.PREGNANCY_TEST_URINE, Snomed.POSITIVE, MISSING),
    ("hcg", Loinc.HCG_QUANTITATIVE, quantity(500, "[IU]/L"), MISSING),
    ("status", Loinc.PREGNANCY_STATUS, LoincAnswer.PREGNANT, MISSING),
    ("negative", Loinc.PREGNANCY_TEST_URINE, Snomed.NEGATIVE, "pass"),
):
    record = NOT_TESTED.add(observation(code, answer, ago(3), status="preliminary"))
    case(f"pregnant-preliminary-{name}", record, pregnancy(outcome))
PRELIMINARY = observation(Loinc.PREGNANCY_TEST_URINE, Snomed.POSITIVE, ago(5), status="preliminary")
case(
    "pregnant-preliminary-then-negative", NOT_TESTED.add(PRELIMINARY, urine(Snomed.NEGATIVE, ago(3))), pregnancy("pass")
)
case(
    "pregnant-preliminary-after-negative",
    NOT_TESTED.add(PRELIMINARY, urine(Snomed.NEGATIVE, ago(6))),
    pregnancy(MISSING),
)
case(
    "pregnant-preliminary-after-positive", NOT_TESTED.add(PRELIMINARY, urine(Snomed.POSITIVE, ago(6))), pregnancy(FAIL)
)

case = chapter.rule("Refuted, or from after the as-of date, it says nothing")
for name, told in (
    ("refuted", condition(Icd10cm.PREGNANT, "2026-07-01", verification="refuted")),
    ("later", condition(Icd10cm.PREGNANT, "2026-12-01")),
    ("status-later", observation(Loinc.PREGNANCY_STATUS, LoincAnswer.PREGNANT, "2026-12-01")),
    ("test-later", urine(Snomed.POSITIVE, "2026-12-01")),
):
    case(f"pregnant-{name}", NOT_TESTED.add(told), pregnancy("pass/no-record"))
case = chapter.rule("A possible pregnancy, and one that is not confirmed, is unknown")
for name, told in (
    ("possible", condition(snomed("102874004"), "2026-10-01")),
    ("provisional", condition(Icd10cm.PREGNANT, "2026-10-01", verification="provisional")),
):
    case(f"pregnant-{name}", NOT_TESTED.add(told), pregnancy(MISSING))
case = chapter.rule("Pregnant and not pregnant on one day is a conflict")
PREGNANT_STATUS = observation(Loinc.PREGNANCY_STATUS, LoincAnswer.PREGNANT, ago(20))
case(
    "pregnant-and-not-on-one-day",
    NOT_TESTED.add(PREGNANT_STATUS, urine(Snomed.NEGATIVE, ago(20))),
    pregnancy(CONFLICT),
)
case(
    "pregnant-and-not-in-one-answer",
    NOT_TESTED.add(
        observation(Loinc.PREGNANCY_STATUS, concept(LoincAnswer.PREGNANT, LoincAnswer.NOT_PREGNANT), ago(20))
    ),
    pregnancy("unknown"),
)
case(
    "pregnant-status-unusable",
    NOT_TESTED.add(PREGNANT_STATUS | {"modifierExtension": UNKNOWN_MODIFIER}),
    pregnancy("unknown/unusable"),
)
case = chapter.rule("A delivery may be told as a Procedure, and ends the pregnancies before it")
DELIVERED = procedure(snomed("177184002"), "2026-10-20")
for name, told, outcome in (
    ("after", DELIVERED, "pass/recorded"),
    ("before", DELIVERED | {"performedDateTime": "2026-01-20"}, FAIL),
    ("not-done", DELIVERED | {"status": "not-done"}, FAIL),
):
    case(
        f"pregnant-delivery-procedure-{name}",
        NOT_TESTED.add(condition(Icd10cm.PREGNANT, "2026-02-01"), told),
        pregnancy(outcome),
    )

# ---- breast-feeding ----
case = chapter.rule("Breast-feeding fails")
case("breast-feeding", NOT_TESTED.add(condition(Snomed.BREAST_FEEDING, "2026-06-01")), pregnancy(FAIL))
# the answers to the status are not given by the reference; 'yes' is LOINC's own
case(
    "breast-feeding-status",
    NOT_TESTED.add(observation(Loinc.BREAST_FEEDING_STATUS, LoincAnswer.YES, "2026-10-01")),
    pregnancy(FAIL),
)
for name, answer in (("maternal", Snomed.MATERNAL_BREAST_FEEDING), ("normal", snomed("69840006"))):
    record = NOT_TESTED.add(observation(Loinc.BREAST_FEEDING_STATUS, answer, "2026-10-01"))
    case(f"breast-feeding-status-{name}", record, pregnancy(FAIL))
case(
    "breast-feeding-status-preliminary",
    NOT_TESTED.add(observation(Loinc.BREAST_FEEDING_STATUS, LoincAnswer.YES, "2026-10-01", status="preliminary")),
    pregnancy(MISSING),
    "a preliminary yes leaves it open",
)
case = chapter.rule("Breast-feeding recorded more than 365 days ago is set aside")
for day, outcome in ((365, FAIL), (366, "pass")):
    case(
        f"breast-feeding-{day}-days",
        NOT_TESTED.add(condition(Snomed.MATERNAL_BREAST_FEEDING, ago(day))),
        pregnancy(outcome),
    )
    case(
        f"breast-feeding-{day}-days-recorded",
        NOT_TESTED.add(condition(Snomed.MATERNAL_BREAST_FEEDING, recorded=ago(day))),
        pregnancy(outcome),
        "where no onset is told",
    )
