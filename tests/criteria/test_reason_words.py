"""Reasons are sentences: they name what they speak of, its day, and nothing twice."""

from typing import Any

import pytest

from service.screening import Screening
from tests.builders import (
    SINAI,
    YALE,
    Loinc,
    LoincAnswer,
    RxNorm,
    Snomed,
    administration,
    ago,
    ajcc,
    concept,
    condition,
    eligible,
    icd10cm,
    laboratory,
    observation,
    procedure,
    rxnorm,
    snomed,
    statement,
    years,
    younger,
)
from tests.criteria.one_rule import judged, screened
from tests.criteria.test_what_is_shown import criterion

HER2 = "{her2: asco-cap-2018}"
BREAST_CANCER = snomed("254837009", "Malignant neoplasm of breast (disorder)")


def test_nothing_that_counts_is_told_without_the_article_of_what_was_looked_for(screening: Screening) -> None:
    bronchitis = condition(snomed("10509002"), ago(40), clinical="resolved")
    reason = judged(screening, "{absent: [{diagnosis: infection}]}", bronchitis).reason
    assert reason.startswith("no infection that counts: acute bronchitis, code 10509002 (resolved)")


def test_a_drug_record_whose_status_tells_nothing_is_not_told_as_active(screening: Screening) -> None:
    told = [statement(rxnorm("1601374", "palbociclib"), "2020-01-20", status=s) for s in ("unknown", "taking")]
    reason = judged(screening, "{absent: [{drug: cdk4-6-inhibitor, taken: ever}]}", *told).reason
    assert "palbociclib (statement)" in reason
    assert "active" not in reason


# -- days


def test_a_cancer_and_its_spread_are_told_with_their_days(screening: Screening) -> None:
    rule = "{cancer: breast, extent: metastatic}"
    cancer = condition(BREAST_CANCER, "2019-05-10")
    early = observation(Loinc.STAGE_CLINICAL, snomed("258219007", "Stage 2"), "2019-05-12")
    assert judged(screening, rule, cancer, early).reason == (
        "breast cancer: Malignant neoplasm of breast (active) on 2019-05-10; no distant spread: Stage 2 on 2019-05-12"
    )
    late = observation(Loinc.STAGE_CLINICAL, snomed("258228008", "Stage 4"), "2026-03-03")
    found = judged(screening, rule, cancer, early, late).reason
    assert found.endswith("; metastatic: Stage 4 on 2026-03-03")
    bone = condition(snomed("94222008", "Bone metastasis"), "2026-02-28")
    found = judged(screening, rule, cancer, early, late, bone).reason
    assert found.endswith(
        "; metastatic since 2026-02-28: Bone metastasis (active) on 2026-02-28; Stage 4 on 2026-03-03"
    )


@pytest.mark.parametrize(
    ("code", "answer", "said"),
    [
        (Loinc.STAGE_CLINICAL, snomed("258219007", "Stage 2"), "no distant spread: Stage 2 on"),
        (Loinc.STAGE_CLINICAL, ajcc("IIA"), "no distant spread: stage IIA on"),
        (
            Loinc.METASTASIS_SITE,
            snomed("260413007", "None (qualifier value)"),
            "no distant spread: metastasis site None on",
        ),
        (Loinc.M_CLINICAL, snomed("30893008", "M0 category"), "no distant spread: M0 category on"),
    ],
)
def test_a_result_of_spread_tells_what_it_is_of(screening: Screening, code: Any, answer: Any, said: str) -> None:
    cancer = condition(BREAST_CANCER, "2019-05-10")
    reason = judged(screening, "{cancer: breast, extent: metastatic}", cancer, observation(code, answer, ago(9))).reason
    assert f"{said} {ago(9)}" in reason


def test_a_recurrence_is_told_with_its_day(screening: Screening) -> None:
    again = condition(snomed("254837009", "Breast cancer"), "2026-03-03", clinical="recurrence")
    reason = judged(screening, "{cancer: breast, extent: metastatic-or-recurrent}", again).reason
    assert "recurrent: Breast cancer (recurrence) on 2026-03-03" in reason


def test_therapy_in_doubt_is_told_whole_and_with_its_days(screening: Screening) -> None:
    """Two drugs were last given 20 days ago, between the days that count as going on and as over."""
    doses = [administration(drug, ago(20)) for drug in (RxNorm.DOCETAXEL_SOLUTION, RxNorm.TRASTUZUMAB_SOLUTION)]
    reason = judged(screening, "{washout: systemic-anticancer, within: 14 days}", *doses).reason
    assert reason.count(f"on {ago(20)}") == 2
    assert reason.endswith(": whether it is still given is not told")


def test_who_cannot_bear_children_is_told_why_and_since_when(screening: Screening) -> None:
    tied = younger(YALE).add(procedure(snomed("287664005", "Bilateral tubal ligation (procedure)"), "2011-08-06"))
    found = criterion(screening, tied.bundle(), "pregnancy-test", YALE)
    assert found.reason == "not of child-bearing potential: Bilateral tubal ligation on 2011-08-06"


def test_what_has_ended_is_told_with_its_end(screening: Screening) -> None:
    pneumonia = condition(snomed("233604007", "Pneumonia"), "2020-09-22", clinical="resolved", abatement="2020-10-05")
    reason = judged(screening, "{absent: [{diagnosis: severe-infection}]}", pneumonia).reason
    assert "Pneumonia (resolved, until 2020-10-05) on 2020-09-22" in reason


# -- names


def test_an_illness_without_a_class_is_named_where_nothing_is_on_record(screening: Screening) -> None:
    found = criterion(screening, eligible(SINAI).bundle(), "heart-failure")
    assert found.reason == "no record of NYHA class; no record of heart failure"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{present: {drug: taxane}}", "a taxane may have been taken: "),
        ("{absent: [{drug: taxane, taken: now}]}", "a taxane may be taken now: "),
    ],
)
def test_a_drug_in_doubt_may_have_been_taken(screening: Screening, rule: str, said: str) -> None:
    unclear = administration(RxNorm.DOCETAXEL_SOLUTION, ago(0), status="unknown")
    assert judged(screening, rule, unclear).reason.startswith(said)


def test_trastuzumab_emtansine_is_written_as_it_is(screening: Screening) -> None:
    found = criterion(screening, eligible(YALE).bundle(), "no-prior-tdm1", YALE)
    assert found.reason == "no record of ado-trastuzumab emtansine taken"


def test_anticancer_drugs_that_act_on_cyp3a4_go_by_one_name(screening: Screening) -> None:
    reason = criterion(screening, eligible(SINAI).bundle(), "cyp3a4").reason
    assert "tucatinib or ribociclib" not in reason
    assert "anticancer drug that strongly inhibits or induces CYP3A4 taken now" in reason
    given = eligible(SINAI).add(administration(RxNorm.RIBOCICLIB_TABLET, ago(3)))
    assert criterion(screening, given.bundle(), "cyp3a4").outcome == "review"


def test_an_intolerance_is_to_a_drug(screening: Screening) -> None:
    reason = judged(screening, "{absent: [{intolerance: pertuzumab}]}").reason
    assert reason == "no record of an intolerance to pertuzumab"


def test_what_would_have_to_stop_says_so(screening: Screening) -> None:
    given = eligible(YALE).add(administration(rxnorm("727762", "fulvestrant"), ago(3)))
    reason = criterion(screening, given.bundle(), "concurrent-therapy", YALE).reason
    assert reason.startswith("hormonal or other antineoplastic therapy now: ")
    assert reason.endswith(f" on {ago(3)}; a person judges whether it can stop")


@pytest.mark.parametrize(
    ("display", "said"),
    [
        ("Negative (qualifier value)", "ER Negative"),
        ("Negative (weak)", "ER Negative (weak)"),
        (" (finding)", "ER  (finding)"),
    ],
)
def test_the_semantic_tag_of_snomed_ct_is_left_out(screening: Screening, display: str, said: str) -> None:
    er = observation(Loinc.ER, snomed("260385009", display), ago(9))
    assert judged(screening, "{receptor: [er]}", er).evidence[0].says == said


def test_a_result_of_both_receptors_is_told_once(screening: Screening) -> None:
    negative = snomed("260385009", "Negative")
    results = [observation(code, negative, ago(9)) for code in (Loinc.ER, Loinc.PR, Loinc.ER_AND_PR)]
    reason = judged(screening, "{receptor: [er, pr]}", *results).reason
    assert reason.count("ER and PR together") == 1


# -- what is needed


def test_a_result_without_its_upper_limit_asks_for_the_limit(screening: Screening) -> None:
    def label(*resources: dict[str, Any]) -> str:
        (need,) = screened(screening, "{measurement: alt, at-most: 2 x ULN, within: 28 days}", *resources).needed
        return need.label

    assert label(laboratory(Loinc.ALT, 22, "U/L", ago(3))) == "ALT with its upper limit of normal"
    assert label(laboratory(Loinc.ALT, 22, "U/L", ago(40))) == "ALT"
    assert label() == "ALT"


@pytest.mark.parametrize("doses", [(), ("chemo-of-unknown-status",)])
def test_an_induction_that_nothing_tells_of_is_told_apart_from_one_in_doubt(
    screening: Screening, doses: tuple[str, ...]
) -> None:
    rule = "{given-since-metastasis: all, cancer: breast, all-of: [chemotherapy-without-conjugates, her2-antibody]}"
    told = [administration(RxNorm.DOCETAXEL_SOLUTION, ago(30), status="unknown") for _ in doses]
    spread = [condition(BREAST_CANCER, "2019-05-10"), condition(snomed("94222008", "Bone metastasis"), ago(90))]
    reason = judged(screening, rule, *spread, *told).reason
    how = "certainly given" if doses else "on record"
    assert reason == f"no chemotherapy and no HER2 antibody {how} since the metastasis"


def test_two_stains_of_one_day_that_disagree_are_both_told(screening: Screening) -> None:
    stains = [observation(Loinc.HER2_IHC, score, ago(30)) for score in ("3+", "1+")]
    for given in (stains, stains[::-1]):
        reason = judged(screening, "{her2: asco-cap-2018}", *given).reason
        assert "IHC 0/1+ and 3+ on" in reason
        assert reason.endswith("results of the same time disagree")


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ({"FEV1": 77}, "FEV1 (percent of predicted) 77 % on {day}"),
        ({"DLCO": 80}, "DLCO (percent of predicted) 80 % on {day}"),
        (
            {"FEV1": 77, "DLCO": 80},
            "FEV1 (percent of predicted) 77 % on {day}; DLCO (percent of predicted) 80 % on {day}",
        ),
    ],
)
def test_of_two_that_must_both_be_low_the_one_that_is_not_is_told_once(
    screening: Screening, results: dict[str, int], said: str
) -> None:
    codes = {"FEV1": Loinc.FEV1_OF_PREDICTED, "DLCO": Loinc.DLCO}
    given = [laboratory(codes[name], value, "%", ago(3)) for name, value in results.items()]
    record = eligible(SINAI).drop("saturation").add(*given)
    assert criterion(screening, record.bundle(), "lung-function").reason == said.format(day=ago(3))


# -- values and their doubts

LAB = "{measurement: hemoglobin, at-least: 10 g/dL, within: 28 days}"
GRAM = {"unit": "g/dL", "system": "http://unitsofmeasure.org", "code": "g/dL"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"low": GRAM | {"value": 11}}, "haemoglobin 11 g/dL or more on"),
        ({"high": GRAM | {"value": 9}}, "haemoglobin up to 9 g/dL on"),
        ({"low": GRAM | {"value": 11}, "high": GRAM | {"value": 12}}, "haemoglobin 11 g/dL to 12 g/dL on"),
    ],
)
def test_a_range_is_told_by_the_ends_that_it_has(screening: Screening, given: Any, said: str) -> None:
    result = observation(Loinc.HEMOGLOBIN, None, ago(3), valueRange=given)
    assert judged(screening, LAB, result).reason.startswith(said)


@pytest.mark.parametrize(
    ("unit", "code", "said"),
    [
        ("10*3/uL", "/uL", "ANC 2.1 10*3/uL (coded /uL) on"),
        ("K/uL", "10*3/uL", "ANC 2,100 /mm³ on"),
        ("thousands", "10*3/uL", "ANC 2,100 /mm³ on"),
    ],
)
def test_a_unit_that_says_something_else_than_its_code_is_told_with_it(
    screening: Screening, unit: str, code: str, said: str
) -> None:
    """The code counts, so that a reader of the text alone would take the value for another."""
    result = laboratory(Loinc.ANC, 2.1, code, ago(3))
    result["valueQuantity"] |= {"unit": unit}
    found = judged(screening, "{measurement: anc, at-least: 1500 /mm3, within: 28 days}", result)
    assert found.reason.startswith(said)


def test_a_plain_number_is_told_without_the_unit_of_one(screening: Screening) -> None:
    fraction = laboratory(Loinc.LVEF_ULTRASOUND, 0.6, "1", ago(3))
    found = judged(screening, "{measurement: lvef, at-least: 50 %, within: 90 days}", fraction)
    assert found.reason.startswith(f"LVEF 0.6 on {ago(3)} (a plain number cannot be converted to %)")


def test_a_day_of_issue_alone_is_told_as_such(screening: Screening) -> None:
    result = laboratory(Loinc.HEMOGLOBIN, 12, "g/dL", None, issued=f"{ago(3)}T10:00:00Z")
    found = judged(screening, LAB, result)
    assert found.reason == f"haemoglobin: issued on {ago(3)}, which does not tell whether it was taken within 28 days"


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([laboratory(Loinc.ER_PERCENT, 90, "g/dL", ago(3))], "ER 90 g/dL on {day} (the unit g/dL cannot be"),
        ([laboratory(Loinc.ER_PERCENT, 10, "%", ago(3), comparator="<")], "ER <10 % on {day} (1 % lies inside"),
        (
            [laboratory(Loinc.ER_PERCENT, 90, "%", ago(3)), laboratory(Loinc.ER_PERCENT, 0, "%", ago(3))],
            "results of one time disagree: ER 90 % on {day}; ER 0 % on {day}",
        ),
    ],
    ids=["unit", "interval", "two"],
)
def test_a_receptor_that_is_not_decided_is_told_with_the_reason(
    screening: Screening, results: list[Any], said: str
) -> None:
    reason = judged(screening, "{receptor: [er]}", *results).reason
    assert reason.startswith(said.format(day=ago(3)))


def test_where_both_receptors_are_negative_it_is_said_of_each(screening: Screening) -> None:
    results = [laboratory(code, 0, "%", ago(3)) for code in (Loinc.ER_PERCENT, Loinc.PR_PERCENT)]
    assert judged(screening, "{receptor: [er, pr]}", *results).reason.startswith("ER and PR negative: ER 0 % on")


def test_diagnoses_of_which_the_later_counts_are_told_with_their_days(screening: Screening) -> None:
    both = [condition(icd10cm("Z17.0", "ER+"), "2019-05-12"), condition(icd10cm("Z17.1", "ER-"), "2026-09-05")]
    found = judged(screening, "{receptor: [er]}", *both)
    assert found.reason == "ER negative by diagnosis: ER+ (active) on 2019-05-12; ER- (active) on 2026-09-05"


def test_a_her2_diagnosis_is_told_as_what_it_says(screening: Screening) -> None:
    positive = condition(icd10cm("Z17.31", "Receptor status Z17.31"), "2026-09-05")
    assert judged(screening, HER2, positive).reason == "HER2 positive by diagnosis: Receptor status Z17.31"
    negative = condition(icd10cm("Z17.32", "Receptor status Z17.32"), "2026-09-05")
    score = observation(Loinc.HER2_IHC, LoincAnswer.IHC_3, "2026-09-05")
    found = judged(screening, HER2, score, negative)
    assert found.reason.endswith("positive by ASCO/CAP 2018, but negative by diagnosis: Receptor status Z17.32")


def test_a_her2_result_without_a_day_is_told_as_undated(screening: Screening) -> None:
    score = observation(Loinc.HER2_IHC, LoincAnswer.IHC_3, None)
    assert judged(screening, HER2, score).reason == "HER2 IHC 3+, undated: positive by ASCO/CAP 2018"


def test_an_answer_that_tells_spread_and_none_is_told_so(screening: Screening) -> None:
    both = concept(Snomed.M0, Snomed.M1)
    cancer = condition(BREAST_CANCER, "2019-05-10")
    result = observation(Loinc.M_CLINICAL, None, ago(9), valueCodeableConcept=both)
    found = judged(screening, "{cancer: breast, extent: metastatic}", cancer, result)
    assert (found.outcome, found.basis) == ("unknown", "conflict")
    assert found.reason.endswith("(it tells of spread and of none at once)")
    assert [e.used for e in found.evidence if e.date == ago(9)] == [False]


def test_an_end_told_by_an_age_is_told_in_words(screening: Screening) -> None:
    ended = condition(snomed("233604007", "Pneumonia"), "2020-09-22", clinical="resolved")
    found = judged(screening, "{absent: [{diagnosis: severe-infection}]}", ended | {"abatementAge": years(60)})
    assert "Pneumonia (resolved, until age 60) on 2020-09-22" in found.reason


def test_a_day_that_is_only_that_of_the_record_is_told_as_such(screening: Screening) -> None:
    """Why a whole date does not tell whether an infarction lies inside a window."""
    infarction = condition(snomed("22298006", "Myocardial infarction"), None, recordedDate=ago(9))
    reason = judged(screening, "{absent: [{diagnosis: myocardial-infarction, within: 6 months}]}", infarction).reason
    assert reason.endswith(f": Myocardial infarction (active, recorded) on {ago(9)} (its date does not tell)")
