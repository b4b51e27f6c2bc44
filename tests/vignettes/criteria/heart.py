"""Heart failure and cardiac events, at NCT03304080 and Yale."""

from tests.builders import (
    SINAI,
    UNKNOWN_MODIFIER,
    YALE,
    Coding,
    Icd10cm,
    Json,
    Snomed,
    ago,
    condition,
    eligible,
    icd10cm,
    observation,
)
from tests.vignettes.vignette import Chapter, Expected, Rule, expect

chapter = Chapter()
UNTREATED = eligible(SINAI)
FAIL, PASS, UNKNOWN = "fail/recorded", "pass", "unknown"
HEART_FAILURE = condition(Icd10cm.HEART_FAILURE, "2024-01-01")


def failing(heart_failure: str, sinai: str, yale: str) -> Expected:
    """NCT03304080's heart failure and cardiac event, and Yale's cardiac event, which holds both."""
    return expect(SINAI, heart_failure=heart_failure, cardiac_event=sinai) | expect(YALE, cardiac_event=yale)


def nyha(answer: Coding, on: str = "2026-10-01") -> Json:
    return observation(Snomed.NYHA, answer, on)


# ---- heart failure ----
case = chapter.rule("NYHA class III or IV fails, as a Condition or as an answer")
CLASS_FAILS = expect(SINAI, heart_failure=FAIL) | expect(YALE, cardiac_event=FAIL)
case("heart-nyha-3", UNTREATED.add(condition(Snomed.NYHA_3, "2026-10-01")), CLASS_FAILS)
case(
    "heart-nyha-4-answer",
    UNTREATED.add(condition(icd10cm("I50.22"), "2024-01-01"), nyha(Snomed.NYHA_4)),
    CLASS_FAILS,
)
case = chapter.rule("Class II, and heart failure without a class, are unknown; class I passes")
case(
    "heart-nyha-2",
    UNTREATED.add(condition(Snomed.NYHA_2, "2026-10-01")),
    failing(PASS, UNKNOWN, UNKNOWN),
)
# only Yale's row names class I; in NCT03304080's it is none of what it names
case(
    "heart-failure-nyha-1",
    UNTREATED.add(condition(Snomed.CONGESTIVE_HEART_FAILURE, "2024-01-01"), nyha(Snomed.NYHA_1)),
    failing(PASS, PASS, PASS),
)
case("heart-failure-no-class", UNTREATED.add(HEART_FAILURE), failing(UNKNOWN, UNKNOWN, UNKNOWN))
case(
    "heart-failure-resolved",
    UNTREATED.add(condition(Snomed.HEART_FAILURE, "2015-01-01", clinical="resolved")),
    failing(PASS, PASS, PASS),
    "a resolved one is not had",
)
case = chapter.rule("A class may be 180 days old")
for name, day, outcome in (("old", 181, "unknown/stale"), ("180-days", 180, FAIL)):
    case(
        f"heart-nyha-3-{name}",
        UNTREATED.add(HEART_FAILURE, nyha(Snomed.NYHA_3, ago(day))),
        expect(SINAI, heart_failure=outcome),
    )
case = chapter.rule("A preliminary class that excludes leaves it open, where nothing final is newer")
for name, day, others, outcome in (
    ("alone", 20, (), "unknown/missing"),
    ("newer-than-class-1", 20, (nyha(Snomed.NYHA_1, ago(30)),), "unknown/missing"),
    ("older-than-class-1", 40, (nyha(Snomed.NYHA_1, ago(30)),), PASS),
    ("old", 181, (), PASS),
):
    preliminary = observation(Snomed.NYHA, Snomed.NYHA_3, ago(day), status="preliminary")
    case(f"heart-nyha-3-preliminary-{name}", UNTREATED.add(preliminary, *others), expect(SINAI, heart_failure=outcome))


case = chapter.rule("Of several classes the newest speaks, by answer or Condition; of one day they are a conflict")
THREE = nyha(Snomed.NYHA_3)
EARLY_ISSUE, LATE_ISSUE = {"issued": "2026-10-01T10:00:00Z"}, {"issued": "2026-10-01T16:00:00Z"}
for name, told, outcome in (
    ("one-day", (THREE, nyha(Snomed.NYHA_2)), "unknown/conflict"),
    ("one-day-both-severe", (THREE, nyha(Snomed.NYHA_4)), FAIL),
    ("one-day-both-mild", (nyha(Snomed.NYHA_1), nyha(Snomed.NYHA_2)), PASS),
    ("better-issued-later", (THREE | EARLY_ISSUE, nyha(Snomed.NYHA_2) | LATE_ISSUE), PASS),
    ("worse-issued-later", (THREE | LATE_ISSUE, nyha(Snomed.NYHA_2) | EARLY_ISSUE), FAIL),
    ("one-of-them-issued", (THREE | LATE_ISSUE, nyha(Snomed.NYHA_2)), "unknown/conflict"),
    ("better-by-condition", (THREE, condition(Snomed.NYHA_1, "2026-11-01")), PASS),
    ("worse-by-condition", (nyha(Snomed.NYHA_1), condition(Snomed.NYHA_3, "2026-11-01")), FAIL),
    ("condition-resolved", (condition(Snomed.NYHA_3, "2026-11-01", clinical="resolved"),), PASS),
    ("condition-refuted", (condition(Snomed.NYHA_3, "2026-11-01", verification="refuted"),), PASS),
    ("condition-provisional", (condition(Snomed.NYHA_3, "2026-11-01", verification="provisional"),), "unknown/missing"),
    ("condition-undated", (condition(Snomed.NYHA_3),), "unknown/missing"),
    ("month-across-the-window", (nyha(Snomed.NYHA_3, "2026-05"),), "unknown/missing"),
    ("mild-in-a-month-across-the-window", (nyha(Snomed.NYHA_2, "2026-05"),), PASS),
    ("severe-this-year-and-since", (THREE, nyha(Snomed.NYHA_4, "2026")), FAIL),
    ("mild-this-year-and-since", (nyha(Snomed.NYHA_1), nyha(Snomed.NYHA_2, "2026")), PASS),
    ("severe-this-year-mild-since", (nyha(Snomed.NYHA_1), nyha(Snomed.NYHA_3, "2026")), "unknown/conflict"),
    ("unusable", (THREE | {"modifierExtension": UNKNOWN_MODIFIER},), "unknown/unusable"),
    ("later", (nyha(Snomed.NYHA_3, "2026-12-01"),), PASS),
):
    case(f"heart-nyha-{name}", UNTREATED.add(*told), expect(SINAI, heart_failure=outcome))


# ---- events ----
def show(rule: Rule, id: str, event: Json, sinai: str, yale: str, detail: str = "") -> None:
    rule(
        f"event-{id}",
        UNTREATED.add(event),
        expect(SINAI, cardiac_event=sinai) | expect(YALE, cardiac_event=yale),
        detail,
    )


case = chapter.rule("An infarction within 6 months fails for NCT03304080, within 3 for Yale, resolved or not")
for name, code, onset, clinical, sinai, yale in (
    ("6-months-today", Snomed.ACUTE_NSTEMI, "2026-05-21", "resolved", FAIL, PASS),
    ("6-months-and-a-day", Icd10cm.INFARCTION, "2026-05-20", "resolved", PASS, PASS),
    ("3-months-today", icd10cm("I21.A1"), "2026-08-21", "inactive", FAIL, FAIL),
    ("3-months-and-a-day", Snomed.INFARCTION, "2026-08-20", "resolved", FAIL, PASS),
    ("month-2026-05", icd10cm("I21.9"), "2026-05", "resolved", UNKNOWN, PASS),
):
    show(case, f"infarction-{name}", condition(code, onset, clinical=clinical), sinai, yale)
show(case, "old-infarction-undated", condition(Icd10cm.OLD_INFARCTION), UNKNOWN, UNKNOWN, "undated it is unknown")
case = chapter.rule("So does unstable angina")
for name, code, onset, yale in (
    ("unstable-angina", Icd10cm.UNSTABLE_ANGINA, "2026-09-21", FAIL),
    ("unstable-angina-snomed-may", Snomed.UNSTABLE_ANGINA, "2026-06-21", PASS),
):
    show(case, name, condition(code, onset, clinical="resolved"), FAIL, yale)
case = chapter.rule("A stroke counts for Yale only, a transient attack for neither")
for name, code, yale in (
    ("stroke-october", Snomed.ISCHEMIC_STROKE, FAIL),
    ("stroke-us-edition-october", Snomed.ACUTE_STROKE_OF_THE_US_EDITION, FAIL),
    ("tia", Snomed.TRANSIENT_ISCHEMIC_ATTACK, PASS),
):
    show(case, name, condition(code, "2026-10-01", clinical="resolved"), PASS, yale)
case = chapter.rule("Arrhythmia, high-grade block, long QT active are unknown for NCT03304080 and not asked by Yale")
for name, code in (
    ("ventricular-tachycardia", icd10cm("I47.20")),
    ("complete-block", icd10cm("I44.2")),
    ("long-qt", Snomed.LONG_QT),
    ("atrial-fibrillation", Snomed.ATRIAL_FIBRILLATION),
):
    show(case, name, condition(code, "2024-01-01"), UNKNOWN, PASS)
show(case, "fibrillation-resolved", condition(icd10cm("I48.0"), "2024-01-01", clinical="resolved"), PASS, PASS)
