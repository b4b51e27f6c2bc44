"""Real records: counts in and out agree, no number of a draft differs from its text, and the file passes its check.

They are not part of the project; see `tests/test_third_party_records.py` for where they are looked for.
"""

import json
from pathlib import Path

import pytest

from service.authoring.checks import numbers_in
from service.authoring.drafting import draft
from service.authoring.phrases import numbers_of
from service.authoring.registry import read_record
from service.authoring.soundness import sound
from service.authoring.writing import trial_yaml
from service.library.checking import check_files
from service.screening import Screening
from tests.test_third_party_records import DATA

RECORDS = sorted((DATA / "registry").glob("NCT*.json"))

pytestmark = pytest.mark.skipif(not RECORDS, reason="no registry records: the folder data/registry is absent")

ITEMS = {"NCT01147016": 46, "NCT02513394": 33, "NCT05302050": 8, "NCT06038539": 40, "NCT06490887": 11}
DRAFTED = {
    "NCT01147016": {"I10", "I11", "I14", "I15", "I21", "I23", "E16", "minimum-age", "maximum-age"},
    "NCT02513394": {"I7", "I15", "I16", "I17", "I19", "minimum-age"},
    "NCT05302050": {"I1", "E2", "minimum-age", "maximum-age"},
    "NCT06038539": {"I2", "I3", "I9", "E9.4", "E9.7", "E9.8", "maximum-age"},
    "NCT06490887": {"minimum-age", "maximum-age"},
}


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_real_record_is_drafted_whole_and_true(screening: Screening, tmp_path: Path, path: Path) -> None:
    made = sound(draft(read_record(path.read_bytes(), path.name), screening.vocabulary), screening)
    assert made.items == ITEMS.get(path.stem, made.items)
    assert len(made.criteria) == made.items + made.fields
    for criterion in made.criteria:
        if "draft" in criterion:
            assert numbers_in(criterion["rule"]) <= numbers_of(criterion["draft"])
    file = tmp_path / "trial.yaml"
    file.write_text(trial_yaml(made.trial), "utf-8")
    assert check_files(screening, [file]).mistakes == ()


@pytest.mark.parametrize("path", [p for p in RECORDS if p.stem in DRAFTED], ids=lambda path: path.stem)
def test_the_known_records_have_the_drafts_that_were_checked_by_hand(screening: Screening, path: Path) -> None:
    made = draft(read_record(path.read_bytes(), path.name), screening.vocabulary)
    assert {c["id"] for c in made.criteria if "draft" in c} == DRAFTED[path.stem]


def test_an_undetermined_list_is_for_a_person(screening: Screening) -> None:
    path = DATA / "registry" / "NCT06490887.json"
    made = draft(read_record(path.read_bytes(), path.name), screening.vocabulary)
    assert all("does not tell" in c["text"] for c in made.criteria if c["id"].startswith("U"))
    assert json.dumps(made.trial)
