"""Patients and records by search: who is found, what of each, and what a failure stops."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
import requests
import responses

from service import chart
from service.errors import RecordError
from service.fhir_client import FhirServers, NotAllowed
from service.population import group, search
from service.population.search import Found, Gathering, Selection
from service.prefetch import Query
from tests.builders import as_json

BASE = "https://ehr.example.org/fhir"
TODAY = date(2026, 11, 21)
QUERIES = (
    Query("patient", "Patient", "Patient/{{context.patientId}}"),
    Query("conditions", "Condition", "Condition?patient={{context.patientId}}"),
    Query("medicationRequests", "MedicationRequest", "MedicationRequest?patient={{context.patientId}}"),
)
Json = dict[str, Any]
Gather = Callable[..., list[Found]]


def patient(identity: str, **other: Any) -> Json:
    return {"resourceType": "Patient", "id": identity} | other


def bundle(*resources: Json, following: str = "", **other: Any) -> Json:
    made: Json = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in resources]} | other
    return made | ({"link": [{"relation": "next", "url": following}]} if following else {})


def empty(request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/fhir+json"}, as_json(bundle())


@pytest.fixture
def mocked() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def gather(mocked: responses.RequestsMock) -> Iterator[Gather]:
    opened: list[FhirServers] = []

    def made(query: str = "Patient", *, lazily: bool = False, **options: Any) -> Any:
        mocked.add_callback("GET", re.compile(rf"{BASE}/(Condition|MedicationRequest)\?patient=.*"), empty)
        opened.append(FhirServers([BASE], 1_000_000, retries=1, pause=0.0))
        group = options.pop("group", "")
        selection = Selection(BASE, TODAY, QUERIES, query, group)
        records = Gathering(opened[-1], selection, **options).records()
        return records if lazily else list(records)

    yield made
    for servers in opened:
        servers.close()


def listed(mocked: responses.RequestsMock, *pages: Json, query: str = "_count=100") -> None:
    mocked.get(f"{BASE}/Patient?{query}", json=pages[0])
    for number, page in enumerate(pages[1:], 2):
        mocked.get(f"{BASE}?page={number}", json=page)


def who(found: list[Found]) -> list[str]:
    return [each.patient for each in found]


def references(found: Found) -> list[str]:
    assert found.document is not None
    return [item.reference for item in found.document.items]


# ---- the list


def test_all_pages_of_patients_are_read(mocked: responses.RequestsMock, gather: Gather) -> None:
    listed(
        mocked,
        bundle(patient("p1"), patient("p2"), following=f"{BASE}?page=2"),
        bundle(following=f"{BASE}?page=3"),
        bundle(patient("p3"), patient("p1")),
    )
    found = gather()
    assert who(found) == ["p1", "p2", "p3"]
    assert all(each.document is not None and each.document.gaps == [] for each in found)


def test_pages_are_read_as_records_are_taken(mocked: responses.RequestsMock, gather: Gather) -> None:
    pages = [bundle(patient(f"p{n}"), following=f"{BASE}?page={n + 1}") for n in range(1, 20)]
    listed(mocked, *pages, bundle(patient("p20")))
    records: Any = gather(lazily=True, workers=1)
    assert next(records).patient == "p1"
    records.close()
    assert 0 < sum("page=" in str(call.request.url) for call in mocked.calls) < 5  # type: ignore[union-attr, misc]


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("Patient?gender=female", "gender=female&_count=100"),
        ("Patient?_count=7", "_count=7"),
        ("Patient?gender=female&_count=7", "gender=female&_count=7"),
    ],
)
def test_patients_of_a_query_are_read(mocked: responses.RequestsMock, gather: Gather, query: str, asked: str) -> None:
    listed(mocked, bundle(patient("p1")), query=asked)
    assert who(gather(query)) == ["p1"]


@pytest.mark.parametrize("query", ["", "Observation?code=1", "Patient/p1", "Patient/$everything", f"{BASE}/Patient"])
def test_another_query_is_refused(gather: Gather, query: str) -> None:
    with pytest.raises(RecordError):
        gather(query)


def test_a_server_that_is_not_listed_is_refused() -> None:
    with FhirServers(["https://other.example.org"], 1000) as servers, pytest.raises(NotAllowed):
        Gathering(servers, Selection(BASE, TODAY, QUERIES))


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ({"status": 500}, "the server answered 500"),
        ({"json": bundle(following="https://evil.example.com/?page=2")}, "may not be called"),
        ({"json": {"resourceType": "Bundle", "type": "searchset", "entry": 7}}, "a page cannot be read"),
        ({"json": bundle({"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]})}, "reports an error"),
        ({"json": bundle(following=f"{BASE}?page=2")}, "circle"),
    ],
)
def test_a_list_that_is_not_complete_is_told_after_those_it_held(
    mocked: responses.RequestsMock, gather: Gather, page: Json, told: str
) -> None:
    mocked.get(f"{BASE}/Patient?_count=100", json=bundle(patient("p1"), following=f"{BASE}?page=2"))
    mocked.get(f"{BASE}?page=2", **page)
    found = gather()
    assert who(found) == ["p1", ""]
    assert "the list of patients is not complete" in found[1].problem
    assert told in found[1].problem


def test_a_list_that_goes_on_with_nobody_new_is_left(
    gather: Gather, mocked: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "IDLE_PAGES", 3)
    pages = [bundle(patient("p1"), following=f"{BASE}?page={n + 1}") for n in range(1, 5)]
    listed(mocked, *pages)
    found = gather()
    assert who(found) == ["p1", ""]
    assert "not complete: 3 pages in a row brought nobody new" in found[1].problem


def test_an_entry_without_its_resource_is_somebody_who_did_not_come(
    gather: Gather, mocked: responses.RequestsMock
) -> None:
    listed = bundle(patient("a"))
    listed["entry"].append({"fullUrl": f"{BASE}/Patient/b"})
    mocked.get(f"{BASE}/Patient?_count=100", json=listed)
    problems = [each.problem for each in gather() if each.problem]
    assert problems == ["the list of patients is not complete: an entry holds no resource"]


@pytest.mark.parametrize(("total", "problems"), [(2, []), (3, ["the list of patients is not complete: 2 of 3 came"])])
def test_a_list_that_ends_before_its_total_is_not_complete(
    gather: Gather, mocked: responses.RequestsMock, total: int, problems: list[str]
) -> None:
    following = f"{BASE}/Patient?page=2"
    mocked.get(f"{BASE}/Patient?_count=100", json=bundle(patient("a"), following=following, total=total))
    mocked.get(following, json=bundle(patient("b")))
    found = gather()
    assert [each.patient for each in found if each.patient] == ["a", "b"]
    assert [each.problem for each in found if each.problem] == problems


def test_what_else_a_page_holds_is_no_patient(mocked: responses.RequestsMock, gather: Gather) -> None:
    page = bundle(patient("p1"), {"resourceType": "Practitioner", "id": "d1"}, {"resourceType": "Patient"})
    page["entry"].append({"resource": patient("p9"), "search": {"mode": "include"}})
    page["entry"].append({"resource": {"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]}})
    listed(mocked, page)
    found = gather()
    assert [(each.patient, each.problem) for each in found] == [("p1", ""), ("", "a patient of the list has no id")]


# ---- the records


def test_a_record_holds_what_the_hooks_queries_find(mocked: responses.RequestsMock, gather: Gather) -> None:
    listed(mocked, bundle(patient("p1", birthDate="1970-01-01"), patient("p2")))
    mocked.get(f"{BASE}/Condition?patient=p1", json=bundle({"resourceType": "Condition", "id": "c1"}))
    found = gather()
    assert [references(each) for each in found] == [["Patient/p1", "Condition/c1"], ["Patient/p2"]]
    assert not any("/Patient/p" in str(call.request.url) for call in mocked.calls)  # type: ignore[union-attr, misc]


@pytest.mark.parametrize(
    ("query", "tag"),
    [("_elements=id&_count=100", {}), ("_summary=true&_count=100", {}), ("_count=100", {"code": "SUBSETTED"})],
)
def test_a_patient_found_in_part_is_read_in_full(
    mocked: responses.RequestsMock, gather: Gather, query: str, tag: Json
) -> None:
    listed(mocked, bundle(patient("p1", meta={"tag": [tag]})), query=query)
    mocked.get(f"{BASE}/Patient/p1", json=patient("p1", birthDate="1970-01-01"))
    [found] = gather(f"Patient?{query}")
    assert found.document is not None
    assert found.document.items[0].resource.birthDate == "1970-01-01"


def test_medications_that_are_referred_to_are_read(mocked: responses.RequestsMock, gather: Gather) -> None:
    listed(mocked, bundle(patient("p1")))
    order = {"resourceType": "MedicationRequest", "id": "m1", "medicationReference": {"reference": "Medication/d1"}}
    mocked.get(f"{BASE}/MedicationRequest?patient=p1", json=bundle(order))
    mocked.get(f"{BASE}/Medication/d1", json={"resourceType": "Medication", "id": "d1"})
    [found] = gather()
    assert references(found) == ["Patient/p1", "MedicationRequest/m1", "Medication/d1"]


def test_medications_that_came_leave_room_for_those_that_did_not(
    mocked: responses.RequestsMock, gather: Gather, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chart, "MAX_MEDICATIONS", 1)
    listed(mocked, bundle(patient("p1")))
    orders = [
        {"resourceType": "MedicationRequest", "id": f"m{n}", "medicationReference": {"reference": f"Medication/d{n}"}}
        for n in (1, 2)
    ]
    came = {"resourceType": "Medication", "id": "d1"}
    mocked.get(f"{BASE}/MedicationRequest?patient=p1", json=bundle(*orders, came))
    mocked.get(f"{BASE}/Medication/d2", json={"resourceType": "Medication", "id": "d2"})
    [found] = gather()
    assert "Medication/d2" in references(found)


def test_a_search_that_fails_is_a_gap_of_that_patient_alone(mocked: responses.RequestsMock, gather: Gather) -> None:
    listed(mocked, bundle(patient("p1"), patient("p2")))
    mocked.get(f"{BASE}/Condition?patient=p1", status=403)
    first, second = gather()
    assert first.document is not None
    assert first.document.gaps == [("Condition", "Condition resources: the server answered 403")]
    assert second.document is not None
    assert second.document.gaps == []


def test_one_patients_failure_stops_no_other(
    mocked: responses.RequestsMock, gather: Gather, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = [{"entity": {"reference": f"Patient/p{n}"}} for n in (1, 2, 3)]
    mocked.get(f"{BASE}/Group/g", json={"resourceType": "Group", "member": members})
    mocked.get(f"{BASE}/Patient/p1", status=404)
    mocked.get(f"{BASE}/Patient/p2", json=patient("p2"))
    mocked.get(f"{BASE}/Patient/p3", json=patient("p3"))
    found = gather(group="g")
    assert [(each.patient, each.document is None, each.problem) for each in found] == [
        ("p1", True, "the Patient cannot be read: the server answered 404"),
        ("p2", False, ""),
        ("p3", False, ""),
    ]


def test_a_mistake_of_ours_is_told_without_its_words(
    mocked: responses.RequestsMock, gather: Gather, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("Anna Example")

    listed(mocked, bundle(patient("p1"), patient("p2")))
    monkeypatch.setattr("service.population.search.Chart.gather", fail)
    assert [each.problem for each in gather()] == ["an unexpected ZeroDivisionError"] * 2


def test_types_that_the_token_does_not_stand_for_are_gaps_of_every_record(
    mocked: responses.RequestsMock, gather: Gather
) -> None:
    class Access:
        not_granted = ("Condition",)

        def token(self, deadline: float) -> str:
            return "t1"

        def renewed(self, refused: str, deadline: float) -> str:
            return refused

    listed(mocked, bundle(patient("p1")))
    [found] = gather(access=Access())
    assert found.document is not None
    assert found.document.gaps == [("Condition", "the access token does not stand for reading it in full")]
    sent = {call.request.headers.get("Authorization") for call in mocked.calls}  # type: ignore[union-attr, misc]
    assert sent == {"Bearer t1"}


# ---- members of a group


def group_of(mocked: responses.RequestsMock, *members: Json, identity: str = "g", **other: Any) -> None:
    body = {"resourceType": "Group", "id": identity, "actual": True, "member": list(members)} | other
    mocked.get(f"{BASE}/Group/{identity}", json=body)
    for reference in re.findall(r"Patient/(p\d+)", json.dumps(body)):
        mocked.get(f"{BASE}/Patient/{reference}", json=patient(reference))


def member(reference: str, **other: Any) -> Json:
    return {"entity": {"reference": reference}} | other


@pytest.mark.parametrize(
    ("other", "stands"),
    [
        ({}, True),
        ({"inactive": False}, True),
        ({"inactive": True}, False),
        ({"period": {"start": "2026-11-21"}}, True),
        ({"period": {"start": "2026-11-22"}}, False),
        ({"period": {"start": "2026-11"}}, True),
        ({"period": {"start": "2026-12"}}, False),
        ({"period": {"end": "2026-11-21T08:00:00Z"}}, True),
        ({"period": {"end": "2026-11-20T23:00:00Z"}}, False),
        ({"period": {"end": "2026-11"}}, True),
        ({"period": {"end": "2026"}}, True),
        ({"period": {"end": "2026-10"}}, False),
        ({"period": {"start": "2020", "end": "2025"}}, False),
    ],
)
def test_members_stand_on_the_days_of_their_period(
    mocked: responses.RequestsMock, gather: Gather, other: Json, stands: bool
) -> None:
    group_of(mocked, member("Patient/p1", **other), member("Patient/p2"))
    assert who(gather(group="g")) == (["p1", "p2"] if stands else ["p2"])


def test_members_are_named_in_every_usual_way_and_once(mocked: responses.RequestsMock, gather: Gather) -> None:
    names = ("Patient/p1", f"{BASE}/Patient/p2", "Patient/p3/_history/7", "Patient/p1", "Device/d", "Practitioner/x")
    group_of(mocked, *(member(name) for name in names))
    assert [(each.patient, each.problem) for each in gather(group="g")] == [("p1", ""), ("p2", ""), ("p3", "")]


@pytest.mark.parametrize(
    "named", [member("https://other.example.org/fhir/Patient/p9"), {"entity": {"identifier": {"value": "1"}}}, {}]
)
def test_a_member_that_cannot_be_found_is_told(mocked: responses.RequestsMock, gather: Gather, named: Json) -> None:
    group_of(mocked, named, member("Patient/p1"))
    found = sorted(gather(group="g"), key=lambda each: each.patient)
    assert who(found) == ["", "p1"]
    assert found[0].problem == "a member of Group/g is named by no reference to this server"


def test_groups_in_a_group_are_opened_once(mocked: responses.RequestsMock, gather: Gather) -> None:
    group_of(mocked, member("Patient/p1"), member("Group/h"))
    group_of(mocked, member("Patient/p2"), member("Group/g"), member("Group/none"), identity="h")
    mocked.get(f"{BASE}/Group/none", status=404)
    found = gather(group="g")
    assert who(found) == ["p1", "p2", ""]
    assert found[2].problem == "the members of a Group cannot be read: the server answered 404"


def test_groups_that_are_too_many_to_be_opened_are_told(
    mocked: responses.RequestsMock, gather: Gather, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "MAX_GROUPS", 2)
    group_of(mocked, member("Group/h"), member("Group/i"), member("Group/i"), member("Group/h"))
    group_of(mocked, member("Patient/p1"), identity="h")
    found = sorted(gather(group="g"), key=lambda each: each.patient)
    assert who(found) == ["", "p1"]
    assert found[0].problem == "the members of Group/i were not read: more than 2 Groups"


@pytest.mark.parametrize(
    ("other", "told"), [({"quantity": 1}, 0), ({"quantity": 2}, 1), ({"actual": False}, 1), ({"actual": None}, 0)]
)
def test_a_group_that_does_not_list_its_members_is_told(
    mocked: responses.RequestsMock, gather: Gather, other: Json, told: int
) -> None:
    group_of(mocked, member("Patient/p1"), **other)
    problems = [each.problem for each in gather(group="g") if not each.patient]
    assert problems == ["Group/g does not list all of its members"] * told
