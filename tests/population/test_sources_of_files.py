"""However a population is written down, each patient gets the answer that `evaluate` gives."""

import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from service.population import files
from service.population.files import find_inputs
from service.screening import Screening
from tests.builders import AS_OF, SINAI, Json, Loinc, RxNorm, as_json, medication, observation, patient, report
from tests.population.conftest import Screen
from tests.population.sources import (
    FORMS,
    bundle_of,
    bundles,
    by_type,
    one_bundle,
    population,
    tarred,
    transaction,
    urn,
    write_lines,
    zipped,
)

RECORDS = population()


def meta(version: str) -> Json:
    return {"meta": {"versionId": version}}


PANEL = observation(Loinc.BLOOD_COUNT_PANEL, None, "2026-11-01")


@pytest.fixture(scope="module")
def expected(screening: Screening) -> dict[str, object]:
    """What `evaluate` says of each patient's Bundle."""
    found = {}
    for name, record in RECORDS.items():
        result = screening.screen(screening.read(as_json(bundle_of(record)), name), AS_OF)
        found[f"Patient/{name}"] = msgspec.json.decode(msgspec.json.Encoder(decimal_format="string").encode(result))
    return found


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_the_answers_of_evaluate(
    screen: Screen, tmp_path: Path, expected: dict[str, object], form: str
) -> None:
    ran = screen(FORMS[form](tmp_path / "in", RECORDS))
    assert {result["patient"]: result for result in ran.results} == expected
    assert (ran.code, ran.errors) == (0, [])


def outcomes(results: Iterable[Any]) -> dict[str, object]:
    """What is said of each patient, whatever the resources are called."""
    return {
        result["patient"]: [
            (trial["trial"], trial["grade"], [(c["id"], c["outcome"], c["basis"]) for c in trial["criteria"]])
            for trial in result["results"]
        ]
        for result in results
    }


@pytest.mark.parametrize("keep_ids", [False, True], ids=["without ids", "with ids of their own"])
def test_patients_and_resources_known_by_full_urls_alone_are_told_apart(
    screen: Screen, tmp_path: Path, expected: dict[str, Any], keep_ids: bool
) -> None:
    ran = screen(transaction(tmp_path / "in", RECORDS, keep_ids))
    names = {n: f"Patient/{n}" if keep_ids else f"Patient/{urn(f'Patient/{n}')[9:]}" for n in RECORDS}
    told = outcomes(expected.values())
    assert outcomes(ran.results) == {names[name]: told[f"Patient/{name}"] for name in RECORDS}
    assert (ran.code, ran.errors) == (0, [])


@pytest.mark.parametrize("around", [report("2026-11-01"), PANEL], ids=["a report", "a panel"])
@pytest.mark.parametrize("form", [one_bundle, by_type], ids=["one Bundle", "lines"])
def test_a_contained_result_is_read_with_what_holds_it_alone(
    screen: Screen, tmp_path: Path, around: Json, form: Callable[..., Path]
) -> None:
    inside = {k: v for k, v in RECORDS["a1"].resources["lvef"].items() if k not in ("subject", "effectiveDateTime")}
    holder = around | {"contained": [inside | {"id": "inside"}], "subject": {"reference": "Patient/a1"}}
    records = {"a1": RECORDS["a1"].drop("lvef").put(report=holder | {"id": "a1-report"}), "a2": RECORDS["a2"]}
    ran = screen(form(tmp_path / "in", records))
    found = next(r for r in ran.results if r["patient"] == "Patient/a1")
    sinai = next(t for t in found["results"] if t["trial"] == SINAI)
    lvef = next(c for c in sinai["criteria"] if c["id"] == "lvef")
    assert (lvef["outcome"], len(lvef["evidence"])) == ("pass", 1)
    assert (ran.code, ran.errors) == (0, [])


def test_every_patient_stands_once_in_the_order_of_ids_within_a_part(screen: Screen, tmp_path: Path) -> None:
    ran = screen(by_type(tmp_path / "in", RECORDS))
    assert [result["patient"] for result in ran.results] == [f"Patient/{name}" for name in sorted(RECORDS)]


def test_a_medication_that_is_nobodys_is_found(screen: Screen, tmp_path: Path) -> None:
    ran = screen(by_type(tmp_path / "in", RECORDS))
    result = next(r for r in ran.results if r["patient"] == "Patient/b1")
    sinai = next(t for t in result["results"] if t["trial"] == SINAI)
    assert next(c for c in sinai["criteria"] if c["id"] == "cyp3a4")["outcome"] == "fail"


VERAPAMIL, LISINOPRIL = (medication(drug, id="shared") for drug in (RxNorm.VERAPAMIL, RxNorm.LISINOPRIL_TABLET))
TWO_OF_A_NAME: dict[str, tuple[list[Json], str]] = {
    "the newer last": ([LISINOPRIL | meta("1"), VERAPAMIL | meta("2")], "fail"),
    "the newer first": ([VERAPAMIL | meta("2"), LISINOPRIL | meta("1")], "fail"),
    "without versions": ([VERAPAMIL, LISINOPRIL], "unknown"),
    "the same twice": ([VERAPAMIL, VERAPAMIL], "fail"),
    "the same twice, but for its time": ([VERAPAMIL | meta("1"), VERAPAMIL | meta("2")], "fail"),
}


@pytest.mark.parametrize("claim", TWO_OF_A_NAME)
@pytest.mark.parametrize("apart", [False, True], ids=["in one file", "in two files"])
def test_of_two_medications_of_one_name_the_newer_counts_as_in_one_record(
    screen: Screen, screening: Screening, tmp_path: Path, claim: str, apart: bool
) -> None:
    medications, outcome = TWO_OF_A_NAME[claim]
    record = RECORDS["b1"]
    source = by_type(tmp_path / "in", {"b1": record})
    (source / "0.Medication.ndjson").unlink()
    lines = [as_json(each) for each in medications]
    for number, some in enumerate([[line] for line in lines] if apart else [lines]):
        write_lines(source / f"{number}.Medication.ndjson", some)
    alone = screening.screen(screening.read(as_json([*record.resources.values(), *medications])), AS_OF)
    told = [c.outcome for t in alone.results for c in t.criteria if (t.trial, c.id) == (SINAI, "cyp3a4")]
    found = [
        (c["outcome"], t["trial"])
        for t in screen(source).results[0]["results"]
        for c in t["criteria"]
        if c["id"] == "cyp3a4"
    ]
    assert (told, found) == ([outcome], [(outcome, SINAI)])


def test_workers_change_nothing(screen: Screen, tmp_path: Path) -> None:
    source = by_type(tmp_path / "in", RECORDS, files=3)
    one, two = screen(source, out="one"), screen(source, "--workers", "2", out="two")
    assert (one.out / "results.ndjson").read_bytes() == (two.out / "results.ndjson").read_bytes()


def test_one_patient_only(screen: Screen, tmp_path: Path) -> None:
    ran = screen(by_type(tmp_path / "in", RECORDS), "--patient", "a2")
    assert [result["patient"] for result in ran.results] == ["Patient/a2"]
    assert "\n" + f"1 patient screened into {ran.out}\n" in "\n" + ran.err
    assert ran.code == 0


def test_a_patient_who_is_not_there_is_told(screen: Screen, tmp_path: Path) -> None:
    ran = screen(by_type(tmp_path / "in", RECORDS), "--patient", "nobody")
    assert (ran.code, ran.results) == (1, [])
    assert "the patient asked for is not in the source" in ran.err


def test_a_limit_of_nobody_is_refused(screen: Screen, tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="0 is not in the range"):
        screen(by_type(tmp_path / "in", RECORDS), "--limit", "0")


@pytest.mark.parametrize("number", [1, 3, 100])
def test_only_so_many_patients(screen: Screen, tmp_path: Path, number: int) -> None:
    ran = screen(by_type(tmp_path / "in", RECORDS), "--limit", str(number))
    assert len(ran.results) == min(number, len(RECORDS))


def test_one_trial_only(screen: Screen, tmp_path: Path) -> None:
    ran = screen(by_type(tmp_path / "in", RECORDS), "--trial", SINAI)
    assert {trial["trial"] for result in ran.results for trial in result["results"]} == {SINAI}


def test_a_patients_bundles_in_several_files_are_one_record(screen: Screen, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    record = RECORDS["a1"]
    lvef = record.resources["lvef"]
    person = next(r for r in record.resources.values() if r["resourceType"] == "Patient")
    (folder / "1.json").write_bytes(as_json(record.drop("lvef").bundle(server=None)))
    (folder / "2.json").write_bytes(
        as_json({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": person}, {"resource": lvef}]})
    )
    ran = screen(folder)
    (result,) = ran.results
    sinai = next(t for t in result["results"] if t["trial"] == SINAI)
    assert next(c for c in sinai["criteria"] if c["id"] == "lvef")["outcome"] == "pass"


def test_summary_counts_what_the_results_say(screen: Screen, tmp_path: Path) -> None:
    ran = screen(by_type(tmp_path / "in", RECORDS))
    for trial in ran.summary["trials"]:
        grades = [t["grade"] for r in ran.results for t in r["results"] if t["trial"] == trial["trial"]]
        assert trial["screened"] == len(RECORDS)
        assert {name: grades.count(name) for name in trial["grades"]} == trial["grades"]


@pytest.mark.parametrize(
    "name", [".a.json", "._a.json", "__MACOSX/x/a.json", "lost+found/a.json", ".cache/a.json", "in/log.ndjson"]
)
@pytest.mark.parametrize("packed", [False, True])
def test_what_systems_hide_or_add_is_no_input(tmp_path: Path, name: str, packed: bool) -> None:
    folder = bundles(tmp_path / "in", {"a1": RECORDS["a1"]})
    if packed:
        folder = zipped(tmp_path / "zip", {"a1": RECORDS["a1"]})
        with zipfile.ZipFile(folder, "a") as archive:
            archive.writestr(name, b"{}")
    else:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"{}")
    assert [Path(found.name).name for found in find_inputs(folder)] == ["a1.json"]


def test_bundles_of_organizations_and_practitioners_and_files_of_others_are_passed_over(
    screen: Screen, tmp_path: Path, expected: dict[str, object]
) -> None:
    folder = bundles(tmp_path / "in" / "fhir", RECORDS).parent
    entries = [
        {"resource": {"resourceType": kind, "id": kind}} for kind in ("Organization", "Location", "Practitioner")
    ]
    (folder / "fhir" / "hospitalInformation1.json").write_bytes(
        as_json({"resourceType": "Bundle", "type": "batch", "entry": entries})
    )
    (folder / "fhir" / "none.ndjson").write_bytes(b"")
    (folder / "csv").mkdir()
    (folder / "csv" / "patients.csv").write_text("id\n1\n")
    (folder / "README.md").write_text("Patients\n")
    (folder / ".DS_Store").write_bytes(b"\0\1")
    ran = screen(folder)
    assert {result["patient"]: result for result in ran.results} == expected
    assert (ran.code, ran.errors, ran.summary["gaps"]) == (0, [], [])


@pytest.mark.parametrize("form", [zipped, tarred])
def test_an_archive_is_opened_once_to_list_and_once_to_read(
    screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Callable[..., Path]
) -> None:
    source = form(tmp_path / "in", RECORDS)
    opened: list[object] = []
    for module, name in ((zipfile, "ZipFile"), (tarfile, "open")):
        monkeypatch.setattr(module, name, _counting(getattr(module, name), opened))
    files.close_archive()
    assert len(screen(source).results) == len(RECORDS)
    assert len(opened) == 2


def _counting(real: Callable[..., object], opened: list[object]) -> Callable[..., object]:
    def call(*given: object, **named: object) -> object:
        opened.append(given)
        return real(*given, **named)

    return call


@pytest.mark.parametrize("packed", [False, True])
def test_a_byte_order_mark_belongs_to_no_line(
    screen: Screen, tmp_path: Path, expected: dict[str, object], packed: bool
) -> None:
    folder = by_type(tmp_path / "in", RECORDS)
    for path in list(folder.iterdir()):
        data = b"\xef\xbb\xbf" + path.read_bytes()
        path.write_bytes(data)
        if packed:
            path.with_suffix(".ndjson.gz").write_bytes(gzip.compress(data))
            path.unlink()
    ran = screen(folder)
    assert {result["patient"]: result for result in ran.results} == expected
    assert (ran.code, ran.errors) == (0, [])


def test_links_are_followed_and_lead_in_no_circle(screen: Screen, tmp_path: Path, expected: dict[str, object]) -> None:
    folder, real = tmp_path / "in", by_type(tmp_path / "elsewhere", RECORDS)
    (folder / "deep").mkdir(parents=True)
    (folder / "a").symlink_to(real)
    (folder / "deep" / "b").symlink_to(real)
    (folder / "deep" / "all").symlink_to(folder)
    (folder / "gone.log").symlink_to(tmp_path / "gone")
    ran = screen(folder)
    assert {result["patient"]: result for result in ran.results} == expected
    assert {Path(found.name).parent.as_posix() for found in find_inputs(folder)} == {"a"}


def test_names_that_are_no_text_are_told_in_escapes(
    screen: Screen, tmp_path: Path, expected: dict[str, object]
) -> None:
    folder = tmp_path / os.fsdecode(b"\xe9t\xe9")
    for path in by_type(folder, RECORDS).iterdir():
        path.rename(folder / f"{os.fsdecode(bytes([255, 10]))}{path.name}")
    ran = screen(folder)
    assert {result["patient"]: result for result in ran.results} == expected
    assert all(found.name.startswith(r"\udcff\n") for found in find_inputs(folder))


def _lost_link(folder: Path) -> None:
    (folder / "Procedure.2.ndjson").symlink_to(folder / "gone")


def _lost_folder(folder: Path) -> None:
    (folder / "results").symlink_to(folder / "gone")


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "Procedure.2.ndjson")


def _forbidden_file(folder: Path) -> None:
    next(folder.glob("*Procedure*")).chmod(0)


def _forbidden_folder(folder: Path) -> None:
    (folder / "more").mkdir(mode=0)


def _encrypted(folder: Path) -> None:
    packed = zipped(folder, RECORDS)
    data = bytearray(packed.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1  # the flags of the first member
    packed.write_bytes(data)


LOST = {
    _lost_link: "Procedure.2.ndjson leads nowhere",
    _lost_folder: "results leads nowhere",
    _pipe: "Procedure.2.ndjson is no plain file",
    _forbidden_file: "0.Procedure.ndjson may not be read",
    _forbidden_folder: "more cannot be looked into",
    _encrypted: "patients.zip!in/a0.json is encrypted",
}


@pytest.mark.parametrize("lose", LOST)
def test_a_source_of_which_a_part_cannot_be_read_is_refused(
    screen: Screen, tmp_path: Path, lose: Callable[[Path], None]
) -> None:
    if "forbidden" in lose.__name__ and os.geteuid() == 0:
        pytest.skip("root may read everything")
    folder = by_type(tmp_path / "in", RECORDS)
    lose(folder)
    ran = screen(folder)
    assert LOST[lose] in ran.err
    assert not ran.out.exists()


def test_nothing_to_read_is_refused(screen: Screen, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert "holds no .ndjson" in screen(tmp_path / "in").err


def test_a_dry_run_reads_nothing(screen: Screen, tmp_path: Path) -> None:
    ran = screen(by_type(tmp_path / "in", RECORDS), "--dry-run")
    assert ran.code == 0
    assert not ran.out.exists()


@pytest.mark.parametrize("name", ["#1", "a?b", "20%25", "a b", "-x", "Zażółć", "'\""])
def test_outputs_may_lie_in_a_folder_of_any_name(
    screen: Screen, tmp_path: Path, expected: dict[str, object], name: str
) -> None:
    ran = screen(by_type(tmp_path / name, RECORDS), out=f"out{name}")
    assert {result["patient"]: result for result in ran.results} == expected


def test_a_patient_whose_id_is_long_is_told_as_any_other(screen: Screen, tmp_path: Path) -> None:
    name = "a" * 500
    source = tmp_path / "in"
    source.mkdir()
    (source / "Patient.ndjson").write_bytes(as_json(patient(id=name)) + b"\n")
    ran = screen(source, "--format", "csv")
    assert ran.code == 0
    assert f"Patient/{name}," in (ran.out / "trials.csv").read_text("utf-8")


def test_a_member_of_a_tar_is_not_looked_for_among_all_the_others(
    screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> None:
        raise AssertionError("goes through all members")

    monkeypatch.setattr(tarfile.TarFile, "getmember", slow)
    files.close_archive()
    assert len(screen(tarred(tmp_path / "in", RECORDS)).results) == len(RECORDS)


def test_a_member_of_an_archive_that_does_not_begin_as_one_is_damaged(screen: Screen, tmp_path: Path) -> None:
    path = tmp_path / "records.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Patient.ndjson", as_json(patient()) + b"\n")
        archive.writestr("Condition.ndjson", b"")
    data = path.read_bytes()
    second = data.index(b"PK\3\4", 4)
    path.write_bytes(data[:second] + b"XXXX" + data[second + 4 :])
    ran = screen(path)
    assert (ran.code, len(ran.results)) == (1, 1)
    assert [(row["file"], row["reason"]) for row in ran.errors] == [
        ("records.zip!Condition.ndjson", "the file is cut short or damaged")
    ]
    assert [gap["type"] for gap in ran.summary["gaps"]] == ["Condition"]


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_of_members_of_one_name_the_last_is_read(screen: Screen, tmp_path: Path, form: str) -> None:
    """As `tar --append` leaves them: unpacking keeps the last."""
    folder = tmp_path / "in"
    folder.mkdir()
    before, after = (b"".join(as_json(patient(id=name)) + b"\n" for name in names) for names in (["p1", "p2"], ["p2"]))
    if form == "zip":
        with zipfile.ZipFile(folder / "x.zip", "w") as archive:
            archive.writestr("a.ndjson", before)
            with pytest.warns(UserWarning, match="Duplicate"):
                archive.writestr("a.ndjson", after)
    else:
        with tarfile.open(folder / "x.tar", "w") as tar:
            for data in (before, after):
                member = tarfile.TarInfo("a.ndjson")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    (found,) = find_inputs(folder)
    assert found.size == len(after)
    ran = screen(folder)
    assert [result["patient"] for result in ran.results] == ["Patient/p2"]
    assert ran.summary["resources"] == {"Patient": 1}


def test_a_file_with_several_names_is_read_once(tmp_path: Path) -> None:
    folder = by_type(tmp_path / "in", RECORDS)
    own = {found.name for found in find_inputs(folder)}
    (folder / "0.latest.ndjson").symlink_to("0.Patient.ndjson")
    (tmp_path / "kept").write_bytes(as_json(patient(id="p1")))
    (folder / "kept").symlink_to(tmp_path / "kept")  # no name of data
    for name in ("b", "a"):
        (folder / f"{name}.ndjson").symlink_to(tmp_path / "kept")
    (folder / ".store").mkdir()
    (folder / ".store" / "c.ndjson").write_bytes(as_json(patient(id="p2")))
    (folder / "c.ndjson").symlink_to(".store/c.ndjson")
    assert {found.name for found in find_inputs(folder)} == own | {"a.ndjson", "c.ndjson"}
