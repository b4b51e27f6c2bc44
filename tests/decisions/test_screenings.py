"""A past screening is done again from its source, and comes out the same bit by bit; what is not as it was is named."""

import gzip
import json
import os
import re
import shutil
import zipfile
from pathlib import Path

import pytest
import responses

from service.criteria.plan import Plan
from service.criteria.results import PatientError, Problem
from service.mappers.documents import Document
from service.population import files as population_files
from service.population import records, spill
from service.population.run import Run
from service.screening import Screening
from tests.builders import (
    ASPIRE,
    SERVER,
    SINAI,
    TRIALS,
    Json,
    Record,
    as_json,
    collection,
    eligible,
    laboratory,
    patient,
)
from tests.builders import Loinc as L
from tests.decisions.conftest import OTHER_KEY, Ran, Site, Trialhook
from tests.decisions.test_replay import amended

DAY = "2026-11-21"
ALT = {"low": '{"alt": {"high": 10, "unit": "U/L"}}', "high": '{"alt": {"high": 100, "unit": "U/L"}}'}


def somebody(name: str, record: Record) -> bytes:
    return (
        as_json(record.bundle())
        .replace(b"Patient/p1", b"Patient/" + name.encode())
        .replace(b'"p1"', f'"{name}"'.encode())
    )


@pytest.fixture
def source(site: Site) -> Path:
    """Three patients, a Bundle each."""
    folder = site.folder / "source"
    folder.mkdir()
    record = eligible(SINAI)
    for name, made in {
        "p1": record,
        "p2": record.drop("anc"),
        "p3": record.put(alt=laboratory(L.ALT, 70, "U/L")),
    }.items():
        (folder / f"{name}.json").write_bytes(somebody(name, made))
    return folder


@pytest.fixture(autouse=True)
def room(site: Site, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    made = site.folder / "room"
    made.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(made))
    return made


class Screens:
    """Screens a source once, and replays the log with the outputs."""

    def __init__(self, site: Site, trialhook: Trialhook) -> None:
        self._site = site
        self._trialhook = trialhook
        self.out = site.folder / "out"

    def once(self, source: Path | str, *options: object, out: str = "out", code: int = 0) -> Json:
        """-> the entry that was logged."""
        given = [source, "--out", self._site.folder / out, "--as-of", DAY, "--progress", "none", *options]
        ran = self._trialhook("screen", *given)
        assert ran.code == code, ran.err
        return self._site.decisions[-1]

    def replay(self, *options: object) -> Ran:
        return self._trialhook("replay", *self._site.logs, "--screening", self.out, *options)

    def because(self, code: int, verdict: str) -> list[Json]:
        """What the replay of the one entry names, with this outcome."""
        ran = self.replay()
        (line,) = ran.lines
        assert (ran.code, line["verdict"]) == (code, verdict), line
        found: list[Json] = line.get("because", [])
        return found


@pytest.fixture
def screens(site: Site, trialhook: Trialhook) -> Screens:
    return Screens(site, trialhook)


def the_same(ran: Ran) -> bool:
    return ran.code == 0 and [(line["verdict"], line.get("because")) for line in ran.lines] == [("same", None)]


def edit(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def patients(decision: Json) -> dict[str, int]:
    return {trial: sum(grades.values()) for trial, grades in decision["grades"].items()}


# -- the same


def test_a_screening_is_reproduced_and_leaves_nothing_behind(screens: Screens, source: Path, room: Path) -> None:
    assert patients(screens.once(source)) == dict.fromkeys(TRIALS, 3)
    before = (screens.out / "manifest.json").read_bytes()
    assert the_same(screens.replay())
    assert (list(room.iterdir()), (screens.out / "manifest.json").read_bytes()) == ([], before)


def test_what_is_screened_again_is_for_the_owner_alone(
    screens: Screens, source: Path, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screens.once(source)
    modes: list[int] = []
    read = spill.Spill.close

    def close(self: spill.Spill) -> None:
        modes.extend(path.stat().st_mode & 0o777 for path in room.iterdir())
        read(self)

    monkeypatch.setattr(spill.Spill, "close", close)
    assert the_same(screens.replay())
    assert set(modes) == {0o700}


@pytest.mark.parametrize(
    ("options", "count"), [(["--limit", 2], 2), (["--patient", "p2"], 1), (["--trial", ASPIRE, "--workers", 2], 3)]
)
def test_a_screening_of_some_is_one_of_the_same_ones_again(
    screens: Screens, source: Path, options: list[object], count: int
) -> None:
    assert set(patients(screens.once(source, *options)).values()) == {count}
    assert the_same(screens.replay())


def test_options_are_part_of_what_an_entry_is_found_by(screens: Screens, source: Path) -> None:
    one, two = screens.once(source, out="all"), screens.once(source, "--limit", 2)
    assert one["input"] != two["input"]
    assert [line["verdict"] for line in screens.replay().lines] == ["not-reproduced", "same"]
    assert [line["verdict"] for line in screens.replay("--screening", screens.out.parent / "all").lines] == ["same"] * 2


def test_a_brief_screening_is_brief_again(screens: Screens, source: Path) -> None:
    healthy = Record({"p4": patient(id="p4")})
    (source / "p4.json").write_bytes(as_json(healthy.bundle()))
    screens.once(source, "--brief")
    assert (screens.out / "results.ndjson").read_bytes().count(b'"decidedEarly":true') == len(TRIALS)
    assert the_same(screens.replay())


def test_results_stand_in_the_order_of_the_parts_of_then(
    screens: Screens, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(spill, "PART_BYTES", 1000)
        in_parts = screens.once(source)
    assert json.loads((screens.out / "manifest.json").read_bytes())["parts"] > 1
    assert in_parts["answer"] != screens.once(source, out="in one part")["answer"]
    assert screens.replay().lines[0]["verdict"] == "same"


def test_what_was_screened_on_spark_is_screened_again_here(
    screens: Screens, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("service.commands.screen.Run", lambda **given: Run(**given | {"options": {"engine": "spark"}}))
        on_spark = screens.once(source)
    assert on_spark["input"] != screens.once(source, out="local")["input"]
    assert [line["verdict"] for line in screens.replay().lines] == ["same", "not-reproduced"]


def test_archives_and_packed_lines_are_sources_too(screens: Screens, source: Path) -> None:
    with zipfile.ZipFile(source / "more.zip", "w") as archive:
        for path in sorted(source.glob("*.json")):
            archive.write(path, path.name)
            path.unlink()
    (source / "p4.ndjson.gz").write_bytes(gzip.compress(b'{"resourceType":"Patient","id":"p4"}\n{"torn\n', mtime=0))
    screens.once(source, code=1)
    assert json.loads((screens.out / "manifest.json").read_bytes())["totals"]["errors"] > 0
    assert the_same(screens.replay())


def test_outputs_within_the_source_and_files_that_came_later_are_no_inputs(screens: Screens, source: Path) -> None:
    screens.out = source / "out"
    screens.once(source, out="source/out")
    (source / "p9.json").write_bytes(somebody("p9", eligible(SINAI)))
    assert the_same(screens.replay())


def test_a_version_of_a_trial_is_taken_from_the_archive(screens: Screens, site: Site, source: Path) -> None:
    own = amended(site.folder, lambda text: text + "\n# first\n")
    site.given["TRIALS"] = str(own)
    screens.once(source)
    archive = site.folder / "archive"
    shutil.copytree(own, archive)
    amended(site.folder, lambda text: text + "\n# second\n")
    (missing,) = screens.because(1, "not-reproduced")
    assert (missing["what"], missing["name"]) == ("trial-version", SINAI)
    assert the_same(screens.replay("--trials", archive))


def test_an_entry_of_another_version_is_compared_but_for_its_number(
    screens: Screens, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judged(screening: Screening, plan: Plan, day: int, patient: str, record: Document, brief: bool) -> object:
        if patient == "p2":
            return PatientError("Patient/p2", Problem("unexpected", "an unexpected ValueError"))
        return records.judge(screening, plan, day, patient, record, brief)

    monkeypatch.setattr("service.population.judging.judge", judged)
    assert set(patients(screens.once(source, code=1)).values()) == {2}
    assert (screens.out / "results.ndjson").read_bytes().count(b"\n") == 3
    for module in ("criteria.evaluate", "decisions.replay", "decisions.screenings"):
        monkeypatch.setattr(f"service.{module}.__version__", "99.0.0")
    assert [found["what"] for found in screens.because(0, "same")] == ["trialhook"]
    edit(source / "p1.json")
    assert [found["what"] for found in screens.because(1, "not-reproduced")] == ["trialhook", "input"]


def test_an_entry_in_the_database_is_found_the_same_way(
    screens: Screens, site: Site, source: Path, trialhook: Trialhook
) -> None:
    site.given["DECISION_LOG"] = "database"
    given = ["screen", source, "--out", screens.out, "--as-of", DAY, "--progress", "none"]
    assert trialhook(*given).code == 0
    assert the_same(trialhook("replay", "--database", "--screening", screens.out))


# -- another answer


def test_other_upper_limits_are_named_and_so_are_the_counts_that_they_change(
    screens: Screens, site: Site, source: Path
) -> None:
    site.given["ULN"] = ALT["high"]
    logged = screens.once(source)["grades"][SINAI]
    site.given["ULN"] = ALT["low"]
    settings, answer, *grades = screens.because(1, "differs")
    assert (settings["what"], settings["name"], answer["what"]) == ("settings", "ULN", "answer")
    (grade,) = [found for found in grades if found["name"] == SINAI]
    assert (grade["what"], grade["logged"]) == ("grade", logged)
    assert grade["here"]["certainly-not"] == logged["certainly-not"] + 1
    assert sum(grade["here"].values()) == 3
    assert all(found["logged"] != found["here"] for found in grades)


def test_an_amended_value_set_is_named_and_so_are_the_counts_that_it_changes(
    screens: Screens, site: Site, source: Path
) -> None:
    logged = screens.once(source)["grades"][SINAI]
    sets = site.folder / "sets"
    sets.mkdir()
    (sets / "codes.yaml").write_text("observation-alt: {loinc: {711-2: eosinophils}}\n")
    site.given["VALUE_SETS"] = str(sets)
    value_sets, answer, *grades = screens.because(1, "differs")
    assert (value_sets["what"], answer["what"]) == ("value-sets", "answer")
    (grade,) = [found for found in grades if found["name"] == SINAI]
    assert grade["logged"] == logged != grade["here"]


def test_an_altered_answer_is_found_though_no_count_differs(screens: Screens, site: Site, source: Path) -> None:
    entry = screens.once(source)
    site.logs[0].write_text(site.logs[0].read_text().replace(entry["answer"], "0" * 64))
    assert screens.because(1, "differs") == [{"what": "answer", "logged": "0" * 64, "here": entry["answer"]}]


# -- not reproduced


def test_without_its_outputs_the_input_of_a_screening_is_unknown(
    screens: Screens, site: Site, source: Path, trialhook: Trialhook
) -> None:
    entry = screens.once(source)
    ran = trialhook("replay", *site.logs, "--inputs", source)
    assert (ran.code, ran.lines[0]["verdict"]) == (1, "not-reproduced")
    assert ran.lines[0]["because"] == [{"what": "input", "logged": entry["input"]}]


def test_files_that_have_changed_or_are_gone_are_named(screens: Screens, source: Path) -> None:
    screens.once(source)
    edit(source / "p1.json")
    (source / "p3.json").unlink()
    changed, gone = screens.because(1, "not-reproduced")
    assert (changed["what"], changed["name"]) == ("input", "p1.json")
    assert changed["logged"] != changed["here"]
    assert (gone["what"], gone["name"], "here" in gone) == ("input", "p3.json", False)


def test_a_file_of_the_same_size_and_time_is_told_by_what_is_in_it(screens: Screens, source: Path) -> None:
    screens.once(source)
    path = source / "p1.json"
    was = path.stat()
    path.write_bytes(path.read_bytes().replace(b"female", b"femaly"))
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    (changed,) = screens.because(1, "not-reproduced")
    assert changed["name"] == "p1.json"


def test_a_file_that_changes_while_it_is_screened_is_no_reproduction(
    screens: Screens, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = screens.once(source)
    compared = population_files.digest_of

    def then_it_changes(found: population_files.Input) -> str:
        digest = compared(found)
        if found.name == "p3.json":
            edit(source / "p3.json")
        return digest

    monkeypatch.setattr("service.decisions.screenings.digest_of", then_it_changes)
    assert screens.because(1, "not-reproduced") == [{"what": "input", "logged": entry["input"]}]


@pytest.mark.parametrize("left", ["nothing", "an empty folder", "a broken archive"])
def test_a_source_that_is_gone_is_named(screens: Screens, source: Path, left: str) -> None:
    screens.once(source)
    shutil.rmtree(source)
    if left != "nothing":
        source.mkdir()
    if left == "a broken archive":
        (source / "p.zip").write_bytes(b"PK")
    assert screens.because(1, "not-reproduced") == [{"what": "input", "name": str(source)}]


@pytest.mark.parametrize(("whole", "damaged"), [(b"female", b"femaly"), (b"PK\x03\x04", b"PK\x03\x05")])
def test_a_damaged_member_of_an_archive_has_changed(
    screens: Screens, source: Path, whole: bytes, damaged: bytes
) -> None:
    path = source / "p1.json"
    with zipfile.ZipFile(source / "p.zip", "w") as archive:
        archive.write(path, path.name)
    path.unlink()
    screens.once(source)
    data = (source / "p.zip").read_bytes()
    (source / "p.zip").write_bytes(data.replace(whole, damaged, 1))
    (changed,) = screens.because(1, "not-reproduced")
    assert changed["name"] == "p.zip!p1.json"
    assert changed["logged"] != changed.get("here")


def test_a_copy_whose_source_is_as_it_was_is_taken(screens: Screens, source: Path) -> None:
    copy = source.parent / "copy"
    shutil.copytree(source, copy)
    screens.once(source)
    screens.once(copy, out="of the copy")
    edit(source / "p1.json")
    ran = screens.replay("--screening", screens.out.parent / "of the copy")
    assert [line["verdict"] for line in ran.lines] == ["same", "same"]


def test_a_relative_source_is_looked_for_in_the_working_directory(
    screens: Screens, site: Site, source: Path, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site.folder)
    screens.once(source.name)
    assert the_same(screens.replay())
    monkeypatch.chdir(room)
    assert screens.because(1, "not-reproduced") == [{"what": "input", "name": source.name}]


def test_a_server_is_not_asked_again(screens: Screens) -> None:
    with responses.RequestsMock() as server:
        server.get(re.compile(rf"{SERVER}/.*"), json=collection(*eligible(SINAI).entries()) | {"type": "searchset"})
        screens.once(SERVER, code=1)  # it gives the same to every search, and to some something else than was asked
    with responses.RequestsMock():
        assert screens.because(1, "not-reproduced") == [{"what": "input", "name": SERVER}]


def test_a_key_that_is_gone_is_named(screens: Screens, site: Site, source: Path) -> None:
    entry = screens.once(source)
    site.given["DECISION_KEY"] = OTHER_KEY
    assert screens.because(1, "not-reproduced") == [{"what": "key", "logged": entry["key"]}]


def test_a_missing_version_and_a_changed_source_are_both_told(screens: Screens, site: Site, source: Path) -> None:
    site.given["TRIALS"] = str(amended(site.folder, lambda text: text + "\n# own\n"))
    screens.once(source)
    site.given["TRIALS"] = ""
    edit(source / "p2.json")
    assert [(f["what"], f["name"]) for f in screens.because(1, "not-reproduced")] == [
        ("trial-version", SINAI), ("input", "p2.json"),
    ]  # fmt: skip


# -- wrong use


@pytest.mark.parametrize(
    ("left", "code"), [(None, 2), (b"{}", 2), (b'[{"url": "https://bulk.example.org"}]', 2), (b"\xff", 2)]
)
def test_a_folder_without_a_manifest_of_a_screening_is_wrong_use(
    screens: Screens, source: Path, left: bytes | None, code: int
) -> None:
    screens.once(source)
    (screens.out / "manifest.json").unlink()
    if left is not None:
        (screens.out / "manifest.json").write_bytes(left)
    ran = screens.replay()
    assert (ran.code, ran.lines) == (code, [])
    assert "manifest" in ran.err


def test_a_manifest_that_cannot_be_read_has_its_exit_code(screens: Screens, source: Path) -> None:
    screens.once(source)
    (screens.out / "manifest.json").unlink()
    (screens.out / "manifest.json").mkdir()
    assert screens.replay().code == 3


def test_no_room_ends_the_replay_with_one_line(
    screens: Screens, source: Path, monkeypatch: pytest.MonkeyPatch, room: Path
) -> None:
    screens.once(source)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "part-00000")

    monkeypatch.setattr(spill.Spill, "close", full)
    ran = screens.replay()
    assert (ran.code, ran.lines, list(room.iterdir())) == (3, [], [])
    assert ran.err == f"trialhook: {source} cannot be screened again: No space left on device\n"
