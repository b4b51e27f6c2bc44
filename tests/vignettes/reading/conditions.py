"""Conditions: verification, clinical status and abatement, what is read as history, dates, encounter diagnoses."""

from typing import Any

from tests.builders import (
    ENCOUNTER_DIAGNOSIS,
    PROBLEM_LIST_ITEM,
    SINAI,
    YALE,
    Icd10cm,
    Loinc,
    Record,
    Snomed,
    When,
    coding,
    concept,
    condition,
    eligible,
    flag,
    hl7,
    observation,
    period,
    snomed,
    years,
)
from tests.vignettes.vignette import Chapter, expect

chapter = Chapter()
UNTREATED = eligible(SINAI)


def with_cirrhosis(onset: When = "2025-02-01", **more: Any) -> Record:
    """Cirrhosis closes NCT03304080 where the patient has it."""
    return UNTREATED.add(condition(Icd10cm.CIRRHOSIS, onset, **more))


def with_infarction(onset: When = None, **more: Any) -> Record:
    """An infarction closes NCT03304080 for 6 months, and is read as history of."""
    return UNTREATED.add(condition(Icd10cm.INFARCTION, onset, **more))


# ---- several codings of a status ----


def two(own: str, system: str, code: str) -> dict[str, Any]:
    """A status as a server writes it, and as FHIR does."""
    return concept(coding("urn:oid:1.2.840.114350", own), hl7(system, code))


case = chapter.rule("Any coding of a status may match")
for name, more, outcome in (
    ("resolved", {"clinicalStatus": two("2", "condition-clinical", "resolved")}, "pass"),
    ("active", {"clinicalStatus": two("resolved", "condition-clinical", "active")}, "fail/recorded"),
    ("refuted", {"verificationStatus": two("7", "condition-ver-status", "refuted")}, "pass"),
    ("confirmed", {"verificationStatus": two("1", "condition-ver-status", "confirmed")}, "fail/recorded"),
    ("unconfirmed", {"verificationStatus": two("1", "condition-ver-status", "unconfirmed")}, "unknown/missing"),
    ("error", {"verificationStatus": two("9", "condition-ver-status", "entered-in-error")}, "pass"),
):
    record = UNTREATED.add(condition(Icd10cm.CIRRHOSIS, "2025-02-01") | more)
    case(f"condition-status-second-coding-{name}", record, expect(SINAI, liver_disease=outcome))
ENCOUNTER = concept(coding("urn:oid:1.2.840.114350", "3"), ENCOUNTER_DIAGNOSIS)
case(
    "condition-category-second-coding",
    UNTREATED.add(condition(Icd10cm.CIRRHOSIS, "2026-07-01", clinical=None) | {"category": [ENCOUNTER]}),
    expect(SINAI, liver_disease="pass"),
    "an old encounter diagnosis without a status",
)

# ---- body sites and stages without a usable code ----
case = chapter.rule("A body site or stage without its system, or in words, never decides alone")
SECONDARY = Snomed.METASTASIS
for name, site in (("no-system", coding(None, "12738006")), ("text", concept(text="Brain"))):
    placed = condition(SECONDARY, "2026-08-01") | {"bodySite": [concept(site)]}
    record = UNTREATED.put(metastasis=placed)
    case(
        f"condition-site-brain-{name}",
        record,
        expect(SINAI, metastatic_breast_cancer="pass/recorded", brain_metastases="unknown"),
        "distant in any case, and perhaps in the brain",
    )
for name, site in (("no-system", coding(None, "68171009")), ("text", concept(text="left axillary lymph node"))):
    placed = condition(SECONDARY, "2026-08-01") | {"bodySite": [concept(site)]}
    record = UNTREATED.put(metastasis=placed)
    case(f"condition-site-axilla-{name}", record, expect(SINAI, metastatic_breast_cancer="unknown"))
for name, site in (("no-system", coding(None, "76752008")), ("text", concept(text="Breast"))):
    placed = condition(Snomed.MALIGNANCY, "2024-05-10") | {"bodySite": [concept(site)]}
    record = UNTREATED.drop("metastasis").put(cancer=placed)
    case(f"condition-site-breast-{name}", record, expect(SINAI, metastatic_breast_cancer="unknown"))
for name, stage in (("no-system", coding(None, "258228008")), ("text", concept(text="Stage IV"))):
    staged = condition(Icd10cm.BREAST_CANCER, "2024-05-10") | {"stage": [{"summary": concept(stage)}]}
    record = UNTREATED.drop("metastasis").put(cancer=staged)
    case(f"condition-stage-4-{name}", record, expect(SINAI, metastatic_breast_cancer="unknown"))
for name, answer in (
    ("no-system", concept(coding(None, "12738006"))),
    ("text", concept(text="Brain")),
    ("string", "Brain"),
):
    told = observation(Loinc.METASTASIS_SITE, answer, "2026-08-01")
    case(f"observation-metastasis-site-{name}", UNTREATED.add(told), expect(SINAI, brain_metastases="unknown"))
case = chapter.rule("Yes tells no site of metastasis, and leaves every site open; no tells that there is none")
for name, value, more in (
    ("boolean", {"valueBoolean": True}, {}),
    ("code", Snomed.POSITIVE, {}),
    ("flag", None, {"interpretation": flag("POS")}),
):
    told = observation(Loinc.METASTASIS_SITE, value, "2026-08-01", **more)
    case(
        f"observation-metastasis-site-yes-{name}",
        UNTREATED.add(told),
        expect(SINAI, brain_metastases="unknown/unusable", metastatic_breast_cancer="pass/recorded"),
    )
for name, value, more in (("code", Snomed.NEGATIVE, {}), ("flag", None, {"interpretation": flag("NEG")})):
    told = observation(Loinc.METASTASIS_SITE, value, "2026-08-01", **more)
    case(
        f"observation-metastasis-site-no-{name}",
        UNTREATED.add(told),
        expect(SINAI, brain_metastases="pass/no-record", metastatic_breast_cancer="pass/recorded"),
    )
case(
    "observation-metastasis-site-not-known",
    UNTREATED.add(observation(Loinc.METASTASIS_SITE, snomed("261665006"), "2026-08-01")),
    expect(SINAI, brain_metastases="pass/no-record"),
    "one that is not known is no result",
)

# ---- verification ----
case = chapter.rule("Refuted and entered-in-error Conditions never count")
case(
    "condition-ver-never",
    with_cirrhosis(verification="refuted").add(
        condition(Icd10cm.OTHER_CIRRHOSIS, "2025-02-01", verification="entered-in-error", clinical=None)
    ),
    expect(SINAI, liver_disease="pass"),
)
case(
    "condition-ver-refuted-cancer",
    UNTREATED.drop("metastasis").put(cancer=condition(Icd10cm.BREAST_CANCER, "2024-05-10", verification="refuted")),
    expect(SINAI, metastatic_breast_cancer="fail/recorded"),
    "a breast cancer that was only refuted is a recorded absence",
)
case = chapter.rule("Provisional, differential and unconfirmed ones give unknown where they would decide")
case(
    "condition-ver-open",
    with_cirrhosis(verification="provisional").add(
        condition(Icd10cm.HAEMOPHILIA, "2025-02-01", verification="differential"),
        condition(Icd10cm.METASTASIS_TO_BRAIN, "2026-09-01", verification="unconfirmed"),
    ),
    expect(
        SINAI,
        liver_disease="unknown/missing",
        bleeding_diathesis="unknown/missing",
        brain_metastases="unknown/missing",
    ),
)
case(
    "condition-ver-provisional-beside-confirmed",
    with_cirrhosis(verification="provisional").add(condition(Icd10cm.OTHER_CIRRHOSIS, "2025-02-01")),
    expect(SINAI, liver_disease="fail/recorded"),
)
case(
    "condition-ver-provisional-resolved",
    with_cirrhosis(verification="provisional", clinical="resolved"),
    expect(SINAI, liver_disease="pass"),
    "a resolved one would not",
)
case(
    "condition-ver-provisional-old-mi",
    with_infarction("2024-01-01", verification="provisional"),
    expect(SINAI, cardiac_event="pass"),
    "one outside the window would not",
)
case = chapter.rule("No verification status counts as confirmed")
case("condition-ver-none", with_cirrhosis(verification=None), expect(SINAI, liver_disease="fail/recorded"))

# ---- clinical status and abatement ----
case = chapter.rule("A patient has what is active, a recurrence, a relapse or without a clinical status")
case(
    "condition-clin-has",
    with_cirrhosis(clinical="recurrence").add(
        condition(Icd10cm.HAEMOPHILIA, "2025-02-01", clinical="relapse"),
        condition(Icd10cm.ALCOHOL_DEPENDENCE, "2025-02-01", clinical=None),
    ),
    expect(SINAI, liver_disease="fail/recorded", bleeding_diathesis="fail/recorded", substance_use="fail/recorded"),
)
case(
    "condition-clin-has-not",
    with_cirrhosis(clinical="inactive").add(
        condition(Icd10cm.HAEMOPHILIA, "2025-02-01", clinical="remission"),
        condition(Icd10cm.ALCOHOL_DEPENDENCE, "2025-02-01", clinical="resolved"),
    ),
    expect(SINAI, liver_disease="pass", bleeding_diathesis="pass", substance_use="pass"),
)
case = chapter.rule("An abatement on or before the as-of date beats an active status")
for name, abatement, outcome in (
    ("before", "2026-10-01", "pass"),
    ("on-the-day", "2026-11-21", "pass"),
    ("after", "2026-11-22", "fail/recorded"),
    # cut at the as-of date: what ended in this month or year, or at this age, has ended by now
    ("month-of-the-day", "2026-11", "pass"),
    ("year-of-the-day", "2026", "pass"),
    ("month-after", "2026-12", "fail/recorded"),
    ("age-of-now", {"abatementAge": years(66)}, "pass"),
    ("age", {"abatementAge": years(65)}, "pass"),
    ("ages", {"abatementRange": {"low": years(63), "high": years(65)}}, "pass"),
    ("ages-across", {"abatementRange": {"low": years(63), "high": years(67)}}, "unknown"),
    ("period", period("2026-09-01", "2026-10-31"), "pass"),
    # an interval across the as-of date: it may have ended by then or not
    ("period-to-come", period("2026-11-01", "2026-12-31"), "unknown"),
    # text is no date: it ended some time, by then or not
    ("text", {"abatementString": "after treatment"}, "unknown"),
):
    case(f"condition-abate-{name}", with_cirrhosis(abatement=abatement), expect(SINAI, liver_disease=outcome))
case = chapter.rule(
    "Cancer, metastases and past events are read as history of: resolved, remission, inactive count too"
)
case(
    "condition-hist-mi-resolved",
    with_infarction("2026-09-01", clinical="resolved", abatement="2026-09-20"),
    expect(SINAI, cardiac_event="fail/recorded"),
)
case(
    "condition-hist-stroke-inactive",
    eligible(YALE).add(condition(Icd10cm.STROKE, "2026-09-15", clinical="inactive")),
    expect(YALE, cardiac_event="fail/recorded"),
)
case(
    "condition-hist-brain-mets-remission",
    UNTREATED.add(condition(Icd10cm.METASTASIS_TO_BRAIN, "2026-09-01", clinical="remission")),
    expect(SINAI, brain_metastases="review/manual"),
)

# ---- dates ----
case = chapter.rule("The date is the onset, else the recorded date as 'then or earlier'")
case(
    "condition-date-recorded-in-window",
    with_infarction(recorded="2026-10-01"),
    expect(SINAI, cardiac_event="unknown"),
)
case(
    "condition-date-recorded-before-window",
    with_infarction(recorded="2026-05-20"),
    expect(SINAI, cardiac_event="pass"),
)
case(
    "condition-date-onset-beats-recorded",
    with_infarction("2026-04-01", recorded="2026-10-01"),
    expect(SINAI, cardiac_event="pass"),
)
case = chapter.rule("A clinical status that FHIR does not know tells neither presence nor its end")
case("condition-status-not-known", with_cirrhosis(clinical="quiescent"), expect(SINAI, liver_disease="unknown/missing"))
case(
    "condition-status-not-known-abated",
    with_cirrhosis(clinical="quiescent", abatement="2026-03-01"),
    expect(SINAI, liver_disease="pass"),
    "an abatement ends it all the same",
)
case(
    "condition-status-not-known-history",
    UNTREATED.add(condition(Icd10cm.METASTASIS_TO_BRAIN, "2026-09-01", clinical="quiescent")),
    expect(SINAI, brain_metastases="review"),
    "history of asks for no status",
)
case = chapter.rule("An undated Condition is unknown where a window decides")
case("condition-date-undated", with_infarction(), expect(SINAI, cardiac_event="unknown/missing"))
case = chapter.rule("An encounter diagnosis without a clinical status is had for 28 days")
for days, recorded, outcome in ((28, "2026-10-24", "fail/recorded"), (29, "2026-10-23", "pass")):
    case(
        f"condition-enc-{days}",
        with_cirrhosis(None, clinical=None, recorded=recorded, category=ENCOUNTER_DIAGNOSIS),
        expect(SINAI, liver_disease=outcome),
    )
case = chapter.rule("Where a partial date leaves the 28 days of an encounter diagnosis open: unknown")
for recorded, outcome in (
    ("2026-11", "fail/recorded"),  # all of it until the as-of date lies within 28 days
    ("2026-10", "unknown/missing"),
    ("2026-09", "pass"),
    ("2026", "unknown/missing"),
    ("2025", "pass"),
):
    case(
        f"condition-enc-recorded-{recorded}",
        with_cirrhosis(None, clinical=None, recorded=recorded, category=ENCOUNTER_DIAGNOSIS),
        expect(SINAI, liver_disease=outcome),
    )
case(
    "condition-enc-recorded-in-part-onset-new",
    with_cirrhosis("2026-11-10", clinical=None, recorded="2026-10", category=ENCOUNTER_DIAGNOSIS),
    expect(SINAI, liver_disease="fail/recorded"),
    "an onset inside the 28 days is no earlier than the record",
)
case(
    "condition-enc-recorded-new-onset-in-part",
    with_cirrhosis("2026", clinical=None, recorded="2026-11-10", category=ENCOUNTER_DIAGNOSIS),
    expect(SINAI, liver_disease="fail/recorded"),
    "the later of the two is no earlier than the record",
)
case = chapter.rule("An encounter diagnosis without a clinical status is had for 28 days")
case(
    "condition-enc-problem-list",
    with_cirrhosis(None, clinical=None, recorded="2026-03-01", category=PROBLEM_LIST_ITEM),
    expect(SINAI, liver_disease="fail/recorded"),
    "a problem-list item has no such term",
)
BOTH_CATEGORIES = {"category": [concept(ENCOUNTER_DIAGNOSIS), concept(PROBLEM_LIST_ITEM)]}
case(
    "condition-enc-and-problem-list",
    UNTREATED.add(condition(Icd10cm.CIRRHOSIS, clinical=None, recorded="2026-03-02") | BOTH_CATEGORIES),
    expect(SINAI, liver_disease="fail/recorded"),
    "nor has one that is of an encounter too",
)
# the 28 days run from the encounter, when it was recorded, not from an onset long ago
case(
    "condition-enc-onset-old-recorded-new",
    with_cirrhosis("2020-01-01", clinical=None, recorded="2026-11-10", category=ENCOUNTER_DIAGNOSIS),
    expect(SINAI, liver_disease="fail/recorded"),
)
# without any date the 28 days cannot be counted
case(
    "condition-enc-undated",
    with_cirrhosis(None, clinical=None, category=ENCOUNTER_DIAGNOSIS),
    expect(SINAI, liver_disease="unknown"),
)
case(
    "condition-enc-history",
    UNTREATED.add(condition(Icd10cm.METASTASIS_TO_BRAIN, "2026-08-20", clinical=None, category=ENCOUNTER_DIAGNOSIS)),
    expect(SINAI, brain_metastases="review/manual"),
    "what is read as history stays",
)
