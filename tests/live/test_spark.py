"""The same population on Spark, two executors in processes of their own, as in this one: every output is the same."""

import gzip
import os
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from service.population import spark as engine
from tests.builders import SINAI, RxNorm, Snomed, as_json, condition, eligible, medication, patient, request
from tests.population.conftest import Ran, Screen, screen
from tests.population.sources import FORMS, by_type, owned_by, population, write_lines

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(find_spec("pyspark") is None, reason="needs pyspark"),
    pytest.mark.filterwarnings("default"),  # Spark's own
]

__all__ = ["screen"]
OUTPUTS = ("results.ndjson", "errors.ndjson", "summary.json")
ON_SPARK = ("--engine", "spark")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two workers with one core and a gigabyte each."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local-cluster[2,1,1024]").config("spark.ui.enabled", "false")
    made = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
    session = made.getOrCreate()
    yield session
    session.stop()


@pytest.fixture
def both(cluster: Any, screen: Screen) -> Callable[..., tuple[Ran, Ran]]:
    """-> run here and there."""

    def run(source: Path, *options: str) -> tuple[Ran, Ran]:
        return screen(source, *options, out="here"), screen(source, *options, *ON_SPARK, out="there")

    return run


def same(here: Ran, there: Ran) -> None:
    for name in OUTPUTS:
        assert (there.out / name).read_bytes() == (here.out / name).read_bytes(), name
    assert there.code == here.code


def many(patients: int) -> dict[str, Any]:
    """Many patients, some of whom take a drug by a Medication that is nobody's, made of another."""
    found = population()
    for n in range(patients):
        mixture = request(RxNorm.VERAPAMIL, "2026-09-01")
        del mixture["medicationCodeableConcept"]
        mixture |= {"medicationReference": {"reference": "Medication/mixture"}}
        record = eligible(SINAI).put(mixture=mixture) if n % 3 else eligible(SINAI)
        found[f"m{n}"] = owned_by(record, f"m{n}")
    return found


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("service.population.spill.PART_BYTES", 60_000)
    folder = by_type(tmp_path / "in", many(30), files=3)
    mixture = medication(ingredients=[{"reference": "Medication/part"}], id="mixture")
    part = medication(RxNorm.LETROZOLE, id="part")
    write_lines(folder / "9.Medication.ndjson", [as_json(mixture), as_json(part)])
    return folder


def test_results_errors_and_summary_are_the_same_bytes(both: Callable[..., tuple[Ran, Ran]], source: Path) -> None:
    here, there = both(source)
    same(here, there)
    assert len(there.results) == 38
    taking = [r["patient"] for r in there.results if "MedicationRequest/" + r["patient"][8:] + "-mixture" in str(r)]
    assert sorted(taking) == sorted(f"Patient/m{n}" for n in range(30) if n % 3)


def test_of_two_medications_of_one_name_the_same_counts(both: Callable[..., tuple[Ran, Ran]], source: Path) -> None:
    def versions(id: str, *numbers: str) -> list[bytes]:
        drugs = (RxNorm.VERAPAMIL, RxNorm.LETROZOLE)
        metas = [{"meta": {"versionId": number}} if number else {} for number in numbers]
        return [as_json(medication(drug, id=id) | meta) for drug, meta in zip(drugs, metas, strict=True)]

    write_lines(source / "7.Medication.ndjson", versions("shared", "2", "1"))
    write_lines(source / "9.Medication.ndjson", versions("mixture", "", ""))
    same(*both(source))


def test_errors_name_the_same_files_and_lines(both: Callable[..., tuple[Ran, Ran]], source: Path) -> None:
    odd = [
        as_json(patient(None, id="undated")),
        b"",
        as_json(condition(Snomed.SEPSIS, subject="Patient/nobody")),
        b'{"resourceType":"Condition","subject":{"reference":"Patient/m1"},"code":',
        b'{"resourceType":"Observation","code":7,"subject":{"reference":"Patient/m2"}}',
        b"\xff\xfe nonsense",
    ]
    write_lines(source / "sub.Odd.ndjson", odd, b"\r\n")
    (source / "deeper").mkdir()
    cut = gzip.compress(b"\n".join(as_json(condition(Snomed.SEPSIS, id=f"c{n}")) for n in range(500)))
    (source / "deeper" / "1.Condition.ndjson.gz").write_bytes(cut[: len(cut) // 2])
    here, there = both(source)
    same(here, there)
    assert {row["file"] for row in there.errors} == {"sub.Odd.ndjson", "deeper/1.Condition.ndjson.gz"}
    assert {gap["type"] for gap in there.summary["gaps"]} >= {"Condition"}


def test_a_brief_screening_is_the_same(both: Callable[..., tuple[Ran, Ran]], source: Path) -> None:
    healthy = [as_json(patient(id=f"h{n}")) for n in range(3)]
    write_lines(source / "8.Patient.ndjson", [*healthy, as_json(condition(Snomed.SEPSIS, subject="Patient/h0"))])
    here, there = both(source, "--brief")
    same(here, there)
    assert {trial["decidedEarly"] for trial in there.summary["trials"]} == {3}


def test_one_patient_of_one_trial_with_the_sites_own_trials_is_the_same(
    both: Callable[..., tuple[Ran, Ran]], source: Path
) -> None:
    here, there = both(source, "--patient", "m4", "--trial", SINAI, "--format", "csv")
    same(here, there)
    assert [r["patient"] for r in there.results] == ["Patient/m4"]
    assert (there.out / "criteria.csv").read_bytes() == (here.out / "criteria.csv").read_bytes()


def test_a_run_that_was_killed_is_resumed(
    both: Callable[..., tuple[Ran, Ran]], screen: Screen, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    written = engine._written

    def some(rows: Iterator[Any], out: Path) -> Iterator[Any]:
        for n, judged in enumerate(written(rows, out)):
            if n == 2:
                raise Killed
            yield judged

    with monkeypatch.context() as patched:
        patched.setattr(engine, "_written", some)
        with pytest.raises(Killed):
            both(source)
    resumed = screen(source, *ON_SPARK, "--resume", out="there")
    for name in OUTPUTS:
        assert (resumed.out / name).read_bytes() == (resumed.out.parent / "here" / name).read_bytes()


def test_lines_in_parquet_give_the_same_answers(cluster: Any, screen: Screen, source: Path, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    lines = [line for path in sorted(source.iterdir()) for line in path.read_bytes().splitlines()]
    lines.append(b'{"resourceType":"Condition","subject":{"reference":"Patient/m1"},"code":')
    (tmp_path / "one").mkdir()
    write_lines(tmp_path / "one" / "all.ndjson", lines)
    (tmp_path / "lines.parquet").mkdir()
    table = pyarrow.table({"value": pyarrow.array(lines, pyarrow.binary())})
    parquet.write_table(table, tmp_path / "lines.parquet" / "all.parquet", row_group_size=40)
    here = screen(tmp_path / "one", out="here")
    there = screen(tmp_path / "lines.parquet", *ON_SPARK, out="there")

    def rows(ran: Ran) -> list[str]:
        return sorted(str(row).replace("all.parquet", "all.ndjson") for row in ran.results)

    assert rows(there) == rows(here)
    assert [(row["line"], row["reason"]) for row in there.errors] == [(len(lines), "not JSON")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--facts", "f"), "--engine spark goes with files, without --facts and --limit"),
        (("--limit", "2"), "--engine spark goes with files, without --facts and --limit"),
    ],
)
def test_what_spark_cannot_do_is_refused(screen: Screen, source: Path, options: tuple[str, ...], said: str) -> None:
    with pytest.raises(Exception, match=said):
        screen(source, *ON_SPARK, *options)


@pytest.mark.parametrize("form", ["a Bundle a patient", "one Bundle of all patients", "a zip archive of Bundles",
                                  "a packed tar archive of Bundles"])  # fmt: skip
def test_bundles_and_archives_give_the_same_bytes(
    both: Callable[..., tuple[Ran, Ran]], tmp_path: Path, form: str
) -> None:
    here, there = both(FORMS[form](tmp_path / "in", many(6)))
    same(here, there)
    assert len(there.results) == 14


def test_bundles_beside_lines_and_unreadable_ones_give_the_same_rows(
    both: Callable[..., tuple[Ran, Ran]], source: Path
) -> None:
    FORMS["a Bundle a patient"](source / "bundles", {f"x{n}": owned_by(eligible(SINAI), f"x{n}") for n in range(3)})
    FORMS["a zip archive of Bundles"](source / "packed", {"m1": owned_by(eligible(SINAI), "m1")})
    (source / "bundles" / "broken.json").write_text('{"resourceType": "Bundle", "entry": [', "utf-8")
    (source / "bundles" / "undated.json").write_bytes(as_json(patient(None, id="undated")))
    here, there = both(source)
    same(here, there)
    assert {row["file"] for row in there.errors} == {"bundles/broken.json", "bundles/undated.json"}
    assert len([r for r in there.results if r["patient"] == "Patient/m1"]) == 1


def test_a_broken_archive_is_refused_as_it_is_here(both: Callable[..., tuple[Ran, Ran]], source: Path) -> None:
    (source / "cut.zip").write_bytes(b"PK nothing of the kind")
    here, there = both(source)
    assert there.err == here.err == "cut.zip is no whole archive"


def test_a_source_without_data_is_refused(cluster: Any, screen: Screen, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("{}", "utf-8")
    assert "holds no .ndjson, .json or archive of them" in screen(tmp_path / "in", *ON_SPARK).err
    assert "finds nothing to read" in screen(tmp_path / "nowhere", *ON_SPARK).err
