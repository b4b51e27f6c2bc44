"""A trial of one criterion, so that a kind of rule can be judged alone on resources of a test."""

from typing import Any

from service.criteria.catalogue import Trials, compile_trial
from service.criteria.plan import Plan
from service.criteria.results import CriterionResult, TrialResult
from service.screening import Screening
from tests.builders import AS_OF, as_json, collection, entry, patient

ONE_TRIAL = """
id: ONE
short-name: ONE
title: One criterion
version: "2026-11-01"
status: active
phases: [phase-2]
recruitment: recruiting
sponsor: A hospital
registry-url: https://example.org/ONE
source: A test
criteria:
  - id: one
    type: inclusion
    source: I1
    text: One
    rule: {rule}
"""


def trial_of(screening: Screening, rule: str) -> Plan:
    """A plan with this one rule, written as YAML in one line."""
    return Plan(Trials((compile_trial(ONE_TRIAL.format(rule=rule), "one.yaml", screening.vocabulary),)))


def screened(screening: Screening, rule: str, *resources: dict[str, Any]) -> TrialResult:
    own = [entry(resource | {"id": f"r{number}"}) for number, resource in enumerate(resources)]
    record = screening.read(as_json(collection(entry(patient()), *own)))
    return screening.screen(record, AS_OF, trial_of(screening, rule)).results[0]


def judged(screening: Screening, rule: str, *resources: dict[str, Any]) -> CriterionResult:
    return screened(screening, rule, *resources).criteria[0]
