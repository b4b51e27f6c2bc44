"""Records that others wrote: every one gets a result or a clear refusal, and the known ones the right result.

They are not part of the project. TRIALHOOK's tests look for them in the folder that FHIR_TEST_DATA names, or in
`../shared/data`; without them these tests are skipped.
"""

import gzip
import os
from datetime import date
from pathlib import Path

import pytest

from service.criteria.results import PatientResult
from service.errors import RecordError
from service.screening import Screening

DATA = Path(os.environ.get("FHIR_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
AS_OF = date(2026, 11, 21)

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no third-party records: {DATA.name} folder absent")

FILES = sorted(
    path
    for pattern in ("synthea/*.json.gz", "matching-patients/**/*.json", "mcode/Bundle*.json")
    for path in DATA.glob(pattern)
)
# parts of a record, written without their Patient
WITHOUT_PATIENT = {
    "assessmentBundle.json", "converted.json", "diseaseBundle.json", "genomicsBundle.json",
    "patient_data_empty-cgv.json", "treatmentBundle.json",
}  # fmt: skip


def judge(screening: Screening, path: Path, alive: bool = False) -> PatientResult:
    """As of today; where `alive`, the dead as of the day before they died."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    record = screening.read(data, path.name)
    died = record.person.died
    return screening.screen(record, died.first - 1 if alive and died else AS_OF)


def found(result: PatientResult, trial: str, *names: str) -> dict[str, str]:
    criteria = {c.id: c for t in result.results if t.trial == trial for c in t.criteria}
    return {name: f"{criteria[name].outcome}/{criteria[name].basis}" for name in names}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[:40])
def test_a_result_for_each_trial_or_a_refusal_that_says_why(screening: Screening, path: Path) -> None:
    if path.name in WITHOUT_PATIENT:
        with pytest.raises(RecordError, match="no Patient resource"):
            judge(screening, path)
        return
    result = judge(screening, path)
    assert len(result.results) == 4
    assert all(c.reason for trial in result.results for c in trial.criteria if c.outcome != "review")


def positive_and_metastatic(screening: Screening) -> list[str]:
    asked = ("metastatic-breast-cancer", "her2-positive", "hormone-receptor-positive")
    right = dict.fromkeys(asked, "pass/recorded")
    return [
        path.name
        for path in FILES
        if path.suffix == ".gz" and found(judge(screening, path, alive=True), "NCT02947685", *asked) == right
    ]


@pytest.mark.skipif(not list(DATA.glob("synthea/*.json.gz")), reason="no Synthea records")
def test_two_of_the_simulated_patients_have_metastatic_breast_cancer_with_all_receptors(screening: Screening) -> None:
    assert len(positive_and_metastatic(screening)) == 2


ODDITIES = [
    # an ECOG of -1, no birth date
    ("patient_data_missing_birthdate_invalid_ecog_karnofsky.json", {"adult": "unknown/missing"}),
    # neutrophils of 3000 ×10³/µL, long ago
    ("fullBundle.json", {"anc": "unknown/stale", "metastatic-breast-cancer": "fail/recorded"}),
]


@pytest.mark.parametrize(("start", "expected"), ODDITIES, ids=[start for start, _ in ODDITIES])
def test_known_oddities(screening: Screening, start: str, expected: dict[str, str]) -> None:
    paths = [path for path in FILES if path.name.startswith(start[:36])]
    if not paths:
        pytest.skip(f"{start} is not there")
    for path in paths:
        assert found(judge(screening, path), "NCT03304080", *expected) == expected
