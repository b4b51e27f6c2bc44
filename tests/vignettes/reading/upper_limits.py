"""Multiples of the upper limit of normal: which bound is the limit, and what a laboratory's flag proves."""

from typing import Any

from tests.builders import (
    SINAI,
    YALE,
    Coding,
    Json,
    Loinc,
    Number,
    Record,
    Snomed,
    concept,
    eligible,
    flag,
    hl7,
    laboratory,
    local,
    normal_range,
    observation,
    patient,
    quantity,
    value_range,
    years,
)
from tests.vignettes.vignette import Chapter, expect, expect_in

chapter = Chapter()
UNTREATED = eligible(SINAI)


def creatinine(value: Number, *ranges: Json, **more: Any) -> Record:
    """Creatinine in mg/dL, which may be at most 1.5 x ULN."""
    ranged = {"referenceRange": list(ranges)} if ranges else {}
    return UNTREATED.put(creatinine=observation(Loinc.CREATININE, quantity(value, "mg/dL"), **ranged, **more))


def meaning(code: str) -> Json:
    return {"type": concept(hl7("referencerange-meaning", code))}


def for_sex(code: Coding) -> Json:
    return {"appliesTo": [concept(code)]}


def for_age(low: int | None, high: int | None) -> Json:
    return {"age": {name: years(age) for name, age in (("low", low), ("high", high)) if age is not None}}


case = chapter.rule("The limit is the high of that same observation's range, of the type normal or none")
case(
    "uln-type-therapeutic-only",
    creatinine(0.8, normal_range(0.5, 1.2, "mg/dL", **meaning("therapeutic"))),
    expect(SINAI, creatinine="unknown"),
)
case(
    "uln-type-normal-and-treatment",
    creatinine(
        1.9,
        normal_range(0.5, 3.0, "mg/dL", **meaning("treatment")),
        normal_range(0.5, 1.2, "mg/dL", **meaning("normal")),
    ),
    expect(SINAI, creatinine="fail/recorded"),
)
case("uln-no-range", creatinine(0.8), expect(SINAI, creatinine="unknown/missing"), "without one it is unknown")
case("uln-low-only", creatinine(0.8, normal_range(0.5, None, "mg/dL")), expect(SINAI, creatinine="unknown"))
case(
    "uln-other-observation",
    creatinine(0.8).add(laboratory(Loinc.CREATININE, 0.9, "mg/dL", "2026-11-01", high=1.2)),
    expect(SINAI, creatinine="unknown/missing"),
)
PANEL_COMPONENT = {
    "code": concept(Loinc.CREATININE),
    "valueQuantity": quantity(1.9, "mg/dL"),
    "referenceRange": [normal_range(0.5, 1.2, "mg/dL")],
}
case(
    "uln-component-range",
    UNTREATED.put(creatinine=observation(Loinc.METABOLIC_PANEL, component=[PANEL_COMPONENT])),
    expect(SINAI, creatinine="fail/recorded"),
    "a component's own",
)
case(
    "uln-exclusion-no-range",
    UNTREATED.put(glucose=laboratory(Loinc.FASTING_GLUCOSE, 90, "mg/dL")),
    expect(SINAI, fasting_glucose="unknown/missing"),
    "without one an exclusion is unknown too",
)

case = chapter.rule("The range is the one whose appliesTo and age fit the patient")
case(
    "uln-applies-female",
    creatinine(
        1.6,
        normal_range(0.7, 1.4, "mg/dL", **for_sex(Snomed.MALE)),
        normal_range(0.5, 1.0, "mg/dL", **for_sex(Snomed.FEMALE)),
    ),
    expect(SINAI, creatinine="fail/recorded"),
)
case(
    "uln-applies-male-only",
    creatinine(0.8, normal_range(0.7, 1.4, "mg/dL", **for_sex(Snomed.MALE))),
    expect(SINAI, creatinine="unknown"),
    "none fits",
)
case(
    "uln-age-fits",
    creatinine(
        1.9,
        normal_range(0.5, 1.0, "mg/dL", **for_age(18, 64)),
        normal_range(0.5, 1.3, "mg/dL", **for_age(65, None)),
    ),
    expect(SINAI, creatinine="pass/recorded"),
)
case(
    "uln-age-child-only",
    creatinine(0.8, normal_range(0.3, 1.0, "mg/dL", **for_age(0, 17))),
    expect(SINAI, creatinine="unknown"),
    "none fits",
)
case(
    "uln-age-months",
    creatinine(
        1.6,
        normal_range(0.3, 1.0, "mg/dL", age={"low": quantity(12, "mo"), "high": quantity(780, "mo")}),
        normal_range(0.5, 1.2, "mg/dL", age={"low": quantity(781, "mo")}),
    ),
    expect(SINAI, creatinine="pass/recorded"),
    "in months",
)

for sex, outcome in (("F", "fail/recorded"), ("M", "unknown/missing")):
    of_women, of_men = normal_range(0.5, 1.0, "mg/dL"), normal_range(0.6, 1.3, "mg/dL")
    ranges = [of_women | {"appliesTo": [concept(text="F")]}] * (sex == "F")
    ranges.append(of_men | {"appliesTo": [concept(text="M")]})
    case(f"uln-sex-letter-{sex}", creatinine(1.6, *ranges), expect(SINAI, creatinine=outcome), "1.5 x 1.0 is 1.5")
# of an age that nobody knows each range may be hers
for value, outcome in ((1.5, "pass/recorded"), (1.6, "unknown/conflict"), (2.0, "fail/recorded")):
    ranges = [normal_range(0.5, 1.0, "mg/dL", **for_age(18, 40)), normal_range(0.5, 1.3, "mg/dL", **for_age(41, None))]
    record = creatinine(value, *ranges).edit("patient", birthDate=None)
    case(f"uln-age-not-known-{value}", record, expect(SINAI, creatinine=outcome))
# one that is surely hers goes before one that may be
SURELY_HERS, PERHAPS_HERS = (
    normal_range(0.5, 1.0, "mg/dL", **for_sex(Snomed.FEMALE)),
    normal_range(0.5, 1.3, "mg/dL", **for_age(41, None)),
)
case(
    "uln-sure-before-perhaps",
    creatinine(1.6, SURELY_HERS, PERHAPS_HERS).edit("patient", birthDate=None),
    expect(SINAI, creatinine="fail/recorded"),
)
case(
    "uln-sure-of-both",
    creatinine(1.6, SURELY_HERS, PERHAPS_HERS),
    expect(SINAI, creatinine="unknown/conflict"),
    "with her birth date both are hers",
)
case = chapter.rule("A range for women before or after the menopause or in pregnancy is theirs alone")
WOMAN_OF_45 = {"patient": patient("1981-04-12")}
STATES = {
    "code": ({"appliesTo": [concept(Snomed.POSTMENOPAUSAL)]}, {"appliesTo": [concept(Snomed.PREMENOPAUSAL)]}),
    "meaning": ({"appliesTo": [concept(hl7("referencerange-meaning", name))]} for name in ("postmenopausal", "luteal")),
    "words": ({"appliesTo": [{"text": "Post-menopausal women"}]}, {"appliesTo": [{"text": "Premenopausal"}]}),
    "text": ({"text": "Postmenopausal: 0.5-1.3"}, {"text": "premenopausal 0.5-1.0"}),
}
for way, (after, before) in STATES.items():
    both = creatinine(1.9, normal_range(0.5, 1.0, "mg/dL", **before), normal_range(0.5, 1.3, "mg/dL", **after))
    case(f"uln-menopause-{way}-60", both, expect(SINAI, creatinine="pass/recorded"), "from 60 on she is past it")
    case(f"uln-menopause-{way}-45", both.put(**WOMAN_OF_45), expect(SINAI, creatinine="unknown"), "not known at 45")
case(
    "uln-menopause-either-way",
    creatinine(
        1.2,
        normal_range(0.5, 1.0, "mg/dL", appliesTo=[concept(Snomed.PREMENOPAUSAL)]),
        normal_range(0.5, 1.3, "mg/dL", appliesTo=[concept(Snomed.POSTMENOPAUSAL)]),
    ).put(**WOMAN_OF_45),
    expect(SINAI, creatinine="pass/recorded"),
    "the same answer by each",
)
case(
    "uln-pregnant-60",
    creatinine(0.8, normal_range(0.5, 1.2, "mg/dL", appliesTo=[concept(Snomed.PREGNANT)])),
    expect(SINAI, creatinine="unknown/missing"),
    "none fits a woman of 60",
)
case(
    "uln-pregnant-man",
    creatinine(0.8, normal_range(0.5, 1.2, "mg/dL", text="Pregnant")).put(patient=patient("1981-04-12", "male")),
    expect(SINAI, creatinine="unknown/missing"),
    "none fits a man",
)
case(
    "uln-text-beside-bounds-sex",
    creatinine(1.6, normal_range(0.7, 1.4, "mg/dL", text="Male"), normal_range(0.5, 1.0, "mg/dL", text="Adult female")),
    expect(SINAI, creatinine="fail/recorded"),
    "a sex told by a text beside the bounds",
)
case(
    "uln-text-beside-bounds-other",
    creatinine(1.9, normal_range(0.5, 1.2, "mg/dL", text="0.5 - 1.2 mg/dL (enzymatic)")),
    expect(SINAI, creatinine="fail/recorded"),
    "any other text there says nothing of whom it is for",
)

case = chapter.rule("A bound may have any convertible unit; one without a unit has the value's")
case(
    "uln-unit-molar-fail",
    creatinine(1.9, normal_range(44, 106, "umol/L")),
    expect(SINAI, creatinine="fail/recorded"),
)
case("uln-unit-none-fail", creatinine(1.9, normal_range(0.5, 1.2)), expect(SINAI, creatinine="fail/recorded"))
case(
    "uln-unit-none-molar-value",
    UNTREATED.put(
        creatinine=observation(Loinc.CREATININE_MOLAR, quantity(170, "umol/L"), referenceRange=[normal_range(44, 106)]),
    ),
    expect(SINAI, creatinine="fail/recorded"),
)
case("uln-unit-inconvertible", creatinine(0.8, normal_range(0.5, 1.2, "U/L")), expect(SINAI, creatinine="unknown"))

for name, told, outcome in (
    ("text-pass", "1.8 mg/dL", "pass/recorded"),
    ("text-fail", "1.9 mg/dL", "fail/recorded"),
    ("range-pass", {"valueRange": value_range(1.6, 1.8, "mg/dL")}, "pass/recorded"),
    ("range-fail", {"valueRange": value_range(1.9, 2.1, "mg/dL")}, "fail/recorded"),
):
    told = observation(Loinc.CREATININE, told, referenceRange=[normal_range(0.5, 1.2)])
    case(f"uln-unit-of-{name}", UNTREATED.put(creatinine=told), expect(SINAI, creatinine=outcome))
case = chapter.rule("A comparator of a bound changes nothing: up to it is normal")
for value, outcome in ((1.8, "pass/recorded"), (1.81, "fail/recorded")):
    below = {"high": quantity(1.2, "mg/dL", comparator="<")}
    case(f"uln-comparator-{value}", creatinine(value, below), expect(SINAI, creatinine=outcome))
case = chapter.rule("A range that is only text is read when all of the text is such a form")
case(
    "uln-text-pair-at",
    UNTREATED.put(alt=observation(Loinc.ALT, quantity(100, "U/L"), referenceRange=[{"text": "7-40"}])),
    expect(SINAI, alt="pass/recorded"),
    "'7-40'",
)
for name, value, text, outcome in (
    ("with-unit", 1.65, "0.5-1.1 mg/dL", "pass/recorded"),
    ("other-unit", 1.9, "44-106 umol/L", "fail/recorded"),
    ("prose", 0.8, "adults: 0.5-1.1", "unknown"),
    ("lower-bound", 0.8, ">0.5", "unknown"),
):
    case(f"uln-text-{name}", creatinine(value, {"text": text}), expect(SINAI, creatinine=outcome), f"'{text}'")
case = chapter.rule("Several fitting ranges with different answers make it unknown")
case(
    "uln-several-differ",
    creatinine(1.6, normal_range(0.5, 1.0, "mg/dL"), normal_range(0.5, 1.2, "mg/dL")),
    expect(SINAI, creatinine="unknown"),
)

case = chapter.rule("A flag of normal or low says at most the upper limit: it passes a limit of one ULN or more")
case(
    "uln-flag-N-L-LL",
    creatinine(0.8, interpretation=flag("N")).put(
        alt=observation(Loinc.ALT, quantity(22, "U/L"), interpretation=flag("L")),
        ast=observation(Loinc.AST, quantity(24, "U/L"), interpretation=flag("LL")),
    ),
    expect_in((SINAI, YALE), creatinine="pass/recorded", alt="pass/recorded", ast="pass/recorded"),
)
case(
    "uln-flag-N-glucose",
    UNTREATED.put(glucose=observation(Loinc.FASTING_GLUCOSE, quantity(98, "mg/dL"), interpretation=flag("N"))),
    expect(SINAI, fasting_glucose="pass/recorded"),
)
case(
    "uln-flag-L-and-A",
    creatinine(0.3, interpretation=[*flag("L"), *flag("A")]),
    expect(SINAI, creatinine="pass/recorded"),
    "low is abnormal, too",
)
for other in ("H", "A"):
    case(
        f"uln-flag-N-and-{other}",
        creatinine(0.8, interpretation=[*flag("N"), *flag(other)]),
        expect(SINAI, creatinine="unknown"),
        "flags that contradict each other say nothing",
    )
case(
    "uln-of-zero",
    creatinine(0.8, normal_range(0, 0, "mg/dL")),
    expect(SINAI, creatinine="unknown/missing"),
    "no limit is zero",
)
TWO_TYPES = {"type": concept(local("R-1"), hl7("referencerange-meaning", "normal"))}
case(
    "uln-type-second-coding",
    creatinine(0.8, normal_range(0.5, 1.2, "mg/dL") | TWO_TYPES),
    expect(SINAI, creatinine="pass/recorded"),
)
# the flag says nothing of a value that is itself unusable
case(
    "uln-flag-N-no-unit",
    UNTREATED.put(creatinine=observation(Loinc.CREATININE, quantity(0.8), interpretation=flag("N"))),
    expect(SINAI, creatinine="unknown/unusable"),
    "but a value without a unit is unusable",
)
case(
    "uln-flag-N-bilirubin-yale",
    eligible(YALE).put(
        bilirubin=observation(Loinc.BILIRUBIN, quantity(2.3, "mg/dL"), interpretation=flag("N")),
    ),
    expect(YALE, bilirubin="unknown"),
    "above 2.0 mg/dL and, by the flag, at most 2 x ULN",
)
case = chapter.rule("A flag of high decides nothing")
case("uln-flag-H", creatinine(1.3, interpretation=flag("H")), expect(SINAI, creatinine="unknown"))
case(
    "uln-flag-H-with-range",
    creatinine(1.7, normal_range(0.5, 1.2, "mg/dL"), interpretation=flag("H")),
    expect(SINAI, creatinine="pass/recorded"),
)

case = chapter.rule("Where the observation tells no limit the site's own table does, if there is one")
SITE = {"upper_limits": (("creatinine", "106", "umol/L"),)}
case("uln-site-at", creatinine(1.79), expect(SINAI, creatinine="pass/recorded"), "1.5 x 106 umol/L is 1.799", **SITE)
case("uln-site-above", creatinine(1.8), expect(SINAI, creatinine="fail/recorded"), "1.5 x 106 umol/L is 1.799", **SITE)
case(
    "uln-site-own-range-first",
    creatinine(1.7, normal_range(0.5, 1.0, "mg/dL")),
    expect(SINAI, creatinine="fail/recorded"),
    "the observation's own range goes before it",
    **SITE,
)
case(
    "uln-site-other-test",
    UNTREATED.put(alt=laboratory(Loinc.ALT, 22, "U/L")),
    expect(SINAI, alt="unknown/missing"),
    "it says nothing of another test",
    **SITE,
)
