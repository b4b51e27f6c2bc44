"""The as-of date: days and zones, windows, calendar months and years, partial dates, ages, periods, decimals."""

from datetime import date
from decimal import Decimal

from tests.builders import (
    SINAI,
    Icd10cm,
    Json,
    Loinc,
    Record,
    RxNorm,
    Snomed,
    condition,
    eligible,
    laboratory,
    observation,
    patient,
    period,
    procedure,
    quantity,
    request,
    statement,
    years,
    younger,
)
from tests.vignettes.vignette import Chapter, expect

chapter = Chapter()
UNTREATED = eligible(SINAI)


def anc(value: float, on: str, **more: str) -> Json:
    return laboratory(Loinc.ANC, value, "10*3/uL", on, **more)


def with_infarction(onset: str | Json | None, **more: str) -> Record:
    return UNTREATED.add(condition(Icd10cm.INFARCTION, onset, **more))


# ---- the whole of the day, in a zone ----
case = chapter.rule("The as-of date is the whole of that day")
case("date-day-last-second", UNTREATED.add(anc(0.9, "2026-11-21T23:59:59Z")), expect(SINAI, anc="fail/recorded"))
case = chapter.rule("A time with an offset falls on its day in the configured zone, UTC by default")
case(
    "date-offset-behind-is-tomorrow",
    UNTREATED.add(anc(0.9, "2026-11-21T22:30:00-05:00")),
    expect(SINAI, anc="pass/recorded"),
)
case(
    "date-offset-ahead-is-today",
    UNTREATED.add(anc(0.9, "2026-11-22T01:30:00+09:00")),
    expect(SINAI, anc="fail/recorded"),
)
case(
    "date-offset-window-29-days",
    UNTREATED.put(anc=anc(2.1, "2026-10-24T00:30:00+02:00")),
    expect(SINAI, anc="unknown/stale"),
)
case(
    "date-zone-configured",
    UNTREATED.add(anc(0.9, "2026-11-21T22:30:00-05:00")),
    expect(SINAI, anc="fail/recorded"),
    "in New York that evening is still today",
    zone="America/New_York",
)
case = chapter.rule("A plain date is that day as written, whatever the zone")
case(
    "date-zone-plain-date-as-written",
    UNTREATED.put(anc=anc(2.1, "2026-10-24")),
    expect(SINAI, anc="pass/recorded"),
    zone="Pacific/Auckland",
)

# ---- nothing dated after it ----
case = chapter.rule("What is clinically dated after the as-of date does not count: onset, effective, performed, start")
case("date-after-onset", UNTREATED.add(condition(Icd10cm.CIRRHOSIS, "2026-11-22")), expect(SINAI, liver_disease="pass"))
case(
    "date-on-onset",
    UNTREATED.add(condition(Icd10cm.CIRRHOSIS, "2026-11-21")),
    expect(SINAI, liver_disease="fail/recorded"),
)
case("date-after-drug-start", UNTREATED.add(statement(RxNorm.VERAPAMIL, "2026-11-22")), expect(SINAI, cyp3a4="pass"))
# authoredOn stands in for the start here, although it is also when the order was typed in
case("date-after-authored", UNTREATED.add(request(RxNorm.VERAPAMIL, "2026-12-01")), expect(SINAI, cyp3a4="pass"))
case(
    "date-after-performed",
    younger().drop("goserelin").add(procedure(Snomed.BILATERAL_OOPHORECTOMY, "2026-11-25")),
    expect(SINAI, menopause_or_suppression="unknown"),
)
case = chapter.rule("The clinical date decides, not when something was typed in")
case(
    "date-typed-after-onset-before",
    UNTREATED.add(condition(Icd10cm.CIRRHOSIS, "2026-02-01", recorded="2026-12-05")),
    expect(SINAI, liver_disease="fail/recorded"),
)
# the recorded date means "then or earlier", and so it reaches back before the as-of date
case(
    "date-typed-after-no-onset",
    UNTREATED.add(condition(Icd10cm.CIRRHOSIS, recorded="2026-12-05")),
    expect(SINAI, liver_disease="fail/recorded"),
)
case(
    "date-typed-after-issued",
    UNTREATED.add(anc(0.9, "2026-11-15", issued="2026-11-25T08:00:00Z")),
    expect(SINAI, anc="fail/recorded"),
)

# ---- windows, calendar months and years ----
case = chapter.rule("'Within N days' includes day N")
case("date-within-anc-last-day", UNTREATED.put(anc=anc(2.1, "2026-10-24")), expect(SINAI, anc="pass/recorded"))
case = chapter.rule("A day that the month lacks is its last: 31 August less 6 months is 28 February")
# the months are counted back from the as-of date; forward, 28 February and 6 months would be 28 August
case(
    "date-months-missing-day",
    with_infarction("2026-02-28"),
    expect(SINAI, cardiac_event="fail/recorded"),
    as_of=date(2026, 8, 31),
)
case(
    "date-months-missing-day-before",
    with_infarction("2026-02-27"),
    expect(SINAI, cardiac_event="pass"),
    as_of=date(2026, 8, 31),
)
case = chapter.rule("Someone born on 29 February has the birthday on 1 March in common years")
BORN_ON_29_FEBRUARY = UNTREATED.put(patient=patient("2008-02-29"))
case(
    "date-leap-birthday-28-feb",
    BORN_ON_29_FEBRUARY,
    expect(SINAI, adult="fail/recorded"),
    as_of=date(2026, 2, 28),
)
case(
    "date-leap-birthday-1-mar",
    BORN_ON_29_FEBRUARY,
    expect(SINAI, adult="pass/recorded"),
    as_of=date(2026, 3, 1),
)

# ---- partial dates ----
case = chapter.rule("A partial date is an interval; a comparison that is not the same over all of it is unknown")
for birth, outcome in (("2008-11", "unknown"), ("2008-10", "pass/recorded")):
    case(f"date-partial-birth-{birth}", UNTREATED.put(patient=patient(birth)), expect(SINAI, adult=outcome))
for onset, outcome in (("2026-06", "fail/recorded"), ("2026", "unknown")):
    case(f"date-partial-mi-{onset}", with_infarction(onset), expect(SINAI, cardiac_event=outcome))
case("date-partial-lab-in", UNTREATED.put(anc=anc(2.1, "2026-11")), expect(SINAI, anc="pass/recorded"))
case("date-partial-lab-across", UNTREATED.put(anc=anc(2.1, "2026-10")), expect(SINAI, anc="unknown"))
case = chapter.rule("A partial date's interval is cut at the as-of date")
case(
    "date-partial-mi-cut",
    with_infarction("2026-11"),
    expect(SINAI, cardiac_event="fail/recorded"),
    "2026-11 is 1 to 21 November",
)
case(
    "date-partial-year-cut",
    with_infarction("2026"),
    expect(SINAI, cardiac_event="fail/recorded"),
    "2026 is until 15 January",
    as_of=date(2026, 1, 15),
)

# ---- ages, periods, text ----
case = chapter.rule("An age counts from the birth date as an interval of a year")
case("date-age-onset-across", with_infarction({"onsetAge": years(66)}), expect(SINAI, cardiac_event="unknown"))
case("date-age-onset-before", with_infarction({"onsetAge": years(65)}), expect(SINAI, cardiac_event="pass"))
case(
    "date-age-onset-no-birth",
    with_infarction({"onsetAge": years(40)}).put(patient=patient(None)),
    expect(SINAI, cardiac_event="unknown"),
    "without a birth date it is no date",
)
for name, comparator, age, outcome in (
    ("below-before", "<", 66, "pass"),
    ("below-across", "<", 67, "unknown"),
    ("above-across", ">", 40, "unknown"),
):
    record = with_infarction({"onsetAge": years(age) | {"comparator": comparator}})
    case(f"date-age-onset-{name}", record, expect(SINAI, cardiac_event=outcome), "with a comparator it is open")
case = chapter.rule("A Period is an interval")
case(
    "date-period-onset-across",
    with_infarction(period("2026-04-01", "2026-07-01")),
    expect(SINAI, cardiac_event="unknown"),
)
# an open Period reaches to the as-of date
case(
    "date-period-onset-start-only",
    with_infarction(period("2026-06-01")),
    expect(SINAI, cardiac_event="fail/recorded"),
)
case = chapter.rule("Text is no date")
case(
    "date-text-onset-looks-like-date",
    with_infarction({"onsetString": "2020-08-01"}),
    expect(SINAI, cardiac_event="unknown"),
)
# the reference names Age, Period and text; a Range of ages lies before the window at both ends
case(
    "date-onset-range",
    with_infarction({"onsetRange": {"low": quantity(50, "a"), "high": quantity(55, "a")}}),
    expect(SINAI, cardiac_event="pass"),
    "a Range of ages is an interval like an age",
)
case(
    "date-onset-range-open-end",
    with_infarction({"onsetRange": {"low": quantity(50, "a")}}),
    expect(SINAI, cardiac_event="unknown/missing"),
    "a Range of ages without its end is open",
)
case(
    "date-onset-range-open-start",
    with_infarction({"onsetRange": {"high": quantity(55, "a")}}),
    expect(SINAI, cardiac_event="pass"),
    "a Range of ages without its start lies before its end",
)

# ---- decimals ----
case = chapter.rule("Comparisons are decimal and nothing is rounded: 1.5 x 1.2 is 1.8")
case(
    "date-decimal-crea-1.8",
    UNTREATED.put(creatinine=laboratory(Loinc.CREATININE, 1.8, "mg/dL", high=1.2)),
    expect(SINAI, creatinine="pass/recorded"),
)
case(
    "date-decimal-crea-above",
    UNTREATED.put(creatinine=laboratory(Loinc.CREATININE, Decimal("1.80000000000000000001"), "mg/dL", high=1.2)),
    expect(SINAI, creatinine="fail/recorded"),
)
case(
    "date-decimal-hb-above-9",
    UNTREATED.put(hemoglobin=observation(Loinc.HEMOGLOBIN, quantity(Decimal("9.00000000000000000001"), "g/dL"))),
    expect(SINAI, hemoglobin="pass/recorded"),
)
