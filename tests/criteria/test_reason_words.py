"""Reasons are sentences: they name what they speak of, its day, and nothing twice."""

from typing import Any

import pytest

from service.screening import Screening
from tests.builders import (
    SINAI,
    YALE,
    Loinc,
    RxNorm,
    administration,
    ago,
    ajcc,
    condition,
    eligible,
    laboratory,
    observation,
    procedure,
    rxnorm,
    snomed,
    statement,
    younger,
)
from tests.criteria.one_rule import judged, screened
from tests.criteria.test_what_is_shown import criterion

BREAST_CANCER = snomed("254837009", "Malignant neoplasm of breast (disorder)")


def test_nothing_that_counts_is_told_without_the_article_of_what_was_looked_for(screening: Screening) -> None:
    bronchitis = condition(snomed("10509002"), ago(40), clinical="resolved")
    reason = judged(screening, "{absent: [{diagnosis: infection}]}", bronchitis).reason
    assert reason.startswith("no infection that counts: 10509002 (resolved)")


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
        ("{present: {drug: taxane}}", "taxane may have been taken: "),
        ("{absent: [{drug: taxane, taken: now}]}", "taxane may be taken now: "),
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
        assert "disagree (0/1+, 3+)" in judged(screening, "{her2: asco-cap-2018}", *given).reason
