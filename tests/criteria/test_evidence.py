"""Evidence: what decided comes first and is marked, what did not says why; the newest first, each resource once."""

from typing import Any

import pytest

from service.criteria.results import CriterionResult
from service.screening import Screening
from tests.builders import (
    AS_OF,
    ASPIRE,
    PATINA,
    SINAI,
    YALE,
    Loinc,
    RxNorm,
    Snomed,
    administration,
    ago,
    as_json,
    concept,
    condition,
    eligible,
    observation,
    percent,
    procedure,
    request,
    snomed,
)
from tests.criteria.one_rule import judged
from tests.criteria.test_what_is_shown import CUT, criterion

WASHOUT = "{washout: systemic-anticancer, within: 14 days}"
NONE_SINCE = "no-therapy-since-metastasis: systemic-anticancer, cancer: breast, overlap: 28 days"
LINES = "{lines-of-therapy: systemic-anticancer, cancer: breast, at-most: 2, new-after: 90 days, together: 28 days}"
BREAST_CANCER = condition(snomed("254837009", "Malignant neoplasm of breast"), ago(400))
STAGE_4 = observation(Loinc.STAGE_CLINICAL, snomed("258228008", "Stage 4"), ago(390))
STAGE_2 = observation(Loinc.STAGE_CLINICAL, snomed("258219007", "Stage 2"), ago(390))
RADIOTHERAPY = snomed("33195004", "External beam radiation therapy")
LUNG = snomed("94391008", "Metastasis to lung")


def docetaxel(days: int, **more: Any) -> Any:
    return administration(RxNorm.DOCETAXEL_SOLUTION, ago(days), **more)


def shown(found: CriterionResult) -> list[tuple[str, bool, str]]:
    """Each piece of evidence: its date, whether it decided, and why not."""
    return [
        (e.date if isinstance(e.date, str) else "", e.used, e.why if isinstance(e.why, str) else "")
        for e in found.evidence
    ]


# -- doses


def test_the_last_doses_decide_a_washout_and_the_earlier_ones_are_set_aside(screening: Screening) -> None:
    found = judged(screening, WASHOUT, docetaxel(27), docetaxel(6), docetaxel(90), docetaxel(48))
    assert (found.outcome, found.reason.partition(": ")[2].count("administrations")) == ("fail", 0)
    assert shown(found) == [
        (ago(6), True, ""),
        (ago(27), False, "more than 14 days ago"),
        (ago(48), False, "more than 14 days ago"),
        (ago(90), False, "more than 14 days ago"),
    ]


def test_whether_a_cycle_is_running_the_last_dose_alone_tells(screening: Screening) -> None:
    found = judged(screening, WASHOUT, docetaxel(41), docetaxel(20))
    assert found.outcome == "unknown"
    assert found.reason.endswith(f" on {ago(20)}: whether it is still given is not told")
    assert shown(found) == [
        (ago(20), False, "whether it is still given is not told"),
        (ago(41), False, "more than 14 days ago"),
    ]


def test_a_dose_of_two_drugs_is_over_only_where_both_were_given_again(screening: Screening) -> None:
    both, one = administration(RxNorm.PHESGO, ago(41)), administration(RxNorm.TRASTUZUMAB_SUBCUTANEOUS, ago(20))
    asked = "{absent: [{drug: pertuzumab, taken: now, by-cycles: true}]}"
    assert judged(screening, asked, both, one).outcome == "unknown"
    assert judged(screening, WASHOUT, both, one).outcome == "unknown"
    again = administration(RxNorm.PHESGO, ago(20))
    assert [used for _, used, _ in shown(judged(screening, WASHOUT, both, again))] == [False, False]
    assert judged(screening, asked, both, again).outcome == "unknown"


def test_a_dose_for_another_reason_or_that_may_not_have_been_given_ends_no_course(screening: Screening) -> None:
    arthritis = {"reasonCode": [concept(snomed("69896004", "Rheumatoid arthritis"))]}
    cancer = {"reasonCode": [concept(Snomed.BREAST_CANCER)]}
    given = administration(RxNorm.METHOTREXATE_INJECTION, ago(41), **cancer)
    other = administration(RxNorm.METHOTREXATE_INJECTION, ago(20), **arthritis)
    assert judged(screening, WASHOUT, given, other).outcome == "unknown"
    assert judged(screening, WASHOUT, docetaxel(41), docetaxel(20, status="not-done")).outcome == "unknown"
    assert judged(screening, WASHOUT, docetaxel(43), docetaxel(20, status="unknown")).outcome == "unknown"


def test_what_is_over_decides_a_washout_and_nothing_beside_what_is_not(screening: Screening) -> None:
    over = judged(screening, WASHOUT, docetaxel(60), docetaxel(90))
    assert (over.outcome, over.basis) == ("pass", "recorded")
    assert shown(over) == [(ago(60), True, ""), (ago(90), True, "")]


def test_radiotherapy_that_is_over_decides_a_washout_like_a_drug(screening: Screening) -> None:
    record = eligible(SINAI).add(docetaxel(60), procedure(RADIOTHERAPY, ago(50)))
    found = criterion(screening, record.bundle(), "recent-anticancer-therapy")
    assert (found.outcome, found.basis) == ("pass", "recorded")
    assert all(used for _, used, _ in shown(found))


# -- before and after the metastasis


def test_what_does_not_decide_beside_therapy_since_the_metastasis_says_why(screening: Screening) -> None:
    rule = f"{{{NONE_SINCE}, local: [radiotherapy]}}"
    record = [BREAST_CANCER, STAGE_4, docetaxel(300), docetaxel(395), procedure(RADIOTHERAPY, ago(200))]
    found = judged(screening, rule, *record)
    assert found.outcome == "fail"
    assert shown(found) == [
        (ago(300), True, ""),
        (ago(200), False, "a person judges"),
        (ago(395), False, "begun before the metastasis"),
    ]


@pytest.mark.parametrize(
    ("stage", "why"),
    [(STAGE_2, "no metastasis is established"), (condition(LUNG), "the day of metastasis is not known")],
)
def test_therapy_is_told_why_it_cannot_be_placed(screening: Screening, stage: Any, why: str) -> None:
    record = [BREAST_CANCER, stage, docetaxel(300), administration(RxNorm.TRASTUZUMAB_SOLUTION, ago(300))]
    rules = [
        f"{{{NONE_SINCE}}}",
        "{given-since-metastasis: all, cancer: breast, all-of: [chemotherapy-without-conjugates]}",
        "{washout-before-metastasis: [docetaxel], cancer: breast, more-than: 6 months}",
        LINES,
    ]
    for rule in rules:
        found = judged(screening, rule, *record)
        assert (found.outcome, why in found.reason) == ("unknown", True), rule
        assert {why for _, _, why in shown(found)} == {why}


def test_an_induction_tells_how_often_and_when_each_drug_was_given(screening: Screening) -> None:
    doses = [docetaxel(days) for days in (300, 279, 321)]
    antibody = administration(RxNorm.TRASTUZUMAB_SOLUTION, ago(320))
    found = judged(
        screening,
        "{given-since-metastasis: all, cancer: breast, all-of: [chemotherapy-without-conjugates, her2-antibody]}",
        BREAST_CANCER,
        STAGE_4,
        *doses,
        antibody,
    )
    assert f"(3 administrations, last on {ago(279)}); HER2 antibody: " in found.reason
    assert [day for day, _, _ in shown(found)] == [ago(279), ago(300), ago(320), ago(321)]


@pytest.mark.parametrize(
    ("answer", "said"), [(Snomed.STABLE, "no progression"), (Snomed.PROGRESSIVE, "progressive disease")]
)
def test_the_disease_status_is_told_with_the_day_on_which_the_induction_began(
    screening: Screening, answer: Any, said: str
) -> None:
    status = observation(Loinc.DISEASE_STATUS, answer, ago(9))
    found = criterion(screening, eligible(PATINA).put(status=status).bundle(), "no-progression-after-induction", PATINA)
    assert found.reason.startswith(f"{said} since the induction began on 2026-02-10: ")


def test_more_lines_than_are_allowed_say_why_that_is_no_fail(screening: Screening) -> None:
    drugs = (RxNorm.DOCETAXEL_SOLUTION, RxNorm.LETROZOLE_TABLET, RxNorm.TRASTUZUMAB_SOLUTION)
    doses = [administration(drug, ago(380 - 100 * n)) for n, drug in enumerate(drugs)]
    found = judged(
        screening,
        LINES,
        BREAST_CANCER,
        STAGE_4,
        *doses,
    )
    assert found.outcome == "unknown"
    assert found.reason.endswith("at most 2 asked for; whether each was a line of its own is not told")


# -- what a value is of


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Snomed.POSITIVE, "HER2 IHC positive (read as 3+)"),
        (Snomed.NEGATIVE, "HER2 IHC negative (read as 0/1+)"),
        ("3+", "HER2 IHC 3+"),
        ("1+", "HER2 IHC 1+"),
        ("0", "HER2 IHC 0"),
    ],
)
def test_a_her2_stain_is_told_as_it_was_reported(screening: Screening, answer: Any, said: str) -> None:
    found = judged(screening, "{her2: asco-cap-2018}", observation(Loinc.HER2_IHC, answer, ago(30)))
    assert found.reason.startswith(f"{said} on ")
    assert found.evidence[0].says.startswith("HER2 IHC ")


def test_two_stains_of_one_time_that_read_the_same_are_told_together(screening: Screening) -> None:
    stains = [observation(Loinc.HER2_IHC, score, ago(30)) for score in ("0", "1+")]
    assert judged(screening, "{her2: asco-cap-2018}", *stains).reason.startswith("HER2 IHC 0/1+ on ")


def test_receptors_say_which_they_are(screening: Screening) -> None:
    results = [observation(Loinc.ER, Snomed.POSITIVE, ago(30)), observation(Loinc.PR_PERCENT, percent(0), ago(30))]
    found = judged(screening, "{receptor: [er, pr]}", *results)
    assert [e.says.split()[0] for e in found.evidence] == ["ER", "PR"]


def test_what_is_laid_before_a_person_says_what_it_is(screening: Screening) -> None:
    found = criterion(screening, eligible(ASPIRE).bundle(), "organ-function", ASPIRE)
    said = [e.says for e in found.evidence]
    assert {text.partition(" ")[0] for text in said} >= {"platelets", "haemoglobin", "creatinine", "ALT", "AST"}


# -- what does not bear on the answer


def test_a_strong_inhibitor_is_looked_at_once(screening: Screening) -> None:
    record = eligible(SINAI).add(administration(RxNorm.RIBOCICLIB_TABLET, ago(3)))
    found = criterion(screening, record.bundle(), "cyp3a4")
    assert (found.outcome, [e.used for e in found.evidence]) == ("review", [True])


def test_an_opioid_is_evidence_only_beside_a_dependence(screening: Screening) -> None:
    opioid = request(RxNorm.FENTANYL_PATCH, ago(20))
    none = criterion(screening, eligible(SINAI).add(opioid).bundle(), "substance-use")
    assert (none.outcome, none.basis, none.evidence) == ("pass", "no-record", ())
    abuse = condition(snomed("15167005", "Alcohol abuse"), ago(200))
    abused = criterion(screening, eligible(SINAI).add(opioid, abuse).bundle(), "substance-use")
    assert (abused.outcome, len(abused.evidence)) == ("unknown", 1)
    dependence = condition(snomed("75544000", "Opioid dependence"), ago(200))
    found = criterion(screening, eligible(SINAI).add(opioid, dependence).bundle(), "substance-use")
    assert (found.outcome, len(found.evidence)) == ("unknown", 2)


def test_what_is_set_aside_is_told_by_its_own_reason(screening: Screening) -> None:
    sinusitis = condition(snomed("444814009", "Viral sinusitis"), ago(90), clinical="resolved", abatement=ago(70))
    cystitis = condition(snomed("197927001", "Recurrent urinary tract infection"), ago(900))
    reason = criterion(screening, eligible(SINAI).add(sinusitis, cystitis).bundle(), "active-infection").reason
    assert f"Viral sinusitis (resolved, until {ago(70)}) on {ago(90)} (no longer present)" in reason
    assert f"Recurrent urinary tract infection (active) on {ago(900)} (more than 28 days ago)" in reason


# -- what a coming change is due to


def test_a_change_names_the_criteria_to_which_the_grade_is_due(screening: Screening) -> None:
    """On one day the second drug of the induction is given, which is no matter, and the disease is progressive."""
    record = (
        eligible(PATINA)
        .drop("trastuzumab", "pertuzumab", "status")
        .add(
            administration(RxNorm.TRASTUZUMAB_SOLUTION, ago(-9)),
            observation(Loinc.DISEASE_STATUS, Snomed.PROGRESSIVE, ago(-9)),
        )
    )
    results = screening.screen(screening.read(as_json(record.bundle())), AS_OF).results
    change = next(result for result in results if result.trial == PATINA).changes_on
    assert change is not None
    assert (change.date, change.grade, change.because) == (
        ago(-9),
        "certainly-not",
        ("no-progression-after-induction",),
    )


# -- pregnancies of long ago


@pytest.mark.parametrize(
    ("days", "basis", "why"), [(300, "recorded", ""), (301, "no-record", "more than 300 days ago")]
)
def test_that_she_was_not_pregnant_says_nothing_of_today_after_300_days(
    screening: Screening, days: int, basis: str, why: str
) -> None:
    told = [
        procedure(snomed("66348005", "Childbirth"), ago(days)),
        observation(Loinc.PREGNANCY_TEST_URINE, Snomed.NEGATIVE, ago(days)),
        observation(Loinc.PREGNANCY_STATUS, Snomed.NOT_PREGNANT, ago(days)),
        condition(snomed("72892002", "Normal pregnancy"), ago(900), clinical="resolved", abatement=ago(days)),
    ]
    for one in told:
        found = judged(screening, "{pregnancy: none}", one)
        assert (found.outcome, found.basis) == ("pass", basis)
        assert shown(found) == [(ago(days), not why, why)]
    if why:
        assert found.reason == "no record of pregnancy or breast-feeding"


@pytest.mark.parametrize(("days", "open_"), [(100, False), (2000, True)])
def test_a_delivery_of_long_ago_does_not_stand_for_what_was_not_read(
    screening: Screening, days: int, open_: bool
) -> None:
    """Diagnoses that were cut short may tell of a pregnancy; of breast-feeding nobody tells in either case."""
    record = eligible(YALE).add(procedure(snomed("66348005", "Childbirth"), ago(days)))
    found = criterion(screening, record.searches(Condition=CUT), "pregnancy-lactation", YALE)
    assert found.outcome == "unknown"
    assert ("no record that she is pregnant, but " in found.reason) is open_


def test_a_pregnancy_test_says_that_it_is_one(screening: Screening) -> None:
    found = judged(screening, "{pregnancy: none}", observation(Loinc.PREGNANCY_TEST_URINE, Snomed.NEGATIVE, ago(9)))
    assert found.reason.startswith("not pregnant: pregnancy test ")
