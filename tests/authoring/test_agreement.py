"""The registry's fields for age and sex become criteria, are not asked twice, and decide nothing where the text
contradicts them."""

import pytest

from service.screening import Screening
from tests.authoring.records import drafted, listed, rules


def sources(made: object) -> dict[str, str]:
    return {c["id"]: c["source"] for c in made.criteria}  # type: ignore[attr-defined]


def test_ages_and_sex_of_the_fields_become_criteria(screening: Screening) -> None:
    made = drafted(screening, listed(["Consent"]), minimum="18 Years", maximum="75 Years", sex="FEMALE")
    assert rules(made) == {
        "minimum-age": {"age": {"at-least": 18}},
        "maximum-age": {"age": {"at-most": 75}},
        "sex": {"sex": "female"},
    }
    assert made.counts() == {
        "trial": "NCT00000001", "items": 2, "criteria": 5, "drafted": 3, "review": 2, "fields": 3,
    }  # fmt: skip


@pytest.mark.parametrize("text", ["18 Months", "30 Days", "6 Weeks", "1 Day", "adult", "18.5 Years"])
def test_an_age_that_the_language_cannot_say_is_kept_for_a_person(screening: Screening, text: str) -> None:
    made = drafted(screening, listed(["Consent"]), minimum=text)
    kept = next(c for c in made.criteria if c["id"] == "minimum-age")
    assert text in kept["rule"]["review"]


@pytest.mark.parametrize("years", [99, 100, 120, 130])
def test_an_age_that_nobody_reaches_is_kept_as_written(screening: Screening, years: int) -> None:
    made = drafted(screening, listed(["Consent"]), maximum=f"{years} Years")
    assert rules(made)["maximum-age"] == {"age": {"at-most": years}}


def test_a_field_is_not_asked_again_where_an_item_asks_the_same(screening: Screening) -> None:
    made = drafted(screening, listed(["Female patients aged ≥ 18 years"]), sex="FEMALE")
    assert sources(made) == {"I1": "I1, registry sex, registry minimumAge", "E1": "E1"}
    assert made.fields == 0


def test_an_age_that_field_and_text_say_differently_is_for_a_person(screening: Screening) -> None:
    made = drafted(screening, listed(["Age ≥ 16 years"]), minimum="1 Year")
    assert rules(made) == {}
    assert [note for note in made.notes if "16" in note and "1 Year" in note]


def test_an_age_of_a_cohort_contradicts_nothing(screening: Screening) -> None:
    made = drafted(screening, "Inclusion Criteria:\n\nChildren:\n\n* Age ≥ 12 years\n", minimum="1 Year")
    assert set(rules(made)) == {"minimum-age"}
    assert made.notes == ()


@pytest.mark.parametrize("text", ["Age \\> 18 years", "Over 18 years of age"])
def test_a_strict_age_is_told_beside_the_field(screening: Screening, text: str) -> None:
    made = drafted(screening, listed([text]))
    assert set(rules(made)) == {"minimum-age"}
    assert "strictly" in made.notes[0]


def test_a_sex_that_the_field_does_not_say_is_told(screening: Screening) -> None:
    made = drafted(screening, listed(["Women aged ≥ 18 years"]))
    assert "I1" not in rules(made)
    assert "female" in made.notes[0]


def test_a_record_without_any_criteria_has_one_for_a_person(screening: Screening) -> None:
    made = drafted(screening, "", minimum=None)
    assert made.counts()["criteria"] == 1
    assert made.items == 0
