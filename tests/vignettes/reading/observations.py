"""Observations: status, which result is the newest, dates of every shape, values that are missing or disagree, panels,
whom they are about, and how old they may be."""

from typing import Any

from tests.builders import (
    ASPIRE,
    RECENT,
    SINAI,
    UCUM,
    Icd10cm,
    Json,
    Loinc,
    LoincAnswer,
    Snomed,
    When,
    coding,
    concept,
    condition,
    eligible,
    flag,
    hl7,
    laboratory,
    local,
    observation,
    percent,
    period,
    quantity,
    reference,
    snomed,
)
from tests.vignettes.vignette import Chapter, expect

chapter = Chapter()
UNTREATED, TREATED = eligible(SINAI), eligible(ASPIRE)
NO_VALUE = {"dataAbsentReason": concept(hl7("data-absent-reason", "unknown"))}


def anc(value: float = 2.1, on: When = RECENT, **more: Any) -> Json:
    return laboratory(Loinc.ANC, value, "10*3/uL", on, **more)


# ---- status ----
case = chapter.rule("Amended and corrected results count like final ones")
for status in ("amended", "corrected"):
    case(
        f"observation-status-{status}",
        UNTREATED.add(anc(0.9, "2026-11-15", status=status)),
        expect(SINAI, anc="fail/recorded"),
    )
case = chapter.rule("Entered-in-error and cancelled results never count; an older one decides")
case(
    "observation-status-never",
    UNTREATED.add(anc(0.9, "2026-11-15", status="entered-in-error"), anc(0.9, "2026-11-16", status="cancelled")),
    expect(SINAI, anc="pass/recorded"),
)
case = chapter.rule("Preliminary, registered and unknown results, and those without a status, do not decide")
case(
    "observation-status-preliminary-only",
    UNTREATED.put(anc=anc(status="preliminary")),
    expect(SINAI, anc="unknown/missing"),
)
case(
    "observation-status-undeciding",
    UNTREATED.add(
        anc(0.9, "2026-11-15", status="registered"),
        anc(0.9, "2026-11-16", status="unknown"),
        anc(0.9, "2026-11-17", status=None),
    ),
    expect(SINAI, anc="pass/recorded"),
    "registered, unknown and none, newer than a good final one",
)
case(
    "observation-status-preliminary-newest-bad",
    UNTREATED.add(anc(0.9, "2026-11-15", status="preliminary")),
    expect(SINAI, anc="pass/recorded"),
)
# a provisional record that would exclude is unknown everywhere else, and so it is no silence here
case(
    "observation-status-preliminary-exclusion",
    UNTREATED.put(saturation=observation(Loinc.SATURATION, percent(85), status="preliminary")),
    expect(SINAI, lung_function="unknown"),
)
case(
    "observation-undated-exclusion",
    UNTREATED.put(saturation=observation(Loinc.SATURATION, percent(85), None)),
    expect(SINAI, lung_function="unknown/missing"),
    "undated it does not decide, but would exclude",
)
case(
    "observation-undated-no-exclusion",
    UNTREATED.put(saturation=observation(Loinc.SATURATION, percent(97), None)),
    expect(SINAI, lung_function="pass/no-record"),
)
case = chapter.rule("A status in the wrong case is read")
case(
    "observation-status-wrong-case",
    UNTREATED.add(anc(0.9, "2026-11-15", status="FINAL")),
    expect(SINAI, anc="fail/recorded"),
)
case(
    "observation-status-wrong-case-error",
    UNTREATED.add(anc(0.9, "2026-11-15", status="Entered-In-Error")),
    expect(SINAI, anc="pass/recorded"),
)

# ---- other types of value ----
case = chapter.rule("An answer in words is read where the whole of it is a number, a range or a score")
for name, value, outcome in (
    ("percentage", concept(text="90 %"), "pass/recorded"),
    ("below-one", concept(text="<1 %"), "fail/recorded"),
    ("word", concept(text="Positive"), "unknown/unusable"),
    ("beside-a-code", concept(local("ER90"), text="90 %"), "unknown/unusable"),
    ("not-known", concept(snomed("261665006")), "unknown/missing"),
    ("whole-number", {"valueInteger": 90}, "unknown/unusable"),
    ("moment", {"valueDateTime": "2026-11-10"}, "unknown/unusable"),
    ("sampled", {"valueSampledData": {"origin": {"value": 0}, "period": 1, "dimensions": 1}}, "unknown/unusable"),
):
    case(
        f"observation-answer-{name}",
        UNTREATED.put(er=observation(Loinc.ER, value), pr=observation(Loinc.PR, Snomed.NEGATIVE)),
        expect(SINAI, hormone_receptor_positive=outcome),
    )
for name, value, outcome in (
    ("number", concept(text="2.1 10*3/uL"), "pass/recorded"),
    ("number-without-a-unit", concept(text="2.1"), "unknown/unusable"),
    ("not-known", concept(snomed("261665006")), "unknown/missing"),
    ("word", concept(Snomed.NORMAL), "unknown/unusable"),
    ("boolean", {"valueBoolean": True}, "unknown/unusable"),
):
    case(
        f"observation-number-as-concept-{name}",
        UNTREATED.put(anc=observation(Loinc.ANC, value)),
        expect(SINAI, anc=outcome),
    )

# ---- the newest ----
case = chapter.rule("A date that is written and cannot be read may be the newest: its result decides nothing")
for name, on in (
    ("date", {"effectiveDateTime": "soon after"}),
    ("instant", {"effectiveInstant": "soon after"}),
    ("period-start", period("soon after")),
    ("period-end", period("2026-11-01", "soon after")),
    ("timing-event", {"effectiveTiming": {"event": ["2026-11-01", "soon after"]}}),
    ("timing-bounds", {"effectiveTiming": {"repeat": {"boundsPeriod": period("2026-11-01", "soon after")}}}),
):
    case(
        f"observation-time-unread-{name}",
        UNTREATED.put(er=observation(Loinc.ER, Snomed.POSITIVE, on), pr=observation(Loinc.PR, Snomed.NEGATIVE)),
        expect(SINAI, hormone_receptor_positive="unknown/unusable"),
    )
case(
    "observation-time-none-told",
    UNTREATED.put(
        er=observation(Loinc.ER, Snomed.POSITIVE, {"effectiveTiming": {"code": {"text": "in the morning"}}}),
        pr=observation(Loinc.PR, Snomed.NEGATIVE),
    ),
    expect(SINAI, hormone_receptor_positive="pass/recorded"),
    "without any date it is undated",
)
case = chapter.rule("The newest by effective time wins among all codes of one input")
case(
    "observation-newest-other-code-bad",
    UNTREATED.add(laboratory(Loinc.ANC_ANY_METHOD, 0.9, "10*3/uL", "2026-11-11")),
    expect(SINAI, anc="fail/recorded"),
)
case = chapter.rule("The time is a dateTime, an instant, a Period's end or else its start, or a Timing's last event")
case(
    "observation-time-instant",
    UNTREATED.add(anc(0.9, {"effectiveInstant": "2026-11-15T08:30:00.123Z"})),
    expect(SINAI, anc="fail/recorded"),
)
case(
    "observation-time-period-end",
    UNTREATED.put(anc=anc(2.1, period("2026-10-01", "2026-11-10"))),
    expect(SINAI, anc="pass/recorded"),
)
case(
    "observation-time-period-start-in",
    UNTREATED.put(anc=anc(2.1, period("2026-10-24"))),
    expect(SINAI, anc="pass/recorded"),
)
# its time is its end, which lies after the as-of date, although its start does not
case(
    "observation-time-period-ends-tomorrow",
    UNTREATED.add(anc(0.9, period("2026-11-12", "2026-11-22"))),
    expect(SINAI, anc="pass/recorded"),
)
case(
    "observation-time-timing-last-event",
    UNTREATED.put(anc=anc(2.1, {"effectiveTiming": {"event": ["2026-11-12", "2026-09-01"]}})),
    expect(SINAI, anc="pass/recorded"),
)
for name, bounds, outcome in (
    ("end", period("2026-10-01", "2026-11-10"), "pass/recorded"),
    ("end-old", period("2026-10-01", "2026-10-20"), "unknown/stale"),
    ("start", period("2026-11-10"), "pass/recorded"),
):
    case(
        f"observation-time-timing-bounds-{name}",
        UNTREATED.put(anc=anc(2.1, {"effectiveTiming": {"repeat": {"boundsPeriod": bounds}}})),
        expect(SINAI, anc=outcome),
        "a Timing without events lasts as long as its bounds",
    )
case = chapter.rule(
    "A plain date and any time on that day are one time; disagreement across the threshold is a conflict"
)
case(
    "observation-same-day-conflict",
    UNTREATED.add(anc(0.9, "2026-11-10T16:00:00Z")),
    expect(SINAI, anc="unknown/conflict"),
)
case(
    "observation-same-day-agree",
    UNTREATED.add(anc(3.4, "2026-11-10T16:00:00Z")),
    expect(SINAI, anc="pass/recorded"),
)
case(
    "observation-same-day-two-times",
    UNTREATED.put(anc=anc(0.9, "2026-11-10T08:00:00Z")).add(anc(2.1, "2026-11-10T16:00:00Z")),
    expect(SINAI, anc="pass/recorded"),
    "two times on one day are two times",
)
case(
    "observation-same-day-zone",
    UNTREATED.add(anc(0.9, "2026-11-10T23:30:00-05:00")),
    expect(SINAI, anc="fail/recorded"),
    "23:30 -05:00 is the next day in UTC",
)
case = chapter.rule("At the same time the one issued later wins")
case(
    "observation-issued-later-bad",
    UNTREATED.put(anc=anc(2.1, issued="2026-11-10T09:00:00Z")).add(anc(0.9, issued="2026-11-11T09:00:00Z")),
    expect(SINAI, anc="fail/recorded"),
)
# where only one of the two says when it was issued, neither is known to be the later
case(
    "observation-issued-one-only",
    UNTREATED.put(anc=anc(2.1, issued="2026-11-11T09:00:00Z")).add(anc(0.9)),
    expect(SINAI, anc="unknown/conflict"),
)
case(
    "observation-issued-of-two-among-three",
    UNTREATED.put(anc=anc(2.1)).add(anc(0.9, issued="2026-11-10T09:00:00Z"), anc(2.4, issued="2026-11-11T09:00:00Z")),
    expect(SINAI, anc="pass/recorded"),
    "one took the place of another, and the third says the same as it",
)
for name, date, on, outcome in (
    ("may-be-older", "2026-11", "2026-11-05", "unknown/conflict"),
    ("not-older", "2026-11", "2026-11-01", "fail/recorded"),
    ("told-alike", "2026-11", "2026-11", "fail/recorded"),
):
    # a date told in part is of the same time only where it is told alike, or can be neither older nor newer
    case(
        f"observation-issued-later-{name}",
        UNTREATED.put(anc=anc(2.1, on, issued=f"{on[:7]}-06T09:00:00Z")).add(
            anc(0.9, date, issued="2026-11-12T09:00:00Z")
        ),
        expect(SINAI, anc=outcome),
    )
case = chapter.rule("When it was issued, as the only date, proves 'older than' and never 'within'")
case(
    "observation-issued-only-recent",
    UNTREATED.put(anc=anc(2.1, None, issued="2026-11-15T09:00:00Z")),
    expect(SINAI, anc="unknown/missing"),
)
case(
    "observation-issued-only-old",
    UNTREATED.put(anc=anc(2.1, None, issued="2026-09-15T09:00:00Z")),
    expect(SINAI, anc="unknown/stale"),
)
case(
    "observation-issued-only-no-window",
    TREATED.put(er=observation(Loinc.ER, LoincAnswer.POSITIVE, None, issued="2025-05-11T09:00:00Z")),
    expect(ASPIRE, er_positive="pass/recorded"),
)
case(
    "observation-issued-only-older-negative",
    TREATED.add(observation(Loinc.ER, LoincAnswer.NEGATIVE, None, issued="2025-03-11T09:00:00Z")),
    expect(ASPIRE, er_positive="pass/recorded"),
)
# it may be older or newer than the positive one that has a date
case(
    "observation-issued-only-maybe-newer",
    TREATED.add(observation(Loinc.ER, LoincAnswer.NEGATIVE, None, issued="2025-06-11T09:00:00Z")),
    expect(ASPIRE, er_positive="unknown"),
)
case = chapter.rule("An undated result serves only where nothing dated does and no window is asked")
case("observation-undated-window-bad", UNTREATED.put(anc=anc(0.9, None)), expect(SINAI, anc="unknown"))
case(
    "observation-undated-no-window",
    TREATED.put(er=observation(Loinc.ER, LoincAnswer.POSITIVE, None)),
    expect(ASPIRE, er_positive="pass/recorded"),
)
case(
    "observation-undated-beside-dated",
    TREATED.add(observation(Loinc.ER, LoincAnswer.NEGATIVE, None)),
    expect(ASPIRE, er_positive="pass/recorded"),
)
case(
    "observation-undated-beside-stale-dated",
    UNTREATED.put(anc=anc(2.1, "2026-09-01")).add(anc(2.1, None)),
    expect(SINAI, anc="unknown"),
)

# ---- no value ----
case = chapter.rule("A result without a value is set aside; an older one may decide")
case(
    "observation-absent-newest",
    UNTREATED.add(observation(Loinc.ANC, None, "2026-11-18", **NO_VALUE)),
    expect(SINAI, anc="pass/recorded"),
)
case(
    "observation-no-value-date-unread",
    UNTREATED.add(observation(Loinc.ANC, None, {"effectiveDateTime": "2026-11-31"})),
    expect(SINAI, anc="pass/recorded"),
    "whatever its date",
)
case(
    "observation-no-value-no-reason",
    UNTREATED.add(observation(Loinc.ANC, None, "2026-11-18")),
    expect(SINAI, anc="pass/recorded"),
)
case(
    "observation-absent-exclusion",
    UNTREATED.put(saturation=observation(Loinc.SATURATION, **NO_VALUE)),
    expect(SINAI, lung_function="pass"),
)
ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
for name, value in (("unit-alone", {}), ("absent-inside", {"_value": ABSENT})):
    unit_alone = {"unit": "10*3/uL", "system": UCUM, "code": "10*3/uL", **value}
    case(
        f"observation-{name}",
        UNTREATED.add(observation(Loinc.ANC, None, "2026-11-18", valueQuantity=unit_alone)),
        expect(SINAI, anc="pass/recorded"),
        "a Quantity with a unit alone has no value",
    )
case = chapter.rule(
    "What is sent in part counts with what it says; a value or code that it does not tell may have been there"
)
IN_PART = {"meta": {"tag": [hl7("v3-ObservationValue", "SUBSETTED")]}}
for name, more, outcome in (
    ("value", anc(0.9, "2026-11-15"), "fail/recorded"),
    (
        "no-value",
        {key: value for key, value in anc(0.9, "2026-11-15").items() if key != "valueQuantity"},
        "unknown/unusable",
    ),
    ("absent", observation(Loinc.ANC, None, "2026-11-15", **NO_VALUE), "pass/recorded"),
):
    case(f"observation-in-part-{name}", UNTREATED.add(more | IN_PART), expect(SINAI, anc=outcome))
case(
    "condition-in-part",
    UNTREATED.add({key: value for key, value in condition(Icd10cm.CIRRHOSIS).items() if key != "code"} | IN_PART),
    expect(SINAI, anc="pass/recorded", liver_disease="unknown/missing"),
)
case = chapter.rule("An interpretation serves where there is no value")
for said, outcome in (("POS", "pass/recorded"), ("NEG", "fail/recorded"), ("DET", "pass/recorded")):
    case(
        f"observation-interpretation-{said}",
        TREATED.put(er=observation(Loinc.ER, interpretation=flag(said))),
        expect(ASPIRE, er_positive=outcome),
    )
case = chapter.rule("A preliminary result from after the as-of date is not there")
case(
    "observation-preliminary-later",
    UNTREATED.put(saturation=observation(Loinc.SATURATION, percent(85), "2026-12-01", status="preliminary")),
    expect(SINAI, lung_function="pass"),
)
case = chapter.rule("An interpretation without its system, or in words, is no answer, and an older one does not decide")
OLD_ER = observation(Loinc.ER, LoincAnswer.POSITIVE, "2019-05-12")
for name, said in (
    ("no-system", concept(coding(None, "NEG"))),
    ("wrong-system", concept(coding("http://x.example.org", "NEG"))),
    ("text", concept(text="Negative")),
):
    case(
        f"observation-interpretation-{name}",
        TREATED.put(er=observation(Loinc.ER, interpretation=[said])).add(OLD_ER),
        expect(ASPIRE, er_positive="unknown"),
    )
case = chapter.rule("An interpretation serves although a reason for the absence of a value is given")
# it has no value, and so the interpretation serves, although a reason for the absence is given
case(
    "observation-interpretation-absent-reason",
    TREATED.put(er=observation(Loinc.ER, interpretation=flag("POS"), **NO_VALUE)),
    expect(ASPIRE, er_positive="pass/recorded"),
)
# it serves only without a value, and so it does not contradict one
case(
    "observation-interpretation-beside-value",
    TREATED.put(er=observation(Loinc.ER, LoincAnswer.POSITIVE, interpretation=flag("NEG"))),
    expect(ASPIRE, er_positive="pass/recorded"),
)
case(
    "observation-interpretation-L-no-value",
    UNTREATED.put(anc=observation(Loinc.ANC, interpretation=flag("L"))),
    expect(SINAI, anc="unknown"),
    "a flag of low is no value",
)

# ---- components, focus, two values ----
case = chapter.rule("A component is read like an Observation with its parent's date and status")


def blood_count(neutrophils: float, on: str = RECENT, status: str = "final") -> Json:
    components = (
        (Loinc.ERYTHROCYTES, quantity(4.1, "10*6/uL")),
        (Loinc.ANC, quantity(neutrophils, "10*3/uL")),
    )
    return observation(Loinc.BLOOD_COUNT_PANEL, None, on, status=status, components=components)


case(
    "observation-component-bad",
    UNTREATED.add(blood_count(0.9, "2026-11-15")),
    expect(SINAI, anc="fail/recorded"),
)
case(
    "observation-component-parent-preliminary",
    UNTREATED.put(anc=blood_count(2.1, status="preliminary")),
    expect(SINAI, anc="unknown/missing"),
)
case = chapter.rule("A result contained in its panel has the panel's subject, date and focus where it tells none")
OF_PANEL = {key: value for key, value in anc(0.4).items() if key not in ("subject", "effectiveDateTime")} | {"id": "c"}


def panel_around(result: Json, on: str = "2026-11-15", **more: Any) -> Json:
    members = {"contained": [result], "hasMember": [reference("#c")]}
    return observation(Loinc.BLOOD_COUNT_PANEL, None, on) | members | more


for name, panel, outcome in (
    ("bad", panel_around(OF_PANEL), "fail/recorded"),
    ("of-another-kind", panel_around(OF_PANEL) | {"code": concept(local("day-clinic"))}, "fail/recorded"),
    ("panel-cancelled", panel_around(OF_PANEL, status="cancelled"), "pass/recorded"),
    ("own-date", panel_around(OF_PANEL | {"effectiveDateTime": "2026-08-01"}), "pass/recorded"),
    ("fetus", panel_around(OF_PANEL, focus=[reference("RelatedPerson/fetus1")]), "pass/recorded"),
    ("own-focus", panel_around(OF_PANEL | {"focus": [reference("Patient/p1")]}), "fail/recorded"),
):
    case(f"observation-contained-{name}", UNTREATED.add(panel), expect(SINAI, anc=outcome))
case = chapter.rule("A focus on someone or something else is another subject")
case(
    "observation-focus-fetus",
    UNTREATED.add(anc(0.9, "2026-11-15", focus=[reference("RelatedPerson/fetus1")])),
    expect(SINAI, anc="pass/recorded"),
)
case(
    "observation-focus-device",
    UNTREATED.put(anc=anc(focus=[reference("Device/d1")])),
    expect(SINAI, anc="unknown/missing"),
)
for name, more in (
    ("contained", {"contained": [{"resourceType": "Patient", "id": "f"}], "focus": [reference("#f")]}),
    ("display", {"focus": [{"display": "fetus"}]}),
    ("nowhere", {"focus": [reference("urn:uuid:5c1d0f3a-6b0e-4a2f-9a53-7a7c4f7f0001")]}),
):
    case(f"observation-focus-{name}", UNTREATED.add(anc(0.9, "2026-11-15", **more)), expect(SINAI, anc="pass/recorded"))
case(
    "observation-focus-the-patient",
    UNTREATED.add(anc(0.9, "2026-11-15", focus=[reference("Patient/p1")])),
    expect(SINAI, anc="fail/recorded"),
)
case(
    "observation-focus-another-patient",
    UNTREATED.add(anc(0.9, "2026-11-15", focus=[reference("Patient/p2")])),
    expect(SINAI, anc="pass/recorded"),
)
INSIDE = {
    "resourceType": "Condition",
    "id": "own",
    "subject": reference("Patient/p1"),
    "code": concept(Icd10cm.BREAST_CANCER),
}
case(
    "observation-focus-contained-condition",
    UNTREATED.add(anc(0.9, "2026-11-15", contained=[INSIDE], focus=[reference("#own")])),
    expect(SINAI, anc="fail/recorded"),
    "a matter of the patient's own",
)


def distant_metastasis(focus: str) -> Json:
    return observation(Loinc.M_CLINICAL, Snomed.M1, "2026-09-03", focus=[reference(focus)])


case = chapter.rule("A TNM Observation about the breast cancer is the patient's, one about another cancer is not used")
case(
    "observation-focus-own-cancer",
    UNTREATED.drop("metastasis").add(distant_metastasis("Condition/cancer")),
    expect(SINAI, metastatic_breast_cancer="pass/recorded"),
)
case(
    "observation-focus-other-cancer",
    UNTREATED.drop("metastasis")
    .put(lung=condition(Icd10cm.LUNG_CANCER, "2019-01-01", clinical="resolved"))
    .add(distant_metastasis("Condition/lung")),
    expect(SINAI, metastatic_breast_cancer="unknown"),
)
case = chapter.rule("Two values that disagree are a conflict")
for name, other, outcome in (
    ("disagree", "0.9 10*3/uL", "unknown/conflict"),
    ("agree", "2100 /mm3", "pass/recorded"),
    # they disagree, though not across the threshold
    ("same-side", "3.5 10*3/uL", "unknown/conflict"),
    # a number that no living person has is a number all the same; words and other units say nothing against the other
    ("impossible", "4000 10*3/uL", "unknown/conflict"),
    ("words", "see report", "pass/recorded"),
):
    both = {"valueQuantity": quantity(2.1, "10*3/uL"), "valueString": other}
    case(
        f"observation-two-values-{name}",
        UNTREATED.put(anc=observation(Loinc.ANC, both)),
        expect(SINAI, anc=outcome),
    )

# ---- freshness ----
case = chapter.rule("Where a window is asked a newest result outside it is stale, whatever its value")
case(
    "observation-fresh-old-bad-no-fail",
    UNTREATED.put(anc=anc(0.9, "2026-10-01")),
    expect(SINAI, anc="unknown/stale"),
)
case = chapter.rule("Where the source gives no window the site's default holds")
case(
    "observation-fresh-ecog-29-bad",
    TREATED.put(ecog=observation(Loinc.ECOG, 4, "2026-10-23")),
    expect(ASPIRE, ecog="unknown/stale"),
    "ECOG 28 days",
)
for days, on, outcome in ((180, "2026-05-25", "fail/recorded"), (181, "2026-05-24", "unknown/stale")):
    case(
        f"observation-fresh-nyha-{days}",
        UNTREATED.add(observation(Snomed.NYHA, Snomed.NYHA_3, on)),
        expect(SINAI, heart_failure=outcome),
        "NYHA class 180 days",
    )
case(
    "observation-fresh-biomarker-none",
    TREATED.put(er=observation(Loinc.ER_PERCENT, percent(95), "2012-03-01")),
    expect(ASPIRE, er_positive="pass/recorded"),
    "biomarkers none",
)
case(
    "observation-fresh-stage-none",
    TREATED.drop("metastasis").put(stage=observation(Loinc.STAGE_CLINICAL, Snomed.STAGE_4, "2024-06-01")),
    expect(ASPIRE, metastatic_breast_cancer="pass/recorded"),
    "stage none",
)
