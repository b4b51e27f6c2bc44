"""A small trial with its cases beside it, to run and to break."""

from collections.abc import Callable
from pathlib import Path

import pytest

from service.cases.run import Report, run_cases
from service.criteria.catalogue import Trial, load_trials
from service.screening import Screening

TRIAL = """\
id: NCT00000001
short-name: EXAMPLE
title: An example
version: "2026-01-01"
status: active
phases: [phase-2]
recruitment: recruiting
sponsor: Somebody
registry-url: https://registry.example.org/NCT00000001
source: The registry
criteria:
  - id: anc
    type: inclusion
    source: I1
    text: Enough neutrophils
    rule: {measurement: anc, at-least: 1500 /mm3, within: 28 days}
  - id: liver
    type: exclusion
    source: E1
    text: Cirrhosis
    rule: {absent: [{diagnosis: cirrhosis}]}
  - id: consent
    type: inclusion
    source: I2
    text: Consent
    rule: {review: Does the patient consent?}
"""
# six lines: what a test adds begins on the seventh
PATIENT = """\
as-of: "2026-11-21"
patient:
  gender: female
  born: "1960-07-07"
  results:
    anc: 2000 /mm3
"""


@pytest.fixture
def trial(screening: Screening, tmp_path: Path) -> Trial:
    (tmp_path / "trial.yaml").write_text(TRIAL, "utf-8")
    return load_trials(screening.vocabulary, [tmp_path], built_in=False).trials[0]


@pytest.fixture
def ran(screening: Screening, trial: Trial, tmp_path: Path) -> Callable[[str], Report]:
    """Runs the cases of a text that stands beside the trial."""

    def run(text: str) -> Report:
        (tmp_path / "cases.yaml").write_text(text, "utf-8")
        report = run_cases(screening, trial)
        assert report is not None
        return report

    return run
