"""HER2 by ASCO/CAP 2018 (PATINA, Yale, ASPIRE) and as NCT03304080 writes it: every cell of the table, both at once."""

from typing import Any

from tests.builders import (
    ASPIRE,
    BIOPSY,
    PATINA,
    SINAI,
    YALE,
    Coding,
    Json,
    Loinc,
    LoincAnswer,
    Number,
    Record,
    Snomed,
    concept,
    condition,
    eligible,
    icd10cm,
    observation,
    quantity,
    ratio,
    report,
    specimen,
    value_of,
    value_range,
)
from tests.vignettes.vignette import Chapter, Expected, expect, expect_in

chapter = Chapter()
NOT_TESTED = eligible(SINAI).drop("her2")
DAY = BIOPSY[SINAI]
PASS, FAIL, UNKNOWN, MISSING, CONFLICT = (
    "pass/recorded",
    "fail/recorded",
    "unknown",
    "unknown/missing",
    "unknown/conflict",
)


def her2(asco_cap: str, sinai: str | None = None) -> Expected:
    """By ASCO/CAP 2018, and as NCT03304080 writes it where the reference settles that."""
    settled = expect(SINAI, her2_positive=sinai) if sinai else {}
    return expect_in((PATINA, YALE, ASPIRE), her2_positive=asco_cap) | settled


def result(code: Coding, value: Any, on: str = DAY, taken_from: str | None = "biopsy") -> Json:
    return observation(code, value, on, specimen=taken_from)


def ihc(answer: Any, on: str = DAY, taken_from: str | None = "biopsy") -> Json:
    return result(Loinc.HER2_IHC, answer, on, taken_from)


def chromosome_ratio(value: Number, on: str = DAY, taken_from: str | None = "biopsy") -> Json:
    return result(Loinc.HER2_RATIO, quantity(value, "{ratio}"), on, taken_from)


def copies(value: Number, on: str = DAY, taken_from: str | None = "biopsy") -> Json:
    return result(Loinc.HER2_COPIES, quantity(value, "{#}"), on, taken_from)


def fish(chromosomes: Number) -> Json:
    return result(Loinc.HER2_FISH, quantity(chromosomes, "{ratio}"))


def tested(*results: Json) -> Record:
    return NOT_TESTED.add(*results)


IHC_0, IHC_1, IHC_2, IHC_3 = LoincAnswer.IHC_0, LoincAnswer.IHC_1, LoincAnswer.IHC_2, LoincAnswer.IHC_3

# ---- the table ----
case = chapter.rule("IHC score, ratio and copy number together give the result")
SCORES = {"3p": IHC_3, "2p": IHC_2, "1p": IHC_1, "0": IHC_0}
# id (the IHC score first), ratio, copy number, by ASCO/CAP 2018, as NCT03304080 writes it
for id, chromosomes, number, asco_cap, sinai in (
    ("3p-no-ish", None, None, PASS, PASS),
    ("3p-group2", 2.1, 3.5, PASS, PASS),
    ("3p-group4", 1.5, 5.0, PASS, PASS),
    ("3p-group5", 1.2, 2.5, CONFLICT, PASS),
    ("3p-single-4.0", None, 4.0, PASS, PASS),
    ("3p-single-3.9", None, 3.9, CONFLICT, PASS),
    ("2p-no-ish", None, None, MISSING, UNKNOWN),
    ("2p-group1-on-both-limits", 2.0, 4.0, PASS, PASS),
    ("2p-group2-copy-3.99", 2.0, 3.99, FAIL, PASS),
    ("2p-group3-copy-6.0", 1.99, 6.0, PASS, PASS),
    ("2p-group4-copy-5.99", 1.99, 5.99, FAIL, FAIL),
    ("2p-group4-copy-4.0", 1.99, 4.0, FAIL, FAIL),
    ("2p-group5", 1.1, 2.2, FAIL, FAIL),
    ("2p-single-6.0", None, 6.0, PASS, PASS),
    ("2p-single-5.9", None, 5.9, UNKNOWN, UNKNOWN),
    ("2p-single-4.0", None, 4.0, UNKNOWN, UNKNOWN),
    ("2p-single-3.9", None, 3.9, FAIL, UNKNOWN),
    ("2p-ratio-alone-low", 1.5, None, UNKNOWN, FAIL),
    ("2p-ratio-alone-high", 2.5, None, UNKNOWN, PASS),
    ("1p-no-ish", None, None, FAIL, FAIL),
    ("0-group1", 2.4, 5.0, CONFLICT, PASS),
    ("1p-group2", 2.3, 3.0, FAIL, PASS),
    ("0-group3", 1.7, 6.4, FAIL, PASS),
    ("1p-group4", 1.6, 4.8, FAIL, FAIL),
    ("1p-group5", 1.0, 2.0, FAIL, FAIL),
    ("0-single-5.9", None, 5.9, FAIL, FAIL),
    ("1p-single-6.0", None, 6.0, CONFLICT, PASS),
    ("1p-ratio-alone-low", 1.5, None, FAIL, FAIL),
    ("0-ratio-alone-high", 2.5, None, UNKNOWN, PASS),
    ("none-group1", 3.1, 7.0, PASS, PASS),
    ("none-group2", 2.2, 3.1, UNKNOWN, PASS),
    ("none-group3", 1.6, 7.2, UNKNOWN, PASS),
    ("none-group4", 1.4, 4.4, UNKNOWN, FAIL),
    ("none-group5", 1.3, 3.0, FAIL, FAIL),
    ("none-single-6.0", None, 6.0, PASS, PASS),
    ("none-single-5.0", None, 5.0, UNKNOWN, UNKNOWN),
    ("none-single-3.9", None, 3.9, FAIL, UNKNOWN),
    ("none-ratio-alone-low", 1.5, None, UNKNOWN, UNKNOWN),
):
    score = SCORES.get(id.partition("-")[0])
    results = [ihc(score)] if score else []
    results += [chromosome_ratio(chromosomes)] if chromosomes else []
    results += [copies(number)] if number else []
    case(f"her2-cell-{id}", tested(*results), her2(asco_cap, sinai), f"ratio {chromosomes}, copy number {number}")

# ---- how IHC and ISH are told ----
case = chapter.rule("IHC reported positive reads as 3+, negative as 0 or 1+, equivocal as 2+; scores as code or text")
for name, code, answer, asco_cap, sinai in (
    ("reported-positive-snomed", Loinc.HER2_IHC, Snomed.POSITIVE, PASS, PASS),
    ("reported-negative", Loinc.HER2_IMMUNOASSAY, LoincAnswer.NEGATIVE, FAIL, FAIL),
    ("reported-equivocal", Loinc.HER2_IHC, LoincAnswer.EQUIVOCAL, MISSING, UNKNOWN),
    ("score-snomed-plus", Loinc.HER2_IHC_IN_TISSUE, Snomed.THREE_PLUS, PASS, PASS),
    ("unreadable-text", Loinc.HER2_IHC, "strong staining, see report", "unknown/unusable", UNKNOWN),
):
    case(f"her2-ihc-{name}", tested(result(code, answer)), her2(asco_cap, sinai))
# one answer may be coded as the score and in words: 2+ is called anything, any other score must agree
case = chapter.rule("A score and a word in one result must not contradict each other, nor two scores")
for name, answers, asco_cap, sinai in (
    ("3p-positive", (IHC_3, Snomed.POSITIVE), PASS, PASS),
    ("2p-positive", (IHC_2, Snomed.POSITIVE), MISSING, UNKNOWN),
    ("0-negative", (IHC_0, Snomed.NEGATIVE), FAIL, FAIL),
    ("1p-positive", (IHC_1, Snomed.POSITIVE), CONFLICT, UNKNOWN),
    ("3p-negative", (IHC_3, Snomed.NEGATIVE), CONFLICT, UNKNOWN),
    ("1p-3p", (IHC_1, IHC_3), CONFLICT, UNKNOWN),
):
    case(f"her2-ihc-coded-{name}", tested(ihc(concept(*answers))), her2(asco_cap, sinai))
case = chapter.rule("ISH reported amplified is group 1, not amplified group 5, where no value is given")
for name, score, code, answer, asco_cap, sinai in (
    ("amplified-2p", IHC_2, Loinc.HER2_FISH, Snomed.AMPLIFIED, PASS, PASS),
    ("positive-0", IHC_0, Loinc.HER2_FISH_IN_TISSUE, Snomed.POSITIVE, CONFLICT, PASS),
    ("not-amplified-2p", IHC_2, Loinc.HER2_FISH_IN_TUMOR, Snomed.NOT_AMPLIFIED, FAIL, FAIL),
    ("not-amplified-3p", IHC_3, Loinc.HER2_FISH, LoincAnswer.NEGATIVE, CONFLICT, PASS),
):
    case(f"her2-ish-{name}", tested(ihc(score), result(code, answer)), her2(asco_cap, sinai))
# the answer contradicts the values, but it is read only where there are none
case(
    "her2-ish-answer-beside-values",
    tested(ihc(IHC_2), result(Loinc.HER2_FISH, Snomed.AMPLIFIED), chromosome_ratio(1.5), copies(3.0)),
    her2(FAIL),
    "1.5 and 3.0 are group 5",
)
case = chapter.rule("Two values of one result that disagree are a conflict")
for name, told, asco_cap, sinai in (
    ("fish-low-amplified", fish(1.4) | value_of(Snomed.AMPLIFIED), CONFLICT, UNKNOWN),
    ("fish-high-not-amplified", fish(2.4) | value_of(Snomed.NOT_AMPLIFIED), CONFLICT, UNKNOWN),
    ("fish-high-amplified", fish(2.4) | value_of(Snomed.AMPLIFIED), MISSING, PASS),
    ("ihc-code-and-text", ihc(IHC_3) | value_of("1+"), CONFLICT, UNKNOWN),
    ("overall", result(Loinc.HER2_OVERALL, concept(Snomed.POSITIVE, Snomed.NEGATIVE)), CONFLICT, UNKNOWN),
):
    case(f"her2-two-values-{name}", tested(told), her2(asco_cap, sinai))
case = chapter.rule("Results of one time that differ decide where the answer is the same, whichever of them is taken")
for name, told, asco_cap, sinai in (
    ("ratios", (chromosome_ratio(2.4), chromosome_ratio(2.6), copies(5)), PASS, PASS),
    ("ratio-as-text", (chromosome_ratio(2.4), result(Loinc.HER2_FISH, "> 2.2"), copies(5)), PASS, PASS),
    ("ratios-alone", (chromosome_ratio(2.4), chromosome_ratio(2.6)), MISSING, PASS),
    ("ratios-on-both-sides", (chromosome_ratio(1.8), chromosome_ratio(2.6), copies(5)), CONFLICT, CONFLICT),
    ("copies", (copies(6.5), copies(8)), PASS, PASS),
    ("scores", (ihc(IHC_2), ihc(IHC_3), chromosome_ratio(2.4), copies(5)), PASS, PASS),
    ("scores-beside-group-2", (ihc(IHC_2), ihc(IHC_3), chromosome_ratio(2.4), copies(3)), CONFLICT, PASS),
    ("scores-negative", (ihc(IHC_1), ihc(IHC_2), chromosome_ratio(1.5), copies(3)), FAIL, FAIL),
    ("scores-alone", (ihc(IHC_1), ihc(IHC_3)), CONFLICT, CONFLICT),
):
    case(f"her2-of-one-time-{name}", tested(*told), her2(asco_cap, sinai))
case = chapter.rule(
    "A FISH result may come as text: a ratio. It decides where every group it could be gives one answer"
)
case(
    "her2-text-ratio-low-negative",
    tested(ihc(Snomed.NEGATIVE), result(Loinc.HER2_FISH, "less than 1.8")),
    her2(FAIL, FAIL),
    "groups 3, 4 and 5 are all negative beside 0 or 1+",
)
case(
    "her2-text-ratio-low-2p",
    tested(ihc(IHC_2), result(Loinc.HER2_FISH, "less than 1.8")),
    her2(UNKNOWN, FAIL),
    "group 3 would be positive beside 2+",
)
case = chapter.rule("A value known only as an interval decides where every group it could be gives one answer")
case(
    "her2-copy-comparator",
    tested(ihc(IHC_2), chromosome_ratio(1.2), result(Loinc.HER2_COPIES, quantity(4, "{#}", comparator="<"))),
    her2(FAIL, FAIL),
    "fewer than 4 copies beside ratio 1.2 are group 5",
)
case(
    "her2-copy-range",
    tested(ihc(IHC_2), chromosome_ratio(2.5), result(Loinc.HER2_COPIES, value_range(4.2, 5.8, "{#}"))),
    her2(PASS, PASS),
    "4.2-5.8 copies beside ratio 2.5 are group 1",
)
for name, low, high, sinai in (("5-7", 5, 7, UNKNOWN), ("5-5.9", 5, 5.9, FAIL), ("6-7", 6, 7, PASS)):
    number = result(Loinc.HER2_COPIES, value_range(low, high, "{#}"))
    case(f"her2-1p-copy-range-{name}", tested(ihc(IHC_1), number), expect(SINAI, her2_positive=sinai))
case(
    "her2-ratio-as-ratio",
    tested(
        ihc(IHC_2),
        result(Loinc.HER2_RATIO, ratio(quantity(42), quantity(20))),
        result(Loinc.HER2_COPIES, quantity(4.2, "1")),
    ),
    her2(PASS, PASS),
    "42/20 and 4.2 copies are group 1",
)
# the copy number that is left, read as a single probe, would be unknown as well
case(
    "her2-ratio-impossible",
    tested(ihc(IHC_2), chromosome_ratio(55), copies(4.5)),
    her2(UNKNOWN),
    "a ratio of 55 is unusable",
)
PANEL = (
    (Loinc.HER2_RATIO, quantity(2.3, "{ratio}")),
    (Loinc.HER2_COPIES, quantity(5.1, "{#}")),
)
case = chapter.rule("Components are read like Observations with the panel's date")
case(
    "her2-panel-components",
    tested(observation(Loinc.HER2_FISH_PANEL, None, DAY, specimen="biopsy", components=PANEL)),
    her2(PASS, PASS),
)

# ---- overall interpretation, serum, diagnoses ----
POSITIVE, NEGATIVE = (result(Loinc.HER2_OVERALL, answer) for answer in (Snomed.POSITIVE, Snomed.NEGATIVE))
case = chapter.rule(
    "An overall interpretation decides only for a specimen that has nothing else; against the rest: conflict"
)
case("her2-overall-alone", tested(POSITIVE), her2(PASS, PASS))
case(
    "her2-overall-against-0",
    tested(ihc(IHC_0), POSITIVE),
    her2(CONFLICT, FAIL),
    "NCT03304080 takes measured values first",
)
# 2+ neither agrees with it nor contradicts it; the specimen has something else
case("her2-overall-beside-2p", tested(ihc(IHC_2), POSITIVE), her2(UNKNOWN, UNKNOWN), "2+ without ISH")
case(
    "her2-overall-agrees-2018-only",
    tested(ihc(IHC_2), chromosome_ratio(2.1), copies(3.5), NEGATIVE),
    her2(FAIL, PASS),
    "ratio 2.1, copy number 3.5 and 2+ are negative by ASCO/CAP 2018 and positive as NCT03304080 writes it",
)
case = chapter.rule("HER2 in serum never counts")
case("her2-serum", tested(observation(Loinc.HER2_IN_SERUM, Snomed.POSITIVE, DAY)), her2(MISSING, MISSING))
case = chapter.rule("Without any result HER2 is unknown")
case("her2-none", NOT_TESTED, her2(MISSING, MISSING))
case = chapter.rule("Receptor diagnoses decide where no laboratory result does")
for name, code, outcome in (
    ("z1731", icd10cm("Z17.31"), PASS),
    ("z17411", icd10cm("Z17.411"), FAIL),
    ("snomed-negative-carcinoma", Snomed.HER2_NEGATIVE_BREAST_CANCER, FAIL),
    ("snomed-positive-carcinoma", Snomed.HER2_POSITIVE_BREAST_CANCER, PASS),
):
    case(f"her2-diagnosis-{name}", NOT_TESTED.add(condition(code, DAY)), her2(outcome, outcome))
case(
    "her2-diagnosis-provisional",
    NOT_TESTED.add(condition(icd10cm("Z17.31"), DAY, verification="provisional")),
    her2(MISSING, MISSING),
    "an unconfirmed diagnosis decides nothing",
)
POSITIVE_CODE, NEGATIVE_CODE = icd10cm("Z17.31"), icd10cm("Z17.32")
for name, earlier, outcomes in (
    ("negative-later", POSITIVE_CODE, her2(FAIL, PASS)),
    ("positive-later", NEGATIVE_CODE, her2(PASS, PASS)),
):
    later = NEGATIVE_CODE if earlier is POSITIVE_CODE else POSITIVE_CODE
    record = NOT_TESTED.add(condition(earlier, "2019-05-12"), condition(later, DAY))
    case(f"her2-diagnoses-{name}", record, outcomes, "the newest, or any where the trial says so")
case(
    "her2-diagnoses-one-day",
    NOT_TESTED.add(condition(POSITIVE_CODE, DAY), condition(NEGATIVE_CODE, DAY)),
    her2(CONFLICT, CONFLICT),
    "at one time they contradict each other",
)
# a diagnosis, like an overall interpretation, makes a conflict where it contradicts what was measured;
# NCT03304080 takes measured values first
case(
    "her2-diagnosis-against-laboratory",
    tested(ihc(IHC_3), condition(icd10cm("Z17.32"), DAY)),
    her2(CONFLICT, PASS),
    "IHC 3+ and a code of HER2 negative",
)

# ---- specimens ----
case = chapter.rule("Results of one specimen or report, or taken within 30 days, belong together")
case(
    "her2-one-specimen-69-days",
    tested(ihc(IHC_3, "2026-06-01"), chromosome_ratio(1.5, "2026-08-09"), copies(5.0, "2026-08-09")),
    her2(PASS, PASS),
    "3+ and group 4 are positive together",
)


def of_no_specimen(ish_on: str, ihc_on: str = "2026-08-01") -> Record:
    return NOT_TESTED.put(
        ihc=ihc(IHC_3, ihc_on, None),
        ratio=chromosome_ratio(1.5, ish_on, None),
        copies=copies(5.0, ish_on, None),
    )


case("her2-no-specimen-30-days", of_no_specimen("2026-08-31"), her2(PASS, PASS))
case("her2-no-specimen-31-days", of_no_specimen("2026-09-01"), her2(UNKNOWN, PASS), "31 days are apart")
case(
    "her2-one-report-69-days",
    of_no_specimen("2026-08-09", "2026-06-01").add(report("2026-08-09", "ihc", "ratio", "copies")),
    her2(PASS, PASS),
)


def by_specimen_and_report(ish_on: str) -> Record:
    """The IHC names its specimen, the ISH is told by a report."""
    return (
        of_no_specimen(ish_on)
        .put(ihc=ihc(IHC_3, "2026-08-01"))
        .add(specimen("2026-08-01", "biopsy"), report(ish_on, "ratio", "copies"))
    )


case("her2-specimen-and-report-30-days", by_specimen_and_report("2026-08-31"), her2(PASS, PASS))
case("her2-specimen-and-report-31-days", by_specimen_and_report("2026-09-01"), her2(UNKNOWN, PASS), "31 days are apart")
# 3+ with 5.0 copies would be positive without the ratio; the ratio alone would be the newest, and unknown
case(
    "her2-specimen-and-report-joined",
    NOT_TESTED.put(
        ihc=ihc(IHC_3, "2026-06-01"), ratio=chromosome_ratio(1.5, "2026-08-09", None), copies=copies(5.0, "2026-08-09")
    ).add(report("2026-08-09", "ratio", "copies")),
    her2(PASS, PASS),
    "a result that names both joins what names either",
)
case(
    "her2-two-specimens-one-day",
    NOT_TESTED.put(other=specimen(DAY)).add(ihc(IHC_0), chromosome_ratio(2.4, DAY, "other"), copies(6.1, DAY, "other")),
    her2(CONFLICT, PASS),
    "two specimens stay apart",
)
case = chapter.rule("Undated results belong together, and serve only where nothing dated does")


def undated(told: Json) -> Json:
    return {name: said for name, said in told.items() if name not in ("effectiveDateTime", "specimen")}


UNDATED_AMPLIFIED = (undated(chromosome_ratio(2.4)), undated(copies(5.1)))
case("her2-undated-2p-group1", tested(undated(ihc(IHC_2)), *UNDATED_AMPLIFIED), her2(PASS, PASS))
case("her2-undated-2p", tested(undated(ihc(IHC_2))), her2(MISSING, UNKNOWN))
case("her2-undated-beside-dated", tested(ihc(IHC_0), undated(ihc(IHC_3))), her2(FAIL))
case = chapter.rule("One specimen is one however it is referred to; a contained one is known in its own resource alone")
for name, first, second, asco_cap in (
    ("absolute", "Specimen/s1", "https://ehr.example.org/fhir/Specimen/s1", PASS),
    ("version", "Specimen/s1", "Specimen/s1/_history/2", PASS),
    ("contained", "#s1", "#s1", UNKNOWN),
):
    amplified = [chromosome_ratio(2.1, "2026-06-01"), copies(6.0, "2026-06-01")]
    results = [*(r | {"specimen": {"reference": first}} for r in amplified), ihc(IHC_2, "2026-08-09")]
    results[-1] = results[-1] | {"specimen": {"reference": second}}
    contained = {"contained": [{"resourceType": "Specimen", "id": "s1"}]} if first == "#s1" else {}
    case(f"her2-specimen-{name}", tested(*(r | contained for r in results)), her2(asco_cap))
case = chapter.rule("A result whose focus is another cancer says nothing of this one")
LUNG = condition(icd10cm("C34.11"), "2018-02-01", clinical="resolved", id="lung")
case("her2-of-lung-cancer", tested(LUNG, ihc(IHC_3) | {"focus": [{"reference": "Condition/lung"}]}), her2(MISSING))
case = chapter.rule("The newest specimen decides; NCT03304080 takes any")
TWO_BIOPSIES = NOT_TESTED.put(old=specimen("2019-05-12"))
for name, old, new, asco_cap, sinai in (
    ("negative-then-positive", IHC_1, IHC_3, PASS, PASS),
    ("positive-then-negative", IHC_3, IHC_0, FAIL, PASS),
    ("positive-then-equivocal", IHC_3, IHC_2, MISSING, PASS),
):
    case(
        f"her2-two-specimens-{name}",
        TWO_BIOPSIES.add(ihc(old, "2019-05-12", "old"), ihc(new)),
        her2(asco_cap, sinai),
    )
