"""What may decide early, and what an early answer says of a trial with arms."""

from datetime import date
from pathlib import Path

from msgspec import UNSET

from service.criteria.results import TrialResult
from service.screening import Screening
from tests.builders import Record, as_json, patient
from tests.criteria.test_library import with_arms
from tests.criteria.test_trial_files import trial_in

DAY = date(2026, 11, 21)
DISEASE = "{cancer: breast, extent: metastatic}"
ADULT = "{age: {at-least: 18}}"


def early(folder: Path, *criteria: tuple[str, str]) -> tuple[TrialResult | None, TrialResult]:
    """The early result of a patient without a diagnosis, and that of all criteria."""
    screening = Screening([trial_in(folder, with_arms(*criteria))], on=DAY)
    plan = screening.plan_for(screening.wanted(["NCT00000001"]))
    record = screening.read(as_json(Record({}).put(patient=patient("1960-03-05")).bundle()))
    found = screening.screen_early(record, DAY, plan)
    return (found.results[0] if found else None), screening.screen(record, DAY, plan).results[0]


def test_a_closed_trial_tells_each_of_its_arms(tmp_path: Path) -> None:
    found, whole = early(tmp_path, (ADULT, "A"), (DISEASE, ""))
    assert found is not None
    assert found.arms == whole.arms != UNSET


def test_what_one_arm_asks_for_closes_no_trial_early(tmp_path: Path) -> None:
    assert early(tmp_path, (DISEASE, "A"), (ADULT, "B"))[0] is None
