"""Quantities: units and their spellings, conversion, comparators, ranges, text, ratios, types, values nobody has."""

from decimal import Decimal
from typing import Any

from tests.builders import (
    ASPIRE,
    BIOPSY,
    PATINA,
    SINAI,
    YALE,
    Json,
    Loinc,
    LoincAnswer,
    Record,
    Snomed,
    eligible,
    laboratory,
    normal_range,
    observation,
    percent,
    quantity,
    ratio,
    value_range,
)
from tests.vignettes.vignette import Chapter, Expected, expect, expect_in

chapter = Chapter()
UNTREATED, TREATED, INDUCED = eligible(SINAI), eligible(ASPIRE), eligible(PATINA)
COUNTS = ("anc", "platelets", "hemoglobin")


def with_anc(value: Json) -> Record:
    return UNTREATED.put(anc=observation(Loinc.ANC, value))


def with_counts(anc: Json, platelets: Json) -> Record:
    return UNTREATED.put(anc=observation(Loinc.ANC, anc), platelets=observation(Loinc.PLATELETS, platelets))


def with_her2(*results: Json, base: Record = UNTREATED) -> Record:
    """The results of one biopsy in the place of the IHC score."""
    return base.drop("her2").add(*results)


def her2(code: Json, value: Any, trial: str = SINAI) -> Json:
    return observation(code, value, BIOPSY[trial], specimen="biopsy")


# ---- units ----
case = chapter.rule("The UCUM code goes before the text of the unit")
# 2.1 /uL is a neutrophil count that no living person has: what the text says does not make it 2,100
case(
    "quantity-unit-code-beats-text-low",
    with_anc(quantity(2.1, "/uL", text="10*3/uL")),
    expect(SINAI, anc="unknown/unusable"),
)
case = chapter.rule("Without a code, the text of the unit is read in its common spellings")
for number, (one, other) in enumerate((("10*3/uL", "10^3/uL"), ("K/uL", "x10E3/uL"), ("10*9/L", "thou/mcL")), 1):
    case(
        f"quantity-spelling-{number}-at",
        with_counts(quantity(1.5, text=one), quantity(75, text=other)),
        expect(SINAI, anc="pass/recorded", platelets="pass/recorded"),
        f"{one}, {other}",
    )
case(
    "quantity-spelling-1-below",
    with_counts(quantity(1.49, text="10*3/uL"), quantity(74.9, text="10^3/uL")),
    expect(SINAI, anc="fail/recorded", platelets="fail/recorded"),
    "10*3/uL, 10^3/uL",
)
case("quantity-spelling-mm3-below", with_anc(quantity(1499, text="/mm3")), expect(SINAI, anc="fail/recorded"), "/mm3")
# the reference's list of spellings is open: laboratories write cells/uL and IU/L too
case(
    "quantity-spelling-cells",
    with_anc(quantity(1500, text="cells/uL")),
    expect(SINAI, anc="pass/recorded"),
    "cells/uL",
)
case(
    "quantity-spelling-IU",
    UNTREATED.put(
        alt=observation(Loinc.ALT, quantity(22, text="IU/L"), referenceRange=[normal_range(7, 40)]),
    ),
    expect(SINAI, alt="pass/recorded"),
    "IU/L",
)
# as a UCUM code it would be kelvin and could not be converted; the text beside it then says the unit
case(
    "quantity-spelling-K-as-ucum-code",
    with_anc(quantity(2.1, "K/uL")),
    expect(SINAI, anc="pass/recorded"),
    "K/uL sent as a UCUM code",
)
for name, unit, outcome in (("giga", "G/L", "pass/recorded"), ("gram", "g/L", "unknown/unusable")):
    case(
        f"quantity-spelling-{name}-per-litre",
        with_anc(quantity(2.1, text=unit)),
        expect(SINAI, anc=outcome),
        f"{unit} of a count",
    )
case = chapter.rule("Units are converted")
case(
    "quantity-convert-plt-below",
    UNTREATED.put(platelets=observation(Loinc.PLATELETS, quantity(74999, "/mm3"))),
    expect(SINAI, platelets="fail/recorded"),
)
case(
    "quantity-convert-hb-above",
    UNTREATED.put(hemoglobin=observation(Loinc.HEMOGLOBIN, quantity(90.1, "g/L"))),
    expect(SINAI, hemoglobin="pass/recorded"),
)
case(
    "quantity-convert-alt-ukat-over-UL",
    UNTREATED.put(
        alt=observation(Loinc.ALT, quantity(2.0, "ukat/L"), referenceRange=[normal_range(7, 40, "U/L")]),
    ),
    expect(SINAI, alt="fail/recorded"),
)
case = chapter.rule("Mass and moles are converted with the analyte's own molar mass")
case(
    "quantity-molar-crea-fail",
    UNTREATED.put(
        creatinine=observation(
            Loinc.CREATININE_MOLAR, quantity(165, "umol/L"), referenceRange=[normal_range(None, 1.2, "mg/dL")]
        ),
    ),
    expect(SINAI, creatinine="fail/recorded"),
)
case(
    "quantity-molar-bili-above",
    eligible(YALE).put(bilirubin=laboratory(Loinc.BILIRUBIN_MOLAR, 35, "umol/L", high=21)),
    expect(YALE, bilirubin="unknown"),
    "35 umol/L are more than 2.0 mg/dL, within 2.0 x ULN",
)
case(
    "quantity-molar-glucose-fail",
    UNTREATED.put(
        glucose=observation(
            Loinc.FASTING_GLUCOSE_MOLAR, quantity(8.4, "mmol/L"), referenceRange=[normal_range(70, 100, "mg/dL")]
        ),
    ),
    expect(SINAI, fasting_glucose="fail/recorded"),
)
# the reference names no molar mass of haemoglobin; by convention it is the monomer's
case(
    "quantity-molar-hb",
    UNTREATED.put(hemoglobin=observation(Loinc.HEMOGLOBIN_MOLAR, quantity(7.5, "mmol/L"))),
    expect(SINAI, hemoglobin="pass/recorded"),
)
case = chapter.rule("A value without a unit, or with one that cannot be converted, is unusable and never guessed")
case(
    "quantity-no-unit",
    with_counts(quantity(2.1), quantity(20)).put(hemoglobin=observation(Loinc.HEMOGLOBIN, quantity(7.0))),
    expect_in((SINAI, YALE), **dict.fromkeys(COUNTS, "unknown/unusable")),
)
case(
    "quantity-no-unit-large",
    with_anc(quantity(2100)),
    expect_in((SINAI, YALE), anc="unknown/unusable"),
    "2100 would be a count per microlitre",
)
case(
    "quantity-unit-inconvertible",
    with_counts(percent(55), quantity(250, "mg/dL")).put(hemoglobin=observation(Loinc.HEMOGLOBIN, quantity(12, "U/L"))),
    expect(SINAI, **dict.fromkeys(COUNTS, "unknown/unusable")),
)
case(
    "quantity-lvef-fraction",
    UNTREATED.put(lvef=observation(Loinc.LVEF, quantity(0.6, "1"))),
    expect(SINAI, lvef="unknown/unusable"),
    "a fraction of unit 1 is no percentage",
)
case(
    "quantity-exclusion-no-unit",
    UNTREATED.put(glucose=observation(Loinc.FASTING_GLUCOSE, quantity(300), referenceRange=[normal_range(70, 100)])),
    expect(SINAI, fasting_glucose="unknown/unusable"),
)

# ---- intervals ----
case = chapter.rule("A comparator makes an interval")
case(
    "quantity-comparator-deciding",
    UNTREATED.put(
        anc=laboratory(Loinc.ANC, 1.5, "10*3/uL", comparator=">="),
        platelets=laboratory(Loinc.PLATELETS, 75, "10*3/uL", comparator="<"),
        hemoglobin=laboratory(Loinc.HEMOGLOBIN, 9, "g/dL", comparator=">"),
        lvef=laboratory(Loinc.LVEF, 50, "%", comparator="<="),
        alt=laboratory(Loinc.ALT, 100, "U/L", high=40, comparator="<="),
        ast=laboratory(Loinc.AST, 100, "U/L", high=40, comparator=">"),
    ),
    expect(
        SINAI,
        anc="pass/recorded",
        platelets="fail/recorded",
        hemoglobin="pass/recorded",
        lvef="fail/recorded",
        alt="pass/recorded",
        ast="fail/recorded",
    ),
    "at the threshold, on the side that decides",
)
case(
    "quantity-comparator-open",
    UNTREATED.put(
        anc=laboratory(Loinc.ANC, 1.5, "10*3/uL", comparator="<="),
        platelets=laboratory(Loinc.PLATELETS, 74, "10*3/uL", comparator=">"),
        hemoglobin=laboratory(Loinc.HEMOGLOBIN, 9, "g/dL", comparator=">="),
        lvef=laboratory(Loinc.LVEF, 51, "%", comparator="<"),
        alt=laboratory(Loinc.ALT, 101, "U/L", high=40, comparator="<"),
        ast=laboratory(Loinc.AST, 100, "U/L", high=40, comparator=">="),
    ),
    expect(SINAI, **dict.fromkeys((*COUNTS, "lvef", "alt", "ast"), "unknown")),
    "at the threshold, on the side that does not decide",
)
case(
    "quantity-comparator-bili-low",
    UNTREATED.put(bilirubin=laboratory(Loinc.BILIRUBIN, 0.2, "mg/dL", high=1.0, comparator="<")),
    expect(SINAI, bilirubin="pass/recorded"),
    "<0.2 passes at most 1.5",
)
case(
    "quantity-comparator-bili-across",
    UNTREATED.put(bilirubin=laboratory(Loinc.BILIRUBIN, 2, "mg/dL", high=1.0, comparator="<")),
    expect(SINAI, bilirubin="unknown"),
    "<2 against at most 1.5 is unknown",
)
case = chapter.rule("A Range is an interval")
case(
    "quantity-range-lvef-above",
    UNTREATED.put(lvef=observation(Loinc.LVEF, value_range(55, 60, "%"))),
    expect(SINAI, lvef="pass/recorded"),
)
case(
    "quantity-range-lvef-touches",
    UNTREATED.put(lvef=observation(Loinc.LVEF, value_range(50, 55, "%"))),
    expect(SINAI, lvef="unknown") | expect(YALE, lvef="pass/recorded"),
    "50-55 against more than 50 and against at least 50",
)

for name, told, outcome in (
    ("low-alone", {"low": quantity(9.1, "g/dL")}, "pass/recorded"),
    ("low-alone-on-the-limit", {"low": quantity(9, "g/dL")}, "unknown"),
    ("high-alone", {"high": quantity(9, "g/dL")}, "fail/recorded"),
    ("backwards", value_range(12, 10, "g/dL"), "unknown/unusable"),
    ("two-units", {"low": quantity(100, "g/L"), "high": quantity(12, "g/dL")}, "unknown/unusable"),
):
    record = UNTREATED.put(hemoglobin=observation(Loinc.HEMOGLOBIN, {"valueRange": told}))
    case(f"quantity-range-{name}", record, expect(SINAI, hemoglobin=outcome))

# ---- text ----
case = chapter.rule("Text is read when all of it is a number with an optional comparator and a known unit, or a score")
case(
    "quantity-text-read",
    with_counts("> 2.0 10*3/uL", "74 K/uL").put(
        hemoglobin=observation(Loinc.HEMOGLOBIN, "12.1 g/dL"),
        lvef=observation(Loinc.LVEF, "55-60 %"),
        bilirubin=observation(
            Loinc.BILIRUBIN, "less than 0.2 mg/dL", referenceRange=[normal_range(None, 1.2, "mg/dL")]
        ),
    ),
    expect(
        SINAI,
        hemoglobin="pass/recorded",
        lvef="pass/recorded",
        anc="pass/recorded",
        platelets="fail/recorded",
        bilirubin="pass/recorded",
    ),
)
case(
    "quantity-text-ihc-score",
    TREATED.put(her2=observation(Loinc.HER2_IHC, "3+")),
    expect(ASPIRE, her2_positive="pass/recorded"),
    "'3+'",
)
case(
    "quantity-text-ratio-greater",
    with_her2(her2(Loinc.HER2_FISH, "> 2.2")),
    expect(SINAI, her2_positive="pass/recorded") | expect(YALE, her2_positive="unknown"),
    "a FISH ratio above 2.2: positive as NCT03304080 writes it, group 1 or 2 by ASCO/CAP",
)
case(
    "quantity-text-ratio-less",
    with_her2(
        her2(Loinc.HER2_IHC, LoincAnswer.IHC_1, ASPIRE),
        her2(Loinc.HER2_FISH, "less than 1.8", ASPIRE),
        base=TREATED,
    ),
    expect(ASPIRE, her2_positive="fail/recorded"),
    "a FISH ratio below 1.8 beside IHC 1+",
)
for number, outcome in ((3, "pass/recorded"), (2, "unknown/missing"), (1, "fail/recorded"), (4, "unknown/unusable")):
    case(
        f"quantity-ihc-integer-{number}",
        TREATED.put(her2=observation(Loinc.HER2_IHC, number)),
        expect(ASPIRE, her2_positive=outcome),
        "a score as a whole number",
    )
# the reference lists no text among ECOG's shapes, but reads any text that is a score
case(
    "quantity-ecog-text",
    UNTREATED.put(ecog=observation(Loinc.ECOG, "1")),
    expect(SINAI, ecog="pass/recorded"),
    "'1' as ECOG",
)
case = chapter.rule("Any other text is unusable and shown to the reader")
case(
    "quantity-text-unread",
    with_counts("about 2.1 10*3/uL", "74 K/uL, clumped").put(
        hemoglobin=observation(Loinc.HEMOGLOBIN, "8.1"), lvef=observation(Loinc.LVEF, "normal")
    ),
    expect(SINAI, **dict.fromkeys((*COUNTS, "lvef"), "unknown/unusable")),
)
# the reference does not speak of decimal commas, and so such a text is no number
case(
    "quantity-text-decimal-comma",
    UNTREATED.put(hemoglobin=observation(Loinc.HEMOGLOBIN, "12,1 g/dL")),
    expect(SINAI, hemoglobin="unknown/unusable"),
)

# ---- ratios and types ----
case = chapter.rule("A Ratio is its quotient")
case(
    "quantity-ratio-positive",
    with_her2(her2(Loinc.HER2_RATIO, ratio(quantity(4.0), quantity(2.0)))),
    expect(SINAI, her2_positive="pass/recorded"),
)
case(
    "quantity-ratio-negative",
    with_her2(
        her2(Loinc.HER2_IHC, LoincAnswer.IHC_1, ASPIRE),
        her2(Loinc.HER2_RATIO, ratio(quantity(3.8), quantity(2.0)), ASPIRE),
        base=TREATED,
    ),
    expect(ASPIRE, her2_positive="fail/recorded"),
)
case(
    "quantity-ratio-zero",
    with_her2(her2(Loinc.HER2_RATIO, ratio(quantity(4.0), quantity(0)))),
    expect(SINAI, her2_positive="unknown/unusable"),
    "by zero there is none",
)
case(
    "quantity-ratio-half",
    with_her2(her2(Loinc.HER2_RATIO, {"valueRatio": {"numerator": quantity(4.0)}})),
    expect(SINAI, her2_positive="unknown/unusable"),
    "without a denominator there is none",
)
# a quotient divides the units too
case(
    "quantity-ratio-units",
    UNTREATED.put(
        creatinine=observation(
            Loinc.CREATININE,
            ratio(quantity(0.8, "mg"), quantity(1, "dL")),
            referenceRange=[normal_range(None, 1.2, "mg/dL")],
        ),
    ),
    expect(SINAI, creatinine="pass/recorded"),
    "0.8 mg in 1 dL",
)
case = chapter.rule("A type that the code cannot have is unusable")
case(
    "quantity-type-impossible",
    with_counts(Snomed.NORMAL, 250).put(
        hemoglobin=observation(Loinc.HEMOGLOBIN, True),
        lvef=observation(Loinc.LVEF, {"valueDateTime": "2026-11-10"}),
        ecog=observation(Loinc.ECOG, True),
        her2=observation(Loinc.HER2_IHC, percent(90)),
    ),
    expect(SINAI, **dict.fromkeys((*COUNTS, "lvef", "ecog", "her2_positive"), "unknown/unusable")),
)

# ---- values that nobody has ----
case = chapter.rule("A value that no living person has is unusable")
PASS, FAIL, UNUSABLE = "pass/recorded", "fail/recorded", "unknown/unusable"
# key, criterion, code, unit, upper limit, (just too low, lowest, highest, just too high), outcome at lowest and highest
BOUNDS = (
    ("hemoglobin", "hemoglobin", Loinc.HEMOGLOBIN, "g/dL", None, ("1.99", "2", "25", "25.1"), (FAIL, PASS)),
    ("anc", "anc", Loinc.ANC, "10*3/uL", None, ("0.009", "0.01", "200", "200.1"), (FAIL, PASS)),
    ("platelets", "platelets", Loinc.PLATELETS, "10*3/uL", None, ("0.9", "1", "3000", "3001"), (FAIL, PASS)),
    ("bilirubin", "bilirubin", Loinc.BILIRUBIN, "mg/dL", "1.2", ("0.04", "0.05", "80", "80.1"), (PASS, FAIL)),
    ("alt", "alt", Loinc.ALT, "U/L", "40", ("0.9", "1", "30000", "30001"), (PASS, FAIL)),
    ("ast", "ast", Loinc.AST, "U/L", "40", ("0.9", "1", "30000", "30001"), (PASS, FAIL)),
    ("alp", "alp", Loinc.ALP, "U/L", "120", ("0.9", "1", "30000", "30001"), (PASS, FAIL)),
    ("creatinine", "creatinine", Loinc.CREATININE, "mg/dL", "1.2", ("0.09", "0.1", "40", "40.1"), (PASS, FAIL)),
    ("glucose", "fasting-glucose", Loinc.FASTING_GLUCOSE, "mg/dL", "100", ("9.9", "10", "2000", "2001"), (PASS, FAIL)),
    ("lvef", "lvef", Loinc.LVEF, "%", None, ("4.9", "5", "95", "95.1"), (FAIL, PASS)),
    ("saturation", "lung-function", Loinc.SATURATION, "%", None, ("29.9", "30", "100", "100.1"), (FAIL, PASS)),
)
for place, name in enumerate(("too-low", "lowest", "highest", "too-high")):
    measured: dict[str, Json] = {}
    outcomes: Expected = {}
    for key, criterion, code, unit, limit, values, decided in BOUNDS:
        high = Decimal(limit) if limit else None
        measured[key] = laboratory(code, Decimal(values[place]), unit, high=high)
        outcomes[YALE if key == "alp" else SINAI, criterion] = (UNUSABLE, *decided, UNUSABLE)[place]
    case(f"quantity-bounds-{name}", UNTREATED.put(**measured), outcomes, f"every measured value: {name}")
case("quantity-bound-anc-0", with_anc(quantity(0, "10*3/uL")), expect(SINAI, anc="fail/recorded"), "ANC 0 is usable")
case(
    "quantity-bound-er-101",
    TREATED.put(er=observation(Loinc.ER_PERCENT, percent(101))),
    expect(ASPIRE, er_positive="unknown/unusable"),
)
case(
    "quantity-bound-pr-101",
    INDUCED.put(er=observation(Loinc.ER_PERCENT, percent(0)), pr=observation(Loinc.PR_PERCENT, percent(101))),
    expect(PATINA, hormone_receptor_positive="unknown/unusable"),
)
for number, outcome in ((0.09, "unknown"), (0.1, "fail/recorded"), (50, "pass/recorded"), (50.1, "unknown/unusable")):
    # a low ratio decides as NCT03304080 writes it only beside IHC 2+
    score = [her2(Loinc.HER2_IHC, LoincAnswer.IHC_2)] if number < 2 else []
    case(
        f"quantity-bound-her2-ratio-{number}",
        with_her2(her2(Loinc.HER2_RATIO, quantity(number, "{ratio}")), *score),
        expect(SINAI, her2_positive=outcome),
    )
for number, outcome in ((0.4, "unknown"), (0.5, "fail/recorded"), (100, "pass/recorded"), (100.1, "unknown/unusable")):
    # and a low copy number only beside a ratio
    low = [her2(Loinc.HER2_RATIO, quantity(1.0, "{ratio}"))] if number < 1 else []
    case(
        f"quantity-bound-her2-copy-{number}",
        with_her2(her2(Loinc.HER2_COPIES, quantity(number, "{#}")), *low),
        expect(SINAI, her2_positive=outcome),
    )
case = chapter.rule("ECOG runs from 0 to 4; 5 is unusable, and nobody is read as dead by it")
case(
    "quantity-bound-ecog-4",
    UNTREATED.put(ecog=observation(Loinc.ECOG, 4)),
    expect(SINAI, ecog="fail/recorded", alive="absent"),
)
case(
    "quantity-bound-ecog-dead-code",
    UNTREATED.put(ecog=observation(Loinc.ECOG, LoincAnswer.DEAD)),
    expect(SINAI, ecog="unknown/unusable", alive="absent"),
)
case = chapter.rule("An unusable newest result is not a missing one")
# only a result without a value is said to be set aside
case(
    "quantity-implausible-newest",
    UNTREATED.add(laboratory(Loinc.HEMOGLOBIN, 80, "g/dL", "2026-11-18")),
    expect(SINAI, hemoglobin="unknown/unusable"),
)
