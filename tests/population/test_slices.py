"""One large file is sorted by several workers, a slice each: the outputs are those of one worker, byte by byte."""

import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.population import sorting, spill
from service.population.files import Input
from service.population.sorting import sorting_jobs
from tests.builders import as_json
from tests.population.conftest import Ran, Screen
from tests.population.sources import SHARED, population

OUTPUTS = ("results.ndjson", "errors.ndjson", "summary.json")
BROKEN = (
    b'{"resourceType":"Condition","code":',
    b"nonsense",
    b"nonsense once more",
    b"",
    b'{"subject":{"reference":"Patient/a1"},"code":',
    b'{"subject":{"reference":"Patient/a2"},"code":5}',
    as_json(SHARED),
    as_json({"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "value"}]}),
)


def all_lines() -> Iterator[bytes]:
    """Every resource of the population, and every ninth time something that is none, or nobody's."""
    resources = [as_json(r) for record in population().values() for r in record.resources.values()]
    for number, resource in enumerate(resources):
        yield resource
        if not number % 9:
            yield BROKEN[number // 9 % len(BROKEN)]


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "MIN_SLICE", 1)
    monkeypatch.setattr(spill, "SLICE", 5)
    monkeypatch.setattr(spill, "PART_BYTES", 60_000)


def written(folder: Path, name: str, cut: int = 0) -> Path:
    folder.mkdir()
    text = b"\n".join(all_lines())
    data = gzip.compress(text) if name.endswith(".gz") else text
    (folder / name).write_bytes(data[: len(data) - cut])
    return folder


def same(one: Ran, other: Ran) -> None:
    assert one.code == other.code
    for name in OUTPUTS:
        assert (one.out / name).read_bytes() == (other.out / name).read_bytes()


SOURCES = {
    "of all types": ("everything.ndjson", 0),
    "named as of one type": ("Observation.ndjson", 0),
    "packed": ("everything.ndjson.gz", 0),
    "packed and cut short": ("everything.ndjson.gz", 100),
}


@pytest.mark.parametrize("claim", SOURCES)
@pytest.mark.parametrize("workers", ["2", "3"])
def test_slices_change_nothing(screen: Screen, tmp_path: Path, claim: str, workers: str) -> None:
    source = written(tmp_path / "in", *SOURCES[claim])
    one = screen(source, out="one")
    if not SOURCES[claim][1]:  # of so small a file nothing is left by a cut
        assert len(one.results) > 1
        assert len(one.errors) > 3
    same(screen(source, "--workers", workers, out="more"), one)


def test_of_several_broken_lines_of_a_patient_the_first_is_told(screen: Screen, tmp_path: Path) -> None:
    source = written(tmp_path / "in", "everything.ndjson")
    lines = (source / "everything.ndjson").read_bytes().split(b"\n")
    broken = b'{"resourceType":"Observation","subject":{"reference":"Patient/a1"},"code":'
    for number in range(8, 40, 3):  # the first of them is in the second slice, the next in the first or third
        lines.insert(number, broken)
    (source / "everything.ndjson").write_bytes(b"\n".join(lines))
    one, more = screen(source, out="one"), screen(source, "--workers", "3", out="more")
    same(more, one)
    gaps = [json.loads((ran.out / "manifest.json").read_bytes())["gaps"] for ran in (one, more)]
    assert gaps[0] == gaps[1]
    first = next(gap for gap in gaps[0] if gap.get("patient") == "a1")
    assert first["reason"] == "everything.ndjson, line 9 cannot be read"


def test_what_another_number_of_workers_left_is_forgotten(
    screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = written(tmp_path / "in", "everything.ndjson")
    whole = screen(source, out="whole")
    with monkeypatch.context() as patched:

        def full_disk(*_: object) -> None:
            raise OSError(28, "no space")

        patched.setattr(sorting, "write_whole", full_disk)  # the slices are sorted, their report is not there
        assert screen(source, "--workers", "3", out="stopped").code != 0
    left = tmp_path / "stopped" / "work" / "spill"
    assert sorted(path.name for path in left.iterdir()) == ["00000", "00000-1", "00000-2"]
    until = time.monotonic() + 30
    while (resumed := screen(source, "--resume", out="stopped")).code == 2 and time.monotonic() < until:
        time.sleep(0.05)  # its workers are still ending, and have the folder for themselves
    same(resumed, whole)


def of_size(name: str, size: int, member: str = "") -> Input:
    kind = "lines" if "ndjson" in name else "bundle"
    return Input(name, name, kind, size, member)  # type: ignore[arg-type]


def jobs(inputs: list[Input], workers: int) -> list[tuple[str, int, int]]:
    made = sorting_jobs(inputs, range(len(inputs)), workers, Path(), 1, "")
    return [(inputs[number].name, job.slice, job.of) for number, job in made]


SMALL, LARGE = of_size("small.ndjson", 10), of_size("large.ndjson", 80)
INNER = [of_size("x.tgz!b.ndjson", 90, "b.ndjson"), of_size("x.tgz!a.ndjson", 99, "a.ndjson")]


def test_the_large_come_first_and_are_shared_out() -> None:
    assert jobs([SMALL, LARGE], 1) == [("small.ndjson", 0, 1), ("large.ndjson", 0, 1)]
    assert jobs([SMALL, LARGE], 2) == [("large.ndjson", 0, 2), ("large.ndjson", 1, 2), ("small.ndjson", 0, 1)]


def test_documents_and_members_of_packed_archives_stay_whole() -> None:
    bundle = of_size("large.json", 1000)
    assert jobs([*INNER, bundle], 2) == [
        ("large.json", 0, 1),
        ("x.tgz!b.ndjson", 0, 1),
        ("x.tgz!a.ndjson", 0, 1),
    ]


def test_a_small_file_is_no_matter_of_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "MIN_SLICE", 100)
    assert jobs([LARGE], 2) == [("large.ndjson", 0, 1)]
