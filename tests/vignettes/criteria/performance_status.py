"""ECOG performance status, in the three trials that ask for 0 to 2."""

from typing import Any

from tests.builders import (
    ASPIRE,
    RECENT,
    SINAI,
    YALE,
    Loinc,
    LoincAnswer,
    Record,
    Snomed,
    ago,
    concept,
    eligible,
    observation,
    percent,
    quantity,
)
from tests.vignettes.vignette import Chapter, Expected, expect, expect_in

chapter = Chapter()
UNTREATED = eligible(SINAI)


def ecog(outcome: str) -> Expected:
    return expect_in((SINAI, YALE, ASPIRE), ecog=outcome)


def with_ecog(value: Any, on: str = RECENT, **more: Any) -> Record:
    return UNTREATED.put(ecog=observation(Loinc.ECOG, value, on, **more))


case = chapter.rule("ECOG 0 to 2 passes: an integer, a SNOMED or LOINC answer, or a Quantity of unit 1 or {score}")
case("ecog-2", with_ecog(2), ecog("pass/recorded") | expect(SINAI, alive="absent"))
case("ecog-3", with_ecog(3), ecog("fail/recorded"))
case("ecog-5", with_ecog(5), ecog("unknown/unusable") | expect(SINAI, alive="absent"), "5 is unusable")
case(
    "ecog-snomed-3",
    UNTREATED.put(ecog=observation(Loinc.ECOG_INTERPRETATION, Snomed.ECOG_3)),
    ecog("fail/recorded"),
)
case("ecog-snomed-observable", UNTREATED.put(ecog=observation(Snomed.ECOG, 0)), ecog("pass/recorded"))
case("ecog-quantity-score", with_ecog(quantity(1, "{score}")), ecog("pass/recorded"))
case("ecog-quantity-percent", with_ecog(percent(2)), ecog("unknown/unusable"))
case(
    "ecog-mcode",
    with_ecog(2, interpretation=[concept(LoincAnswer.ECOG_2)]),
    ecog("pass/recorded"),
    "mCODE sends the integer as the value and the answer as interpretation",
)
case = chapter.rule("An interval of a status holds whole numbers alone: below 3 is at most 2")
for name, text, outcome in (
    ("below-3", "<3", "pass/recorded"),
    ("above-2", ">2", "fail/recorded"),
    ("above-1", ">1", "unknown"),
    ("no-whole-number", "1.2-1.8", "unknown/unusable"),
):
    case(f"ecog-interval-{name}", with_ecog(text), ecog(outcome))
case = chapter.rule("A Karnofsky status is not converted")
case("ecog-karnofsky-only", UNTREATED.put(ecog=observation(Loinc.KARNOFSKY, 90)), ecog("unknown/missing"))
case = chapter.rule("After 28 days a status is stale, good or bad")
case("ecog-day-29", with_ecog(1, ago(29)), ecog("unknown/stale"))
case("ecog-old-bad", with_ecog(3, ago(60)), ecog("unknown/stale"))
