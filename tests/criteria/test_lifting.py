"""What the failed criteria of a trial come to together: how far the patient is from it."""

import pytest
from msgspec import UNSET

from service.criteria.lifting import of_trial
from service.criteria.logic import Failure
from service.criteria.results import CriterionResult


def failed(failure: Failure, until: str | None = None, arms: tuple[str, ...] = ()) -> CriterionResult:
    return CriterionResult(
        "c", "exclusion", "", "", "fail", "recorded", "", (),
        arms=arms or UNSET, failure=failure, until=until or UNSET,
    )  # fmt: skip


SOON, LATER = failed("until", "2026-12-01"), failed("until", "2027-02-01")
CHANGEABLE, PERMANENT = failed("changeable"), failed("permanent")
PASSED = CriterionResult("p", "inclusion", "", "", "pass", "recorded", "", ())


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ([SOON, CHANGEABLE, PERMANENT], ("permanent", UNSET)),
        ([SOON, CHANGEABLE], ("changeable", UNSET)),
        ([SOON, PASSED], ("until", "2026-12-01")),
        ([LATER, SOON], ("until", "2027-02-01")),
        ([PASSED], (UNSET, UNSET)),
    ],
)
def test_the_gravest_of_the_fails_is_the_trials(criteria: list[CriterionResult], expected: object) -> None:
    assert of_trial(criteria) == expected


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ([failed("permanent", arms=("a",)), failed("changeable", arms=("b",))], ("changeable", UNSET)),
        ([failed("permanent", arms=("a",)), failed("until", "2026-12-01", arms=("b",))], ("until", "2026-12-01")),
        ([failed("until", "2027-02-01", ("a",)), failed("until", "2026-12-01", ("b",))], ("until", "2026-12-01")),
        ([failed("permanent", arms=("a",)), CHANGEABLE, failed("until", "2026-12-01", ("b",))], ("changeable", UNSET)),
        ([PERMANENT, failed("until", "2026-12-01", arms=("b",))], ("permanent", UNSET)),
        ([failed("permanent", arms=("a", "b"))], ("permanent", UNSET)),
        ([failed("permanent", arms=("a",))], (UNSET, UNSET)),
    ],
)
def test_with_arms_the_nearest_arm_tells(criteria: list[CriterionResult], expected: object) -> None:
    assert of_trial(criteria, ("a", "b")) == expected
