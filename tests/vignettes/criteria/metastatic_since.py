"""Since when the cancer is metastatic, through NCT03304080's question for treatment since then."""

from tests.builders import (
    SINAI,
    UNKNOWN_MODIFIER,
    Json,
    Loinc,
    Record,
    RxNorm,
    Snomed,
    coding,
    concept,
    condition,
    eligible,
    loinc,
    observation,
    reference,
    report,
    statement,
)
from tests.vignettes.vignette import Chapter, Expected, expect

chapter = Chapter()
METASTATIC = eligible(SINAI)
NO_METASTASIS = METASTATIC.drop("metastasis")


def first_line(outcome: str) -> Expected:
    return expect(SINAI, no_prior_metastatic_therapy=outcome)


def since(onset: str | None, recorded: str | None = None) -> Record:
    return METASTATIC.put(metastasis=condition(Snomed.METASTASIS_TO_BONE, onset, recorded=recorded))


def letrozole(start: str, end: str | None = None) -> Json:
    return statement(RxNorm.LETROZOLE_TABLET, start, end)


case = chapter.rule("A Condition without an onset has its recorded date, 'then or earlier'")
case(
    "since-recorded-date-therapy-after",
    since(None, "2026-09-01").add(letrozole("2026-09-20")),
    first_line("fail/recorded"),
)
case(
    "since-recorded-date-therapy-before",
    since(None, "2026-09-01").add(letrozole("2026-02-01", "2026-06-01")),
    first_line("unknown"),
    "a drug taken before it may still have been taken since the metastasis",
)
ADJUVANT = statement(RxNorm.LETROZOLE, "2020-01-01", "2024-12-01")
STAGE_4 = condition(Snomed.BREAST_CANCER, "2019-05-10", stage=Snomed.STAGE_4)
CT_OF_CHEST = loinc("24627-2")
ASSESSED = {"summary": concept(Snomed.STAGE_4), "assessment": [reference("Observation/ct")]}
case = chapter.rule("A stage inside a Condition has the date of its assessment, else none: not the onset of the cancer")
case("since-stage-in-condition-undated", NO_METASTASIS.put(cancer=STAGE_4).add(ADJUVANT), first_line("unknown"))
case(
    "since-stage-in-condition-assessed",
    NO_METASTASIS.put(
        cancer=STAGE_4 | {"stage": [ASSESSED]},
        ct=observation(Loinc.STAGE_CLINICAL, Snomed.STAGE_4, "2026-09-01"),
    ).add(ADJUVANT),
    first_line("pass"),
)
SCANS = [observation(CT_OF_CHEST, "seen", on, id=id) for id, on in (("late", "2026-09-01"), ("early", "2026-03-01"))]
TWICE = {"summary": concept(Snomed.STAGE_4), "assessment": [reference(f"Observation/{s['id']}") for s in SCANS]}
case(
    "since-stage-in-condition-assessed-twice",
    NO_METASTASIS.put(cancer=STAGE_4 | {"stage": [TWICE]}).add(*SCANS, letrozole("2026-05-01", "2026-06-30")),
    first_line("fail/recorded"),
    "the earlier of two assessments",
)
REPORT = {name: value for name, value in report("2026-09-01").items() if name != "effectiveDateTime"}
REPORT |= {"id": "ct", "effectivePeriod": {"start": "2026-09-01", "end": "2026-09-01"}}
BY_REPORT = {"summary": concept(Snomed.STAGE_4), "assessment": [reference("DiagnosticReport/ct")]}
case(
    "since-stage-in-condition-assessed-in-a-period",
    NO_METASTASIS.put(cancer=STAGE_4 | {"stage": [BY_REPORT]}).add(REPORT, ADJUVANT),
    first_line("pass"),
)
for name, more, outcome in (
    ("dated", {}, "pass"),
    ("entered-in-error", {"status": "entered-in-error"}, "unknown"),
):
    told = report("2026-09-01") | {"id": "ct"} | more
    case(
        f"since-stage-in-condition-assessed-in-a-report-{name}",
        NO_METASTASIS.put(cancer=STAGE_4 | {"stage": [BY_REPORT]}).add(told, ADJUVANT),
        first_line(outcome),
    )
case = chapter.rule("The earliest date of the evidence counts")
case(
    "since-earliest-evidence",
    METASTATIC.add(
        observation(Loinc.M_CLINICAL, Snomed.CLINICAL_M1, "2026-03-02"), letrozole("2026-05-01", "2026-06-30")
    ),
    first_line("fail/recorded"),
    "M1 in March, before the metastasis of September",
)
case = chapter.rule("A metastasis in doubt before it gives unknown where it would decide")
SUSPECTED = condition(Snomed.METASTASIS_TO_LIVER, "2026-03-02", verification="provisional")
for name, therapy, outcome in (
    ("between", letrozole("2026-05-01", "2026-06-30"), "unknown"),
    ("before", letrozole("2020-05-01", "2025-06-30"), "pass"),
    ("after", letrozole("2026-09-20"), "fail/recorded"),
):
    case(f"since-provisional-{name}", METASTATIC.add(SUSPECTED, therapy), first_line(outcome))
BETWEEN, BEFORE, AFTER = (
    letrozole("2026-05-01", "2026-06-30"),
    letrozole("2020-05-01", "2025-06-30"),
    letrozole("2026-09-20"),
)
for name, told in (
    ("without-a-system", condition(coding(None, "C78.7"), "2026-03-02")),
    ("in-words", condition(concept(text="Liver metastases"), "2026-03-02")),
    ("unusable", condition(Snomed.METASTASIS_TO_LIVER, "2026-03-02", modifierExtension=UNKNOWN_MODIFIER)),
    ("preliminary-m1", observation(Loinc.M_CLINICAL, Snomed.M1, "2026-03-02", status="preliminary")),
):
    for time, therapy, outcome in (
        ("between", BETWEEN, "unknown"),
        ("before", BEFORE, "pass"),
        ("after", AFTER, "fail/recorded"),
    ):
        case(f"since-{name}-{time}", METASTATIC.add(told, therapy), first_line(outcome))
case(
    "since-refuted-earlier",
    METASTATIC.add(condition(Snomed.METASTASIS_TO_LIVER, "2026-03-02", verification="refuted"), BETWEEN),
    first_line("pass"),
)
case(
    "since-stage-2-in-doubt-earlier",
    METASTATIC.add(observation(Loinc.STAGE_CLINICAL, Snomed.STAGE_2, "2026-03-02", status="preliminary"), BETWEEN),
    first_line("pass"),
    "a doubtful stage without spread may not have been the first",
)
case(
    "since-provisional-later",
    METASTATIC.add(SUSPECTED | {"onsetDateTime": "2026-10-02"}, letrozole("2026-05-01", "2026-06-30")),
    first_line("pass"),
)
case = chapter.rule("A comparison that is not the same over the whole of a partial date is unknown")
case("since-partial-month-overlaps", since("2026-09").add(letrozole("2026-09-15")), first_line("unknown"))
case("since-partial-month-clear", since("2026-09").add(letrozole("2026-10-01")), first_line("fail/recorded"))
case = chapter.rule("Where metastatic is undated or not established, any therapy makes it unknown")
case(
    "since-undated-any-therapy",
    since(None).add(statement(RxNorm.DOCETAXEL_SOLUTION, "2019-06-01", "2019-09-30")),
    first_line("unknown"),
)
case(
    "since-not-established",
    NO_METASTASIS.add(statement(RxNorm.TRASTUZUMAB_SOLUTION, "2019-06-01", "2020-06-01")),
    first_line("unknown"),
)
