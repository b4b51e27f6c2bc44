"""NCT03304080's exclusions by a measured value: oxygen saturation, spirometry and fasting glucose."""

from tests.builders import (
    SINAI,
    Loinc,
    ago,
    concept,
    eligible,
    laboratory,
    observation,
    percent,
    quantity,
)
from tests.vignettes.vignette import Chapter, Expected, expect

chapter = Chapter()
UNTREATED = eligible(SINAI)
PASS, SILENT, FAIL, STALE = "pass/recorded", "pass/no-record", "fail/recorded", "unknown/stale"


def lungs(outcome: str) -> Expected:
    return expect(SINAI, lung_function=outcome)


def glucose(outcome: str) -> Expected:
    return expect(SINAI, fasting_glucose=outcome)


# ---- saturation and spirometry ----
OXYGEN = ((Loinc.OXYGEN_FLOW, quantity(2, "L/min")),)
# the reference does not say how the mark looks: here the text of the code says it
ON_EXERTION = concept(Loinc.SATURATION, text="SpO2 on exertion (6-minute walk)")
case = chapter.rule("A saturation of at most 89 % fails, also under oxygen; above that under oxygen it is unknown")
for name, saturation, outcome in (
    ("89", observation(Loinc.SATURATION_ROOM_AIR, percent(89)), FAIL),
    ("90", observation(Loinc.SATURATION_ARTERIAL, percent(90)), PASS),
    ("88-on-oxygen", observation(Loinc.SATURATION, percent(88), components=OXYGEN), FAIL),
    ("96-on-oxygen", observation(Loinc.SATURATION, percent(96), components=OXYGEN), "unknown"),
):
    case(f"spo2-{name}", UNTREATED.put(saturation=saturation), lungs(outcome))
case = chapter.rule("Saturations of one time that disagree are a conflict")
for name, values, outcome in (
    ("disagree", (88, 95), "unknown/conflict"),
    ("both-low", (85, 88), FAIL),
    ("both-good", (92, 95), PASS),
):
    first, second = (observation(Loinc.SATURATION, percent(value)) for value in values)
    case(f"spo2-one-time-{name}", UNTREATED.put(saturation=first).add(second), lungs(outcome))
# the year alone does not tell whether it is the newest: it is no matter only where both say the same
for value, outcome in ((97, "unknown/missing"), (88, FAIL)):
    case(
        f"spo2-year-alone-{value}",
        UNTREATED.put(saturation=observation(Loinc.SATURATION, percent(85), ago(27))).add(
            observation(Loinc.SATURATION, percent(value), "2026")
        ),
        lungs(outcome),
    )
case(
    "spo2-preliminary-before-final",
    UNTREATED.put(saturation=observation(Loinc.SATURATION, percent(97), ago(60))).add(
        observation(Loinc.SATURATION, percent(85), ago(61), status="preliminary")
    ),
    lungs("pass/no-record"),
    "a final one is newer",
)
case = chapter.rule("A saturation marked as on exertion is set aside")
case(
    "spo2-85-on-exertion",
    UNTREATED.put(saturation=observation(ON_EXERTION, percent(85))),
    lungs(SILENT),
)
case = chapter.rule("For an exclusion an old value that would not exclude is silence, one that would is stale")
case(
    "spo2-old-low",
    UNTREATED.put(saturation=observation(Loinc.SATURATION_RESTING, percent(85), ago(40))),
    lungs(STALE),
)
case(
    "spo2-old-good",
    UNTREATED.put(saturation=observation(Loinc.SATURATION, percent(97), ago(40))),
    lungs(SILENT),
)
case(
    "glucose-old-high",
    UNTREATED.put(glucose=laboratory(Loinc.FASTING_GLUCOSE_MOLAR_IN_BLOOD, 15, "mmol/L", ago(29), high=5.6)),
    glucose(STALE),
)
case = chapter.rule("FEV1 and DLCO both at most 50 % of predicted fail, one of them alone is unknown")
# LOINC has no code for DLCO in percent of predicted; the code of DLCO in percent stands for it
DLCO_50 = observation(concept(Loinc.DLCO, text="DLCO % of predicted"), percent(50))
FEV1_50 = observation(Loinc.FEV1_OF_PREDICTED, percent(50))
case("fev1-only-50", UNTREATED.add(FEV1_50), lungs("unknown"))
case("fev1-dlco-both-50", UNTREATED.add(FEV1_50, DLCO_50), lungs(FAIL))
case("fev1-51", UNTREATED.add(observation(Loinc.FEV1_OF_PREDICTED, percent(51))), lungs("pass"))

# ---- fasting glucose ----
case = chapter.rule("A fasting glucose above 1.5 x ULN fails")
for name, result, outcome in (
    ("150-of-100", laboratory(Loinc.FASTING_GLUCOSE_VENOUS, 150, "mg/dL", high=100), PASS),
    ("150.1-of-100", laboratory(Loinc.FASTING_GLUCOSE, 150.1, "mg/dL", high=100), FAIL),
    ("mmol", laboratory(Loinc.FASTING_GLUCOSE_MOLAR, 9.0, "mmol/L", high=5.6), FAIL),
    ("no-range", laboratory(Loinc.FASTING_GLUCOSE, 180, "mg/dL"), "unknown"),
):
    case(f"glucose-{name}", UNTREATED.put(glucose=result), glucose(outcome))
case = chapter.rule("A result that is not final is silence for an exclusion that it would not meet, else unknown")
for name, value, high, outcome in (
    ("below", 150, 100, "pass/no-record"),
    ("above", 151, 100, "unknown/missing"),
    ("no-range", 90, None, "unknown/missing"),
):
    result = laboratory(Loinc.FASTING_GLUCOSE, value, "mg/dL", high=high, status="preliminary")
    case(f"glucose-preliminary-{name}", UNTREATED.put(glucose=result), glucose(outcome))
case = chapter.rule("A random glucose never decides")
case(
    "glucose-random",
    UNTREATED.put(glucose=laboratory(Loinc.GLUCOSE, 320, "mg/dL", high=140)),
    glucose(SILENT),
)
