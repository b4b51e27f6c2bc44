"""A broken line, an orphan, a cut file: a row with file and line, exit code 1, and no silence where it matters."""

import gzip
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from service.commands import screen as screen_command
from service.population import bundles, files, run, sorting, spill
from tests.builders import SINAI, Icd10cm, as_json, collection, condition, entry, operation_outcome, patient
from tests.population.conftest import Ran, Screen
from tests.population.sources import by_type, population, write_lines

RECORDS = {name: record for name, record in population().items() if name in ("a1", "a3")}
# NCT03304080 asks for the absence of cirrhosis: silence about Conditions passes
ABSENCE = "liver-disease"


def outcome(ran: Ran, name: str, criterion: str = ABSENCE) -> tuple[str, str]:
    result = next(r for r in ran.results if r["patient"] == f"Patient/{name}")
    criteria = next(t for t in result["results"] if t["trial"] == SINAI)["criteria"]
    found = next(c for c in criteria if c["id"] == criterion)
    return found["outcome"], found["reason"]


def append(folder: Path, name: str, *lines: bytes) -> int:
    """Adds lines to a file; the number of the first."""
    path = folder / name
    before = path.read_bytes().count(b"\n") if path.exists() else 0
    with path.open("ab") as out:
        out.write(b"".join(line + b"\n" for line in lines))
    return before + 1


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return by_type(tmp_path / "in", RECORDS)


def test_whole_it_is_silence(screen: Screen, source: Path) -> None:
    ran = screen(source)
    assert (ran.code, outcome(ran, "a1")[0], ran.summary["gaps"]) == (0, "pass", [])


BROKEN = {
    "of nobody": (b'{"resourceType":"Condition","code":', {"a1", "a3"}),
    "of one patient": (b'{"resourceType":"Condition","subject":{"reference":"Patient/a1"},"code":', {"a1"}),
    "of one patient, by an address": (
        b'{"resourceType":"Condition","subject":{"reference":"https://x.example/fhir/Patient/a1"},"code":', {"a1"}),
    "not UTF-8, where nothing is read": (
        b'{"resourceType":"Condition","subject":{"reference":"Patient/a1"},"note":[{"text":"\xff\xfe"}]}', {"a1"}),
    "nested without end": (
        b'{"resourceType":"Condition","subject":{"reference":"Patient/a1"},"note":' + b"[" * 100_000, {"a1"}),
    "no text at all": (b"\xff\xfe\x00nonsense", {"a1", "a3"}),
}  # fmt: skip


@pytest.mark.parametrize("claim", BROKEN)
def test_a_broken_line_is_a_row_and_unknown_for_whom_it_concerns(screen: Screen, source: Path, claim: str) -> None:
    text, concerned = BROKEN[claim]
    line = append(source, "0.Condition.ndjson", text)
    ran = screen(source)
    assert ran.code == 1
    assert [(row["file"], row["line"], row["reason"]) for row in ran.errors] == [
        ("0.Condition.ndjson", line, "not JSON")
    ]
    assert {name for name in RECORDS if outcome(ran, name)[0] == "unknown"} == concerned


def test_a_malformed_resource_of_a_patient_is_named_in_that_patients_result(screen: Screen, source: Path) -> None:
    bad = {"resourceType": "Condition", "id": "bad", "subject": {"reference": "Patient/a1"}, "code": "K74.6"}
    append(source, "0.Condition.ndjson", as_json(bad))
    ran = screen(source)
    assert outcome(ran, "a1")[0] == "unknown"
    assert outcome(ran, "a3")[0] == "pass"
    assert any("Condition/bad" in notice for r in ran.results for notice in r.get("notices", ()))


def test_an_orphan_is_a_row(screen: Screen, source: Path) -> None:
    stray = condition(Icd10cm.CIRRHOSIS, "2024-01-01") | {"id": "stray", "subject": {"reference": "Patient/nobody"}}
    line = append(source, "0.Condition.ndjson", as_json(stray))
    ran = screen(source)
    assert [(row["file"], row["line"], row["patient"]) for row in ran.errors] == [
        ("0.Condition.ndjson", line, "Patient/nobody")
    ]
    assert {r["patient"] for r in ran.results} == {"Patient/a1", "Patient/a3"}


def test_a_resource_without_a_subject_is_a_row(screen: Screen, source: Path) -> None:
    stray: dict[str, Any] = condition(Icd10cm.CIRRHOSIS, "2024-01-01") | {"id": "stray"}
    stray.pop("subject", None)
    append(source, "0.Condition.ndjson", as_json(stray))
    assert screen(source).errors[0]["reason"] == "a Condition without a subject"


def test_a_patient_without_a_birth_date_is_judged_and_a_row(screen: Screen, source: Path) -> None:
    line = append(source, "0.Patient.ndjson", as_json(patient(None, id="ageless")))
    ran = screen(source)
    assert [(row["line"], row["patient"]) for row in ran.errors] == [(line, "Patient/ageless")]
    assert "Patient/ageless" in {r["patient"] for r in ran.results}


def test_an_error_of_a_patient_names_the_line_of_their_patient(screen: Screen, tmp_path: Path) -> None:
    """Also where another line of theirs, which comes before it, says `"Patient"` of its subject."""
    subject = {"reference": "Patient/ageless", "type": "Patient"}
    write_lines(
        tmp_path / "in.ndjson",
        [as_json(condition(Icd10cm.CIRRHOSIS) | {"subject": subject}), as_json(patient(None, id="ageless"))],
    )
    for options in (), ("--brief",):
        ran = screen(tmp_path / "in.ndjson", *options, out=f"out{len(options)}")
        assert [(row["line"], row["patient"]) for row in ran.errors] == [(2, "Patient/ageless")]


def test_an_error_of_a_patient_names_the_file_that_holds_them(screen: Screen, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    subject = {"reference": "Patient/ageless", "type": "Patient"}
    write_lines(tmp_path / "in" / "a.ndjson", [as_json(condition(Icd10cm.CIRRHOSIS) | {"subject": subject})])
    (tmp_path / "in" / "b.json").write_bytes(as_json(collection(entry(patient(None, id="ageless")))))
    assert [(row["file"], row["line"]) for row in screen(tmp_path / "in").errors] == [("b.json", 0)]


def test_a_patient_without_an_id_is_a_row(screen: Screen, source: Path) -> None:
    nameless = {"resourceType": "Patient", "birthDate": "1960-01-01"}
    append(source, "0.Patient.ndjson", as_json(nameless))
    assert "without an id" in screen(source).errors[0]["reason"]


NO_SUBJECT = "a Condition without a subject"
CONTROLLED = {
    "a subject": (condition(Icd10cm.CIRRHOSIS) | {"subject": {"reference": "Patient/a1\nb"}}, NO_SUBJECT),
    "a subject, with a tab": (condition(Icd10cm.CIRRHOSIS) | {"subject": {"reference": "Patient/a1\tb"}}, NO_SUBJECT),
    "a patient": (patient(id="a\n9"), "a Patient with control characters in its id"),
    "what is nobody's": (
        {"resourceType": "Medication", "id": "m\n1"}, "a Medication with control characters in its id"),
}  # fmt: skip


@pytest.mark.parametrize("claim", CONTROLLED)
def test_control_characters_in_an_id_are_a_row_and_end_nothing(screen: Screen, source: Path, claim: str) -> None:
    resource, reason = CONTROLLED[claim]
    line = append(source, "Later.ndjson", as_json(resource))
    ran = screen(source)
    assert (ran.code, ran.errors) == (1, [{"file": "Later.ndjson", "line": line, "reason": reason}])
    assert [result["patient"] for result in ran.results] == ["Patient/a1", "Patient/a3"]


@pytest.mark.parametrize("claim", CONTROLLED)
def test_so_they_are_in_bundles(screen: Screen, source: Path, claim: str) -> None:
    resource, reason = CONTROLLED[claim]
    entry = [{"resource": resource}]
    (source / "later.json").write_bytes(as_json({"resourceType": "Bundle", "type": "collection", "entry": entry}))
    ran = screen(source)
    assert (ran.code, [row["reason"] for row in ran.errors]) == (1, [reason])
    assert [result["patient"] for result in ran.results] == ["Patient/a1", "Patient/a3"]


def test_a_file_cut_short_is_no_silence_for_anyone(screen: Screen, tmp_path: Path) -> None:
    source = by_type(tmp_path / "in", RECORDS, packed=True)
    path = source / "0.Condition.ndjson.gz"
    path.write_bytes(path.read_bytes()[:-20])
    ran = screen(source)
    assert ran.code == 1
    assert {gap["type"] for gap in ran.summary["gaps"]} == {"Condition"}
    assert all(outcome(ran, name)[0] == "unknown" for name in RECORDS)


def test_errors_of_the_export_are_no_silence_for_anyone(screen: Screen, source: Path) -> None:
    write_lines(source / "errors.OperationOutcome.ndjson", [as_json(operation_outcome("error", "exception"))])
    ran = screen(source)
    assert ran.code == 1
    assert all(outcome(ran, name)[0] == "unknown" for name in RECORDS)


def test_warnings_of_the_export_are_no_gap(screen: Screen, source: Path) -> None:
    write_lines(source / "notes.OperationOutcome.ndjson", [as_json(operation_outcome("warning", "informational"))])
    ran = screen(source)
    assert (ran.code, outcome(ran, "a1")[0]) == (0, "pass")


def test_other_resource_types_and_blank_lines_are_passed_over(screen: Screen, source: Path) -> None:
    write_lines(source / "0.Encounter.ndjson", [b'{"resourceType":"Encounter","id":"e","status":5}', b"", b"  "])
    ran = screen(source)
    assert (ran.code, ran.summary["resources"]["Encounter"]) == (0, 1)


def test_a_bundle_that_cannot_be_read_is_a_row(screen: Screen, source: Path) -> None:
    (source / "broken.json").write_bytes(b'{"resourceType":"Bundle","entry":[')
    ran = screen(source)
    assert (ran.code, ran.errors[0]["file"], ran.errors[0]["line"]) == (1, "broken.json", 0)
    assert outcome(ran, "a1")[0] == "unknown"


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("empty.json", b"", "an empty file"),
        ("blank.json.gz", gzip.compress(b" \n"), "an empty file"),
        ("package.json", b'{"name": "tool", "version": 1}', "JSON without a FHIR resource"),
        ("list.json", b"[1, 2]", "JSON without a FHIR resource"),
    ],
    ids=["empty", "blank", "no-resource", "list"],
)
def test_a_file_that_holds_no_resource_is_a_row_and_leaves_the_others_as_they_are(
    screen: Screen, source: Path, name: str, data: bytes, told: str
) -> None:
    (source / name).write_bytes(data)
    ran = screen(source)
    assert (ran.code, ran.errors) == (1, [{"file": name, "line": 0, "reason": told}])
    assert (outcome(ran, "a1")[0], ran.summary["gaps"]) == ("pass", [])


@pytest.mark.parametrize(
    "data",
    [
        b'{"resourceType":"Bundle","entry":[',
        b'{"resource\\u0054ype":"Bundle","entry":3}',
        b'{"entry":[{"resource":{"resourceType":"Condition"}}]}',
        b"[1, 2",
    ],
)
def test_a_file_that_may_have_held_a_resource_is_no_silence_for_anyone(
    screen: Screen, source: Path, data: bytes
) -> None:
    (source / "some.json").write_bytes(data)
    ran = screen(source)
    assert (ran.code, outcome(ran, "a1")[0]) == (1, "unknown")


def test_what_a_packed_file_held_before_it_was_cut_short_is_read(screen: Screen, tmp_path: Path) -> None:
    lines = [as_json(patient(id=f"p{number}")) for number in range(300)]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "Patient.ndjson.gz").write_bytes(gzip.compress(b"\n".join(lines) + b"\n")[:-100])
    ran = screen(tmp_path / "in")
    read = {result["patient"] for result in ran.results}
    assert 150 < len(read) < 300
    assert read == {f"Patient/p{number}" for number in range(len(read))}
    assert [(e["file"], e["line"]) for e in ran.errors] == [("Patient.ndjson.gz", len(read) + 1)]


def test_a_packed_bundle_that_is_damaged_is_no_silence_for_anyone(screen: Screen, source: Path) -> None:
    whole = gzip.compress(as_json(RECORDS["a1"].bundle(server=None)))
    (source / "cut.json.gz").write_bytes(whole[:-20])
    (source / "changed.json.gz").write_bytes(whole[:60] + bytes(20) + whole[80:])
    ran = screen(source)
    assert {row["reason"] for row in ran.errors} == {"the file is cut short or damaged"}
    assert (ran.code, outcome(ran, "a3")[0]) == (1, "unknown")


def test_a_damaged_member_of_an_archive_is_a_row_and_the_others_are_read(screen: Screen, tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, record in RECORDS.items():
            archive.writestr(f"{name}.json", as_json(record.bundle(server=None)))
        archive.writestr("z.json", as_json(RECORDS["a1"].bundle(server=None)))
        archive.writestr("z.ndjson", as_json(patient(id="p9")))
        places = [archive.getinfo(name).header_offset for name in ("z.json", "z.ndjson")]
    data = bytearray(path.read_bytes())
    for place in places:
        data[place + 60] ^= 1
    path.write_bytes(data)
    ran = screen(path)
    assert [(row["file"], row["reason"]) for row in ran.errors[:2]] == [
        ("all.zip!z.json", "the file is cut short or damaged"),
        ("all.zip!z.ndjson", "the file is cut short or damaged"),
    ]
    assert (ran.code, {result["patient"] for result in ran.results}) == (1, {"Patient/a1", "Patient/a3"})


def test_no_gzip_at_all(screen: Screen, source: Path) -> None:
    (source / "1.Condition.ndjson.gz").write_bytes(gzip.compress(b"x")[:5])
    ran = screen(source)
    assert (ran.code, outcome(ran, "a1")[0]) == (1, "unknown")


def test_a_patient_whose_lines_fail_only_together_is_a_row_and_the_others_are_judged(
    screen: Screen, source: Path, a1_cannot_be_read: None
) -> None:
    ran = screen(source)
    assert ran.code == 1
    assert {r["patient"]: "error" in r for r in ran.results} == {"Patient/a1": True, "Patient/a3": False}
    assert [row["patient"] for row in ran.errors] == ["Patient/a1"]


def test_what_lacks_an_owner_in_a_bundle_of_several_patients_is_named_for_what_it_is(
    screen: Screen, tmp_path: Path
) -> None:
    folder = tmp_path / "bundles"
    folder.mkdir()
    allergic = {"resourceType": "AllergyIntolerance", "id": "x"}
    several = [patient(id="b1"), patient(id="b2"), {"resourceType": "Patient", "gender": "female"}, allergic]
    (folder / "several.json").write_bytes(as_json(collection(*[entry(resource) for resource in several])))
    reasons = [row["reason"] for row in screen(folder).errors]
    assert reasons == ["a Patient without an id", "an AllergyIntolerance without a subject"]


def test_a_bundle_in_a_line_is_a_row_and_no_silence(screen: Screen, source: Path) -> None:
    line = append(source, "more.ndjson", as_json(collection(entry(patient(id="other")))))
    ran = screen(source)
    assert (ran.code, outcome(ran, "a1")[0]) == (1, "unknown")
    reason = "a Bundle in a line: its resources are not read"
    assert ran.errors == [{"file": "more.ndjson", "line": line, "reason": reason}]


def test_a_bundle_of_deletions_says_nothing_of_who_is_there(screen: Screen, source: Path) -> None:
    deletion = {"request": {"method": "DELETE", "url": "Condition/gone"}}
    append(source, "deleted.ndjson", as_json({"resourceType": "Bundle", "type": "transaction", "entry": [deletion]}))
    ran = screen(source)
    assert (ran.code, outcome(ran, "a1")[0]) == (0, "pass")


@pytest.mark.parametrize(
    ("kind", "gaps"), [("Observation", ["Observation"]), ("Bundle", ["*"]), ("DocumentReference", [])]
)
def test_a_line_of_unusual_length_is_not_held(
    screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, gaps: list[str]
) -> None:
    monkeypatch.setattr(spill, "MAX_LINE", 1000)
    long = as_json({"resourceType": kind, "id": "x" * 5000})
    folder = tmp_path / "in"
    folder.mkdir()
    lines = [as_json(patient(id="before")), long, as_json(patient(id="after"))]
    (folder / "all.ndjson").write_bytes(b"\n".join(lines))
    ran = screen(folder)
    assert [result["patient"] for result in ran.results] == ["Patient/after", "Patient/before"]
    assert [gap["type"] for gap in ran.summary["gaps"]] == gaps
    assert [(row["line"], "a line of more than" in row["reason"]) for row in ran.errors] == [(2, True)] * len(gaps)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_a_bundle_that_would_fill_the_memory_is_a_row(
    screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.json").write_bytes(as_json(collection(entry(patient(id="p1")))))
    large = as_json(collection(entry(patient(id="p2")))) + b" " * 100_000
    name = "b.json.gz" if packed else "b.json"
    (folder / name).write_bytes(gzip.compress(large) if packed else large)
    monkeypatch.setattr(bundles, "MAX_BUNDLE", 50_000)
    ran = screen(folder)
    assert [(row["file"], row["reason"]) for row in ran.errors] == [(name, "a Bundle of more than 0 MB")]
    assert ([r["patient"] for r in ran.results], [gap["type"] for gap in ran.summary["gaps"]]) == (
        ["Patient/p1"],
        ["*"],
    )


def test_a_bundle_that_was_cut_after_it_was_sorted_is_a_row_and_the_others_are_judged(
    screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("p1", "p2"):
        (folder / f"{name}.json.gz").write_bytes(gzip.compress(as_json(collection(entry(patient(id=name))))))
    sort = run.sort_one

    def cut_afterwards(job: Any) -> Any:
        found = sort(job)
        path = Path(job.source.path)
        path.write_bytes(path.read_bytes()[:40])
        return found

    monkeypatch.setattr(run, "sort_one", lambda job: cut_afterwards(job) if "p1" in job.source.name else sort(job))
    ran = screen(folder)
    assert [(row["file"], row["patient"]) for row in ran.errors] == [("p1.json.gz", "Patient/p1")]
    assert ran.errors[0]["reason"] == "p1.json.gz: the file is cut short or damaged"
    assert [(r["patient"], "error" in r) for r in ran.results] == [("Patient/p1", True), ("Patient/p2", False)]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_file_that_changes_while_it_is_read_is_no_silence_for_anyone(
    screen: Screen, source: Path, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    """As one that is cut at the end of a line: nothing in it tells that something is missing."""
    monkeypatch.setattr(sorting, "MIN_SLICE", 2000)
    monkeypatch.setattr(spill, "SLICE", 5)
    path = source / "0.Condition.ndjson"
    path.write_bytes(path.read_bytes() + path.read_bytes())
    whole = files.find_inputs(source)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    monkeypatch.setattr(screen_command, "find_inputs", lambda _: whole)
    ran = screen(source, "--workers", workers)
    assert ran.code == 1
    assert ran.errors == [{"file": path.name, "line": 0, "reason": "the file changed while it was read"}]
    assert ran.summary["gaps"] == [{"type": "Condition", "reason": f"{path.name} changed while it was read"}]
    assert ran.summary["resources"]["Condition"] == 3


def test_a_file_that_is_only_touched_while_it_is_read_is_the_same_file(
    screen: Screen, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = files.find_inputs(source)
    os.utime(source / "0.Condition.ndjson", ns=(1, 1))
    monkeypatch.setattr(screen_command, "find_inputs", lambda _: found)
    assert screen(source).code == 0


def test_a_bundle_that_is_another_when_it_is_judged_is_a_row(
    screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("p1", "p2"):
        (folder / f"{name}.json").write_bytes(as_json(collection(entry(patient(id=name)))))
    sort = run.sort_one

    def changed_afterwards(job: Any) -> Any:
        found = sort(job)
        if job.source.name == "p1.json":
            Path(job.source.path).write_bytes(as_json(collection(entry(patient(id="p1", gender="male")))))
        return found

    monkeypatch.setattr(run, "sort_one", changed_afterwards)
    ran = screen(folder)
    assert [row["reason"] for row in ran.errors] == ["p1.json: the file has changed since it was first read"]
    assert [(r["patient"], "error" in r) for r in ran.results] == [("Patient/p1", True), ("Patient/p2", False)]


def test_a_bundle_that_changes_while_it_is_read_is_no_silence_for_anyone(
    screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "p.json").write_bytes(as_json(collection(entry(patient(id="p1")), entry(patient(id="p2")))))
    sort = sorting.sort_bundle

    def changed_meanwhile(*given: Any) -> Any:
        found = sort(*given)
        (folder / "p.json").write_bytes(as_json(collection(entry(patient(id="p1")), entry(patient(id="p3")))))
        os.utime(folder / "p.json", ns=(1, 1))  # of the same length
        return found

    monkeypatch.setattr(sorting, "sort_bundle", changed_meanwhile)
    ran = screen(folder)
    assert [row["reason"] for row in ran.errors] == ["the file changed while it was read"]
    assert ran.summary["gaps"] == [{"type": "*", "reason": "p.json changed while it was read"}]
