"""The demo's FHIR endpoint answers as FHIR R4 says: reads, searches, pages, refusals; every answer is valid."""

from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from fhir.resources.R4B import get_fhir_model_class
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.demo import AS_OF, patient_bundles
from service.demo.fhir_endpoint import fhir_endpoint
from service.demo.parameters import PARAMETERS
from service.demo.store import Store, demo_store
from service.screening import Screening
from tests.builders import as_json

Json = dict[str, Any]
BASE = "http://127.0.0.1:8080/fhir"
LOINC = "http://loinc.org"


def client_of(store: Store, base: str = BASE) -> FlaskClient:
    app = Flask(__name__)
    app.register_blueprint(fhir_endpoint(store, lambda: base), url_prefix="/fhir")
    return app.test_client()


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return client_of(demo_store())


def checked(response: TestResponse, status: int = 200) -> Json:
    """An answer's resource, valid and of FHIR's content type."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/fhir+json"
    resource = msgspec.json.decode(response.data)
    get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    return resource


def search(client: FlaskClient, query: str) -> Json:
    bundle = checked(client.get(f"/fhir/{query}"))
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "searchset")
    return bundle


def ids(client: FlaskClient, query: str) -> list[str]:
    return [entry["resource"]["id"] for entry in search(client, query).get("entry", [])]


def refusal(response: TestResponse, status: int) -> tuple[str, str]:
    issue = checked(response, status)["issue"][0]
    assert issue["severity"] == "error"
    return issue["code"], issue["diagnostics"]


def observation(id: str, **elements: Any) -> Json:
    code = {"coding": [{"system": LOINC, "code": "751-8"}]}
    return {"resourceType": "Observation", "id": id, "status": "final", "code": code} | elements


def finding(*resources: Json) -> Callable[[str], list[str]]:
    """The ids that a query finds in a store of these resources."""
    client = client_of(Store(resources))
    return lambda query: ids(client, query)


# ---- capability and reads --------------------------------------------------------------------------------------------


def test_the_capability_statement_lists_what_is_served(client: FlaskClient) -> None:
    statement = checked(client.get("/fhir/metadata"))
    assert (statement["fhirVersion"], statement["kind"], statement["status"]) == ("4.0.1", "instance", "active")
    assert statement["implementation"]["url"] == BASE
    served = {resource["type"]: resource for resource in statement["rest"][0]["resource"]}
    assert served.keys() == PARAMETERS.keys()
    assert served["MedicationRequest"]["searchInclude"] == ["MedicationRequest:medication"]
    assert {p["name"]: p["type"] for p in served["Observation"]["searchParam"]}["combo-code"] == "token"


def test_every_resource_is_read_as_it_stands(client: FlaskClient) -> None:
    for bundle in patient_bundles():
        for entry in bundle["entry"]:
            resource = entry["resource"]
            response = client.get(f"/fhir/{resource['resourceType']}/{resource['id']}")
            assert checked(response) == msgspec.json.decode(as_json(resource))


def test_decimals_keep_their_digits(client: FlaskClient) -> None:
    assert b'"value":1.0,' in client.get("/fhir/Observation/emil-crea").data


@pytest.mark.parametrize(
    ("path", "code"),
    [("Patient/nobody", "not-found"), ("Patient/Anna", "not-found"), ("Encounter/1", "not-supported")],
)
def test_an_unknown_type_or_id_is_not_found(client: FlaskClient, path: str, code: str) -> None:
    assert refusal(client.get(f"/fhir/{path}"), 404)[0] == code


@pytest.mark.parametrize("path", ["", "Patient/anna/_history/1", "Patient/anna/$everything"])
def test_other_interactions_are_not_found(client: FlaskClient, path: str) -> None:
    assert refusal(client.get(f"/fhir/{path}"), 404)[0] == "not-found"


@pytest.mark.parametrize("path", ["", "Patient", "Patient/anna", "Encounter", "metadata", "Patient/anna/$everything"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_written(client: FlaskClient, method: str, path: str) -> None:
    response = client.open(f"/fhir/{path}", method=method, json={"resourceType": "Patient"})
    assert refusal(response, 405)[0] == "not-supported"
    assert "GET" in response.headers["Allow"]


# ---- searches: the Bundle --------------------------------------------------------------------------------------------


def test_a_searchset_has_total_links_and_modes(client: FlaskClient) -> None:
    bundle = search(client, "Condition?patient=anna")
    assert bundle["total"] == len(bundle["entry"]) == 3
    assert bundle["link"] == [{"relation": "self", "url": f"{BASE}/Condition?patient=anna"}]
    assert {entry["search"]["mode"] for entry in bundle["entry"]} == {"match"}
    assert bundle["entry"][0]["fullUrl"] == f"{BASE}/Condition/anna-breast-cancer"


@pytest.mark.parametrize("kind", PARAMETERS)
def test_every_type_can_be_searched_and_nothing_found_is_an_empty_searchset(client: FlaskClient, kind: str) -> None:
    bundle = search(client, f"{kind}?_id=nobody")
    assert (bundle["total"], bundle.get("entry")) == (0, None)
    assert search(client, kind)["total"] >= 1


def test_a_search_of_an_unknown_type_is_not_found(client: FlaskClient) -> None:
    assert refusal(client.get("/fhir/Encounter?patient=anna"), 404)[0] == "not-supported"
    assert refusal(client.post("/fhir/Encounter/_search"), 404)[0] == "not-supported"


def test_the_base_may_end_with_a_slash() -> None:
    client = client_of(demo_store(), BASE + "/")
    assert search(client, "Patient?_id=anna")["entry"][0]["fullUrl"] == f"{BASE}/Patient/anna"


def test_a_form_searches_like_a_query(client: FlaskClient) -> None:
    form = {"patient": "anna", "code": f"{LOINC}|751-8,{LOINC}|777-3"}
    bundle = checked(client.post("/fhir/Observation/_search", data=form))
    assert [entry["resource"]["id"] for entry in bundle["entry"]] == ["anna-anc", "anna-plt"]
    both = checked(client.post("/fhir/Observation/_search?patient=anna", data={"code": "751-8"}))
    assert both["total"] == 1
    assert checked(client.post("/fhir/Patient/_search"))["total"] == 12


def test_a_search_by_another_kind_of_body_is_refused(client: FlaskClient) -> None:
    assert refusal(client.post("/fhir/Patient/_search", json={"_id": "anna"}), 415)[0] == "not-supported"


@pytest.mark.parametrize("form", ["json", "application/json", "application/fhir%2Bjson", "application/fhir+json"])
def test_json_may_be_asked_for(client: FlaskClient, form: str) -> None:
    assert search(client, f"Patient?_id=anna&_format={form}")["total"] == 1
    assert checked(client.get(f"/fhir/Patient/anna?_format={form}"))["id"] == "anna"


@pytest.mark.parametrize("path", ["Patient?_id=anna&", "Patient/anna?", "metadata?"])
def test_another_format_is_not_acceptable(client: FlaskClient, path: str) -> None:
    assert refusal(client.get(f"/fhir/{path}_format=xml"), 406)[0] == "not-supported"


# ---- searches: parameters --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("query", "expected"), [("_id=anna", ["anna"]), ("_id=ida,nobody,anna", ["anna", "ida"])])
def test_by_id(client: FlaskClient, query: str, expected: list[str]) -> None:
    assert ids(client, f"Patient?{query}") == expected


@pytest.mark.parametrize(
    "query",
    [
        "patient=anna",
        "patient=Patient/anna",
        f"patient={BASE}/Patient/anna",
        "patient:Patient=anna",
        "subject=anna",
        "subject=Patient/anna",
        "subject:Patient=anna",
        "subject=anna&patient=anna",
        "patient=anna,nobody",
    ],
)
def test_by_patient(client: FlaskClient, query: str) -> None:
    found = ids(client, f"Observation?{query}")
    assert len(found) == 15
    assert all(id.startswith("anna-") for id in found)


@pytest.mark.parametrize("query", ["subject=Group/anna", "patient=ann", "patient=anna&patient=ida"])
def test_another_subject_is_nobody(client: FlaskClient, query: str) -> None:
    assert ids(client, f"Observation?{query}") == []


@pytest.mark.parametrize(
    "query", ["patient=Group/anna", "patient=", "patient=Patient/", "patient=https://other.example/fhir/Patient/anna"]
)
def test_what_cannot_be_a_patient_is_refused(client: FlaskClient, query: str) -> None:
    assert refusal(client.get(f"/fhir/Observation?{query}"), 400)[0] == "invalid"


CODED = finding(
    observation("loinc"),
    observation("two", code={"coding": [{"system": "urn:local", "code": "anc"}, {"system": LOINC, "code": "751-8"}]}),
    observation("bare", code={"coding": [{"code": "751-8"}]}),
    observation("other", code={"coding": [{"system": "urn:local", "code": "751-8"}]}),
    observation("text", code={"text": "751-8"}),
    observation("letters", code={"coding": [{"system": "urn:local", "code": "A,b|c"}]}),
    observation("inside", code={"text": "panel"}, component=[{"code": {"coding": [{"system": LOINC, "code": "x"}]}}]),
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"{LOINC}|751-8", ["loinc", "two"]),
        ("751-8", ["loinc", "two", "bare", "other"]),
        ("|751-8", ["bare"]),
        (f"{LOINC}|", ["loinc", "two"]),
        (f"{LOINC}|751-8,urn:local|751-8", ["loinc", "two", "other"]),
        ("751", []),
        ("x", []),
        ("a\\,B\\|C", ["letters"]),
        ("ANC", ["two"]),
    ],
)
def test_by_code(value: str, expected: list[str]) -> None:
    assert CODED(f"Observation?code={value}") == expected


def test_by_a_code_of_the_whole_or_of_a_component(client: FlaskClient) -> None:
    assert CODED("Observation?combo-code=x") == ["inside"]
    assert CODED("Observation?combo-code=751-8") == ["loinc", "two", "bare", "other"]
    assert ids(client, f"Observation?combo-code={LOINC}|8480-6") == ["ida-blood-pressure"]


@pytest.mark.parametrize("value", ["", "|", "a|b|c", "751-8,"])
def test_a_malformed_token_is_refused(client: FlaskClient, value: str) -> None:
    assert refusal(client.get(f"/fhir/Observation?code={value}"), 400) == (
        "invalid",
        "code: code, system|code, system| or |code was expected",
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Observation?patient=anna&category=vital-signs", ["anna-spo2"]),
        ("Observation?patient=anna&category=survey,imaging", ["anna-ecog", "anna-lvef"]),
        ("Condition?patient=jana&code=B35.1", ["jana-onychomycosis"]),
        ("Condition?patient=jana&category=problem-list-item&code=b35.1", ["jana-onychomycosis"]),
        ("Condition?patient=jana&clinical-status=resolved", []),
        ("Condition?patient=ida&clinical-status=active", ["ida-diabetes", "ida-hypertension"]),
        ("Condition?patient=ida&verification-status=refuted", []),
        ("MedicationStatement?patient=karla&status=stopped", ["karla-letrozole"]),
        (
            "MedicationStatement?patient=karla&code=http://www.nlm.nih.gov/research/umls/rxnorm|56946",
            ["karla-paclitaxel"],
        ),
        ("MedicationRequest?medication=Medication/jana-itraconazole-capsule", ["jana-itraconazole"]),
        ("MedicationRequest?medication=jana-itraconazole-capsule&intent=order", ["jana-itraconazole"]),
        ("MedicationDispense?patient=fatima&code=200064", ["fatima-letrozole-dispense"]),
        ("Medication?code=311204", ["jana-itraconazole-capsule"]),
        ("Procedure?patient=greta&code=76876009&status=completed", ["greta-oophorectomy"]),
        ("AllergyIntolerance?category=medication", ["karla-penicillin"]),
        ("AllergyIntolerance?patient=anna&clinical-status=active", ["anna-no-known-allergy"]),
        ("Patient?gender=male", ["emil"]),
        ("Patient?identifier=https://demo.trialhook.org/mrn|D-1009", ["ida"]),
        ("Patient?birthdate=1963", ["anna"]),
    ],
)
def test_by_other_parameters(client: FlaskClient, query: str, expected: list[str]) -> None:
    assert ids(client, query) == expected


DATED = finding(
    observation("year", effectiveDateTime="2026"),
    observation("month", effectiveDateTime="2026-05"),
    observation("day", effectiveDateTime="2026-05-10"),
    observation("second", effectiveDateTime="2026-05-10T23:30:00-05:00"),
    observation("open", effectivePeriod={"start": "2026-05-11"}),
    observation("until", effectivePeriod={"end": "2026-05-09"}),
    observation("instant", effectiveInstant="2026-05-12T08:00:00.250Z"),
    observation("undated"),
    observation("unreadable", effectiveDateTime="last spring"),
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026", ["year", "month", "day", "second", "instant"]),
        ("eq2026-05", ["month", "day", "second", "instant"]),
        ("2026-05-10", ["day"]),
        ("2026-05-11", ["second"]),
        ("2026-05-11T04:30:00Z", ["second"]),
        ("2026-05-11T04:30", ["second"]),
        ("2026-05-12T08:00:00.25Z", ["instant"]),
        ("2026-05-12T08:00:00.2Z", ["instant"]),
        ("2026-05-12T08:00:00.3Z", []),
        ("gt2026-05-11", ["year", "month", "open", "instant"]),
        ("ge2026-05-11", ["year", "month", "second", "open", "instant"]),
        ("ge2026-05-12", ["year", "month", "open", "instant"]),
        ("gt2026-12-31", ["open"]),
        ("lt2026-05-10", ["year", "month", "until"]),
        ("le2026-05-10", ["year", "month", "day", "until"]),
        ("le2026-05-11", ["year", "month", "day", "second", "until"]),
        ("lt2026-01-01", ["until"]),
        ("gt9999", []),
        ("gt9999-12", []),
        ("2026-05-10,2026-05-11", ["day", "second"]),
        ("ge2026-05-10&date=le2026-05-10", ["year", "month", "day"]),
    ],
)
def test_by_date(value: str, expected: list[str]) -> None:
    assert DATED(f"Observation?date={value}") == expected


@pytest.mark.parametrize(
    "value", ["", "soon", "ap2026", "2026-13", "2026-02-30", "2026-5-1", "ge", "٢٠٢٦", "9999-12-31"]
)
def test_a_malformed_date_is_refused(client: FlaskClient, value: str) -> None:
    assert refusal(client.get(f"/fhir/Observation?date={value}"), 400)[0] == "invalid"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("MedicationRequest?authoredon=2026-09", ["jana-itraconazole"]),
        ("MedicationStatement?patient=clara&effective=gt2026-11-21", ["clara-denosumab"]),
        ("MedicationAdministration?patient=berta&effective-time=2026-05-26", ["berta-docetaxel-2"]),
        ("MedicationDispense?whenhandedover=ge2026-11-06", ["fatima-letrozole-dispense"]),
        ("MedicationDispense?whenprepared=ge2026-11-06", []),
        ("Condition?patient=clara&onset-date=le2022-02-10", ["clara-breast-cancer"]),
        ("Condition?patient=clara&recorded-date=lt2022-02-10", []),
        ("Procedure?date=2014", ["greta-oophorectomy"]),
        ("Procedure?date=ge2026-09-10&date=lt2026-09-08", ["berta-radiotherapy-brain"]),
        ("AllergyIntolerance?date=2009-05", ["karla-penicillin"]),
    ],
)
def test_dates_of_other_types(client: FlaskClient, query: str, expected: list[str]) -> None:
    assert ids(client, query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "Observation?colour=red",
        "Observation?clinical-status=active",
        "Condition?date=2026",
        "AllergyIntolerance?subject=anna",
        "Observation?code:in=x",
        "Observation?date:missing=true",
        "Observation?patient:Group=anna",
        "Observation?subject.name=anna",
        "Observation?_sort=code",
        "Observation?_sort=",
        "Observation?_include=Observation:subject",
        "Observation?_include=MedicationRequest:medication",
        "Patient?_revinclude=Observation:subject",
        "Patient?_summary=count",
    ],
)
def test_a_parameter_that_is_not_known_is_refused(client: FlaskClient, query: str) -> None:
    assert refusal(client.get(f"/fhir/{query}"), 400)[0] == "not-supported"


def test_a_refusal_repeats_no_value(client: FlaskClient) -> None:
    for query in ("patient=a/b/anna-secret", "code=a|b|anna-secret", "date=anna-secret", "_count=anna-secret"):
        assert "secret" not in client.get(f"/fhir/Observation?{query}").text


# ---- searches: order, pages, includes --------------------------------------------------------------------------------


ORDERED = finding(
    observation("b", effectiveDateTime="2026-05-10"),
    observation("none"),
    observation("c", effectivePeriod={"start": "2026-05-09", "end": "2026-06-01"}),
    observation("a", effectiveDateTime="2026-05-10"),
    observation("d", effectiveDateTime="2026-05-11T00:30:00+02:00"),
)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("date", ["c", "b", "a", "d", "none"]),
        ("-date", ["d", "b", "a", "c", "none"]),
        ("date,_id", ["c", "a", "b", "d", "none"]),
        ("-date,-_id", ["d", "b", "a", "c", "none"]),
        ("_id", ["a", "b", "c", "d", "none"]),
    ],
)
def test_sorted(order: str, expected: list[str]) -> None:
    assert ORDERED(f"Observation?_sort={order}") == expected


def pages(client: FlaskClient, query: str) -> list[Json]:
    """All pages of a search, by their own links."""
    found = [search(client, query)]
    while next_url := {link["relation"]: link["url"] for link in found[-1]["link"]}.get("next"):
        assert next_url.startswith(f"{BASE}/")
        parts = urlsplit(next_url)
        found.append(search(client, f"{parts.path.removeprefix('/fhir/')}?{parts.query}"))
    return found


@pytest.mark.parametrize(
    ("count", "sizes"), [(4, [4, 4, 4, 3]), (5, [5, 5, 5]), (14, [14, 1]), (15, [15]), (1000, [15])]
)
def test_pages_hold_everything_once(client: FlaskClient, count: int, sizes: list[int]) -> None:
    found = pages(client, f"Observation?patient=anna&_sort=-date&_count={count}")
    assert [len(page["entry"]) for page in found] == sizes
    assert {page["total"] for page in found} == {15}
    together = [entry["resource"]["id"] for page in found for entry in page["entry"]]
    assert together == ids(client, "Observation?patient=anna&_sort=-date")


def test_pages_keep_the_whole_question(client: FlaskClient) -> None:
    found = pages(client, f"Observation?code={LOINC}|751-8,{LOINC}|777-3&patient=anna,ida&_count=3")
    assert [len(page["entry"]) for page in found] == [3, 1]


def test_a_form_has_pages_too(client: FlaskClient) -> None:
    bundle = checked(client.post("/fhir/Observation/_search", data={"patient": "anna", "_count": "10"}))
    assert bundle["link"][1] == {"relation": "next", "url": f"{BASE}/Observation?patient=anna&_count=10&_offset=10"}


def test_a_page_has_fifty_unless_asked(client: FlaskClient) -> None:
    assert len(search(client, "Observation")["entry"]) == 50


def test_a_count_of_none_asks_for_the_total(client: FlaskClient) -> None:
    bundle = search(client, "Observation?patient=anna&_count=0")
    assert (bundle["total"], bundle.get("entry"), len(bundle["link"])) == (15, None, 1)


def test_past_the_last_page_is_nothing(client: FlaskClient) -> None:
    bundle = search(client, "Observation?patient=anna&_count=10&_offset=20")
    assert (bundle["total"], bundle.get("entry"), len(bundle["link"])) == (15, None, 1)


@pytest.mark.parametrize("query", ["_count=-1", "_count=ten", "_count=", "_offset=-1", "_count=1&_count=2"])
def test_a_malformed_page_is_refused(client: FlaskClient, query: str) -> None:
    assert refusal(client.get(f"/fhir/Observation?{query}"), 400)[0] == "invalid"


@pytest.mark.parametrize("include", ["MedicationRequest:medication", "MedicationRequest:medication:Medication"])
def test_medications_are_included_on_request(client: FlaskClient, include: str) -> None:
    bundle = search(client, f"MedicationRequest?patient=jana&_include={include}")
    assert bundle["total"] == 1
    assert [(e["fullUrl"].removeprefix(BASE), e["search"]["mode"]) for e in bundle["entry"]] == [
        ("/MedicationRequest/jana-itraconazole", "match"),
        ("/Medication/jana-itraconazole-capsule", "include"),
    ]
    assert len(search(client, "MedicationRequest?patient=jana")["entry"]) == 1


def test_a_medication_is_included_once_and_only_where_it_is_known() -> None:
    subject = {"reference": "Patient/p"}
    requests = [
        {"resourceType": "MedicationRequest", "id": str(i), "status": "active", "intent": "order", "subject": subject}
        | {"medicationReference": {"reference": f"Medication/{drug}"}}
        for i, drug in enumerate(["m", "m", "lost"])
    ]
    store = Store([*requests, {"resourceType": "Medication", "id": "m"}])
    bundle = search(client_of(store), "MedicationRequest?_include=MedicationRequest:medication")
    assert [entry["resource"]["id"] for entry in bundle["entry"]] == ["0", "1", "2", "m"]


# ---- the store, and the whole way ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "resources",
    [
        [{"resourceType": "Encounter", "id": "1"}],
        [{"resourceType": "Patient"}],
        [{"resourceType": "Patient", "id": "1"}, {"resourceType": "Patient", "id": "1"}],
    ],
)
def test_a_store_refuses_what_it_could_not_serve(resources: list[Json]) -> None:
    with pytest.raises(ValueError):
        Store(resources)


@pytest.mark.parametrize("bundle", patient_bundles(), ids=lambda bundle: bundle["id"])
def test_a_record_fetched_page_by_page_gives_the_same_result(
    client: FlaskClient, screening: Screening, bundle: Json
) -> None:
    id, on = bundle["id"], date.fromisoformat(AS_OF)
    fetched = [
        page
        for kind in PARAMETERS
        if kind != "Medication"
        for include in [f"&_include={kind}:medication" if "medication" in PARAMETERS[kind] else ""]
        for page in pages(client, f"{kind}?{'_id' if kind == 'Patient' else 'patient'}={id}&_count=4{include}")
    ]
    expected = screening.screen(screening.read(as_json(bundle)), on)
    record = screening.read(as_json(fetched), patient=id, base=BASE)
    assert not record.has_gaps
    assert screening.screen(record, on) == expected
