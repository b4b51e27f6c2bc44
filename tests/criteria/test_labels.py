"""What a reader calls something that is missing: the lexicon's own words, in the result and in what renders it."""

from importlib.resources import files
from pathlib import Path

import pytest

from service.criteria.results import Needed, PatientResult, TrialResult
from service.render.text import page
from service.screening import Screening
from tests.builders import AS_OF

PATIENTS = Path(str(files("service.demo"))) / "patients"


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("anc", "absolute neutrophil count"),
        ("lvef", "LVEF"),
        ("her2", "HER2 status"),
        ("her2-antibody", "HER2 antibody"),
        ("chemotherapy-without-conjugates", "chemotherapy"),
        ("pertuzumab", "pertuzumab"),
        ("taxane", "taxane"),
        ("cirrhosis", "cirrhosis of the liver"),
        ("radiotherapy", "radiotherapy"),
        ("birth-date", "birth date"),
        ("breast-cancer", "breast cancer"),
    ],
)
def test_the_lexicon_has_words_for_what_is_missing(screening: Screening, name: str, label: str) -> None:
    assert screening.vocabulary.title(name) == label


def test_every_missing_input_of_a_result_carries_its_label(screening: Screening) -> None:
    shown = ""
    needed: list[Needed] = []
    for path in sorted(PATIENTS.glob("*.json")):
        result = screening.screen(screening.read(path.read_bytes(), path.name), AS_OF)
        needed += [need for trial in result.results for need in trial.needed]
        shown += page(result)
    assert {need.input for need in needed} >= {"lvef", "her2-antibody", "disease-status"}
    assert all(need.label == screening.vocabulary.title(need.input) for need in needed)
    for label in ("LVEF", "HER2 antibody", "cancer disease status"):
        assert f"· {label} (" in shown


def test_a_need_without_a_label_is_called_by_its_name() -> None:
    trial = TrialResult("N1", "1", "T", "recruiting", "possible", None, (Needed("own-test", "missing", ("a",)),), ())
    assert "own-test (missing): settles a" in page(PatientResult("Patient/p", "2026-11-21", "1", (trial,)))
