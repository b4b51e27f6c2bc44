"""Left ventricular ejection fraction: more than 50 % by echocardiogram for NCT03304080, at least 50 % for Yale."""

from typing import Any

from tests.builders import (
    SINAI,
    YALE,
    Coding,
    Loinc,
    Record,
    ago,
    eligible,
    observation,
    percent,
    quantity,
)
from tests.vignettes.vignette import Chapter, Expected, expect

chapter = Chapter()
UNTREATED = eligible(SINAI)


def lvef(sinai: str, yale: str) -> Expected:
    return expect(SINAI, lvef=sinai) | expect(YALE, lvef=yale)


def with_lvef(value: Any, on: str = "2026-11-01", code: Coding = Loinc.LVEF_ULTRASOUND) -> Record:
    return UNTREATED.put(lvef=observation(code, value, on))


case = chapter.rule("More than 50 % for NCT03304080, at least 50 % for Yale")
case("lvef-echo-50", with_lvef(percent(50)), lvef("fail/recorded", "pass/recorded"))
case("lvef-echo-50.1", with_lvef(percent(50.1), code=Loinc.LVEF_BIPLANE), lvef("pass/recorded", "pass/recorded"))
case("lvef-text-50-55", with_lvef("50-55 %"), lvef("unknown", "pass/recorded"), "'50-55 %' holds 50")
case("lvef-text-45-50", with_lvef("45-50 %"), lvef("fail/recorded", "unknown"), "'45-50 %' holds 50")
case("lvef-none", UNTREATED.drop("lvef"), lvef("unknown/missing", "unknown/missing"))

case = chapter.rule("A code that states no method is taken where an echocardiogram is asked for")
case("lvef-no-method", with_lvef(percent(55), code=Loinc.LVEF), lvef("pass/recorded", "pass/recorded"))
case = chapter.rule("With another method only it is unknown for NCT03304080; Yale takes any method")
case("lvef-muga-only", with_lvef(percent(60), code=Loinc.LVEF_NUCLEAR), lvef("unknown", "pass/recorded"))
case("lvef-mri-only-low", with_lvef(percent(45), code=Loinc.LVEF_MRI), lvef("unknown", "fail/recorded"))
case = chapter.rule("A newer low value by another method is a conflict for NCT03304080; Yale takes the newest")
ECHO_IN_OCTOBER = with_lvef(percent(60), "2026-10-01")
case(
    "lvef-echo-newer-muga-low",
    ECHO_IN_OCTOBER.add(observation(Loinc.LVEF_NUCLEAR, percent(48), "2026-11-02")),
    lvef("unknown/conflict", "fail/recorded"),
)
case(
    "lvef-echo-newer-muga-good",
    ECHO_IN_OCTOBER.add(observation(Loinc.LVEF_MRI, percent(51), "2026-11-02")),
    lvef("pass/recorded", "pass/recorded"),
    "a good one does not disturb",
)
case(
    "lvef-echo-older-muga-low",
    with_lvef(percent(60)).add(observation(Loinc.LVEF_NUCLEAR, percent(40), "2026-10-02")),
    lvef("pass/recorded", "pass/recorded"),
    "an older one does not disturb",
)
case(
    "lvef-echo-low-newer-muga-good",
    with_lvef(percent(45), "2026-10-01").add(observation(Loinc.LVEF_NUCLEAR, percent(62), "2026-11-02")),
    lvef("fail/recorded", "pass/recorded"),
    "a low echocardiogram is not mended by a newer MUGA",
)
case = chapter.rule("It may be 90 days old")
case("lvef-day-90", with_lvef(percent(60), ago(90)), lvef("pass/recorded", "pass/recorded"))
case("lvef-day-91", with_lvef(percent(60), ago(91)), lvef("unknown/stale", "unknown/stale"))
case = chapter.rule("A fraction without a percent unit is unusable")
case("lvef-fraction-no-unit", with_lvef(quantity(0.6)), lvef("unknown/unusable", "unknown/unusable"))
