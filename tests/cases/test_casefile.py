"""A file of cases that is wrong: every mistake with its line and column."""

from collections.abc import Callable
from pathlib import Path

import pytest

from service.cases.casefile import merged
from service.cases.run import Report, run_cases
from service.criteria.catalogue import Trial
from service.errors import TrialError
from service.screening import Screening
from tests.cases.conftest import PATIENT

Run = Callable[[str], Report]


@pytest.fixture
def mistakes(ran: Run, tmp_path: Path) -> Callable[[str], list[str]]:
    def told(text: str) -> list[str]:
        with pytest.raises(TrialError) as caught:
            ran(text)
        assert caught.value.message == "\n".join(caught.value.problems)
        prefix = f"{tmp_path}/cases.yaml:"
        assert all(problem.startswith(prefix) for problem in caught.value.problems)
        return [problem.removeprefix(prefix) for problem in caught.value.problems]

    return told


Mistakes = Callable[[str], list[str]]


def test_every_mistake_in_the_shape_of_a_file_is_told_at_once(mistakes: Mistakes) -> None:
    told = mistakes(
        PATIENT
        + """\
cases:
  anc: {}
  liver:
    - {pass: {}, fail: {}}
    - {}
    - maybe: {}
    - pass: {results: {ank: 5}}
    - pass: {results: {anc: {value: 5 /mm3, onn: today}}}
      basis: guessed
patients:
  - name: one
    expect: {grade: perhaps}
  - expect: {}
"""
    )
    assert told == [
        "8:3: cases → anc: a list of cases was expected",
        "10:7: cases → liver → entry 1: a case states one outcome: pass, fail, unknown or review",
        "11:7: cases → liver → entry 2: a case states one outcome: pass, fail, unknown or review",
        "12:7: cases → liver → entry 3 → maybe: unknown key maybe",
        "13:24: cases → liver → entry 4 → pass → results → ank: no input called ank; did you mean anc?",
        "14:45: cases → liver → entry 5 → pass → results → anc → onn: unknown key onn; did you mean on?",
        "15:7: cases → liver → entry 5 → basis: one of recorded, no-record, not-applicable, missing, stale, conflict, "
        "unusable, manual was expected",
        "18:14: one → expect → grade: one of certain, probable, possible, certainly-not was expected",
        "19:5: patients → entry 2 → name: name is missing",
    ]


def test_criteria_that_the_trial_has_not_are_told_at_once(mistakes: Mistakes) -> None:
    told = mistakes(
        PATIENT
        + """\
cases:
  anx:
    - pass: {}
patients:
  - name: one
    expect: {outcomes: {anc: pass, histology: pass, alive: fail}}
"""
    )
    assert told == [
        "8:3: cases → anx: NCT00000001 has no criterion anx; did you mean anc?",
        "12:36: one → expect → outcomes → histology: NCT00000001 has no criterion histology",
    ]


def test_a_criterion_that_the_trial_has_not_is_told_beside_mistakes_of_other_kinds(mistakes: Mistakes) -> None:
    told = mistakes(
        PATIENT.replace("gender: female", "gender: woman").replace('"2026-11-21"', "tomorrow")
        + """\
cases:
  anx:
    - maybe: {}
  anc:
    - pass: {results: {ank: 5}}
patients:
  - name: one
    expect: {grade: perhaps, outcomes: {histology: pass, anc: yes}}
"""
    )
    assert [line.split(": ")[1] for line in told] == [
        "as-of",
        "patient → gender",
        "cases → anx",
        "cases → anx → entry 1 → maybe",
        "cases → anc → entry 1 → pass → results → ank",
        "one → expect → grade",
        "one → expect → outcomes → histology",
        "one → expect → outcomes → anc → value",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("as-of: [\n", "2:1: "),
        ("as-of: x\nas-of: y\n", "2:1: the key 'as-of' stands twice"),
        (PATIENT.replace('"2026-11-21"', "today"), "1:1: as-of: a date such as 2026-11-21 was expected"),
        (PATIENT.replace("gender: female", "gender: woman"), "3:3: patient → gender: one of female, male, other"),
        (PATIENT.replace("gender", "gendre"), "3:3: patient → gendre: unknown key gendre; did you mean gender?"),
        (PATIENT + "  diagnoses: {cirrosis: today}\n", "7:15: patient → diagnoses → cirrosis: no diagnosis called"),
        (PATIENT + "  drugs: {aspirine: today}\n", "7:11: patient → drugs → aspirine: no drug called aspirine"),
        (PATIENT.replace('"1960-07-07"', "1960-02-30"), "4:3: patient → born: '1960-02-30' is no date"),
        (PATIENT.replace('"1960-07-07"', "1960-13"), "4:3: patient → born: '1960-13' is no date"),
        (
            PATIENT.replace('"1960-07-07"', "9999 years ago"),
            "4:3: patient → born: '9999 years ago' lies before or after",
        ),
        (PATIENT.replace('"1960-07-07"', "last year"), "4:3: patient → born: 'last year' is no date"),
        (PATIENT.replace('"2026-11-21"', "2026-02-30"), "1:1: as-of: a date such as 2026-11-21 was expected"),
        (PATIENT.replace('"2026-11-21"', "20261121"), "1:1: as-of: a date such as 2026-11-21 was expected"),
        (
            PATIENT + "cases:\n  anc:\n    - {pass: {}, as-of: tomorrow}\n",
            "9:18: cases → anc → entry 1 → as-of: a date",
        ),
        (PATIENT + "patients:\n  - {name: a, as-of: '٢٠٢٦-11-21', expect: {}}\n", "8:15: a → as-of: a date such as"),
        (
            PATIENT + "  diagnoses: {cirrhosis: last year}\n",
            "7:15: patient → diagnoses → cirrhosis → onset: 'last year'",
        ),
        (
            PATIENT + "  drugs: {docetaxel: {code: xyz 12}}\n",
            "7:23: patient → drugs → docetaxel → code: 'xyz 12' is no code",
        ),
        (
            PATIENT + "  drugs: {docetaxel: {code: '1191'}}\n",
            "7:23: patient → drugs → docetaxel → code: '1191' is no code",
        ),
        (PATIENT + "  drugs: {xyz 12: today}\n", "7:11: patient → drugs → xyz 12: no drug called xyz 12"),
        (PATIENT + "  resources: [{a: b}]\n", "7:15: patient → resources → entry 1: a FHIR resource was expected"),
        (PATIENT + "  resources: [{resourceType: 5}]\n", "7:15: patient → resources → entry 1: a FHIR resource was"),
        (PATIENT + "  resources: [x]\n", "7:15: patient → resources → entry 1: a FHIR resource was expected"),
        (
            PATIENT + "  resources: [{resourceType: Patient}]\n",
            "7:15: patient → resources → entry 1: a case has one Patient",
        ),
        (PATIENT + "  unread: Encounter\n", "7:3: patient → unread: one of Observation, Condition, Procedure"),
        (PATIENT + "cases: []\n", "7:1: cases: a mapping of criteria to their cases was expected"),
        (PATIENT + "cases:\n  anc: [pass]\n", "8:9: cases → anc → entry 1: a mapping such as {pass: "),
    ],
)
def test_a_mistake_is_told_with_its_place(mistakes: Mistakes, text: str, said: str) -> None:
    (told,) = mistakes(text)
    assert told.startswith(said)


def test_what_a_file_needs_is_named_where_it_is_missing(mistakes: Mistakes) -> None:
    assert mistakes("cases: {}\n") == ["1:1: as-of: as-of is missing", "1:1: patient: patient is missing"]


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "- pass: {}\n", "words\n"])
def test_a_file_that_holds_no_cases_says_what_was_expected(mistakes: Mistakes, text: str) -> None:
    assert mistakes(text) == ["1:1: cases were expected: a mapping with as-of, patient, cases …"]


def test_a_file_that_is_no_text_is_told(screening: Screening, trial: Trial, tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_bytes(b"as-of: \xff\n")
    with pytest.raises(TrialError, match=r"cases\.yaml:1:1: cannot be read"):
        run_cases(screening, trial)


def test_a_change_replaces_names_adds_to_lists_and_takes_away() -> None:
    base = {"gender": "female", "born": "1960-07-07", "results": {"anc": [1], "ecog": [2]}, "unread": ["Condition"]}
    change = {"gender": "none", "born": "1970-01-01", "results": {"anc": [3]}, "unread": ["Procedure"]}
    assert merged(base, change) == {
        "born": "1970-01-01",
        "results": {"anc": [3], "ecog": [2]},
        "unread": ["Condition", "Procedure"],
    }
    assert base["gender"] == "female"
    assert merged(base, {}) == base
