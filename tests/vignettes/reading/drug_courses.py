"""When a drug was taken: its start and end, what is active, drugs told only by administrations, depots."""

from typing import Any

from tests.builders import (
    ASPIRE,
    PATINA,
    SINAI,
    YALE,
    Json,
    Loinc,
    Record,
    RxNorm,
    administration,
    dispense,
    eligible,
    observation,
    period,
    quantity,
    reference,
    request,
    statement,
    younger,
)
from tests.vignettes.vignette import Chapter, Expected, expect

chapter = Chapter()
UNTREATED, TREATED, INDUCED = eligible(SINAI), eligible(ASPIRE), eligible(PATINA)


def with_docetaxel(course: Json, base: Record = TREATED) -> Record:
    return base.put(docetaxel=course)


def verapamil(outcome: str) -> Expected:
    """Verapamil closes NCT03304080 while it is active."""
    return expect(SINAI, cyp3a4=outcome)


def washout(outcome: str) -> Expected:
    """Chemotherapy closes ASPIRE until it has been over for 14 days."""
    return expect(ASPIRE, recent_chemo_radiotherapy=outcome)


# ---- start ----
case = chapter.rule("The start is a Period's, the effective time, the time given or handed over, else authoredOn")
# PATINA asks for chemotherapy given since the metastasis of 15 January
for name, course, outcome in (
    ("given-before", administration(RxNorm.DOCETAXEL, "2026-01-14"), "unknown/missing"),
    ("handed-over", dispense(RxNorm.DOCETAXEL, "2026-01-16"), "pass/recorded"),
    ("authored", request(RxNorm.DOCETAXEL, "2026-01-16", status="completed"), "pass/recorded"),
):
    case(f"drug-start-{name}", with_docetaxel(course, INDUCED), expect(PATINA, induction_chemo_her2=outcome))
case = chapter.rule("Without one the drug was taken at an unknown time, which decides only where 'ever' is asked")
SOME_TIME = statement(RxNorm.DOCETAXEL, status="completed")
case(
    "drug-start-none-window",
    with_docetaxel(SOME_TIME, INDUCED),
    expect(PATINA, induction_chemo_her2="unknown"),
)
case("drug-start-none-ever", with_docetaxel(SOME_TIME), expect(ASPIRE, prior_taxane="pass/recorded"))

# ---- end, and what is active ----
case = chapter.rule(
    "An end on or after the as-of date is active on it; an active record whose end has passed has ended"
)
case(
    "drug-end-on-the-day",
    UNTREATED.add(statement(RxNorm.VERAPAMIL, "2026-09-01", "2026-11-21", status="active")),
    verapamil("fail/recorded"),
)
case(
    "drug-end-yesterday",
    UNTREATED.add(statement(RxNorm.VERAPAMIL, "2026-09-01", "2026-11-20", status="active")),
    verapamil("pass"),
)
# completed, with an end to come: the end decides
case(
    "drug-end-completed-to-come",
    UNTREATED.add(statement(RxNorm.VERAPAMIL, "2026-11-01", "2026-12-01")),
    verapamil("fail/recorded"),
)
case = chapter.rule("An active record without an end is active")
case("drug-end-active-no-end", UNTREATED.add(statement(RxNorm.VERAPAMIL_TABLET)), verapamil("fail/recorded"))
case = chapter.rule("An order ends with its dosage's bounds or its dispense's validity period")
case(
    "drug-end-bounds-past",
    UNTREATED.add(request(RxNorm.VERAPAMIL, "2026-09-01", bounds=period("2026-09-01", "2026-10-01"))),
    verapamil("pass"),
)
VALID_UNTIL_YESTERDAY = {"validityPeriod": period("2026-09-01", "2026-11-20")}
case(
    "drug-end-validity-past",
    UNTREATED.add(request(RxNorm.VERAPAMIL, "2026-09-01", dispenseRequest=VALID_UNTIL_YESTERDAY)),
    verapamil("pass"),
)
# bounds may be a duration as well as a Period
case(
    "drug-end-bounds-duration",
    UNTREATED.add(request(RxNorm.VERAPAMIL, "2026-09-01", bounds=quantity(10, "d"))),
    verapamil("pass"),
    "ten days from the start",
)
case = chapter.rule("On hold is neither active nor ended: unknown where 'active' decides")
case(
    "drug-hold-statement",
    UNTREATED.add(statement(RxNorm.VERAPAMIL, "2026-09-01", status="on-hold")),
    verapamil("unknown"),
)
case(
    "drug-hold-request",
    TREATED.add(request(RxNorm.LETROZOLE, "2026-09-01", status="on-hold")),
    expect(YALE, concurrent_therapy="unknown"),
)
case = chapter.rule("A record that has ended and tells no end is not active; for a washout its end is not known")
case(
    "drug-ended-no-end-active",
    UNTREATED.add(statement(RxNorm.VERAPAMIL, "2026-09-01", status="completed")),
    verapamil("pass"),
)


def ended(start: str = "2026-09-01", **more: Any) -> Record:
    return with_docetaxel(statement(RxNorm.DOCETAXEL, start, status="completed", **more))


case("drug-ended-no-end-washout", ended(), washout("unknown"))
case("drug-ended-no-end-start-recent", ended("2026-11-10"), washout("fail/recorded"), "it started inside the window")
case = chapter.rule("It ended between its start and the first of dateAsserted, meta.lastUpdated and the as-of date")
case("drug-ended-asserted-before", ended(dateAsserted="2026-11-06"), washout("pass"))
case("drug-ended-asserted-inside", ended(dateAsserted="2026-11-07"), washout("unknown"))
case(
    "drug-ended-first-of-both",
    ended(dateAsserted="2026-11-15", meta={"lastUpdated": "2026-10-15T10:00:00Z"}),
    washout("pass"),
)
case = chapter.rule("The same dose told twice, by request and administration, is one")
# read alone, the order's end would not be known
case(
    "drug-dose-told-twice",
    with_docetaxel(administration(RxNorm.DOCETAXEL, "2026-10-01", request=reference("MedicationRequest/order"))).put(
        order=request(RxNorm.DOCETAXEL, "2026-09-28", status="completed")
    ),
    washout("pass"),
)

# ---- administrations only ----
case = chapter.rule(
    "An antineoplastic told only by administrations is active to day 14 after the last, unknown to day 42, then not"
)
for day, on, outcome in (
    (14, "2026-11-07", "review/manual"),
    (15, "2026-11-06", "unknown"),
    (42, "2026-10-10", "unknown"),
    (43, "2026-10-09", "pass"),
):
    case(
        f"drug-administration-day-{day}",
        TREATED.put(pertuzumab=administration(RxNorm.PERTUZUMAB, on)),
        expect(YALE, concurrent_therapy=outcome, prior_pertuzumab="pass/recorded"),
    )
case = chapter.rule("Any other administration is a point in time")
case(
    "drug-administration-point",
    UNTREATED.add(administration(RxNorm.VERAPAMIL, "2026-11-20")),
    verapamil("pass"),
)

# ---- depots ----
# a period three weeks ago: NCT03304080 takes her only while a GnRH agonist is active
PREMENOPAUSAL = (
    younger()
    .drop("goserelin", "pregnancy_test")
    .put(lmp=observation(Loinc.LAST_MENSTRUAL_PERIOD, {"valueDateTime": "2026-11-01"}))
)


def suppressed(outcome: str) -> Expected:
    return expect(SINAI, menopause_or_suppression=outcome)


case = chapter.rule("A depot GnRH agonist is active as long as its form lasts, with 7 days' grace")
for name, code, last, after in (
    ("goserelin-10.8", RxNorm.GOSERELIN_10_8_MG, "2026-08-22", "2026-08-21"),
    ("triptorelin-22.5", RxNorm.TRIPTORELIN_22_5_MG, "2026-05-30", "2026-05-29"),
):
    case(f"drug-gnrh-{name}-last", PREMENOPAUSAL.add(administration(code, last)), suppressed("pass/recorded"), name)
    case(f"drug-gnrh-{name}-after", PREMENOPAUSAL.add(administration(code, after)), suppressed("fail/recorded"), name)
case(
    "drug-gnrh-leuprolide-45-last",
    PREMENOPAUSAL.add(administration(RxNorm.LEUPROLIDE_45_MG, "2026-05-30")),
    suppressed("pass/recorded"),
    "leuprolide 45 mg as 0.375 mL of 120 mg/mL",
)
# the form is told by the dose that was given
case(
    "drug-gnrh-strength-in-dose",
    PREMENOPAUSAL.add(administration(RxNorm.GOSERELIN, "2026-09-01", dose=quantity(10.8, "mg"))),
    suppressed("pass/recorded"),
    "the strength told by the dose, not by the code",
)
case = chapter.rule("An active statement or order of a depot is active as its status says")
case(
    "drug-gnrh-statement-active",
    PREMENOPAUSAL.add(statement(RxNorm.GOSERELIN_3_6_MG, "2026-01-01")),
    suppressed("pass/recorded"),
)
case = chapter.rule("After a recorded end the form's length counts")
for name, end, outcome in (("inside", "2026-10-17", "pass/recorded"), ("outside", "2026-10-16", "fail/recorded")):
    case(
        f"drug-gnrh-after-end-{name}",
        PREMENOPAUSAL.add(statement(RxNorm.GOSERELIN_3_6_MG, "2026-01-01", end, status="stopped")),
        suppressed(outcome),
    )
case = chapter.rule("A dose that was not given is none")
case(
    "drug-gnrh-not-done",
    PREMENOPAUSAL.add(administration(RxNorm.GOSERELIN_3_6_MG, "2026-11-15", status="not-done")),
    suppressed("fail/recorded"),
)
