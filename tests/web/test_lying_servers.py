"""FHIR servers that answer something else than what was asked: what they left out is not taken for silence."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import responses

from tests.builders import SERVER, SINAI, Json, RxNorm, Snomed, allergy, eligible, operation_outcome, request, searchset
from tests.web.conftest import TYPES, Serve, call_body, called, prefetch, verdict

CLOSED = eligible(SINAI).put(allergy=allergy(Snomed.PALBOCICLIB))
OWN = CLOSED.resources["allergy"]
KIND = "AllergyIntolerance"
OF_ANOTHER = OWN | {"patient": {"reference": "Patient/p2"}}
BUNDLE = {"resourceType": "Bundle"}
NO_RESOURCE = {"fullUrl": f"{SERVER}/{KIND}/1"}
PARTLY = {"resource": operation_outcome("warning", "incomplete"), "search": {"mode": "outcome"}}
HIDDEN = {"resource": operation_outcome("information", "suppressed"), "search": {"mode": "outcome"}}

FOREIGN = "some that came are not this patient's"
ABSENT = "holds no resource"
OTHERWISE = "something else was sent"
LIES: dict[str, tuple[Json, str]] = {
    "another patient's": (searchset([OF_ANOTHER], KIND), FOREIGN),
    "another patient's beside some of the patient's": (
        searchset([OF_ANOTHER | {"id": "other"}, allergy(RxNorm.PENICILLIN_G) | {"id": "own"}], KIND),
        FOREIGN,
    ),
    "nobody's": (searchset([{k: v for k, v in OWN.items() if k != "patient"}], KIND), FOREIGN),
    "of another type": (searchset(CLOSED.of_type("Condition"), KIND), OTHERWISE),
    "of a type that nobody reads": (searchset([{"resourceType": "Encounter", "id": "e"}], KIND), OTHERWISE),
    "entries without resources": (searchset([], KIND, more_entries=[NO_RESOURCE]), ABSENT),
    "an entry without its resource beside another": (
        searchset([allergy(RxNorm.PENICILLIN_G) | {"id": "own"}], KIND, more_entries=[NO_RESOURCE]),
        ABSENT,
    ),
    "fewer than it counted": (searchset([], KIND, total=1), "0 of 1 results"),
    "a Bundle of which nothing is told": (BUNDLE, OTHERWISE),
    "a result said to be incomplete": (searchset([], KIND, more_entries=[PARTLY]), "says incomplete"),
    "a result with something left out": (searchset([], KIND, more_entries=[HIDDEN]), "says suppressed"),
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        yield mocked


def plain(body: Any) -> Any:
    return json.loads(json.dumps(body, default=float))


@pytest.fixture
def lying(server: responses.RequestsMock) -> Callable[..., None]:
    """-> a server that gives its own answer to searches of some types, and to all others the truth."""

    def answers(**own: dict[str, Any]) -> None:
        server.get(f"{SERVER}/Patient/p1", json=plain(CLOSED.resources["patient"]))
        for kind in set(TYPES.values()) - {"Patient"}:
            server.get(f"{SERVER}/{kind}", **own.get(kind, {"json": plain(searchset(CLOSED.of_type(kind), kind))}))

    return answers


FROM_SERVER = call_body(prefetch=None, fhirServer=SERVER)


def test_the_truth_closes_the_trial(serve: Serve, lying: Callable[..., None]) -> None:
    lying()
    assert SINAI not in json.dumps(called(serve(FHIR_ALLOWED=SERVER), FROM_SERVER))


@pytest.mark.parametrize("claim", LIES)
def test_what_a_server_left_out_is_unknown(serve: Serve, lying: Callable[..., None], claim: str) -> None:
    told, reason = LIES[claim]
    lying(AllergyIntolerance={"json": plain(told)})
    found = verdict(called(serve(FHIR_ALLOWED=SERVER), FROM_SERVER), SINAI, "allergy")
    assert found[:2] == ("unknown", "missing")
    assert reason in found[2]


@pytest.mark.parametrize("claim", LIES)
def test_what_a_client_left_out_is_unknown(serve: Serve, claim: str) -> None:
    told, reason = LIES[claim]
    body = call_body(prefetch=prefetch(CLOSED) | {"allergies": told})
    found = verdict(called(serve(), body), SINAI, "allergy")
    assert found[:2] == ("unknown", "missing")
    assert reason in found[2]


@pytest.mark.parametrize(("total", "outcome"), [(2, "pass"), (3, "unknown")])
def test_the_pages_of_a_search_are_counted_together(
    serve: Serve, server: responses.RequestsMock, lying: Callable[..., None], total: int, outcome: str
) -> None:
    """The last page tells neither its address nor a total, as some servers' do."""
    first, second = [allergy(RxNorm.PENICILLIN_G) | {"id": each} for each in "ab"]
    following = f"{SERVER}/{KIND}?patient=p1&page=2"
    lying(AllergyIntolerance={"json": plain(searchset([first], KIND, next_url=following, total=total))})
    server.replace("GET", f"{SERVER}/{KIND}", json=plain(searchset([first], KIND, next_url=following, total=total)))
    last = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": plain(second)}]}
    server.get(following, json=last, match=[responses.matchers.query_param_matcher({"patient": "p1", "page": "2"})])
    assert verdict(called(serve(FHIR_ALLOWED=SERVER), FROM_SERVER), SINAI, "allergy")[0] == outcome


def test_what_a_search_may_hold_beside_its_matches_changes_nothing(serve: Serve, lying: Callable[..., None]) -> None:
    beside = [
        {"resource": {"resourceType": "Practitioner", "id": "x"}, "search": {"mode": "include"}},
        {"resource": operation_outcome("warning", "processing")},
    ]
    lying(AllergyIntolerance={"json": plain(searchset([], KIND, more_entries=beside))})
    found = verdict(called(serve(FHIR_ALLOWED=SERVER), FROM_SERVER), SINAI, "allergy")
    assert found[:2] == ("pass", "no-record")


def test_references_to_the_patient_may_be_absolute(serve: Serve, lying: Callable[..., None]) -> None:
    lying(
        AllergyIntolerance={"json": plain(searchset([OWN | {"patient": {"reference": f"{SERVER}/Patient/p1"}}], KIND))}
    )
    assert SINAI not in json.dumps(called(serve(FHIR_ALLOWED=SERVER), FROM_SERVER))


GATEWAY = {"body": "<html>404 page not found</html>", "content_type": "text/html", "status": 404}
FROM_FHIR = {"json": operation_outcome("error", "not-supported"), "status": 404}


@pytest.mark.parametrize(("answer", "outcome"), [(GATEWAY, "unknown"), (FROM_FHIR, "pass")])
def test_a_404_tells_of_a_missing_type_only_in_fhirs_words(
    serve: Serve, server: responses.RequestsMock, answer: dict[str, Any], outcome: str
) -> None:
    """Before a server that is down just now, a gateway says the same of everything."""
    record = eligible(SINAI).put(order=request(RxNorm.VERAPAMIL, "2026-09-01"))
    server.get(f"{SERVER}/Patient/p1", json=plain(record.resources["patient"]))
    for kind in set(TYPES.values()) - {"Patient", "MedicationRequest"}:
        server.get(f"{SERVER}/{kind}", json=plain(searchset(record.of_type(kind), kind)))
    server.get(f"{SERVER}/MedicationRequest", **answer)
    assert verdict(called(serve(FHIR_ALLOWED=SERVER), FROM_SERVER), SINAI, "cyp3a4")[0] == outcome
