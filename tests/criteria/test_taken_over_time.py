"""A drug within a window, and a drug for at least so long."""

from typing import Any

import pytest

from service.errors import TrialError
from service.screening import Screening
from tests.builders import administration, ago, dispense, request, rxnorm, searchset, statement
from tests.criteria.one_rule import judged, screened

METFORMIN, SEMAGLUTIDE, OTHER = rxnorm("6809"), rxnorm("1991302"), rxnorm("161")
WITHIN = "{absent: [{drug: glp-1-agonist, within: 90 days}]}"
FOR = "{taken-for: 90 days, drug: metformin}"
SAME = "{taken-for: 90 days, drug: metformin, dose: same}"
MONTHS = "{taken-for: 3 months, drug: metformin}"
CUT_SHORT = searchset([], "MedicationStatement", next_url="https://ehr.example.org/fhir?page=2")


@pytest.mark.parametrize(
    ("resources", "outcome", "basis"),
    [
        ([], "pass", "no-record"),
        ([statement(SEMAGLUTIDE, ago(400))], "fail", "recorded"),
        ([statement(SEMAGLUTIDE, ago(400), ago(90))], "fail", "recorded"),
        ([statement(SEMAGLUTIDE, ago(400), ago(91))], "pass", "no-record"),
        ([statement(SEMAGLUTIDE, ago(400), status="stopped")], "unknown", "missing"),
        ([statement(SEMAGLUTIDE, ago(400), status="on-hold")], "unknown", "missing"),
        ([statement(SEMAGLUTIDE, ago(400), ago(30), status="not-taken")], "pass", "no-record"),
        ([administration(SEMAGLUTIDE, ago(90))], "fail", "recorded"),
        ([administration(SEMAGLUTIDE, ago(91))], "pass", "no-record"),
        ([statement(SEMAGLUTIDE, "2027-01-01")], "pass", "no-record"),
        ([statement(OTHER, ago(10))], "pass", "no-record"),
        ([CUT_SHORT], "unknown", "missing"),
    ],
)
def test_a_drug_within_a_window_is_taken_now_or_ended_in_it(
    screening: Screening, resources: list[dict[str, Any]], outcome: str, basis: str
) -> None:
    found = judged(screening, WITHIN, *resources)
    assert (found.outcome, found.basis) == (outcome, basis), found.reason


@pytest.mark.parametrize(
    ("rule", "resources", "outcome"),
    [
        (FOR, [statement(METFORMIN, ago(90))], "pass"),
        (FOR, [statement(METFORMIN, ago(89))], "fail"),
        (FOR, [request(METFORMIN, ago(90))], "pass"),
        (FOR, [request(METFORMIN, ago(89))], "unknown"),
        (FOR, [request(METFORMIN, ago(89)), statement(METFORMIN, ago(400))], "pass"),
        (SAME, [request(METFORMIN, ago(89)), statement(METFORMIN, ago(400))], "review"),
        (SAME, [statement(METFORMIN, ago(90))], "pass"),
        (SAME, [statement(METFORMIN, ago(89))], "fail"),
        (FOR, [statement(METFORMIN, ago(400), ago(1))], "unknown"),
        (FOR, [statement(METFORMIN, ago(400), ago(30)), statement(METFORMIN, ago(29))], "unknown"),
        (FOR, [statement(METFORMIN, ago(400), status="on-hold")], "unknown"),
        (FOR, [statement(METFORMIN)], "unknown"),
        (FOR, [statement(METFORMIN, "2026")], "unknown"),
        (FOR, [statement(METFORMIN, "2025")], "pass"),
        (FOR, [dispense(METFORMIN, ago(20))], "unknown"),
        (FOR, [statement(OTHER, ago(400))], "unknown"),
        (FOR, [], "unknown"),
        (FOR, [CUT_SHORT], "unknown"),
        (MONTHS, [statement(METFORMIN, "2026-08-21")], "pass"),
        (MONTHS, [statement(METFORMIN, "2026-08-22")], "fail"),
    ],
)
def test_a_drug_counts_from_the_day_a_record_of_it_began(
    screening: Screening, rule: str, resources: list[dict[str, Any]], outcome: str
) -> None:
    found = judged(screening, rule, *resources)
    assert found.outcome == outcome, found.reason


def test_a_drug_begun_lately_passes_on_the_day_it_has_been_long_enough(screening: Screening) -> None:
    change = screened(screening, FOR, statement(METFORMIN, "2026-09-01")).changes_on
    assert change is not None
    assert (change.date, change.grade) == ("2026-11-30", "certain")


def test_a_window_ends_on_its_day(screening: Screening) -> None:
    change = screened(screening, WITHIN, statement(SEMAGLUTIDE, ago(400), "2026-11-01")).changes_on
    assert change is not None
    assert change.date == "2027-01-31"  # 90 days after 1 November is 30 January


@pytest.mark.parametrize("more", ["taken: now", "by-cycles: true"])
def test_a_window_stands_alone(screening: Screening, more: str) -> None:
    with pytest.raises(TrialError, match="`within` stands alone"):
        judged(screening, f"{{absent: [{{drug: metformin, within: 90 days, {more}}}]}}")
