"""Procedures: which were done, and when."""

from tests.builders import (
    ASPIRE,
    SINAI,
    Coding,
    Json,
    Snomed,
    When,
    coding,
    concept,
    eligible,
    period,
    procedure,
    reference,
    snomed,
    years,
    younger,
)
from tests.vignettes.vignette import Chapter, Expected, expect

chapter = Chapter()
TREATED = eligible(ASPIRE)


def recent(outcome: str) -> Expected:
    """Radiotherapy within 14 days closes ASPIRE."""
    return expect(ASPIRE, recent_chemo_radiotherapy=outcome)


def radiotherapy(on: When, status: str = "completed") -> Json:
    return procedure(Snomed.TELERADIOTHERAPY, on, status=status)


case = chapter.rule(
    "Completed, in-progress, stopped and on-hold Procedures were done; of one of unknown status it is unknown"
)
for status in ("completed", "in-progress", "stopped", "on-hold"):
    case(f"procedure-{status}", TREATED.add(radiotherapy("2026-11-15", status)), recent("fail/recorded"))
case("procedure-unknown", TREATED.add(radiotherapy("2026-11-15", "unknown")), recent("unknown"))
case(
    "procedure-unknown-old",
    TREATED.add(radiotherapy("2020-11-15", "unknown")),
    recent("pass"),
    "an old one would not decide",
)
case = chapter.rule("What was not done, is in preparation or was entered in error never counts")
NEVER = ("not-done", "preparation", "entered-in-error")
case("procedure-never", TREATED.add(*(radiotherapy("2026-11-15", status) for status in NEVER)), recent("pass"))

case = chapter.rule("Its time is a dateTime or a Period: the end for a washout, now while it is in progress")
case("procedure-period-end-out", TREATED.add(radiotherapy(period("2026-09-01", "2026-11-06"))), recent("pass"))
case(
    "procedure-in-progress-now",
    TREATED.add(radiotherapy(period("2026-09-01"), "in-progress")),
    recent("fail/recorded"),
)
# it ended some time up to now
case("procedure-completed-no-end", TREATED.add(radiotherapy(period("2026-09-01"))), recent("unknown"))
case("procedure-partial", TREATED.add(radiotherapy("2026-11")), recent("unknown"), "some day of the month")
case = chapter.rule("The patient's age then is a year, or several, from the birthday on")
for name, on, outcome in (
    ("age", {"performedAge": years(65)}, "pass"),
    ("age-now", {"performedAge": years(66)}, "unknown"),
    ("ages", {"performedRange": {"low": years(60), "high": years(65)}}, "pass"),
    ("ages-now", {"performedRange": {"low": years(60), "high": years(66)}}, "unknown"),
):
    case(f"procedure-{name}", TREATED.add(radiotherapy(on)), recent(outcome))
case = chapter.rule("An undated Procedure decides 'ever' and is unknown for a window")
case(
    "procedure-undated-ever",
    younger().drop("goserelin").add(procedure(Snomed.BILATERAL_OOPHORECTOMY)),
    expect(SINAI, menopause_or_suppression="pass/recorded"),
)
case("procedure-undated-window", TREATED.add(radiotherapy(None)), recent("unknown"))
case = chapter.rule("A request is no Procedure")
ORDERED = {
    "resourceType": "ServiceRequest",
    "status": "active",
    "intent": "order",
    "code": radiotherapy(None)["code"],
    "subject": reference("Patient/p1"),
    "occurrenceDateTime": "2026-11-15",
}
case("procedure-request", TREATED.add(ORDERED), recent("pass"))

case = chapter.rule(
    "A Procedure whose code no value set knows, of a category that is radiotherapy, may be radiotherapy: unknown"
)
UNKNOWN_CODE = coding("http://fhir.de/CodeSystem/bfarm/ops", "8-522.d1", "Hochvoltstrahlentherapie")
OF_A_RADIATION_UNIT = snomed("108290001", "Radiation oncology AND/OR radiotherapy (procedure)")


def of_category(category: Coding, on: When, code: Coding = UNKNOWN_CODE) -> Json:
    return procedure(code, on, category=concept(category))


for name, category in (("radiotherapy", snomed("1287742003")), ("radiation-oncology", OF_A_RADIATION_UNIT)):
    case(f"procedure-category-{name}", TREATED.add(of_category(category, "2026-11-15")), recent("unknown/unusable"))
case("procedure-category-old", TREATED.add(of_category(OF_A_RADIATION_UNIT, "2020-11-15")), recent("pass/recorded"))
case(
    "procedure-category-beside-a-known-code",
    TREATED.add(of_category(OF_A_RADIATION_UNIT, "2026-11-15", Snomed.TELERADIOTHERAPY)),
    recent("fail/recorded"),
)
case(
    "procedure-category-of-a-plan",
    TREATED.add(of_category(OF_A_RADIATION_UNIT, "2026-11-15", coding("urn:x", "1", "Radiotherapy planning scan"))),
    recent("pass"),
    "its words say that it was no treatment",
)
case(
    "procedure-category-surgery",
    TREATED.add(of_category(snomed("387713003", "Surgical procedure"), "2026-11-15")),
    recent("pass"),
)
