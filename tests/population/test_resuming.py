"""A run that was killed goes on without loss or double; one that asks something else is refused with the difference."""

import errno
import os
import signal
from pathlib import Path

import pytest

from service.errors import ChangedQuestion
from service.population import judging, ledger, run, sorting
from tests.builders import SINAI, as_json, collection, entry, patient
from tests.population.conftest import Screen
from tests.population.sources import by_type, population

RECORDS = population()


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("service.population.spill.PART_BYTES", 6000)  # many small parts
    return by_type(tmp_path / "in", RECORDS)


def die_after(monkeypatch: pytest.MonkeyPatch, writes: int, problem: BaseException) -> None:
    """Let so many whole files be written, then fail."""
    left = [writes]
    whole = ledger.write_whole

    def counted(path: Path, data: bytes) -> None:
        if left[0] == 0:
            raise problem
        left[0] -= 1
        whole(path, data)

    for module in (ledger, judging, sorting):
        monkeypatch.setattr(module, "write_whole", counted)


@pytest.mark.parametrize("writes", [1, 2, 5, 9, 14, 20, 26, 33])
def test_killed_anywhere_and_resumed_it_gives_the_same(
    screen: Screen, source: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    whole = screen(source, out="whole")
    with monkeypatch.context() as patched:
        die_after(patched, writes, Killed())
        with pytest.raises(Killed):
            screen(source, out="killed")
    resumed = screen(source, "--resume", out="killed")
    for name in ("results.ndjson", "errors.ndjson", "summary.json"):
        assert (resumed.out / name).read_bytes() == (whole.out / name).read_bytes()


def test_the_manifest_is_not_written_anew_for_each_of_many_files(
    screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bundles"
    folder.mkdir()
    for number in range(50):
        (folder / f"{number}.json").write_bytes(as_json(collection(entry(patient(id=f"p{number}")))))
    saved: list[int] = []
    whole = ledger.save
    monkeypatch.setattr(run, "LEDGER_EVERY", 3600.0)
    monkeypatch.setattr(ledger, "save", lambda made, out: (saved.append(made.totals.inputs_sorted), whole(made, out)))
    assert len(screen(folder).results) == 50
    assert len(saved) < 10
    assert saved[-1] == 50


def test_what_is_left_of_a_killed_run_is_taken_away(screen: Screen, source: Path) -> None:
    ran = screen(source)
    assert sorted(p.name for p in ran.out.iterdir()) == [
        "errors.ndjson",
        "manifest.json",
        "results.ndjson",
        "summary.json",
    ]


def test_what_a_killed_run_was_writing_is_taken_away(
    screen: Screen, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def killed(path: Path, target: Path) -> None:
        if target.name == "screening-list.ndjson":
            raise Killed
        replace(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            screen(source, "--list")
    out = source.parent / "out"
    (out / ".of-others.part").touch()
    assert [p.name for p in out.glob(".screening-list.ndjson.*.part")]
    assert screen(source, "--resume").code == 0
    assert [p.name for p in out.glob(".*")] == [".of-others.part"]


def test_what_is_left_by_one_killed_at_its_very_end_is_taken_away_too(
    screen: Screen, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(run.shutil, "rmtree", lambda *_, **__: None)
        work = screen(source).out / "work"
    assert any(work.iterdir())
    assert screen(source, "--resume").code == 0
    assert not work.exists()


@pytest.mark.parametrize("writes", [3, 12])
def test_a_full_disk_ends_cleanly_and_keeps_what_was_done(
    screen: Screen, source: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    with monkeypatch.context() as patched:
        die_after(patched, writes, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "results"))
        ran = screen(source)
    assert ran.code == 1
    assert "No space left" in ran.err
    assert "--resume" in ran.err
    assert len(screen(source, "--resume").results) == len(RECORDS)


def test_a_finished_run_is_not_done_again(screen: Screen, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = screen(source)
    before = (first.out / "results.ndjson").stat().st_mtime_ns
    monkeypatch.setattr(run, "screen", None)
    again = screen(source, "--resume", "--format", "csv")
    assert again.code == 0
    assert (again.out / "results.ndjson").stat().st_mtime_ns == before
    assert (again.out / "trials.csv").exists()


@pytest.mark.parametrize("name", ["results.ndjson", "errors.ndjson", "summary.json"])
def test_a_finished_run_that_has_lost_an_output_is_told_to_begin_elsewhere(
    screen: Screen, source: Path, name: str
) -> None:
    (screen(source).out / name).unlink()
    again = screen(source, "--resume")
    assert again.code == 2
    assert f"without its {name}; screen into another folder" in again.err
    assert "--resume" not in again.err


def test_without_resume_a_used_folder_is_refused(screen: Screen, source: Path) -> None:
    screen(source)
    ran = screen(source)
    assert (ran.code, "--resume" in ran.err) == (2, True)


def change_content(source: Path) -> None:
    path = source / "0.Condition.ndjson"
    data = bytearray(path.read_bytes())
    data[data.index(b"2026-")] = ord("1")
    path.write_bytes(data)
    os.utime(path, ns=(1, 1))


def touch(source: Path) -> None:
    os.utime(source / "0.Condition.ndjson", ns=(1, 1))


def lengthen(source: Path) -> None:
    path = source / "0.Condition.ndjson"
    path.write_bytes(path.read_bytes() + b"\n")


def add_file(source: Path) -> None:
    (source / "1.Patient.ndjson").write_bytes(as_json({"resourceType": "Patient", "id": "new"}) + b"\n")


CHANGED = {
    "another day": (lambda _: None, {"as_of": "2026-11-22"}, (), "the as-of date was 2026-11-21, now 2026-11-22"),
    "fewer trials": (lambda _: None, {}, ("--trial", SINAI), "is gone"),
    "another patient": (lambda _: None, {}, ("--patient", "a1"), "patient was not set, now a1"),
    "a limit": (lambda _: None, {}, ("--limit", "2"), "limit was not set, now 2"),
    "a changed file": (change_content, {}, (), "0.Condition.ndjson has changed"),
    "a longer file": (lengthen, {}, (), "0.Condition.ndjson has changed"),
    "a file more": (add_file, {}, (), "1.Patient.ndjson is new"),
    "a file less": (lambda s: (s / "0.Patient.ndjson").unlink(), {}, (), "0.Patient.ndjson is gone"),
}  # fmt: skip


@pytest.mark.parametrize("claim", CHANGED)
def test_a_changed_question_is_refused_with_the_difference(screen: Screen, source: Path, claim: str) -> None:
    change, given, options, said = CHANGED[claim]
    screen(source)
    change(source)
    ran = screen(source, "--resume", *options, **given)
    assert ran.code == 2
    assert said in ran.err


def test_a_file_only_touched_is_the_same_file(screen: Screen, source: Path) -> None:
    screen(source)
    touch(source)
    assert screen(source, "--resume").code == 0


def test_changed_value_sets_are_a_changed_question(
    screen: Screen, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen(source)
    monkeypatch.setattr(run, "basis_digest", lambda _: "other")
    assert "value sets" in screen(source, "--resume").err


def test_two_runs_in_one_folder_are_refused(screen: Screen, source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with ledger.alone(tmp_path / "out"):
        ran = screen(source)
    assert (ran.code, "another run" in ran.err) == (2, True)


def test_a_finished_run_tells_again_what_could_not_be_read(
    screen: Screen, source: Path, a1_cannot_be_read: None
) -> None:
    first = screen(source)
    assert first.summary["errors"] == {"total": 1, "byCode": {"too-deep": 1}}
    again = screen(source, "--resume")
    assert (again.code, again.summary) == (first.code, first.summary)


def test_a_lock_that_was_taken_away_while_it_was_opened_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a run that ends between the opening of the file and its locking."""
    real, ended = ledger.fcntl.flock, [False]

    def locked(file: object, how: int) -> None:
        if not ended[0]:
            ended[0] = True
            (tmp_path / ".lock").unlink()
        real(file, how)  # type: ignore[arg-type]

    monkeypatch.setattr(ledger.fcntl, "flock", locked)
    with (
        ledger.alone(tmp_path),
        pytest.raises(ChangedQuestion, match="another run is at work"),
        ledger.alone(tmp_path),
    ):
        pass
    assert not (tmp_path / ".lock").exists()


def test_a_process_that_is_killed_is_told_in_one_line(
    screen: Screen, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(run, "_judge_one", _killed)
        ran = screen(source, "--workers", "2")
    assert (ran.code, "a process was ended from outside" in ran.err, "--resume" in ran.err) == (1, True, True)
    assert len(screen(source, "--resume").results) == len(RECORDS)


def _killed(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_folders_of_many_inputs_are_looked_through_once_for_all_parts(
    screen: Screen, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[str] = []
    look = os.listdir
    monkeypatch.setattr("service.population.spill.os.listdir", lambda path: (listed.append(str(path)), look(path))[1])
    monkeypatch.setattr(Path, "glob", None)
    ran = screen(source)
    assert len(ran.results) == len(RECORDS)
    folders = [path for path in listed if "/spill/" in path]
    assert len(folders) == 2 * len(set(folders))  # once for what is nobody's, once for all parts
