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
case(
    "drug-end-bounds-duration-without-unit",
    UNTREATED.add(request(RxNorm.VERAPAMIL, "2026-09-01", bounds={"value": 10})),
    verapamil("fail/recorded"),
    "a length without a unit tells no end",
)


def ordered(drug: Json, authored: str, *repeats: Json, **more: Any) -> Json:
    """An order of several dosages, each with the bounds of its repetition."""
    dosages = [{"text": "as told"} | ({"timing": {"repeat": repeat}} if repeat else {}) for repeat in repeats]
    return request(drug, authored, dosageInstruction=dosages, **more)


def in_sequence(order: Json) -> Json:
    dosages = [dosage | {"sequence": i} for i, dosage in enumerate(order["dosageInstruction"], 1)]
    return order | {"dosageInstruction": dosages}


def between(start: str, end: str) -> Json:
    return {"boundsPeriod": period(start, end)}


def lasting(value: float, unit: str) -> Json:
    return {"boundsDuration": quantity(value, unit)}


case = chapter.rule("Bounds in months and years are calendar ones")
for name, value, unit, last, over in (
    ("months", 12, "mo", "2025-11-21", "2025-11-20"),
    ("half-a-year", 6, "mo", "2026-05-21", "2026-05-20"),
    ("years", 2, "a", "2024-11-21", "2024-11-20"),
    ("year-and-a-half", 1.5, "a", "2025-05-21", "2025-05-20"),
    ("end-of-a-month", 9, "mo", "2026-02-28", "2026-02-20"),
):
    order = request(RxNorm.VERAPAMIL, last, bounds=quantity(value, unit))
    case(f"drug-end-bounds-{name}-last", UNTREATED.add(order), verapamil("fail/recorded"), f"{value} {unit}")
    case(f"drug-end-bounds-{name}-over", UNTREATED.add(order | {"authoredOn": over}), verapamil("pass"))
case = chapter.rule("Bounds are in any unit of time, as UCUM code or as a word")
for name, length, last, over in (
    ("hours", quantity(48, "h"), "2026-11-19", "2026-11-18"),
    ("hours-in-words", quantity(48, text="hours"), "2026-11-19", "2026-11-18"),
    ("minutes", quantity(2880, "min"), "2026-11-19", "2026-11-18"),
    ("weeks", quantity(2, text="Weeks"), "2026-11-07", "2026-11-06"),
    ("year-in-words", quantity(1, text="year"), "2025-11-21", "2025-11-20"),
    ("years-in-short", quantity(1, text="yrs."), "2025-11-21", "2025-11-20"),
    ("days-of-a-form", quantity(3, text="day(s)"), "2026-11-18", "2026-11-17"),
):
    order = request(RxNorm.VERAPAMIL, last, bounds=length)
    case(f"drug-end-bounds-{name}-last", UNTREATED.add(order), verapamil("fail/recorded"), name)
    case(f"drug-end-bounds-{name}-over", UNTREATED.add(order | {"authoredOn": over}), verapamil("pass"), name)
case(
    "drug-end-bounds-unit-not-known",
    UNTREATED.add(request(RxNorm.VERAPAMIL, "2026-06-01", bounds=quantity(1, text="fortnight"))),
    verapamil("fail/recorded"),
    "another unit tells no end",
)
case = chapter.rule("Bounds that are a range are an interval, and so is what is no whole number of days")
TEN_TO_FOURTEEN = {"boundsRange": {"low": quantity(10, "d"), "high": quantity(14, "d")}}
for start, outcome in (
    ("2026-11-06", "pass"),
    ("2026-11-07", "unknown"),
    ("2026-11-10", "unknown"),
    ("2026-11-11", "fail/recorded"),
):
    case(
        f"drug-end-range-from-{start}",
        UNTREATED.add(ordered(RxNorm.VERAPAMIL, start, TEN_TO_FOURTEEN)),
        verapamil(outcome),
        "ten to fourteen days",
    )
case(
    "drug-end-range-at-most",
    UNTREATED.add(ordered(RxNorm.VERAPAMIL, "2026-11-07", {"boundsRange": {"high": quantity(2, "wk")}})),
    verapamil("unknown"),
)
case(
    "drug-end-range-at-least",
    UNTREATED.add(ordered(RxNorm.VERAPAMIL, "2025-11-07", {"boundsRange": {"low": quantity(2, "wk")}})),
    verapamil("fail/recorded"),
    "at least two weeks tells no end",
)
for start, outcome in (("2026-11-18", "pass"), ("2026-11-19", "unknown"), ("2026-11-20", "fail/recorded")):
    case(
        f"drug-end-hours-from-{start}",
        UNTREATED.add(request(RxNorm.VERAPAMIL, start, bounds=quantity(36, "h"))),
        verapamil(outcome),
        "36 hours",
    )
case = chapter.rule("An order of several dosages begins with the first of them and ends with the last")
# the cancer spread on 1 September 2026
ENDOCRINE = (between("2026-07-01", "2026-08-15"), between("2026-08-16", "2026-10-15"))
for name, repeats, outcome in (
    ("one", (between("2026-07-01", "2026-10-15"),), "unknown/missing"),
    ("two", ENDOCRINE, "unknown/missing"),
    ("two-in-reverse", ENDOCRINE[::-1], "unknown/missing"),
    ("both-after", (between("2026-09-01", "2026-09-20"), between("2026-09-21", "2026-10-15")), "fail/recorded"),
    ("both-before", (between("2026-07-01", "2026-07-31"), between("2026-08-01", "2026-08-31")), "pass"),
):
    case(
        f"drug-dosages-start-{name}",
        UNTREATED.add(ordered(RxNorm.LETROZOLE, "2026-07-01", *repeats, status="completed")),
        expect(SINAI, no_prior_metastatic_therapy=outcome),
        name,
    )
NOVEMBER, DECEMBER = between("2026-11-01", "2026-11-30"), between("2026-12-01", "2026-12-31")
for name, repeats, outcome in (
    ("next-month-too", (NOVEMBER, DECEMBER), "fail/recorded"),
    ("next-month-first-told", (DECEMBER, NOVEMBER), "fail/recorded"),
    ("all-to-come", (DECEMBER, between("2027-01-01", "2027-01-31")), "pass"),
    ("last-today", (between("2026-09-01", "2026-11-21"), between("2026-09-01", "2026-09-30")), "fail/recorded"),
    ("last-yesterday", (between("2026-09-01", "2026-11-20"), between("2026-09-01", "2026-09-30")), "pass"),
    ("lengths", (lasting(7, "d"), lasting(10, "d")), "pass"),
):
    case(
        f"drug-dosages-end-{name}",
        UNTREATED.add(ordered(RxNorm.VERAPAMIL, "2026-11-01", *repeats)),
        verapamil(outcome),
        name,
    )
# told to follow each other they last for both their times, unless they are meant at once
for authored, outcome in (
    ("2026-11-03", "pass"),
    ("2026-11-04", "unknown"),
    ("2026-11-10", "unknown"),
    ("2026-11-11", "fail/recorded"),
):
    order = in_sequence(ordered(RxNorm.VERAPAMIL, authored, lasting(7, "d"), lasting(10, "d")))
    case(f"drug-dosages-in-sequence-from-{authored}", UNTREATED.add(order), verapamil(outcome), "7 days, then 10")
case = chapter.rule("An order of which one dosage has no bounds tells no end by the others")
LOADING = between("2026-11-01", "2026-11-10")
case("drug-dosages-maintenance", UNTREATED.add(ordered(RxNorm.VERAPAMIL, "2026-11-01", LOADING, {})), verapamil("fail"))
case(
    "drug-dosages-maintenance-told-first",
    UNTREATED.add(ordered(RxNorm.VERAPAMIL, "2026-11-01", {}, LOADING)),
    verapamil("fail"),
)
case(
    "drug-dosages-maintenance-over",
    UNTREATED.add(ordered(RxNorm.VERAPAMIL, "2026-11-01", LOADING, between("2026-11-11", "2026-11-20"))),
    verapamil("pass"),
)
for end, outcome in (("2026-11-20", "pass"), ("2026-11-21", "fail")):
    valid = {"validityPeriod": period("2026-11-01", end)}
    case(
        f"drug-dosages-maintenance-valid-to-{end}",
        UNTREATED.add(ordered(RxNorm.VERAPAMIL, "2026-11-01", LOADING, {}, dispenseRequest=valid)),
        verapamil(outcome),
        "then its validity tells",
    )
for name, repeats, outcome in (
    ("open", (between("2026-07-01", "2026-07-31"), {}), "unknown"),
    ("told", (between("2026-07-01", "2026-07-31"),), "pass"),
):
    case(
        f"drug-dosages-{name}-washout",
        TREATED.put(docetaxel=ordered(RxNorm.CAPECITABINE, "2026-07-01", *repeats, status="completed")),
        washout(outcome),
        name,
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
case = chapter.rule("What has no start began before its end, so an end before the metastasis is of earlier therapy")
# the cancer spread on 1 September 2026, in YALE's patient on 5 May 2025
for name, course, outcome in (
    ("end-before", statement(RxNorm.LETROZOLE, None, "2026-08-31"), "pass"),
    ("end-on-the-day", statement(RxNorm.LETROZOLE, None, "2026-09-01"), "unknown"),
    ("asserted-before", statement(RxNorm.LETROZOLE, status="completed", dateAsserted="2026-08-31"), "pass"),
    ("asserted-on-the-day", statement(RxNorm.LETROZOLE, status="completed", dateAsserted="2026-09-01"), "unknown"),
    ("active-asserted-before", statement(RxNorm.LETROZOLE, dateAsserted="2026-08-31"), "unknown"),
    ("nothing-told", statement(RxNorm.LETROZOLE, status="completed"), "unknown"),
):
    case(
        f"drug-start-none-{name}",
        UNTREATED.add(course),
        expect(SINAI, no_prior_metastatic_therapy=outcome),
        name,
    )
for end, outcome in (("2025-05-04", "pass"), ("2025-05-05", "unknown")):
    case(
        f"drug-start-none-lines-{end}",
        TREATED.add(statement(RxNorm.CAPECITABINE, None, end)),
        expect(YALE, lines_of_therapy=outcome),
        "nor is it a new line",
    )

# ---- what was handed over ----
case = chapter.rule("What was handed over is surely taken while its supply lasts, and not as active after it")


def handed_over(drug: Json, on: str, days: int | None = None, **more: Any) -> Json:
    return dispense(drug, on) | ({"daysSupply": quantity(days, "d")} if days else {}) | more


for name, course, outcome in (
    ("lasts-today", handed_over(RxNorm.VERAPAMIL, "2026-10-22", 30), "fail/recorded"),
    ("over-yesterday", handed_over(RxNorm.VERAPAMIL, "2026-10-21", 30), "pass"),
    ("in-weeks", handed_over(RxNorm.VERAPAMIL, "2026-11-08") | {"daysSupply": quantity(2, "wk")}, "fail/recorded"),
    ("unit-not-told", handed_over(RxNorm.VERAPAMIL, "2026-11-20") | {"daysSupply": {"value": 2}}, "fail/recorded"),
    ("not-told", handed_over(RxNorm.VERAPAMIL, "2026-11-20"), "pass"),
):
    case(f"drug-supply-{name}", UNTREATED.add(course), verapamil(outcome), name)
case = chapter.rule("When it was over nobody tells: not before the supply is, and not as long again after it")
for on, outcome in (("2026-07-10", "unknown"), ("2026-07-09", "pass")):
    case(
        f"drug-supply-washout-from-{on}",
        with_docetaxel(handed_over(RxNorm.CAPECITABINE, on, 60)),
        washout(outcome),
        "60 days, or late doses for 60 more",
    )
case = chapter.rule("Without a supply what was handed over tells no end: by the date of its record, else up to now")


def updated(on: str) -> Json:
    return {"lastUpdated": f"{on}T10:00:00Z"}


for name, course, outcome in (
    ("no-date", handed_over(RxNorm.CAPECITABINE, "2026-03-01"), "unknown"),
    ("inside", handed_over(RxNorm.CAPECITABINE, "2026-11-07"), "fail/recorded"),
    ("recorded-before", handed_over(RxNorm.CAPECITABINE, "2026-03-01", meta=updated("2026-11-06")), "pass"),
    ("recorded-inside", handed_over(RxNorm.CAPECITABINE, "2026-03-01", meta=updated("2026-11-07")), "unknown"),
):
    case(f"drug-handed-over-{name}", with_docetaxel(course), washout(outcome), name)

case = chapter.rule("The same dose told twice, by request and administration, is one")
# read alone, the order's end would not be known
case(
    "drug-dose-told-twice",
    with_docetaxel(administration(RxNorm.DOCETAXEL, "2026-10-01", request=reference("MedicationRequest/order"))).put(
        order=request(RxNorm.DOCETAXEL, "2026-09-28", status="completed")
    ),
    washout("pass"),
)


def completed_order(on: str, drug: Json = RxNorm.DOCETAXEL) -> Json:
    """An order that ended and does not tell when."""
    return request(drug, on, status="completed")


DOSE = administration(RxNorm.DOCETAXEL, "2026-10-01")
case = chapter.rule("Doses tell of the order that was the last before them, and only of its drugs")
for name, dose, orders, outcome in (
    ("on-its-day", DOSE, ("2026-10-01",), "pass"),
    ("before-it", DOSE, ("2026-10-02",), "unknown"),
    ("of-the-first-order", DOSE, ("2026-09-28", "2026-10-20"), "unknown"),
    ("of-the-second-order", DOSE, ("2026-08-01", "2026-09-28"), "unknown"),
    ("of-unknown-status", DOSE | {"status": "unknown"}, ("2026-09-28",), "unknown"),
    ("of-another-drug", administration(RxNorm.PERTUZUMAB, "2026-10-01"), ("2026-09-28",), "unknown"),
):
    record = with_docetaxel(dose).add(*(completed_order(on) for on in orders))
    case(f"drug-dose-{name}", record, washout(outcome))
case(
    "drug-dose-of-unknown-status-beside-others",
    with_docetaxel(DOSE | {"status": "unknown"}).add(
        completed_order("2026-09-28"), administration(RxNorm.PERTUZUMAB, "2026-10-01")
    ),
    washout("unknown"),
    "certain doses of another drug make these no more certain",
)
case(
    "drug-dose-of-each-order",
    with_docetaxel(DOSE).add(
        completed_order("2026-08-01"), administration(RxNorm.DOCETAXEL, "2026-08-03"), completed_order("2026-09-28")
    ),
    washout("pass"),
)
for name, given, outcome in (
    ("both", RxNorm.PHESGO_15_ML, "pass/recorded"),
    ("one", RxNorm.TRASTUZUMAB_SOLUTION, "unknown"),
):
    case(
        f"drug-dose-of-{name}-of-two-drugs",
        UNTREATED.add(completed_order("2025-01-01", RxNorm.PHESGO_15_ML), administration(given, "2025-01-05")),
        expect(SINAI, adjuvant_her2_washout=outcome),
    )
case = chapter.rule("Numbered dosages without bounds tell no end")
case(
    "drug-dosages-numbered-without-bounds",
    UNTREATED.add(
        request(
            RxNorm.VERAPAMIL,
            "2026-09-01",
            dosageInstruction=[{"sequence": n, "text": "by mouth"} for n in (1, 2)],
        )
    ),
    verapamil("fail/recorded"),
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
    ("leuprolide-42", RxNorm.CAMCEVI_42_MG, "2026-05-30", "2026-05-29"),
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
case = chapter.rule("What was handed over of a depot counts as its dose, and while its supply lasts")
for name, on, days, outcome in (
    ("last", "2026-10-17", None, "pass/recorded"),
    ("after", "2026-10-16", None, "fail/recorded"),
    ("supply-of-one-last", "2026-10-17", 28, "pass/recorded"),
    ("supply-of-one-after", "2026-10-16", 28, "fail/recorded"),
    ("supply-of-three-last", "2026-08-29", 84, "pass/recorded"),
    ("supply-of-three-after", "2026-08-28", 84, "fail/recorded"),
):
    case(
        f"drug-gnrh-handed-over-{name}",
        PREMENOPAUSAL.add(handed_over(RxNorm.GOSERELIN_3_6_MG, on, days)),
        suppressed(outcome),
        name,
    )
case = chapter.rule("A dose that was not given is none")
case(
    "drug-gnrh-not-done",
    PREMENOPAUSAL.add(administration(RxNorm.GOSERELIN_3_6_MG, "2026-11-15", status="not-done")),
    suppressed("fail/recorded"),
)
