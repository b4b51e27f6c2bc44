"""What would settle a criterion, what would close it, and how a fail may end, where several things decide together."""

import pytest
from msgspec import UNSET

from service.criteria.results import TrialResult
from service.screening import Screening
from tests.builders import (
    AS_OF,
    ago,
    allergy,
    as_json,
    concept,
    condition,
    icd10cm,
    laboratory,
    loinc,
    observation,
    rxnorm,
    snomed,
    statement,
)
from tests.criteria.one_rule import screened, trial_of
from tests.properties.records import Json


def sets(result: TrialResult) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
    assert result.smallest_sets is not UNSET
    return result.smallest_sets.probable, result.smallest_sets.certainly_not


def woman(screening: Screening, rule: str, born: str, *resources: Json) -> TrialResult:
    """A woman judged by one rule."""
    person = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": born}
    own = [r | {"id": f"r{n}", "subject": {"reference": "Patient/p1"}} for n, r in enumerate(resources)]
    record = screening.read(as_json({"resourceType": "Bundle", "type": "collection", "entry": [
        {"resource": resource} for resource in (person, *own)
    ]}))  # fmt: skip
    return screening.screen(record, AS_OF, trial_of(screening, rule)).results[0]


BEARING = "{for: child-bearing, rule: {pregnancy-test: negative, within: 7 days, positive-within: 28 days}}"
PAST = "{post-menopausal: required}"
LETROZOLE = rxnorm("72965")


def test_the_menopause_spares_a_woman_of_fifty_the_pregnancy_test(screening: Screening) -> None:
    assert sets(woman(screening, BEARING, "1974-01-01")) == (
        (("menopausal-status",), ("pregnancy-test",)), (("pregnancy-test",),),
    )  # fmt: skip
    assert sets(woman(screening, BEARING, "1986-01-01")) == ((("pregnancy-test",),), (("pregnancy-test",),))


def test_one_answer_settles_menopause_and_pregnancy_test_together(screening: Screening) -> None:
    both = f"{{all-of: [{PAST}, {BEARING}]}}"
    assert sets(woman(screening, both, "1974-01-01")) == (
        (("menopausal-status",),), (("menopausal-status",), ("pregnancy-test",)),
    )  # fmt: skip


def test_a_coded_menopause_is_the_cheaper_way_beside_the_hormones(screening: Screening) -> None:
    period = {"resourceType": "Observation", "status": "final", "code": concept(loinc("8665-2")),
              "effectiveDateTime": ago(30), "valueDateTime": ago(500)}  # fmt: skip
    probable, closing = sets(woman(screening, PAST, "1974-01-01", period))
    assert probable == (("menopausal-status",), ("estradiol", "fsh", "lh"))
    assert closing == ()  # no hormone tells that she is before it


def test_a_positive_pregnancy_test_ends_with_another_not_with_a_birthday(screening: Screening) -> None:
    positive = {"resourceType": "Observation", "status": "final", "code": concept(loinc("2106-3")),
                "effectiveDateTime": ago(3), "valueCodeableConcept": concept(snomed("10828004"))}  # fmt: skip
    (criterion,) = woman(screening, BEARING, "1986-01-01", positive).criteria
    assert (criterion.outcome, criterion.failure, criterion.until) == ("fail", "changeable", UNSET)


def test_a_fail_of_those_who_may_bear_children_is_never_for_good(screening: Screening) -> None:
    taken = {"resourceType": "MedicationStatement", "status": "completed",
             "medicationCodeableConcept": concept(rxnorm("1601374")), "effectiveDateTime": ago(400)}  # fmt: skip
    never = "{absent: [{drug: cdk4-6-inhibitor, taken: ever}]}"
    (lasting,) = woman(screening, never, "1986-01-01", taken).criteria
    assert lasting.failure == "permanent"
    (narrowed,) = woman(screening, f"{{for: child-bearing, rule: {never}}}", "1986-01-01", taken).criteria
    assert (narrowed.failure, narrowed.until) == ("until", "2046-01-01")


@pytest.mark.parametrize(
    ("otherwise", "failure"),
    [
        ("{measurement: anc, at-least: 1500 /mm3}", "changeable"),
        ("{absent: [{drug: palbociclib, taken: ever}]}", "permanent"),
    ],
    ids=["the other rule may pass", "the other rule fails for good"],
)
def test_a_fail_under_a_condition_that_may_end_is_not_for_good(
    screening: Screening, otherwise: str, failure: str
) -> None:
    palbociclib = {"resourceType": "MedicationStatement", "status": "active",
                   "medicationCodeableConcept": concept(rxnorm("1601374")), "effectiveDateTime": ago(400)}  # fmt: skip
    rule = (
        "{when: {drug: palbociclib, taken: now}, "
        f"then: {{absent: [{{drug: palbociclib, taken: ever}}]}}, otherwise: {otherwise}}}"
    )
    (criterion,) = woman(screening, rule, "1960-07-07", palbociclib).criteria
    assert (criterion.outcome, criterion.failure) == ("fail", failure)


def test_a_condition_in_doubt_asks_for_itself_and_for_the_rule_it_leads_to(screening: Screening) -> None:
    doubtful = {"resourceType": "Condition", "code": concept(icd10cm("C78.7")),
                "verificationStatus": concept({"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status",
                                               "code": "provisional"})}  # fmt: skip
    platelets = laboratory(loinc("777-3"), 20, "10*3/uL")
    rule = (
        "{when: {diagnosis: liver-metastases}, then: {measurement: anc, at-least: 1500 /mm3}, "
        "otherwise: {measurement: platelets, at-least: 75000 /mm3}}"
    )
    probable, closing = sets(woman(screening, rule, "1960-07-07", doubtful, platelets))
    assert probable == (("anc", "liver-metastases"),)
    assert closing == (("liver-metastases",), ("anc",))


def test_what_the_site_decided_is_told_of_a_fail_in_a_combination(screening: Screening) -> None:
    ecog = "{measurement: ecog, at-most: 1, within: 28 days, window-is: site-default}"
    score = observation(loinc("89247-1"), 3)
    (criterion,) = screened(
        screening, f"{{all-of: [{ecog}, {{measurement: anc, at-least: 1500 /mm3}}]}}", score
    ).criteria
    assert (criterion.outcome, criterion.site_default) == ("fail", "a window of 28 days")


@pytest.mark.parametrize("definition", ["asco-cap-2018", "any-amplification"])
def test_her2_asks_for_the_method_that_was_not_used(screening: Screening, definition: str) -> None:
    rule = f"{{her2: {definition}}}"
    equivocal = observation(loinc("85319-2"), "2+")
    (need,) = screened(screening, rule, equivocal).needed
    assert need.input == "her2-ish"
    assert need.order is not UNSET
    assert need.order.code == "85318-4"
    (need,) = screened(screening, rule).needed
    assert need.input == "her2"


@pytest.mark.parametrize(
    ("spread", "begun", "asked"),
    [("2026-09", "2026-09-15", "metastasis"), ("2026-09-10", "2026-09", "systemic-anticancer")],
)
def test_therapy_that_may_be_from_before_the_spread_asks_for_the_day_that_is_not_told(
    screening: Screening, spread: str, begun: str, asked: str
) -> None:
    rule = "{no-therapy-since-metastasis: systemic-anticancer, cancer: breast, overlap: 28 days}"
    cancer, bone = condition(icd10cm("C50.9"), "2019-05-10"), condition(icd10cm("C79.51"), spread)
    (criterion,) = (found := woman(screening, rule, "1960-01-01", cancer, bone, statement(LETROZOLE, begun))).criteria
    assert criterion.outcome == "unknown"
    assert [need.input for need in found.needed] == [asked]


CARDIAC = "{absent: [{diagnosis: [unstable-angina, myocardial-infarction], within: 6 months}]}"
ARRHYTHMIA = "{absent: [{diagnosis: [ventricular-arrhythmia, atrial-fibrillation], then: unknown}]}"
WASHOUT = "{washout-before-metastasis: [trastuzumab, pertuzumab], cancer: breast, more-than: 6 months}"
PROVISIONAL = condition(icd10cm("I21.9"), ago(30), verification="provisional")


@pytest.mark.parametrize(
    ("rule", "resource", "asked", "label"),
    [
        (
            CARDIAC,
            condition(icd10cm("I21.9"), "2026-05"),
            "myocardial-infarction",
            "myocardial infarction with its date",
        ),
        (CARDIAC, condition(icd10cm("I20.0")), "unstable-angina", "unstable angina with its date"),
        (CARDIAC, PROVISIONAL, "myocardial-infarction", "myocardial infarction with its confirmation"),
        (
            ARRHYTHMIA,
            condition(icd10cm("I48.91"), "2024"),
            "atrial-fibrillation",
            "atrial fibrillation or flutter with its assessment",
        ),
        (
            "{absent: [{drug: cdk4-6-inhibitor, taken: ever}]}",
            statement(rxnorm("1601374"), "2025-01-01", status="unknown"),
            "cdk4-6-inhibitor",
            "CDK4/6 inhibitor with its details",
        ),
    ],
    ids=["infarction", "angina", "provisional", "arrhythmia", "drug"],
)
def test_what_is_on_record_is_asked_for_by_its_own_name_and_by_what_it_lacks(
    screening: Screening, rule: str, resource: Json, asked: str, label: str
) -> None:
    (need,) = screened(screening, rule, resource).needed
    assert (need.input, need.label, need.why) == (asked, label, "missing")


def test_a_washout_asks_for_the_drug_whose_last_dose_is_not_told(screening: Screening) -> None:
    cancer, bone = condition(icd10cm("C50.9"), "2019-05-10"), condition(icd10cm("C79.51"), ago(30))
    pertuzumab = statement(rxnorm("1298944"), "2024-01-01", "2026-05")
    (need,) = screened(screening, WASHOUT, cancer, bone, pertuzumab).needed
    assert (need.input, need.label) == ("pertuzumab", "pertuzumab with its details")


@pytest.mark.parametrize(
    ("rule", "resource"),
    [
        ("{no-allergy-to: [palbociclib]}", allergy({"text": "palbociclib"})),
        ("{absent: [{drug: cdk4-6-inhibitor, taken: ever}]}", statement({"text": "Ibrance"}, "2025-01-01")),
        ("{cancer: breast, extent: metastatic}", condition(icd10cm("C77.9"), "2025-01-01")),
    ],
    ids=["allergy", "drug", "metastasis"],
)
def test_a_need_tells_why_the_present_datum_does_not_do(screening: Screening, rule: str, resource: Json) -> None:
    found = woman(screening, rule, "1986-01-01", condition(icd10cm("C50.9"), "2019-05-10"), resource)
    assert [(c.outcome, c.basis) for c in found.criteria] == [("unknown", "unusable")]
    assert [need.why for need in found.needed] == ["unusable"]


INDUCTION = (
    "{no-progression-after: induction, cancer: breast, all-of: [chemotherapy-without-conjugates, her2-antibody]}"
)


def test_after_a_progression_no_other_status_lets_a_patient_in(screening: Screening) -> None:
    treated = (
        condition(icd10cm("C50.9"), "2019-05-10"),
        condition(icd10cm("C79.51"), "2026-01-10"),
        statement(rxnorm("56946"), "2026-02-01", "2026-06-01"),
        statement(rxnorm("224905"), "2026-02-01"),
    )
    worse, stable = (
        observation(loinc("97509-4"), snomed(code), on)
        for code, on in (("271299001", "2026-05-01"), ("359746009", "2026-08-01"))
    )
    found = woman(screening, INDUCTION, "1960-01-01", *treated, worse, stable)
    assert [(need.input, need.why) for need in found.needed] == [("disease-status", "conflict")]
    assert sets(found) == ((), (("disease-status",),))


def test_spread_that_may_come_from_another_cancer_asks_for_a_stage_that_names_this_one(screening: Screening) -> None:
    rule = "{cancer: breast, extent: metastatic}"
    cancers = [condition(icd10cm(code), "2019-05-10") for code in ("C50.9", "C34.90", "C79.51")]
    (need,) = woman(screening, rule, "1960-01-01", *cancers).needed
    assert (need.input, need.why, need.label) == (
        "metastasis", "conflict", "stage group with its focus on the breast cancer",
    )  # fmt: skip


def test_a_coded_menopause_is_no_way_while_a_drug_would_explain_it(screening: Screening) -> None:
    goserelin = statement(rxnorm("50610"), ago(100))
    assert sets(woman(screening, PAST, "1986-01-01", goserelin)) == ((), (("menopausal-status",),))


def test_the_hormones_are_no_way_while_a_drug_explains_that_there_were_no_periods(screening: Screening) -> None:
    period = observation(loinc("8665-2"), None, ago(30), valueDateTime="2020-01-01")
    tamoxifen = statement(rxnorm("10324"), "2021-01-01", "2025-01-01")
    unclear = condition(icd10cm("N95.1"))
    found = woman(screening, PAST, "1986-01-01", period, tamoxifen, unclear)
    assert sets(found)[0] == (("menopausal-status",),)
    assert [need.input for need in found.needed] == ["menopausal-status"]
