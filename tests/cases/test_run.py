"""Running the cases of a trial: a wrong expectation is found, and so is an outcome that no case reaches."""

from collections.abc import Callable
from pathlib import Path

import pytest

from service.cases.run import Report, run_cases
from service.criteria.catalogue import Trial
from service.screening import Screening
from tests.builders import TRIALS
from tests.cases.conftest import PATIENT

Run = Callable[[str], Report]
COVERED = """\
cases:
  anc:
    - pass: {}
    - fail: {results: {anc: 1499 /mm3}}
    - unknown: {results: {anc: none}}
  liver:
    - pass:
    - fail: {diagnoses: {cirrhosis: "2020-01-01"}}
    - unknown: {diagnoses: {cirrhosis: {onset: "2020-01-01", verification: provisional}}}
"""


def problems(report: Report) -> list[tuple[str, ...]]:
    return [verdict.problems for verdict in report.verdicts]


def test_cases_that_cover_every_outcome_leave_nothing_to_say(ran: Run) -> None:
    report = ran(PATIENT + COVERED)
    assert report.trial == "NCT00000001"
    assert problems(report) == [()] * 6
    assert report.failed == []
    assert report.untested == ()


@pytest.mark.parametrize(
    ("line", "uncovered"),
    [
        ("    - fail: {results: {anc: 1499 /mm3}}\n", ("anc", "fail")),
        ("    - unknown: {results: {anc: none}}\n", ("anc", "unknown")),
        ('    - fail: {diagnoses: {cirrhosis: "2020-01-01"}}\n', ("liver", "fail")),
    ],
)
def test_an_outcome_that_no_case_reaches_is_named(ran: Run, line: str, uncovered: tuple[str, str]) -> None:
    assert line in COVERED
    report = ran(PATIENT + COVERED.replace(line, ""))
    assert report.untested == (uncovered,)
    assert report.failed == []


def test_without_cases_every_outcome_but_a_persons_is_untested(ran: Run) -> None:
    told = ("pass", "fail", "unknown")
    assert ran(PATIENT).untested == tuple((name, outcome) for name in ("anc", "liver") for outcome in told)


def test_a_wrong_outcome_is_a_failure_that_says_what_came_out_and_where(ran: Run, tmp_path: Path) -> None:
    report = ran(PATIENT + "cases:\n  anc:\n    - fail: {}\n      note: enough of them\n    - pass: {}\n")
    (failed,) = report.failed
    assert failed.case.name == "anc: enough of them"
    assert failed.case.place == f"{tmp_path}/cases.yaml:9"
    (problem,) = failed.problems
    assert problem.startswith("anc: fail expected, pass came out (")


@pytest.mark.parametrize(("value", "outcome"), [("1499 /mm3", "fail"), ("1500 /mm3", "pass"), ("1.5 K/uL", "pass")])
def test_a_case_on_the_boundary_is_judged_as_the_rule_says(ran: Run, value: str, outcome: str) -> None:
    assert problems(ran(PATIENT + f"cases:\n  anc:\n    - {outcome}: {{results: {{anc: {value}}}}}\n")) == [()]
    other = "fail" if outcome == "pass" else "pass"
    assert problems(ran(PATIENT + f"cases:\n  anc:\n    - {other}: {{results: {{anc: {value}}}}}\n")) != [()]


def test_a_wrong_basis_is_a_failure(ran: Run) -> None:
    cases = "cases:\n  liver:\n    - pass:\n      basis: {}\n"
    assert problems(ran(PATIENT + cases.format("no-record"))) == [()]
    ((problem,),) = problems(ran(PATIENT + cases.format("recorded")))
    assert problem.startswith("liver: basis recorded expected, no-record came out (")


def test_a_patient_is_held_against_all_that_is_expected(ran: Run) -> None:
    report = ran(
        PATIENT
        + """\
patients:
  - name: as expected
    expect: {grade: probable, outcomes: {anc: pass, liver: pass, consent: review}}
  - name: with few neutrophils
    change: {results: {anc: 10 /mm3}}
    expect: {grade: probable, outcomes: {anc: pass, liver: fail}}
  - name: dead
    change: {died: "2026-01-01"}
    expect: {grade: certainly-not, outcomes: {alive: fail}}
"""
    )
    first, second, third = report.verdicts
    assert (first.problems, third.problems) == ((), ())
    assert [problem.split(" (")[0] for problem in second.problems] == [
        "anc: pass expected, fail came out",
        "liver: fail expected, pass came out",
        "grade probable expected, certainly-not came out",
    ]


def test_a_criterion_that_is_not_in_the_result_is_a_failure(ran: Run) -> None:
    assert problems(ran(PATIENT + 'cases:\n  anc:\n    - pass: {died: "2026-01-01"}\n')) == [
        ("anc: not in the result",)
    ]


def test_a_case_may_have_an_as_of_date_of_its_own(ran: Run) -> None:
    # the result stands on a fixed day, 28 days before one date and 29 before the next
    cases = (
        'cases:\n  anc:\n    - {}: {{results: {{anc: {{value: 2000 /mm3, on: "2026-11-14"}}}}}}\n      as-of: "{}"\n'
    )
    assert problems(ran(PATIENT + cases.format("pass", "2026-12-12"))) == [()]
    assert problems(ran(PATIENT + cases.format("unknown", "2026-12-13"))) == [()]


def test_what_was_not_read_is_unknown(ran: Run) -> None:
    assert problems(ran(PATIENT + "cases:\n  liver:\n    - unknown: {unread: Condition}\n")) == [()]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("{results: {anc: many}}", "'many' is no value of ANC"),
        (
            "{resources: [{resourceType: Bundle, entry: [{resource: {resourceType: Patient, id: b}}]}]}",
            "cannot be read",
        ),
    ],
)
def test_a_sketch_that_means_nothing_is_a_failure_of_its_case_alone(ran: Run, change: str, said: str) -> None:
    report = ran(PATIENT + f"cases:\n  anc:\n    - pass: {change}\n    - pass: {{}}\n")
    assert said in report.verdicts[0].problems[0]
    assert report.verdicts[1].problems == ()


def test_a_trial_without_a_file_of_cases_has_no_report(screening: Screening, trial: Trial) -> None:
    assert run_cases(screening, trial) is None


@pytest.mark.parametrize("trial_id", TRIALS)
def test_the_cases_beside_the_built_in_trials_come_out_and_leave_no_outcome_untested(
    screening: Screening, trial_id: str
) -> None:
    report = run_cases(screening, screening.trials[trial_id])
    assert report is not None
    assert report.verdicts
    assert [(verdict.case.place, verdict.problems) for verdict in report.failed] == []
    assert report.untested == ()
