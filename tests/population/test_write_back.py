"""Candidates written to a FHIR server: once, with everything kept that a person put there, and gone on with after a
failure."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from fhir.resources.R4B import get_fhir_model_class

from service.criteria.logic import GRADES
from service.population import write_back as writing
from tests.builders import PATINA, SINAI, eligible
from tests.population.conftest import Ran, Screen, lines
from tests.population.fhir_store import BASE, JSON, FhirStore, Json, Reply
from tests.population.sources import by_type, owned_by, population

RECORDS = population() | {
    "c1": owned_by(eligible(SINAI), "c1"),
    "c2": owned_by(eligible(SINAI).drop("lvef"), "c2"),
}
SOME = dict(list(RECORDS.items())[:4])  # one candidate for SINAI, three for PATINA
TO = ("--trial", SINAI, "--trial", PATINA, "--write-back", "--write-back-to", BASE)
Write = Callable[..., Ran]


@pytest.fixture
def store() -> Iterator[FhirStore]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield FhirStore(mock)


@pytest.fixture
def write(screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: FhirStore) -> Write:
    """-> screen some records into a folder and write to the store; pauses take no time."""
    monkeypatch.setenv("TRIALHOOK_FHIR_ALLOWED", BASE)
    made = writing.FhirServers

    def quick(*given: Any, **options: Any) -> Any:
        return made(*given, **options | {"sleep": lambda _: None})

    monkeypatch.setattr(writing, "FhirServers", quick)

    def run(records: Any = None, *options: str, out: str = "out") -> Ran:
        source = tmp_path / f"in-{out}"
        if not source.exists():
            by_type(source, RECORDS if records is None else records)
        return screen(source, *TO, *options, out=out)

    return run


def list_of(store: FhirStore, trial: str) -> Json:
    [found] = [each for each in store.of("List") if each["identifier"][0]["value"] == trial]
    return found


def grades(store: FhirStore, trial: str) -> dict[str, str]:
    """Patient and grade of each entry of the List that is one of ours, as its flag tells."""
    subjects = {f"ResearchSubject/{each['id']}": each for each in store.of("ResearchSubject")}
    return {
        subjects[entry["item"]["reference"]]["individual"]["reference"]: entry["flag"]["coding"][-1]["code"]
        for entry in list_of(store, trial).get("entry", ())
        if entry["item"]["reference"] in subjects
    }


def expected(ran: Ran, trial: str) -> dict[str, str]:
    found = {r["patient"]: t["grade"] for r in ran.results for t in r["results"] if t["trial"] == trial}
    return {patient: grade for patient, grade in found.items() if grade != "certainly-not"}


def subject_of(store: FhirStore, trial: str, patient: str) -> Json:
    found = store.of("ResearchSubject")
    [one] = [s for s in found if s["individual"]["reference"] == patient and s["study"]["identifier"]["value"] == trial]
    return one


def written(ran: Ran, trial: str) -> Json:
    [found] = [each for each in ran.summary["writeBack"]["trials"] if each["trial"] == trial]
    return {key: value for key, value in found.items() if value and key != "trial"}


# ---- what is written


def test_each_trial_gets_a_list_of_its_candidates_in_valid_r4(write: Write, store: FhirStore) -> None:
    ran = write()
    assert ran.code == 0, ran.err
    for trial in (SINAI, PATINA):
        assert grades(store, trial) == expected(ran, trial)
        told = [entry["flag"]["coding"][0]["code"] for entry in list_of(store, trial)["entry"]]
        assert told == sorted(told, key=GRADES.index)
        assert written(ran, trial) == {"created": len(told), "list": "created"}
    for resource in store.held.values():
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)


def test_a_second_run_sends_nothing(write: Write, store: FhirStore) -> None:
    write()
    before, sent = json.dumps(list(store.held.values())), len(store.writes())
    again = write(out="again")
    assert (again.code, json.dumps(list(store.held.values())), len(store.writes())) == (0, before, sent)
    assert written(again, SINAI) == {"unchanged": len(expected(again, SINAI)), "list": "unchanged"}


def test_nothing_is_written_unasked(screen: Screen, tmp_path: Path, store: FhirStore) -> None:
    screen(by_type(tmp_path / "in", RECORDS), "--list")
    assert store.requests == []


def test_the_identifier_in_a_query_tells_no_patient(write: Write, store: FhirStore) -> None:
    write()
    for request in store.requests:
        assert re.fullmatch(
            rf"{BASE}/(List|ResearchSubject)(/\d+)?(\?(identifier=.*|_id=[\d,]+&_count=50))?", str(request.url)
        )
        assert "Patient" not in str(request.url)


# ---- what a person did stays


def test_entries_and_elements_that_a_person_added_are_kept(write: Write, store: FhirStore) -> None:
    write(SOME)
    held = list_of(store, SINAI)
    own = {"item": {"reference": "ResearchSubject/by-hand"}, "flag": {"text": "asked by telephone"}}
    held["entry"][0]["flag"] |= {"text": "speaks Dutch only"}
    held["entry"].insert(0, own)
    store.put(held | {"note": [{"text": "seen on Monday"}], "title": "Our list"})
    ran = write(out="again")
    now = list_of(store, SINAI)
    assert now["entry"][0] == own
    assert now["entry"][1]["flag"]["text"] == "speaks Dutch only"
    assert (now["title"], now["note"]) == ("Our list", [{"text": "seen on Monday"}])
    assert grades(store, SINAI) == expected(ran, SINAI)


@pytest.mark.parametrize("status", ["screening", "ineligible", "on-study", "withdrawn"])
def test_a_subject_whom_a_person_moved_on_is_left_alone(write: Write, store: FhirStore, status: str) -> None:
    first = write()
    patient = next(iter(expected(first, SINAI)))
    moved = store.put(subject_of(store, SINAI, patient) | {"status": status})
    entries = list_of(store, SINAI)["entry"]
    without = owned_without(RECORDS, patient)
    ran = write(without, out="again")
    assert subject_of(store, SINAI, patient) == moved
    assert list_of(store, SINAI)["entry"][0] == entries[0]
    assert ran.code == 0


def owned_without(records: Any, patient: str) -> Any:
    """The same patients, one of whom fits no trial any more: the diagnosis is refuted by their age."""
    name = patient.removeprefix("Patient/")
    changed = {key: json.loads(json.dumps(r, default=str)) for key, r in records[name].resources.items()}
    child = next(r for r in changed.values() if r["resourceType"] == "Patient")
    child["deceasedDateTime"] = "2026-01-01"
    return records | {name: type(records[name])(records[name].resources | {"patient": child})}


def test_a_candidate_who_no_longer_fits_is_marked_and_not_taken_away(write: Write, store: FhirStore) -> None:
    first = write()
    patient = next(iter(expected(first, SINAI)))
    ran = write(owned_without(RECORDS, patient), out="again")
    assert patient not in expected(ran, SINAI)
    assert grades(store, SINAI)[patient] == "certainly-not"
    one = subject_of(store, SINAI, patient)
    assert (one["status"], one["extension"][0]["valueCode"]) == ("candidate", "certainly-not")
    assert written(ran, SINAI)["ruledOut"] == 1
    back = write(out="back")
    assert grades(store, SINAI) == expected(back, SINAI)


def test_a_candidate_who_was_not_screened_this_time_stays_as_it_was(write: Write, store: FhirStore) -> None:
    first = write()
    ran = write(None, "--patient", "a1", out="one")
    assert len(ran.results) == 1
    assert grades(store, SINAI) == expected(first, SINAI)


def test_a_list_that_a_person_closed_is_left_alone(write: Write, store: FhirStore) -> None:
    write(SOME)
    closed = store.put(list_of(store, SINAI) | {"status": "retired"})
    subjects = len([s for s in store.of("ResearchSubject") if s["study"]["identifier"]["value"] == SINAI])
    ran = write(out="again")
    assert list_of(store, SINAI) == closed
    assert len([s for s in store.of("ResearchSubject") if s["study"]["identifier"]["value"] == SINAI]) == subjects
    assert written(ran, SINAI) == {"list": "retired"}


def test_numbers_go_back_with_their_digits(write: Write, store: FhirStore) -> None:
    write(SOME)
    raw: list[str] = []
    exact = '{"url": "https://site.example.org/score", "valueDecimal": 1.10}'

    def told(request: requests.PreparedRequest) -> Reply | None:
        if request.method == "GET" and "/List" in str(request.url) and SINAI in str(request.url):
            held = list_of(store, SINAI) | {"extension": ["@"]}
            text = json.dumps({"resourceType": "Bundle", "entry": [{"resource": held}]})
            return 200, JSON, text.replace('"@"', exact)
        if request.method == "PUT" and list_of(store, SINAI)["id"] in str(request.url):
            raw.append(bytes(request.body).decode())
        return None

    store.faults.append(told)
    write(out="again")
    assert raw
    assert all('"valueDecimal":1.10}' in text for text in raw)


# ---- conflicts and failures


def test_an_edit_between_reading_and_writing_is_merged(write: Write, store: FhirStore) -> None:
    write(SOME)
    own = {"item": {"reference": "ResearchSubject/by-hand"}}
    edits: list[str] = []

    def meanwhile(request: requests.PreparedRequest) -> Reply | None:
        held = list_of(store, SINAI)
        if request.method == "PUT" and held["id"] in str(request.url) and not edits:
            edits.append("made")
            store.put(held | {"entry": [own, *held["entry"]]})
        return None

    store.faults.append(meanwhile)
    ran = write(out="again")
    assert (ran.code, edits) == (0, ["made"])
    assert own in list_of(store, SINAI)["entry"]
    assert grades(store, SINAI) == expected(ran, SINAI)


@pytest.mark.parametrize("status", [409, 412])
def test_a_conflict_that_does_not_end_is_told(write: Write, store: FhirStore, status: int) -> None:
    write(SOME)
    store.faults.append(lambda r: (status, JSON, "{}") if r.method == "PUT" else None)
    ran = write(out="again")
    assert ran.code == 1
    assert {row["reason"] for row in ran.errors} == {
        f"List for {trial}: others keep changing it at the same time" for trial in (SINAI, PATINA)
    }


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_error_is_tried_again_and_nothing_is_done_twice(write: Write, store: FhirStore, status: int) -> None:
    seen: list[bytes] = []

    def lost(request: requests.PreparedRequest) -> Reply | None:
        """Each write is done, but its answer lost, once."""
        if request.method == "GET" or request.body in seen:
            return None
        seen.append(bytes(request.body))
        store.faults.clear()
        store._answer(request)
        store.faults.append(lost)
        return status, JSON, "{}"

    store.faults.append(lost)
    ran = write()
    assert ran.code == 0, ran.err
    assert grades(store, SINAI) == expected(ran, SINAI)
    names = [each["identifier"][0]["value"] for each in store.held.values()]
    assert len(names) == len(set(names))


def test_what_could_not_be_written_is_a_row_and_the_same_command_goes_on(write: Write, store: FhirStore) -> None:
    def refuses(request: requests.PreparedRequest) -> Reply | None:
        body = bytes(request.body or b"").decode()
        return (422, JSON, "{}") if request.method == "POST" and "Patient/a1" in body else None

    store.faults.append(refuses)
    first = write()
    assert first.code == 1
    rows = [row for row in first.errors if row["file"] == "write-back"]
    assert {row["patient"] for row in rows} == {"Patient/a1"}
    assert all("422" in row["reason"] for row in rows)
    assert first.summary["writeBack"]["errors"] == len(rows)
    assert "Patient/a1" not in grades(store, SINAI)
    store.faults.clear()
    again = write(None, "--resume")
    assert (again.code, again.errors) == (0, [])
    assert grades(store, SINAI) == expected(again, SINAI)
    assert len(grades(store, SINAI)) > 1


def test_a_server_that_takes_nothing_is_given_up_soon(
    write: Write, store: FhirStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PATIENCE", 3)
    store.faults.append(lambda r: (403, JSON, "{}") if r.method == "POST" else None)
    ran = write()
    assert ran.code == 1
    assert len(store.writes()) == 3
    assert "3 failures one after the other" in ran.errors[-1]["reason"]
    assert "the rest was not tried" in ran.errors[-1]["reason"]


@pytest.mark.parametrize("status", [200, 409, 412])
def test_what_came_meanwhile_is_taken_and_not_made_again(write: Write, store: FhirStore, status: int) -> None:
    """Another run was faster: the search did not show it yet, the create does."""
    write()
    before = len(store.held)
    late: list[str] = []

    def unseen(request: requests.PreparedRequest) -> Reply | None:
        if request.method == "POST":
            late.append("refused")
            return (status, JSON, "{}") if status != 200 else None
        is_search = request.method == "GET" and "identifier=" in str(request.url)
        return (200, JSON, '{"resourceType": "Bundle"}') if is_search and not late else None

    store.faults.append(unseen)
    ran = write(out="again")
    assert (ran.code, len(store.held)) == (0, before)
    assert grades(store, SINAI) == expected(ran, SINAI)


def test_two_resources_with_our_identifier_are_for_a_person(write: Write, store: FhirStore) -> None:
    write()
    twin = list_of(store, SINAI) | {"id": "twin"}
    store.put(twin)
    ran = write(out="again")
    assert ran.code == 1
    assert "several List resources" in ran.errors[0]["reason"]


@pytest.mark.parametrize("body", ["", "[]", '{"entry": [3]}', '{"entry": [{"resource": {"resourceType": "List"}}]}'])
def test_an_answer_that_is_no_bundle_is_a_row(write: Write, store: FhirStore, body: str) -> None:
    store.faults.append(lambda r: (200, JSON, body) if r.method == "GET" and "/List" in str(r.url) else None)
    ran = write()
    assert (ran.code, store.writes()) == (1, [])


def test_a_server_without_versions_is_not_overwritten(write: Write, store: FhirStore) -> None:
    write(SOME)
    for each in store.held.values():
        del each["meta"]
    store.faults.append(lambda r: pytest.fail("sent") if r.method == "PUT" else None)
    ran = write(out="again")
    assert ran.code == 1
    assert any("no versions" in row["reason"] for row in ran.errors)


# ---- asked for wrongly, and only asked


@pytest.mark.parametrize(
    ("options", "said"),
    [(("--write-back",), "needs a server"), (("--write-back-to", BASE), "goes with --write-back")],
)
def test_a_wrong_use_is_refused(screen: Screen, tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    with pytest.raises(Exception, match=said):
        screen(by_type(tmp_path / "in", RECORDS), *options)


def test_a_server_that_is_not_listed_is_refused_before_anything_is_read(screen: Screen, tmp_path: Path) -> None:
    ran = screen(by_type(tmp_path / "in", RECORDS), "--write-back", "--write-back-to", BASE)
    assert "not among those that the service may call" in ran.err
    assert not ran.out.exists()


def test_a_dry_run_tells_what_would_be_written_and_sends_nothing(
    write: Write, store: FhirStore, capfd: pytest.CaptureFixture[str]
) -> None:
    planned = write(None, "--dry-run")
    assert store.requests == []
    write(SOME)
    sent = store.writes()
    full = write(None, "--dry-run", out="again")
    assert (full.results, planned.results) == ([], [])
    assert store.writes() == sent


def test_counts_are_hidden_with_the_small_ones(write: Write, store: FhirStore) -> None:
    ran = write(None, "--suppress-below", "5")
    assert {each["created"] for each in ran.summary["writeBack"]["trials"]} == {None}
    assert lines(ran.out / "errors.ndjson") == []
