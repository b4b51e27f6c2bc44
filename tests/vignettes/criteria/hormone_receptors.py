"""ER and PR: newest of each for PATINA, any specimen for NCT03304080, ER alone for ASPIRE; receptors as diagnoses."""

from typing import Any

from tests.builders import (
    ASPIRE,
    BIOPSY,
    PATINA,
    SINAI,
    Coding,
    Json,
    Loinc,
    LoincAnswer,
    Record,
    Snomed,
    concept,
    condition,
    eligible,
    icd10cm,
    observation,
    percent,
    quantity,
    specimen,
)
from tests.vignettes.vignette import Chapter, Expected, expect

chapter = Chapter()
NOT_TESTED = eligible(SINAI).drop("er", "pr")
DAY, EARLIER = BIOPSY[SINAI], "2019-05-12"
TWO_BIOPSIES = NOT_TESTED.put(old=specimen(EARLIER))
PASS, FAIL, MISSING, CONFLICT = "pass/recorded", "fail/recorded", "unknown/missing", "unknown/conflict"


def receptors(patina: str, sinai: str, er: str) -> Expected:
    """'ER or PR' for PATINA and NCT03304080, ER for ASPIRE."""
    return (
        expect(PATINA, hormone_receptor_positive=patina)
        | expect(SINAI, hormone_receptor_positive=sinai)
        | expect(ASPIRE, er_positive=er)
    )


def er(value: Any, code: Coding = Loinc.ER_PERCENT) -> Json:
    return observation(code, value, DAY, specimen="biopsy")


def pr(value: Any, code: Coding = Loinc.PR_PERCENT) -> Json:
    return observation(code, value, DAY, specimen="biopsy")


def earlier_er(value: Any) -> Json:
    return observation(Loinc.ER_PERCENT, value, EARLIER, specimen="old")


# ---- percentages and interpretations ----
case = chapter.rule("Positive at 1 % of cells and more; '<1 %' is negative, '<10 %' unknown")
case("er-1-percent", NOT_TESTED.add(er(percent(1))), receptors(PASS, PASS, PASS))
case("er-0.9-percent-pr-0", NOT_TESTED.add(er(percent(0.9)), pr(percent(0))), receptors(FAIL, FAIL, FAIL))
case(
    "er-below-10",
    NOT_TESTED.add(er(percent(10, comparator="<")), pr(percent(0))),
    receptors("unknown", "unknown", "unknown"),
)
case("er-text-percent", NOT_TESTED.add(er("90%")), receptors(PASS, PASS, PASS))
case("er-no-unit", NOT_TESTED.add(er(quantity(90))), receptors("unknown", "unknown", "unknown/unusable"))
case = chapter.rule(
    "For 'ER or PR' one positive passes, both negative fail, one negative and the other missing is unknown"
)
case("er-below-1-alone", NOT_TESTED.add(er(percent(1, comparator="<"))), receptors(MISSING, MISSING, FAIL))
case(
    "er-below-1-pr-below-1",
    NOT_TESTED.add(er(percent(1, comparator="<")), pr(percent(1, comparator="<"))),
    receptors(FAIL, FAIL, FAIL),
)
case(
    "er-below-10-pr-20",
    NOT_TESTED.add(er(percent(10, comparator="<")), pr(percent(20), Loinc.PR_PERCENT_IN_TISSUE)),
    receptors(PASS, PASS, "unknown"),
)
case(
    "er-0-pr-positive",
    NOT_TESTED.add(er(percent(0)), pr(Snomed.POSITIVE, Loinc.PR_INTERPRETATION)),
    receptors(PASS, PASS, FAIL),
    "PR does not help where ER is asked for",
)
case = chapter.rule("An interpretation counts like a percentage")
case("er-interpretation", NOT_TESTED.add(er(Snomed.POSITIVE, Loinc.ER_INTERPRETATION)), receptors(PASS, PASS, PASS))
case(
    "er-stain-negative-pr-stain-negative",
    NOT_TESTED.add(er(LoincAnswer.NEGATIVE, Loinc.ER_IN_TISSUE), pr(Snomed.NEGATIVE, Loinc.PR)),
    receptors(FAIL, FAIL, FAIL),
)
case(
    "er-equivocal",
    NOT_TESTED.add(er(Snomed.EQUIVOCAL, Loinc.ER), pr(percent(0))),
    receptors("unknown", "unknown", "unknown"),
    "an equivocal one is neither",
)
case = chapter.rule("The intensity of the stain is not the status")
case(
    "er-intensity-only",
    NOT_TESTED.add(observation(Loinc.ER_INTENSITY, Snomed.THREE_PLUS, DAY)),
    receptors(MISSING, MISSING, MISSING),
)

LUNG = condition(icd10cm("C34.11"), "2018-02-01", clinical="resolved", id="lung")
ABOUT_THE_LUNG = {"focus": [{"reference": "Condition/lung"}]}
case = chapter.rule("A result whose focus is another cancer says nothing of this one")
case(
    "er-of-lung-cancer",
    NOT_TESTED.add(LUNG, observation(Loinc.ER_PERCENT, percent(90), DAY, **ABOUT_THE_LUNG)),
    receptors(MISSING, MISSING, MISSING),
)
case(
    "er-of-lung-cancer-newer",
    NOT_TESTED.add(LUNG, observation(Loinc.ER_PERCENT, percent(0), DAY, **ABOUT_THE_LUNG), earlier_er(percent(90))),
    receptors(PASS, PASS, PASS),
)

# ---- the newest ----
case = chapter.rule("The newest percentage or interpretation decides; NCT03304080 takes any specimen")
case(
    "er-positive-then-negative",
    TWO_BIOPSIES.add(earlier_er(percent(80)), er(percent(0)), pr(percent(0))),
    receptors(FAIL, PASS, FAIL),
)
case(
    "er-negative-then-positive",
    TWO_BIOPSIES.add(earlier_er(percent(0)), er(percent(30))),
    receptors(PASS, PASS, PASS),
)
case(
    "er-interpretation-newer-than-percent",
    TWO_BIOPSIES.add(earlier_er(percent(80)), er(Snomed.NEGATIVE, Loinc.ER_INTERPRETATION), pr(percent(0))),
    receptors(FAIL, PASS, FAIL),
)
case = chapter.rule("At one time on different sides they are a conflict")
BOTH_SIDES = NOT_TESTED.add(er(percent(90)), er(Snomed.NEGATIVE, Loinc.ER_INTERPRETATION))
case("er-same-day-disagree", BOTH_SIDES.add(pr(percent(0))), receptors(CONFLICT, CONFLICT, CONFLICT))
case(
    "er-same-day-disagree-pr-positive",
    BOTH_SIDES.add(pr(percent(50))),
    receptors(PASS, PASS, CONFLICT),
    "a positive PR passes beside it",
)
case(
    "er-both-in-one-answer",
    NOT_TESTED.add(er(concept(Snomed.POSITIVE, Snomed.NEGATIVE), Loinc.ER), pr(percent(0))),
    receptors(CONFLICT, CONFLICT, CONFLICT),
)
EARLY_ISSUE, LATE_ISSUE = {"issued": f"{DAY}T10:00:00Z"}, {"issued": f"{DAY}T16:00:00Z"}
case = chapter.rule("At one time the one issued later wins")
case(
    "er-same-day-positive-issued-later",
    NOT_TESTED.add(er(percent(0)) | EARLY_ISSUE, er(percent(30)) | LATE_ISSUE, pr(percent(0))),
    receptors(PASS, PASS, PASS),
)
case(
    "er-same-day-negative-issued-later",
    NOT_TESTED.add(er(percent(30)) | EARLY_ISSUE, er(percent(0)) | LATE_ISSUE, pr(percent(0))),
    receptors(FAIL, "unknown", FAIL),
)
case(
    "er-same-day-issued-together",
    NOT_TESTED.add(er(percent(30)) | LATE_ISSUE, er(percent(0)) | LATE_ISSUE, pr(percent(0))),
    receptors(CONFLICT, CONFLICT, CONFLICT),
)
case = chapter.rule("An undated result serves only where nothing dated does")
UNDATED_ER = observation(Loinc.ER_PERCENT, percent(90), None)
case("er-undated", NOT_TESTED.add(UNDATED_ER), receptors(PASS, PASS, PASS))
case(
    "er-undated-beside-dated",
    NOT_TESTED.add(UNDATED_ER, er(percent(0)), pr(percent(0))),
    expect(PATINA, hormone_receptor_positive=FAIL) | expect(ASPIRE, er_positive=FAIL),
)
case = chapter.rule("LOINC 10480-2 is both: positive settles 'ER or PR' and never ER alone, negative is both negative")


def together(answer: Coding) -> Record:
    return NOT_TESTED.add(observation(Loinc.ER_AND_PR, answer, DAY))


case("er-pr-together-positive", together(Snomed.POSITIVE), receptors(PASS, PASS, "unknown"))
case("er-pr-together-negative", together(Snomed.NEGATIVE), receptors(FAIL, FAIL, FAIL))
case(
    "er-pr-together-positive-each-negative",
    together(Snomed.POSITIVE).add(er(percent(0)), pr(percent(0))),
    receptors(CONFLICT, CONFLICT, FAIL),
    "each negative on the same day: a conflict",
)

TOGETHER_EARLIER = observation(Loinc.ER_AND_PR, Snomed.POSITIVE, EARLIER, specimen="old")
case(
    "er-pr-together-positive-each-negative-later",
    TWO_BIOPSIES.add(TOGETHER_EARLIER, er(percent(0)), pr(percent(0))),
    receptors(FAIL, PASS, FAIL),
    "the newest decides, or any specimen",
)
case(
    "er-pr-together-positive-one-negative-later",
    TWO_BIOPSIES.add(TOGETHER_EARLIER, er(percent(0))),
    receptors(PASS, PASS, FAIL),
    "PR is not denied",
)
case(
    "er-pr-together-positive-after-each-negative",
    TWO_BIOPSIES.add(
        earlier_er(percent(0)),
        observation(Loinc.PR_PERCENT, percent(0), EARLIER, specimen="old"),
        observation(Loinc.ER_AND_PR, Snomed.POSITIVE, DAY, specimen="biopsy"),
    ),
    expect(PATINA, hormone_receptor_positive=PASS) | expect(SINAI, hormone_receptor_positive=PASS),
)

# ---- diagnoses ----
case = chapter.rule("Receptor codes decide where no laboratory result does; Z17.41x does not say which receptor")
for name, code, expected in (
    ("z170", icd10cm("Z17.0"), receptors(PASS, PASS, PASS)),
    ("z171", icd10cm("Z17.1"), receptors(MISSING, MISSING, FAIL)),
    ("z1721", icd10cm("Z17.21"), receptors(PASS, PASS, MISSING)),
    ("z17411", icd10cm("Z17.411"), receptors(PASS, PASS, "unknown")),
    ("z17420", icd10cm("Z17.420"), receptors(FAIL, FAIL, FAIL)),
    ("snomed-er-positive", Snomed.ER_POSITIVE_TUMOR, receptors(PASS, PASS, PASS)),
    ("snomed-hr-positive", Snomed.HR_POSITIVE_TUMOR, receptors(PASS, PASS, "unknown")),
    ("snomed-hr-negative", Snomed.HR_NEGATIVE_TUMOR, receptors(FAIL, FAIL, FAIL)),
    ("snomed-pr-negative", Snomed.PR_NEGATIVE_TUMOR, receptors(MISSING, MISSING, MISSING)),
):
    case(f"receptor-diagnosis-{name}", NOT_TESTED.add(condition(code, DAY)), expected)


def coded(*codes: tuple[str, str]) -> Record:
    """Receptors that only diagnoses tell: code and onset of each."""
    return NOT_TESTED.add(*(condition(icd10cm(code), onset) for code, onset in codes))


case = chapter.rule(
    "Diagnoses that contradict each other at one time are a conflict; of two the later speaks, or any positive"
)
for name, record, expected in (
    ("er", coded(("Z17.0", DAY), ("Z17.1", DAY)), receptors(CONFLICT, CONFLICT, CONFLICT)),
    ("er-later", coded(("Z17.0", EARLIER), ("Z17.1", DAY)), receptors(MISSING, PASS, FAIL)),
    ("hr", coded(("Z17.410", DAY), ("Z17.420", DAY)), receptors(CONFLICT, CONFLICT, CONFLICT)),
    ("hr-later-negative", coded(("Z17.410", EARLIER), ("Z17.420", DAY)), receptors(FAIL, PASS, FAIL)),
    ("hr-later-positive", coded(("Z17.420", EARLIER), ("Z17.410", DAY)), receptors(PASS, PASS, MISSING)),
    (
        "hr-and-each",
        coded(("Z17.410", DAY), ("Z17.1", DAY), ("Z17.22", DAY)),
        receptors(CONFLICT, CONFLICT, CONFLICT),
    ),
    (
        "hr-after-each",
        coded(("Z17.1", EARLIER), ("Z17.22", EARLIER), ("Z17.410", DAY)),
        receptors(PASS, PASS, MISSING),
    ),
    ("hr-and-er", coded(("Z17.410", DAY), ("Z17.1", DAY)), receptors(PASS, PASS, FAIL)),
    ("er-and-pr-positive", coded(("Z17.0", DAY), ("Z17.1", DAY), ("Z17.21", DAY)), receptors(PASS, PASS, CONFLICT)),
):
    case(f"receptor-diagnoses-{name}", record, expected)
case = chapter.rule("A receptor code without its system, or not confirmed, decides nothing")
case(
    "receptor-diagnosis-without-system",
    NOT_TESTED.add(condition({"code": "Z17.0"}, DAY)),
    receptors("unknown/unusable", "unknown/unusable", "unknown/unusable"),
)
for name, more in (("refuted", {"verification": "refuted"}), ("later", {"onset": "2026-12-01"})):
    coded_er = condition(icd10cm("Z17.0"), **({"onset": DAY} | more))
    case(f"receptor-diagnosis-{name}", NOT_TESTED.add(coded_er), receptors(MISSING, MISSING, MISSING))
case(
    "receptor-diagnosis-provisional",
    NOT_TESTED.add(condition(icd10cm("Z17.0"), DAY, verification="provisional")),
    receptors(MISSING, MISSING, MISSING),
)
case = chapter.rule("Receptor codes decide where no laboratory result does; Z17.41x does not say which receptor")
case(
    "receptor-diagnosis-against-laboratory",
    NOT_TESTED.add(er(percent(0)), pr(percent(0)), condition(icd10cm("Z17.0"), "2026-10-01")),
    receptors(FAIL, FAIL, FAIL),
    "Z17.0 does not help against laboratory results",
)
EQUIVOCAL_AFTER_POSITIVE = TWO_BIOPSIES.add(
    earlier_er(percent(90)), er(Snomed.EQUIVOCAL, Loinc.ER_INTERPRETATION), pr(percent(0))
)
for name, on, outcome in (("before-it", "2018-01-10", MISSING), ("undated", None, MISSING), ("after-it", DAY, FAIL)):
    case(
        f"receptor-diagnosis-negative-{name}",
        EQUIVOCAL_AFTER_POSITIVE.add(condition(icd10cm("Z17.1"), on)),
        expect(PATINA, hormone_receptor_positive=outcome) | expect(ASPIRE, er_positive=outcome),
        "after an equivocal result, but not against an earlier one that is not older",
    )
case(
    "receptor-diagnoses-undated",
    NOT_TESTED.add(condition(icd10cm("Z17.0")), condition(icd10cm("Z17.1"))),
    receptors(CONFLICT, CONFLICT, CONFLICT),
)
case = chapter.rule("Receptor codes decide where no laboratory result does")
case(
    "receptor-breast-code-says-hr",
    NOT_TESTED.put(cancer=condition(Snomed.HR_POSITIVE_BREAST_CANCER, "2019-05-10")),
    receptors(PASS, PASS, "unknown") | expect(PATINA, metastatic_breast_cancer=PASS),
    "a code of the breast cancer itself may say it",
)
