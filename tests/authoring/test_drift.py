"""A later version of a record: which items were added, removed, changed or moved, and which criteria that touches."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from service.authoring.digests import digest
from service.authoring.drift import Change, drift
from service.authoring.writing import trial_yaml
from service.cli import cli
from service.criteria.catalogue import Trial, compile_trial
from service.screening import Screening
from tests.authoring.records import TRIAL, drafted, encoded, listed, record

FIRST = ["Signed consent", "ECOG performance status 0-1", "Able to swallow", "Measurable disease"]


def trial_of(screening: Screening, wanted: list[str], excluded: list[str] | None = None) -> Trial:
    text = trial_yaml(drafted(screening, listed(wanted, excluded)).trial)
    return compile_trial(text, "trial.yaml", screening.vocabulary)


def changes(
    screening: Screening, wanted: list[str], excluded: list[str] | None = None, **options: str
) -> list[tuple[str, str, str]]:
    found = drift(trial_of(screening, FIRST), record(listed(wanted, excluded), **options))
    return [(c.kind, c.item, c.now) for c in found.changes]


def test_the_same_record_has_not_changed(screening: Screening) -> None:
    assert changes(screening, FIRST) == []


def test_marks_escapes_and_white_space_are_no_change(screening: Screening) -> None:
    text = listed(FIRST).replace("* ECOG performance status 0-1", "2.  ECOG  performance status 0\\-1")
    assert drift(trial_of(screening, FIRST), record(text)).changes == ()


def test_an_item_put_in_between_moves_the_others_and_changes_none(screening: Screening) -> None:
    now = [FIRST[0], "New demand", *FIRST[1:]]
    assert changes(screening, now) == [
        ("added", "", "I2"),
        ("moved", "I2", "I3"),
        ("moved", "I3", "I4"),
        ("moved", "I4", "I5"),
    ]


def test_a_removed_item_is_told_with_its_criteria(screening: Screening) -> None:
    found = drift(trial_of(screening, FIRST), record(listed([FIRST[0], *FIRST[2:]])))
    assert found.changes[0] == Change("removed", "I2", criteria=("I2",))
    assert [c.kind for c in found.changes[1:]] == ["moved", "moved"]


def test_a_changed_item_is_told_with_its_new_words(screening: Screening) -> None:
    found = drift(trial_of(screening, FIRST), record(listed([FIRST[0], "ECOG performance status 0-2", *FIRST[2:]])))
    assert found.changes == (Change("changed", "I2", "I2", "ECOG performance status 0-2", ("I2",)),)


def test_an_item_that_went_to_the_other_list_moved(screening: Screening) -> None:
    now = changes(screening, FIRST[:3], ["None of the above", FIRST[3]])
    assert ("moved", "I4", "E2") in now
    assert {kind for kind, *_ in now} == {"moved"}


def test_a_changed_field_touches_the_criterion_that_names_it(screening: Screening) -> None:
    found = drift(trial_of(screening, FIRST), record(listed(FIRST), minimum="21 Years"))
    assert found.changes == (
        Change("changed", "registry minimumAge", "registry minimumAge", "21 Years", ("minimum-age",)),
    )


def test_changed_facts_are_told(screening: Screening) -> None:
    assert changes(screening, FIRST, status="COMPLETED", version="2026-06-01", start="2025-04-01") == [
        ("fact", "version", ""),
        ("fact", "recruitment", ""),
        ("fact", "start date", ""),
    ]


def test_the_digest_is_the_one_described() -> None:
    assert digest("  Age \u2265  18\tyears\n") == digest("Age ≥ 18 years") == "72ebaa30ab69e06d"
    assert digest("Age ≥ 21 years") != digest("Age ≥ 18 years")


@pytest.fixture
def folder(screening: Screening, tmp_path: Path) -> Path:
    path = tmp_path / "trials" / TRIAL / "trial.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(trial_yaml(drafted(screening, listed(FIRST)).trial), "utf-8")
    return tmp_path / "trials"


@pytest.mark.parametrize(
    ("wanted", "code", "said"), [(FIRST, 0, ""), (FIRST[:3], 1, "I4 is no longer there; touches I4")]
)
def test_check_against_a_record_ends_with_1_where_it_differs(
    folder: Path, wanted: list[str], code: int, said: str
) -> None:
    source = folder.parent / "now.json"
    source.write_bytes(encoded(listed(wanted)))
    shown = CliRunner().invoke(cli, ["trials", "check", str(folder), "--against", str(source)], standalone_mode=False)
    assert shown.return_value == code
    assert said in shown.stdout


def test_the_record_of_another_trial_is_wrong_use(folder: Path) -> None:
    source = folder.parent / "now.json"
    source.write_bytes(encoded(listed(FIRST), id="NCT00000002"))
    shown = CliRunner().invoke(cli, ["trials", "check", str(folder), "--against", str(source)])
    assert shown.exit_code == 2
    assert "NCT00000002" in shown.output


def test_without_digests_places_that_are_not_there_are_told(screening: Screening) -> None:
    (seed,) = [trial for trial in screening.trials.trials if trial.id == "NCT03304080"]
    found = drift(seed, record(listed(["one", "two"], ["three"]), id="NCT03304080"))
    assert not found.has_digests
    missing = [c.item for c in found.changes if c.kind == "unknown-place"]
    assert "I15" in missing
    assert "I2" not in missing
