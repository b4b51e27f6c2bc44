"""What texts say of the diseases and treatments that they name: that they are there, that they were, or neither."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from service.screening import Screening

GROUPS: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "texts_of_a_chart.yaml").read_text(encoding="utf-8")
)


def said(screening: Screening, group: dict[str, Any], text: str) -> list[bool]:
    """Of each concept of the group that a text tells, whether it only tells that it was."""
    told = screening.library.terminology.said(group["family"], text)
    return [past for concept, past in told.items() if concept in group["concepts"]]


def texts_of(part: str) -> list[Any]:
    return [pytest.param(g, t, id=f"{name}: {t}") for name, g in GROUPS.items() for t in g.get(part, ())]


@pytest.mark.parametrize(("group", "text"), texts_of("told"))
def test_a_text_names_what_the_patient_has(screening: Screening, group: dict[str, Any], text: str) -> None:
    assert False in said(screening, group, text)


@pytest.mark.parametrize(("group", "text"), texts_of("past"))
def test_a_text_names_what_the_patient_had(screening: Screening, group: dict[str, Any], text: str) -> None:
    assert set(said(screening, group, text)) == {True}


@pytest.mark.parametrize(("group", "text"), texts_of("silent"))
def test_a_text_about_something_else_is_silent(screening: Screening, group: dict[str, Any], text: str) -> None:
    assert said(screening, group, text) == []


# Several things in one text: what it tells of each.
TOGETHER = {
    "CHF, no MI": {"heart-failure": False},
    "No chest pain; CHF": {"heart-failure": False},
    "No MI but CHF": {"heart-failure": False},
    "No CHF, MI or stroke": {},
    "Denies CHF, MI, or stroke": {},
    "Hepatitis C, no cirrhosis, HIV positive": {"infection-severe": False},
    "Cirrhosis without ascites": {"cirrhosis": False},
    "Cirrhosis, biopsy proven": {"cirrhosis": False},
    "Hepatitis C, screening for HCC": {"infection-severe": False},
    "Colon cancer, screen detected": {"other-malignancy": False},
    "Positive screen for hepatitis C": {"infection-severe": False},
    "Tested positive for HIV": {"infection-severe": False},
    "Stroke with no residual deficits": {"stroke": False},
    "Sepsis not resolved": {"infection-severe": False},
    "Not well controlled AF": {"atrial-fibrillation": False},
    "No change in CHF": {"heart-failure": False},
    "Not a surgical candidate due to CHF": {"heart-failure": False},
    "Suspected sepsis": {"infection-severe": False},
    "History of atrial fibrillation on apixaban": {"atrial-fibrillation": False},
    "Sepsis, history of MI": {"infection-severe": False, "myocardial-infarction": True},
    "History of stroke with atrial fibrillation": {"stroke": True, "atrial-fibrillation": False},
    "CHF with resolved sepsis": {"heart-failure": False, "infection-severe": True},
    "Sepsis, resolved on 3 May": {"infection-severe": True},
    "s/p TIPS for cirrhosis": {"cirrhosis": False},
    "AF on stroke prophylaxis": {"atrial-fibrillation": False},
    "CHF, MI ruled out": {"heart-failure": False},
    "Family history of MI. CHF": {"heart-failure": False},
    "Family history of MI, CHF": {},
    "Breast cancer, HER2 negative": {"breast-cancer": False},
    "Triple negative breast cancer": {"breast-cancer": False},
    "Breast cancer, family history of ovarian cancer": {"breast-cancer": False},
    "Non-metastatic breast cancer": {"breast-cancer": False},
    "Bilateral mastectomy for breast cancer": {"breast-cancer": False},
}


@pytest.mark.parametrize("text", TOGETHER)
def test_each_thing_in_a_text_is_read_for_itself(screening: Screening, text: str) -> None:
    assert screening.library.terminology.said("condition", text) == TOGETHER[text]
