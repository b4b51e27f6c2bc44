"""Phrases become rules with the numbers, units and direction that they have; where anything is not understood, none."""

from typing import Any

import pytest

from service.screening import Screening
from tests.authoring.records import drafted, listed, rules

DEFAULT = {"window-is": "site-default"}


def limit(name: str, key: str, value: object, **when: str) -> dict[str, Any]:
    return {"measurement": name, key: value, **(when or DEFAULT)}


INCLUSIONS: dict[str, Any] = {
    "Absolute neutrophil count ≥ 1,500/µL": limit("anc", "at-least", "1500 /uL"),
    "Absolute neutrophil count (ANC) must be \\>= 1000/mm\\^3": limit("anc", "at-least", "1000 /mm3"),
    "Absolute neutrophil count (ANC) ≥ 1.5×109/L": limit("anc", "at-least", "1.5 10*9/L"),
    "ANC ≥ 1.5 x 10⁹/L": limit("anc", "at-least", "1.5 10*9/L"),
    "ANC greater than or equal to 1,000/mcL": limit("anc", "at-least", "1000 /uL"),
    "Platelets \\> 100 x 10\\^9/L": limit("platelets", "more-than", "100 10*9/L"),
    "platelet count of 100,000/mm3 or greater": limit("platelets", "at-least", "100000 /mm3"),
    "platelet count not less than 100,000/µL": limit("platelets", "at-least", "100000 /uL"),
    "Hemoglobin ≥ 10g/dL": limit("hemoglobin", "at-least", "10 g/dL"),
    "Hemoglobin at least 9 g/dL (90 g/L)": limit("hemoglobin", "at-least", "9 g/dL"),
    "HbA1c ≥ 7 % on the day of screening": limit("hba1c", "at-least", "7 %"),
    "HbA1c ≥ 7 % prior to treatment": limit("hba1c", "at-least", "7 %"),
    "Hb \\> 9 g/dL within 14 days before first dose": limit("hemoglobin", "more-than", "9 g/dL", within="14 days"),
    "Serum creatinine =\\< 1.5 x ULN for the lab": limit("creatinine", "at-most", "1.5 x ULN"),
    "Serum creatinine ≤ 132 µmol/L": limit("creatinine", "at-most", "132 umol/L"),
    "Total bilirubin ≤ 1.5 times the upper limit of normal (ULN)": limit("bilirubin", "at-most", "1.5 x ULN"),
    "Total bilirubin ≤ institutional ULN": limit("bilirubin", "at-most", "ULN"),
    "Left Ventricular Ejection Fraction (LVEF) \\>= 45 % (by MUGA or echo)": limit("lvef", "at-least", "45 %"),
    "LVEF ≥ 50% by echocardiogram": {**limit("lvef", "at-least", "50 %"), "method": "echo"},
    "ECOG performance status 0-1": limit("ecog", "at-most", 1),
    "ECOG performance status of 0, 1, or 2": limit("ecog", "at-most", 2),
    "Eastern Cooperative Oncology Group (ECOG) Performance Status \\< 2": limit("ecog", "less-than", 2),
    "ECOG PS 2 or less": limit("ecog", "at-most", 2),
    "Age ≥ 18 years": {"age": {"at-least": 18}},
    "Participants must be at least 18 years of age, at the time of signing the consent.": {"age": {"at-least": 18}},
    "Male or females 12 -24 years old": {"age": {"at-least": 12, "at-most": 24}},
    "\\< 70 years of age": {"age": {"below": 70}},
    "Prior treatment with trastuzumab": {"present": {"drug": ["trastuzumab"], "taken": "ever"}},
    "No prior CDK4/6 inhibitor": {"absent": [{"drug": ["cdk4-6-inhibitor"], "taken": "ever"}]},
    "Metastatic breast cancer": {"cancer": "breast", "extent": "metastatic"},
    "Women of childbearing potential must have a negative serum or urine pregnancy test within 7 days of entry": {
        "for": "child-bearing",
        "rule": {"pregnancy-test": "negative", "within": "7 days"},
    },
}  # fmt: skip

EXCLUSIONS: dict[str, Any] = {
    "Platelets \\< 100,000/mm3": limit("platelets", "at-least", "100000 /mm3"),
    "Thrombocytopenia (platelets count \\< 100 x 10\\^9/L)": limit("platelets", "at-least", "100 10*9/L"),
    "Serum creatinine \\> 1.5 × ULN": limit("creatinine", "at-most", "1.5 x ULN"),
    "LVEF \\< 50% within 28 d prior to treatment initiation": limit("lvef", "at-least", "50 %", within="28 days"),
    "ECOG \\> 2": limit("ecog", "at-most", 2),
    "ECOG ≥ 3; or": limit("ecog", "less-than", 3),
    "Age \\< 18 years": {"age": {"at-least": 18}},
    "Age \\< 18 or \\> 75 years": {"age": {"at-least": 18, "at-most": 75}},
    "Pregnancy or lactation at the time of registration": {"for": "women", "rule": {"pregnancy": "none"}},
    "Prior therapy with palbociclib, ribociclib or abemaciclib": {
        "absent": [{"drug": ["palbociclib", "ribociclib", "abemaciclib"], "taken": "ever"}]
    },
    "Chemotherapy or radiotherapy within 4 weeks prior to study entry": {
        "washout": "chemotherapy",
        "within": "4 weeks",
        "procedures": ["radiotherapy"],
    },
    "Radiotherapy ≤14 days prior to initiation of investigational products": {
        "absent": [{"procedure": "radiotherapy", "within": "14 days"}]
    },
    "Myocardial infarction or stroke within 6 months prior to enrollment": {
        "absent": [{"diagnosis": ["myocardial-infarction", "stroke"], "reading": "history-of", "within": "6 months"}]
    },
    "Known brain metastases": {"absent": [{"diagnosis": ["brain-metastases"]}]},
}  # fmt: skip


@pytest.mark.parametrize("text", INCLUSIONS)
def test_a_wanted_thing_is_drafted_as_written(screening: Screening, text: str) -> None:
    assert rules(drafted(screening, listed([text]), minimum=None))["I1"] == INCLUSIONS[text]


def test_an_age_without_a_unit_is_in_years_where_the_registrys_field_says_so(screening: Screening) -> None:
    assert rules(drafted(screening, listed(["Age \\>=18"])))["I1"] == {"age": {"at-least": 18}}
    assert "I1" not in rules(drafted(screening, listed(["Age \\>=18"]), minimum="18 Months"))


@pytest.mark.parametrize("text", EXCLUSIONS)
def test_an_excluded_thing_passes_on_the_other_side(screening: Screening, text: str) -> None:
    assert rules(drafted(screening, listed(["Consent"], [text]), minimum=None))["E1"] == EXCLUSIONS[text]


LEFT_TO_A_PERSON = [
    "Platelets ≥ 100,000/mm3 unless bone marrow is involved",
    "Hemoglobin ≥ 9 g/dL (transfusions allowed)",
    "Creatinine ≤ 1.5 x ULN or creatinine clearance ≥ 60 mL/min",
    "Total bilirubin ≤ 1.5 × ULN (except patients with Gilbert's syndrome)",
    "AST and ALT \\< 3 x ULN (\\< 5 x ULN if liver or bone metastases)",
    "ALT or AST ≤ 2 x ULN",
    "Patients with liver metastases must have platelets ≥ 75,000/mm3 and ANC ≥ 1000/mm3",
    "Hemoglobin must be \\>= 9.0 mg/dL",
    "Hemoglobin ≥ 9 g/dL (100 g/L)",
    "Platelets ≥ 100.000/mm3",
    "Platelets ≥ 100 000/mm3",
    "ANC ≥ 1500",
    "ANC ≥ 1,5 x 10\\^9/L",
    "HbA1C between 86 mmol/mol (10%) ≥ 48mmol/mol (6.5%)",
    "LVEF ≥50% QTc interval ≤450 ms",
    "ECOG performance status 0-1 (ECOG 2 allowed if due to disease)",
    "ECOG 0 or 1 and/or Karnofsky PS of \\>= 70%",
    "ECOG 0-1 for Part 1; 0-2 for Part 2",
    "(Lansky or Karnofsky score ≥50)",
    "Age \\> 18 years",
    "Age ≥18 years (or per national guidelines)",
    "2.5 to \\< 18 years of age",
    "Patients aged 18 years or older with diabetes",
    "Women",
    "Prior trastuzumab and pertuzumab",
    "Women of childbearing potential must have a negative serum pregnancy test within 7 days",
    "Female patients of childbearing potential must have a negative pregnancy test within 72 hours",
    "Platelets ≥ 100,000/mm3 within 7 days after transfusion",
    "ECOG 0-1 at screening and 0-2 at randomization",
    "Hemoglobin ≥ 11 g/dL in women",
    "Females: hemoglobin ≥ 11 g/dL",
    "HbA1c ≤ 8.0% for patients on metformin",
    "Stage 1: platelets ≥ 50,000/mm3",
    "Hemoglobin ≥ 13 g/dL, women ≥ 12 g/dL",
    "QTc ≤ 450 ms, females ≤ 470 ms",
    "ANC ≥ 1500/mm3, Duffy-null phenotype ≥ 1000/mm3",
    "BMI ≥ 30 kg/m2, Asians ≥ 27.5 kg/m2",
    "Age ≥ 18 years; Japan: ≥ 20 years",
    "AST ≤ 2.5 x ULN; liver metastases: ≤ 5 x ULN",
    "ALT ≤ 2.5 x ULN, bilirubin ≤ 1.5 x ULN, ALT ≤ 5 x ULN for hepatic involvement",
    "AST and ALT ≤ 2.5 × ULN in the absence of liver metastases",
    "Total bilirubin ≤ 1.5 × ULN, without Gilbert's syndrome",
    "For diabetics, HbA1c \\< 8%",
    "With liver metastases, ALT ≤ 5 × ULN",
    "After run-in, HbA1c 7-10%",
    "ECOG 0–1; ECOG 2 considered by the sponsor",
    "ECOG 0-1, PS 2 on a case by case basis",
    "Platelets ≥ 100,000/mm3. Lower counts in marrow disease will be discussed with the sponsor",
    "Platelets ≥ 100,000/mm3, splenomegaly exempted",
    "ANC ≥ 1500/mm3, bilirubin ≤ 1.5 x ULN, Gilbert's syndrome excepted",
    "Creatinine ≤ 1.5 x ULN; alternatively creatinine clearance ≥ 60 mL/min",
    "Creatinine ≤ 1.5 x ULN. Patients above that level need a clearance ≥ 60 mL/min",
    "Hemoglobin ≥ 9.0-10.0 g/dL",
    "Prior trastuzumab/pertuzumab",
    "Platelets ≥ 100,000/mm3, children 50,000/mm3",
    "HbA1c ≥ 7% on treatment",
    "HbA1c ≥ 7% on study medication",
]
LEFT_EXCLUSIONS = [
    "ALT and AST \\> 3 x ULN",
    "HbA1c \\> 10% and insulin use",
    "Serum creatinine \\> 2 mg/dL, if considered clinically significant",
    "Total bilirubin \\> ULN or, for cases of Gilbert's syndrome, \\> 2 × ULN",
    "Untreated brain metastases",
    "Brain metastases unless treated and stable",
    "Prior therapy with any CDK inhibitor",
    "Radiotherapy \\< 14 days prior to first dose",
    "Radiotherapy within 2 weeks, except palliative radiotherapy",
    "Pregnant women",
    "Pregnant or breastfeeding women who refuse to stop",
    "Age \\<= 18 years",
    "Myocardial infarction within 6 months or unstable angina",
    "Hemoglobin \\< 9 g/dL at two consecutive visits",
    "Stroke or TIA within 6 months",
    "BMI \\<18 or \\>40 kg/m2",
    "Creatinine ≥ 1.5 mg/dL in men or ≥ 1.4 mg/dL in women",
    "QTc \\> 450 ms, women \\> 470 ms",
    "HbA1c \\> 9 %, insulin pump users \\> 10 %",
    "ALT \\> 3 x ULN or total bilirubin \\> 1.5 x ULN at two consecutive visits",
    "BMI \\> 40 kg/m2 or HbA1c \\> 9 %, confirmed by the central laboratory",
    "BMI \\> 40 kg/m2 or HbA1c \\> 9 % after run-in",
    "ALT \\> 3 x ULN, bilirubin \\> 2 x ULN, Gilbert's exempt",
    "LVEF \\< 50%, Arm B",
    "ALT \\> 3 x ULN and",
    "ECOG \\< 2",
    "SBP \\> 180 mmHg or DBP \\> 110 mmHg on treatment",
    "SBP \\> 180 mmHg, DBP \\> 110 mmHg, symptomatic",
    "QTc \\> 470 ms, paced rhythm 500 ms",
    "Pregnant or lactating women, in cohort A",
]


@pytest.mark.parametrize("text", LEFT_TO_A_PERSON)
def test_what_is_not_wholly_understood_is_left_to_a_person(screening: Screening, text: str) -> None:
    made = drafted(screening, listed([text]), minimum=None)
    assert "I1" not in rules(made)
    assert "review" in made.criteria[0]["rule"]


@pytest.mark.parametrize("text", LEFT_EXCLUSIONS)
def test_an_exclusion_not_wholly_understood_is_left_to_a_person(screening: Screening, text: str) -> None:
    assert "E1" not in rules(drafted(screening, listed(["Consent"], [text]), minimum=None))


def test_a_higher_limit_for_liver_metastases_is_kept(screening: Screening) -> None:
    made = drafted(screening, listed(["ALT ≤ 2.5 x ULN (≤ 5 x ULN if liver metastases)"]))
    assert rules(made)["I1"] == {
        "when": {"diagnosis": "liver-metastases"},
        "then": limit("alt", "at-most", "5 x ULN"),
        "otherwise": limit("alt", "at-most", "2.5 x ULN"),
    }


def test_of_several_demands_the_rest_is_left_beside_the_understood(screening: Screening) -> None:
    text = "INR \\&lt; 1.2 and platelet counts \\&gt; 80,000/mm3"
    rule = rules(drafted(screening, listed([text])))["I1"]
    assert rule == {
        "all-of": [
            limit("platelets", "more-than", "80000 /mm3"),
            {"review": "INR < 1.2 and platelet counts > 80,000/mm3"},
        ]
    }


def test_a_window_of_something_else_is_not_taken_for_the_values_own(screening: Screening) -> None:
    text = "Platelets ≥ 100,000/mm3 without transfusion within 7 days"
    rule = rules(drafted(screening, listed([text])))["I1"]
    assert rule == {"all-of": [limit("platelets", "at-least", "100000 /mm3"), {"review": text}]}


def test_a_nested_item_takes_the_window_of_its_lead(screening: Screening) -> None:
    lead = "Normal organ function within 14 days before enrolment, as defined below:"
    text = f"Inclusion Criteria:\n\n* {lead}\n\n  * ANC ≥ 1500/mm3\n"
    made = drafted(screening, text)
    assert rules(made)["I1.1"] == limit("anc", "at-least", "1500 /mm3", within="14 days")
    assert "within 14 days" in made.criteria[1]["draft"]


@pytest.mark.parametrize(
    "lead", ["At least one of the following:", "If the liver is involved:", "Patients with renal impairment:"]
)
def test_under_a_lead_that_changes_its_items_nothing_is_drafted(screening: Screening, lead: str) -> None:
    nested = f"Inclusion Criteria:\n\n* {lead}\n\n  * ANC ≥ 1500/mm3\n  * Platelets ≥ 100,000/mm3\n"
    flat = f"Inclusion Criteria:\n\n{lead}\n\n* ANC ≥ 1500/mm3\n"
    level = f"Inclusion Criteria:\n\n* {lead}\n* ANC ≥ 1500/mm3\n"
    for text in (nested, flat, level):
        assert rules(drafted(screening, text, minimum=None)) == {}


def test_excluded_things_of_which_all_must_be_there_are_not_drafted(screening: Screening) -> None:
    text = "Exclusion Criteria:\n\n* {} of the following:\n\n  * ANC \\< 1500/mm3\n  * Platelets \\< 100,000/mm3\n"
    assert set(rules(drafted(screening, text.format("Any"), minimum=None))) == {"E1.1", "E1.2"}
    assert rules(drafted(screening, text.format("All"), minimum=None)) == {}


def test_an_item_under_the_name_of_an_arm_is_asked_for_that_arm(screening: Screening) -> None:
    text = "Inclusion Criteria:\n\nCohort 2:\n\n* ECOG 0-1\n\nCohort 3:\n\n* ECOG 0-2\n"
    made = drafted(screening, text, arms=["Cohort 2"])
    assert [c.get("arms") for c in made.criteria[:2]] == [["Cohort 2"], None]
    assert list(rules(made))[:1] == ["I1"]
    assert "I2" not in rules(made)


def test_limits_that_nobody_can_meet_are_given_to_a_person(screening: Screening) -> None:
    made = drafted(screening, listed(["Hemoglobin ≥ 12 g/dL"], ["Hemoglobin \\> 10 g/dL"]))
    assert set(rules(made)) == {"minimum-age"}
    assert any("cannot be meant" in note for note in made.notes)


def test_support_that_a_value_must_not_rest_on_stays_beside_it(screening: Screening) -> None:
    text = "ANC ≥ 1500/mm3, without growth factors"
    rule = rules(drafted(screening, listed([text])))["I1"]
    assert rule == {"all-of": [limit("anc", "at-least", "1500 /mm3"), {"review": text}]}


def test_a_limit_of_something_else_is_no_condition_of_those_beside_it(screening: Screening) -> None:
    text = "Potassium ≥ 3.5 mmol/L, QTc ≤ 470 ms"
    rule = rules(drafted(screening, listed([text])))["I1"]
    assert rule == {"all-of": [limit("qtc", "at-most", "470 ms"), {"review": text}]}


def test_excluded_things_of_which_both_must_be_there_are_drafted_in_neither_item(screening: Screening) -> None:
    joined = ["ALT \\> 3 x ULN {}", "Bilirubin \\> 2 x ULN"]
    made = {
        word: rules(drafted(screening, listed(["Consent"], [text.format(word) for text in joined]), minimum=None))
        for word in ("and", "or")
    }
    assert made["and"] == {}
    assert set(made["or"]) == {"E1", "E2"}


def test_an_unmarked_exception_at_a_lists_end_stays_with_its_item(screening: Screening) -> None:
    text = (
        "Inclusion Criteria:\n\n* ECOG 0-1\n* Bilirubin ≤ 1.5 x ULN\n\nGilbert's syndrome: ≤ 3 x ULN\n\n"
        "Exclusion Criteria:\n\n* HbA1c \\> 10%\n"
    )
    made = drafted(screening, text, minimum=None)
    assert set(rules(made)) == {"I1", "E1"}
    assert made.criteria[1]["text"] == "Bilirubin ≤ 1.5 x ULN Gilbert's syndrome: ≤ 3 x ULN"
    assert "interpretation" not in made.criteria[2]
