"""`screen --facts`: what was read once is not read again, and every answer and error row is as without it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from service.population import fact_store, judging, ledger, run
from service.population.fact_judging import FactsJudge
from service.population.fact_store import About
from service.population.spill import Entry
from tests.builders import SINAI, Loinc, Record, RxNorm, Snomed, as_json, condition, laboratory, medication, patient
from tests.population.conftest import Ran, Screen
from tests.population.sources import FORMS, by_type, population, write_lines

pytest.importorskip("pyarrow")

RECORDS = population()
OUTPUTS = ("results.ndjson", "errors.ndjson", "summary.json")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The patients whose lines were read, in order."""
    found: list[str] = []
    whole = FactsJudge.read

    def counted(self: FactsJudge, patient: str, entries: Sequence[Entry]) -> tuple[About, bytes]:
        found.append(patient)
        return whole(self, patient, entries)

    monkeypatch.setattr(FactsJudge, "read", counted)
    return found


@pytest.fixture
def with_facts(screen: Screen, tmp_path: Path) -> Callable[..., Ran]:
    """-> run with the facts of one folder, into a new folder of outputs every time."""
    runs = []

    def run(source: Path, *options: str, **named: str) -> Ran:
        runs.append(source)
        return screen(source, "--facts", str(tmp_path / "facts"), *options, out=f"kept{len(runs)}", **named)

    return run


def same(ran: Ran, other: Ran) -> None:
    for name in OUTPUTS:
        assert (ran.out / name).read_bytes() == (other.out / name).read_bytes(), name
    assert ran.code == other.code


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return by_type(tmp_path / "in", RECORDS)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_source_gives_the_same_with_facts_and_from_them(
    screen: Screen, with_facts: Callable[..., Ran], read: list[str], tmp_path: Path, form: str
) -> None:
    source = FORMS[form](tmp_path / "in", RECORDS)
    plain = screen(source)
    same(with_facts(source), plain)
    assert sorted(read) == sorted(RECORDS)
    read.clear()
    same(with_facts(source), plain)
    assert not read


def test_another_day_or_trial_is_screened_without_the_inputs(
    screen: Screen, with_facts: Callable[..., Ran], source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_facts(source, "--trial", SINAI)
    plain = screen(source, as_of="2027-03-01")
    monkeypatch.setattr("service.population.sorting.sort_lines", None)  # to be called by no one
    same(with_facts(source, as_of="2027-03-01"), plain)


def edited(name: str, **resources: object) -> dict[str, Record]:
    return {**RECORDS, name: RECORDS[name].put(**resources)}  # type: ignore[arg-type]


def test_only_the_patient_whose_lines_changed_is_read_again(
    screen: Screen, with_facts: Callable[..., Ran], read: list[str], source: Path
) -> None:
    """One more line, before all the others: lines of all are in another place than before."""
    with_facts(source)
    read.clear()
    path = source / "0.Observation.ndjson"
    more = as_json(laboratory(Loinc.ANC, 0.1, "10*3/uL", subject="Patient/a2", id="more"))
    write_lines(path, [more, *path.read_bytes().splitlines()])
    ran = with_facts(source)
    assert read == ["a2"]
    same(ran, screen(source))
    read.clear()
    same(with_facts(source), ran)
    assert not read


def test_who_is_gone_from_the_source_is_gone(
    screen: Screen, with_facts: Callable[..., Ran], read: list[str], source: Path
) -> None:
    with_facts(source)
    read.clear()
    for path in source.iterdir():
        write_lines(path, [line for line in path.read_bytes().splitlines() if b"b0" not in line])
    ran = with_facts(source)
    same(ran, screen(source))
    assert len(ran.results) == len(RECORDS) - 1
    assert not read


def test_a_shared_resource_that_changed_is_read_again_for_whom_it_concerns(
    screen: Screen, with_facts: Callable[..., Ran], read: list[str], source: Path
) -> None:
    """One patient's order refers to a Medication that is nobody's."""
    with_facts(source)
    read.clear()
    write_lines(source / "0.Medication.ndjson", [as_json(medication(RxNorm.LISINOPRIL_TABLET, id="shared"))])
    same(with_facts(source), screen(source, out="plain"))
    assert read == ["b1"]


def test_a_shared_resource_that_was_missing_is_noticed(
    screen: Screen, with_facts: Callable[..., Ran], read: list[str], source: Path
) -> None:
    path = source / "0.Medication.ndjson"
    there = path.read_bytes()
    path.unlink()
    with_facts(source)
    read.clear()
    path.write_bytes(there)
    same(with_facts(source), screen(source, out="plain"))
    assert read == ["b1"]


def test_errors_are_told_again_from_facts_with_their_present_lines(
    screen: Screen, with_facts: Callable[..., Ran], read: list[str], source: Path
) -> None:
    """An orphan, a Patient without a birth date, two Patients of one id, a line that is not JSON."""
    people = [
        patient(None, id="undated"),
        patient("1970-01-01", id="twice"),
        patient("1971-01-01", id="twice"),
    ]
    odd = [as_json(person) for person in people] + [as_json(condition(Snomed.SEPSIS, subject="Patient/nobody"))]
    write_lines(source / "1.Odd.ndjson", odd)
    write_lines(source / "2.Broken.ndjson", [b'{"resourceType":"Condition","subject":{"reference":"Patient/a1"},'])
    plain = screen(source, out="plain")
    assert {row["file"] for row in plain.errors} == {"1.Odd.ndjson", "2.Broken.ndjson"}
    same(with_facts(source), plain)
    same(with_facts(source), plain)
    read.clear()
    write_lines(source / "1.Odd.ndjson", [b"", *odd[::-1]])
    moved = screen(source, out="moved")
    assert moved.errors != plain.errors
    same(with_facts(source), moved)
    assert read == ["twice"]  # the order of its lines is another
    same(with_facts(source), moved)


def test_facts_of_another_reading_are_made_anew_and_that_is_said(
    screen: Screen, with_facts: Callable[..., Ran], read: list[str], source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_facts(source)
    read.clear()
    versions = fact_store.versions

    def other(settings: object) -> dict[str, str]:
        return {**versions(settings), "value sets": "others"}  # type: ignore[arg-type]

    monkeypatch.setattr(fact_store, "versions", other)
    ran = with_facts(source, "--progress", "plain")
    assert "facts: value sets changed; every patient is read again" in ran.err
    assert sorted(read) == sorted(RECORDS)
    read.clear()
    ran = with_facts(source, "--progress", "plain")
    assert "facts: the inputs are the same, and are not read again" in ran.err
    assert not read


def test_value_sets_inputs_time_zone_and_reader_have_versions_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service import settings

    plain = fact_store.versions(settings.load({}))
    (tmp_path / "own.json").write_text("{}", "utf-8")
    with_set = fact_store.versions(settings.load({"TRIALHOOK_VALUE_SETS": str(tmp_path)}))
    (tmp_path / "own.yaml").write_text("a: b", "utf-8")
    with_inputs = fact_store.versions(settings.load({"TRIALHOOK_VALUE_SETS": str(tmp_path)}))
    zoned = fact_store.versions(settings.load({"TRIALHOOK_TIMEZONE": "Asia/Tokyo"}))
    monkeypatch.setattr(fact_store, "FORMAT", 0)
    other = fact_store.versions(settings.load({}))

    def differing(a: dict[str, str], b: dict[str, str]) -> list[str]:
        return [name for name in a if a[name] != b[name]]

    assert differing(plain, with_set) == ["value sets"]
    assert differing(with_set, with_inputs) == ["inputs and vocabulary"]
    assert differing(plain, zoned) == ["the time zone"]
    assert differing(plain, other) == ["the reader"]


@pytest.mark.parametrize("option", [("--patient", "a1"), ("--limit", "3")])
def test_a_run_of_some_patients_uses_the_facts_of_all_and_leaves_them(
    screen: Screen, with_facts: Callable[..., Ran], read: list[str], source: Path, option: tuple[str, str]
) -> None:
    plain = screen(source, *option)
    same(with_facts(source, *option), plain)
    with_facts(source)
    read.clear()
    same(with_facts(source, *option), plain)
    assert not read
    same(with_facts(source), screen(source, out="all"))
    assert not read


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.mark.parametrize("writes", range(0, 60, 4))
@pytest.mark.parametrize("stored", ["nothing", "another source", "the source"])
def test_killed_anywhere_and_resumed_with_facts_it_gives_the_same(
    screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: str, writes: int
) -> None:
    monkeypatch.setattr("service.population.spill.PART_BYTES", 12_000)
    facts = ("--facts", str(tmp_path / "facts"))
    source = by_type(tmp_path / "in", RECORDS)
    if stored == "another source":
        screen(by_type(tmp_path / "in", edited("a2", more=patient(id="a2", gender="male"))), *facts, out="before")
        by_type(tmp_path / "in", RECORDS)
    elif stored == "the source":
        screen(source, *facts, out="before")
    plain = screen(source, out="plain")
    with monkeypatch.context() as patched:
        if die_after(patched, writes, lambda: screen(source, *facts, out="killed")):
            return
    ran = screen(source, "--resume", *facts, out="killed")
    same(ran, plain)
    same(screen(source, *facts, out="again"), plain)


def die_after(monkeypatch: pytest.MonkeyPatch, writes: int, work: Callable[[], object]) -> bool:
    """Let so many files be written whole, then end; True where there were fewer."""
    from service.population import fact_run

    left = [writes]
    whole = ledger.write_whole

    def counted(path: Path, data: bytes) -> None:
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        whole(path, data)

    for module in (ledger, judging, fact_store, fact_run):
        monkeypatch.setattr(module, "write_whole", counted)
    try:
        work()
    except Killed:
        return False
    return True


def test_a_killed_run_by_facts_goes_on_without_them(
    screen: Screen, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store that it went by may be gone by then."""
    facts = ("--facts", str(tmp_path / "facts"))
    plain = screen(source, out="plain")
    screen(source, *facts, out="first")
    with monkeypatch.context() as patched:
        assert not die_after(patched, 12, lambda: screen(source, *facts, out="killed"))
    assert (tmp_path / "killed/work/from-facts").exists()
    same(screen(source, "--resume", out="killed"), plain)


def test_a_store_is_made_with_more_parts_once_the_source_has_outgrown_it(
    screen: Screen, with_facts: Callable[..., Ran], source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = screen(source)
    same(with_facts(source), plain)
    for size, parts in ((30_000, 1), (6_000, 9)):
        monkeypatch.setattr("service.population.spill.PART_BYTES", size)
        ran = with_facts(source)
        assert sorted(map(str, ran.results)) == sorted(map(str, plain.results))
        kept = list((ran.out.parent / "facts").glob("part-*.parquet"))
        assert (len(kept) > 1) == (parts > 1)


def test_a_patient_whose_facts_cannot_be_kept_is_judged_and_read_again_next_time(
    screen: Screen, with_facts: Callable[..., Ran], source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = screen(source)

    def broken(*_: object) -> bytes:
        raise AssertionError

    with monkeypatch.context() as patched:
        patched.setattr("service.population.fact_judging.pack", broken)
        same(with_facts(source), plain)
    same(with_facts(source), plain)


def test_two_runs_do_not_share_a_store(with_facts: Callable[..., Ran], source: Path, tmp_path: Path) -> None:
    (tmp_path / "facts").mkdir()
    with ledger.alone(tmp_path / "facts"):
        ran = with_facts(source)
    assert (ran.code, ran.err) == (2, f"another run is at work in {tmp_path / 'facts'}")


def test_a_folder_of_something_else_is_refused(with_facts: Callable[..., Ran], source: Path, tmp_path: Path) -> None:
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / "manifest.json").write_text('{"resourceType": "Patient"}', "utf-8")
    assert with_facts(source).err == f"{tmp_path / 'facts' / 'manifest.json'} is no manifest of facts"


def test_facts_are_for_their_owner_alone(with_facts: Callable[..., Ran], source: Path, tmp_path: Path) -> None:
    with_facts(source)
    assert (tmp_path / "facts").stat().st_mode & 0o77 == 0


def test_several_workers_keep_and_use_the_same_facts(
    screen: Screen, with_facts: Callable[..., Ran], source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.population.spill.PART_BYTES", 12_000)
    plain = screen(source)
    for _ in range(2):
        same(with_facts(source, "--workers", "2"), plain)
    assert not list(source.parent.glob("facts/.*"))


def test_a_run_that_was_killed_after_judging_needs_no_store_any_more(
    screen: Screen, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = ("--facts", str(tmp_path / "facts"))
    plain = screen(source, out="plain")
    screen(source, *facts, out="first")

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(run, "_assemble", die)
        with pytest.raises(Killed):
            screen(source, *facts, out="killed")
    screen(by_type(tmp_path / "others", {"a0": RECORDS["a0"]}), *facts, out="other")
    same(screen(source, *facts, "--resume", out="killed"), plain)


@pytest.mark.parametrize("name", ["part-00000.parquet", "sorted-00001"])
def test_a_store_that_lost_a_file_does_not_stand_in_for_the_inputs(
    screen: Screen, with_facts: Callable[..., Ran], source: Path, tmp_path: Path, name: str
) -> None:
    plain = screen(source)
    with_facts(source)
    (tmp_path / "facts" / name).unlink()
    for _ in range(2):
        same(with_facts(source), plain)
        assert (tmp_path / "facts" / name).exists()


def test_a_damaged_part_of_a_store_is_told(with_facts: Callable[..., Ran], source: Path, tmp_path: Path) -> None:
    with_facts(source)
    part = tmp_path / "facts" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-50])
    assert with_facts(source).err == (f"{part} is damaged; without the folder of facts all patients are read again")
