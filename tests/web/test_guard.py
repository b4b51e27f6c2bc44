"""Draft orders: a warning only where one would close a trial that is open to the patient, in whatever form it comes."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from service.alternatives import purposes
from service.screening import Screening
from tests.builders import ASPIRE, SINAI, Json, RxNorm, Snomed, concept, eligible, procedure, statement
from tests.web.conftest import call_body, called, post, prefetch

CLARITHROMYCIN = concept(
    {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "21212"}, text="Clarithromycin"
)
PARACETAMOL = concept({"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "161"}, text="Paracetamol")


def drug(medication: Json | None, **more: Any) -> Json:
    order: Json = {"resourceType": "MedicationRequest", "id": "o1", "status": "draft", "intent": "order"} | more
    return order | ({"medicationCodeableConcept": medication} if medication else {})


def guard_call(drafts: Any, sign: bool = True, trial: str = SINAI, **changes: Any) -> Json:
    record = changes.pop("record", eligible(trial))
    body = call_body(record, hook="order-sign" if sign else "order-select", **changes)
    body["context"] = (
        body["context"] | {"draftOrders": drafts} | ({} if sign else {"selections": ["MedicationRequest/o1"]})
    )
    return body


def warned(client: FlaskClient, body: Json) -> list[Json]:
    service = "trial-guard-sign" if body["hook"] == "order-sign" else "trial-guard-select"
    answer = post(client, f"/cds-services/{service}", body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    cards: list[Json] = answer.json["cards"]
    return cards


def bundle(*orders: Json, **more: Any) -> Json:
    return {"resourceType": "Bundle", "entry": [{"resource": order} for order in orders]} | more


FORMS = {
    "a Bundle without a type": bundle(drug(CLARITHROMYCIN)),
    "a collection": bundle(drug(CLARITHROMYCIN), type="collection"),
    "without an intent": bundle({k: v for k, v in drug(CLARITHROMYCIN).items() if k != "intent"}),
    "a category that is an object": bundle(drug(CLARITHROMYCIN, category={"coding": [{"code": "outpatient"}]})),
    "a status that is not draft": bundle(drug(CLARITHROMYCIN, status="active")),
    "a dose that is text": bundle(drug(CLARITHROMYCIN, dosageInstruction=[{"text": "500 mg twice a day"}])),
    "beside an order of nothing": bundle(drug(None, id="o2"), drug(CLARITHROMYCIN)),
    "beside another type": bundle({"resourceType": "NutritionOrder", "id": "n"}, drug(CLARITHROMYCIN)),
}


@pytest.mark.parametrize("sign", [True, False], ids=["order-sign", "order-select"])
@pytest.mark.parametrize("form", FORMS)
def test_an_order_that_closes_a_trial_is_warned_of(client: FlaskClient, form: str, sign: bool) -> None:
    (card,) = [c for c in warned(client, guard_call(FORMS[form], sign)) if SINAI in c["summary"]]
    assert card["indicator"] == "warning"
    assert "Clarithromycin" in card["summary"]
    assert "CYP3A4" in card["detail"]
    assert card["extension"]["org.trialhook.guard"]["criteria"] == ["cyp3a4"]
    without, on_hold = card["suggestions"]
    assert without["actions"] == [
        {"type": "delete", "description": without["actions"][0]["description"], "resourceId": "MedicationRequest/o1"}
    ]
    (update,) = on_hold["actions"]
    assert (update["type"], update["resource"]["id"], update["resource"]["status"]) == ("update", "o1", "on-hold")
    assert update["resource"]["medicationCodeableConcept"] == CLARITHROMYCIN
    assert card["selectionBehavior"] == "at-most-one"


def test_drugs_of_the_same_purpose_that_the_trial_does_not_mind_are_named(client: FlaskClient) -> None:
    (card,) = [c for c in warned(client, guard_call(bundle(drug(CLARITHROMYCIN)))) if SINAI in c["summary"]]
    assert card["extension"]["org.trialhook.guard"]["alternatives"] == ["azithromycin", "erythromycin"]
    assert "azithromycin" in card["detail"]
    assert "for a person to judge" in card["detail"]
    assert all(a["type"] != "create" for s in card["suggestions"] for a in s["actions"])  # never chosen for anybody


def test_a_drug_that_the_trial_minds_too_is_no_alternative(client: FlaskClient) -> None:
    verapamil = concept({"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "6135"}, text="Ketoconazole")
    (card,) = [c for c in warned(client, guard_call(bundle(drug(verapamil)))) if SINAI in c["summary"]]
    assert card["extension"]["org.trialhook.guard"]["alternatives"] == ["fluconazole"]


def test_a_drug_without_others_of_its_purpose_has_no_alternative(client: FlaskClient) -> None:
    drafts = bundle(drug(concept(RxNorm.RIBOCICLIB_TABLET)))
    (card,) = [c for c in warned(client, guard_call(drafts, trial=ASPIRE)) if ASPIRE in c["summary"]]
    assert "alternatives" not in card["extension"]["org.trialhook.guard"]


def test_a_drug_with_a_purpose_has_the_code_that_its_value_set_has(screening: Screening) -> None:
    known = screening.terminology.concepts("drug")
    pairs = [(code, name) for purpose in purposes() for code, name in purpose.drugs.items() if name in known]
    assert len(pairs) >= len(purposes())
    for code, name in pairs:
        assert screening.terminology.first_code("drug", name) == (
            "http://www.nlm.nih.gov/research/umls/rxnorm",
            code,
            name,
        )


NOTHING = {
    "an order that no trial asks about": bundle(drug(PARACETAMOL)),
    "nothing picked yet": bundle(drug(None)),
    "no drafts": bundle(),
    "no Bundle": None,
    "a text": "orders",
    "entries that are none": {"resourceType": "Bundle", "entry": [5, None, {}]},
    "an order not to give it": bundle(drug(CLARITHROMYCIN, doNotPerform=True)),
}


@pytest.mark.parametrize("claim", NOTHING)
def test_there_is_no_card_for(client: FlaskClient, claim: str) -> None:
    assert warned(client, guard_call(NOTHING[claim])) == []


def test_orders_that_cannot_matter_need_no_record(client: FlaskClient) -> None:
    assert warned(client, guard_call(bundle(drug(PARACETAMOL)), prefetch={})) == []


def test_an_order_only_selected_elsewhere_is_context(client: FlaskClient) -> None:
    body = guard_call(bundle(drug(CLARITHROMYCIN, id="other"), drug(PARACETAMOL)), sign=False)
    assert warned(client, body) == []


def test_a_trial_that_is_closed_anyway_is_not_warned_of(client: FlaskClient) -> None:
    record = eligible(SINAI).add(statement(RxNorm.VERAPAMIL, "2026-09-01"))
    assert not [
        c for c in warned(client, guard_call(bundle(drug(CLARITHROMYCIN)), record=record)) if SINAI in c["summary"]
    ]


def test_radiotherapy_closes_until_its_washout_ends(client: FlaskClient) -> None:
    order = {
        "resourceType": "ServiceRequest",
        "id": "r1",
        "status": "draft",
        "code": concept(Snomed.RADIOTHERAPY, text="Radiotherapy"),
    }
    (card,) = [c for c in warned(client, guard_call(bundle(order), trial=ASPIRE)) if ASPIRE in c["summary"]]
    effect = card["extension"]["org.trialhook.guard"]
    assert effect["openAgain"] > "2026-11-21"
    assert effect["openAgain"] in card["summary"]
    assert "If nothing new is recorded, the trial is open to the patient again from" in card["detail"]
    assert card["suggestions"][0]["actions"][0]["resourceId"] == "ServiceRequest/r1"


def test_a_cdk46_inhibitor_closes_aspire_for_good(client: FlaskClient) -> None:
    ribociclib = concept(
        {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1873916"}, text="Ribociclib"
    )
    (card,) = [c for c in warned(client, guard_call(bundle(drug(ribociclib)), trial=ASPIRE)) if ASPIRE in c["summary"]]
    assert "openAgain" not in card["extension"]["org.trialhook.guard"]
    assert "If **Ribociclib** is carried out, this stands in the way:" in card["detail"]
    assert "stays closed" in card["detail"]


def test_text_of_an_order_is_only_text(client: FlaskClient) -> None:
    hostile = CLARITHROMYCIN | {"text": "<b>x</b> [a](http://evil.example)"}
    (card,) = [c for c in warned(client, guard_call(bundle(drug(hostile)))) if SINAI in c["summary"]]
    assert "<b>" not in card["detail"].replace("\\<b", "")
    assert len(card["summary"]) <= 139


def test_412_where_the_record_cannot_be_had(client: FlaskClient) -> None:
    body = guard_call(bundle(drug(CLARITHROMYCIN)), prefetch={})
    assert post(client, "/cds-services/trial-guard-sign", body).status_code == 412


def test_the_hook_must_be_the_services_own(client: FlaskClient) -> None:
    assert post(client, "/cds-services/trial-guard-select", guard_call(bundle(), sign=True)).status_code == 400


def test_prefetch_is_the_same_for_all_services(client: FlaskClient) -> None:
    services = client.get("/cds-services").json["services"]
    assert {s["id"]: s["hook"] for s in services} == {
        "trial-match": "patient-view", "trial-guard-select": "order-select", "trial-guard-sign": "order-sign",
    }  # fmt: skip
    assert all(service["prefetch"].keys() == prefetch(eligible(SINAI)).keys() for service in services)


def what_if(client: FlaskClient, *parameters: Json) -> Any:
    body = {"resourceType": "Parameters", "parameter": list(parameters)}
    return post(client, "/evaluate?asOf=2026-11-21", body)


def test_evaluate_tells_what_drafts_would_close(client: FlaskClient) -> None:
    record = {"name": "patient", "resource": eligible(SINAI).bundle()}
    drafts = {"name": "draftOrders", "resource": bundle(drug(CLARITHROMYCIN), type="collection")}
    told = what_if(client, record, drafts).json
    assert [(effect["trial"], effect["criteria"]) for effect in told["whatIf"]] == [(SINAI, ["cyp3a4"])]
    assert told["results"] == post(client, "/evaluate?asOf=2026-11-21", eligible(SINAI).bundle()).json["results"]


@pytest.mark.parametrize("missing", ["patient", "draftOrders"])
def test_evaluate_needs_a_record_and_drafts(client: FlaskClient, missing: str) -> None:
    found = {"patient": eligible(SINAI).bundle(), "draftOrders": bundle(drug(CLARITHROMYCIN))}
    answer = what_if(client, *({"name": name, "resource": r} for name, r in found.items() if name != missing))
    assert (answer.status_code, answer.json["code"]) == (400, "bad-request")


def test_more_drafts_than_anyone_signs_are_refused(client: FlaskClient) -> None:
    many = bundle(*(drug(CLARITHROMYCIN, id=f"o{n}") for n in range(101)))
    answer = post(client, "/cds-services/trial-guard-sign", guard_call(many))
    assert (answer.status_code, answer.json["code"]) == (400, "too-many-orders")


def test_a_draft_without_an_id_has_nothing_to_act_on(client: FlaskClient) -> None:
    nameless = {k: v for k, v in drug(CLARITHROMYCIN).items() if k != "id"}
    (card,) = [c for c in warned(client, guard_call(bundle(nameless))) if SINAI in c["summary"]]
    assert card.keys().isdisjoint({"suggestions", "selectionBehavior"})


ABSENT_OR_MISSHAPEN = [None, [], {}, "x", 5, [None], [{}], ["x"], {"a": 1}, [[]], True]
SIDE_FIELDS = {
    "MedicationRequest": (
        "dosageInstruction", "reasonCode", "reasonReference", "dispenseRequest", "contained", "medicationReference",
        "category", "note", "subject", "authoredOn", "status", "intent",
    ),
    "ServiceRequest": (
        "bodySite", "reasonCode", "reasonReference", "occurrenceDateTime", "occurrencePeriod", "occurrenceTiming",
    ),
}  # fmt: skip
DRAFTS: dict[str, tuple[str, Json]] = {
    "MedicationRequest": (SINAI, drug(CLARITHROMYCIN)),
    "ServiceRequest": (
        ASPIRE,
        {"resourceType": "ServiceRequest", "id": "r1", "code": concept(Snomed.RADIOTHERAPY, text="Radiotherapy")},
    ),
}


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, fields in SIDE_FIELDS.items() for field in fields])
def test_no_warning_is_lost_by_a_misshapen_side_field(shared: FlaskClient, kind: str, field: str) -> None:
    trial, draft = DRAFTS[kind]
    record = eligible(trial)
    for value in ABSENT_OR_MISSHAPEN:
        cards = warned(shared, guard_call(bundle(draft | {field: value}), trial=trial, record=record))
        assert [c["summary"] for c in cards if trial in c["summary"]], value


CONCEPTS: dict[str, Any] = {
    "a coding without its list": {"coding": CLARITHROMYCIN["coding"][0]},
    "a code as a number": {"coding": [CLARITHROMYCIN["coding"][0] | {"code": 21212}]},
    "beside null": {"coding": [*CLARITHROMYCIN["coding"], None]},
    "beside a text": {"coding": [*CLARITHROMYCIN["coding"], "x"]},
    "a display that is none": {"coding": [CLARITHROMYCIN["coding"][0] | {"display": 5}], "text": []},
    "in a list": [CLARITHROMYCIN],
}


@pytest.mark.parametrize("form", CONCEPTS)
def test_a_drug_is_known_in_whatever_shape_its_code_comes(shared: FlaskClient, form: str) -> None:
    assert [c for c in warned(shared, guard_call(bundle(drug(CONCEPTS[form])))) if SINAI in c["summary"]]


@pytest.mark.parametrize(
    "instructions",
    [
        pytest.param({"timing": {"repeat": {"boundsPeriod": {"start": "2026-12-01", "end": "2026-12-07"}}}}, id="one"),
        pytest.param(
            [None, {"timing": {"event": 5, "repeat": {"boundsPeriod": {"start": "2026-12-01", "end": "2026-12-07"}}}}],
            id="beside what cannot be read",
        ),
    ],
)
def test_the_dates_of_a_misshapen_instruction_are_kept(shared: FlaskClient, instructions: Any) -> None:
    draft = drug(CLARITHROMYCIN, dosageInstruction=instructions)
    (card,) = [c for c in warned(shared, guard_call(bundle(draft))) if SINAI in c["summary"]]
    effect = card["extension"]["org.trialhook.guard"]
    assert (effect["closesFrom"], effect["openAgain"]) == ("2026-12-01", "2026-12-08")


def held(client: FlaskClient, draft: Json) -> Json | None:
    """The draft as the card suggests to write it back; None where it does not."""
    (card,) = [c for c in warned(client, guard_call(bundle(draft))) if SINAI in c["summary"]]
    actions = [action for suggestion in card["suggestions"] for action in suggestion["actions"]]
    return next((action["resource"] for action in actions if action["type"] == "update"), None)


@pytest.mark.parametrize(
    ("sent", "written"),
    [
        pytest.param({"category": {"text": "x"}}, {"category": [{"text": "x"}]}, id="an object for a list"),
        pytest.param({"intent": ["proposal"]}, {"intent": "proposal"}, id="a list for a code"),
        pytest.param({"intent": []}, {}, id="no code"),
        pytest.param({"status": "active", "intent": ""}, {"intent": "order"}, id="no code of an order that runs"),
        pytest.param({"status": "active"}, {"intent": "order"}, id="an order that runs"),
        pytest.param({"note": [], "reasonCode": None, "identifier": [{}], "priority": ""}, {}, id="what is empty"),
        pytest.param({"dosageInstruction": {"text": "x"}}, {"dosageInstruction": [{"text": "x"}]}, id="a dose"),
    ],
)
def test_a_held_order_is_valid_where_the_draft_was_not(shared: FlaskClient, sent: Json, written: Json) -> None:
    subject = {"subject": {"reference": "Patient/p1"}}
    changed = {"intent": "plan"} | written | {"status": "on-hold"}
    assert held(shared, drug(CLARITHROMYCIN, **sent)) == drug(CLARITHROMYCIN) | subject | changed


@pytest.mark.parametrize("draft", [drug(CLARITHROMYCIN), drug(CLARITHROMYCIN, intent=None)], ids=["order", "no code"])
def test_a_draft_that_was_put_on_hold_leaves_the_trial_open(shared: FlaskClient, draft: Json) -> None:
    record = eligible(SINAI)
    written = held(shared, draft)
    assert written is not None
    before, after = (called(shared, call_body(known)) for known in (record, record.put(held=written)))
    assert any(SINAI in card["detail"] for card in before)
    assert [card["summary"] for card in after] == [card["summary"] for card in before]


@pytest.mark.parametrize(
    "sent",
    [
        {"dosageInstruction": [{"timing": 5}]},
        {"reasonCode": "x"},
        {"medicationReference": {"reference": "Medication/m"}},
        {"subject": "x"},
        {"ownMember": 1},
    ],
    ids=lambda sent: next(iter(sent)),
)
def test_an_order_that_cannot_be_made_valid_is_not_written_back(shared: FlaskClient, sent: Json) -> None:
    assert held(shared, drug(CLARITHROMYCIN, **sent)) is None


FULL_URLS = {
    "relative": ("MedicationRequest/o1", "MedicationRequest/o1", "MedicationRequest/o1"),
    "absolute": ("https://fhir.example/r4/MedicationRequest/o1", "MedicationRequest/o1", "MedicationRequest/o1"),
    "selected as it stands": (
        "https://fhir.example/r4/MedicationRequest/o1",
        "https://fhir.example/r4/MedicationRequest/o1",
        "MedicationRequest/o1",
    ),
    "a urn": (
        "urn:uuid:9f4c5c4e-0000-4000-8000-000000000001",
        "urn:uuid:9f4c5c4e-0000-4000-8000-000000000001",
        "MedicationRequest/draft-1",
    ),
}


@pytest.mark.parametrize("form", FULL_URLS)
def test_a_draft_without_an_id_is_selected_by_its_full_url(shared: FlaskClient, form: str) -> None:
    full_url, selected, reference = FULL_URLS[form]
    nameless = {k: v for k, v in drug(CLARITHROMYCIN).items() if k != "id"}
    body = guard_call({"resourceType": "Bundle", "entry": [{"fullUrl": full_url, "resource": nameless}]}, sign=False)
    body["context"]["selections"] = [selected]
    (card,) = [c for c in warned(shared, body) if SINAI in c["summary"]]
    assert card["extension"]["org.trialhook.guard"]["order"] == reference
    body["context"]["selections"] = ["MedicationRequest/another"]
    assert warned(shared, body) == []


PRODUCTS = {
    "its code": {"code": CLARITHROMYCIN},
    "its ingredient": {"ingredient": [{"itemCodeableConcept": CLARITHROMYCIN}]},
}


@pytest.mark.parametrize("named_by", PRODUCTS)
def test_an_order_is_named_by_the_medication_that_it_holds(shared: FlaskClient, named_by: str) -> None:
    product = {"resourceType": "Medication", "id": "m"} | PRODUCTS[named_by]
    draft = drug(None, contained=[product], medicationReference={"reference": "#m"})
    (card,) = [c for c in warned(shared, guard_call(bundle(draft))) if SINAI in c["summary"]]
    assert card["summary"].startswith("Clarithromycin would close")


def test_a_reference_without_an_address_is_no_other_draft(shared: FlaskClient) -> None:
    product = {"resourceType": "Medication", "code": CLARITHROMYCIN}
    draft = drug(None, medicationReference={"display": "Paracetamol"})
    assert warned(shared, guard_call(bundle(product, draft))) == []


def test_a_trial_that_would_only_open_later_is_not_warned_of(shared: FlaskClient) -> None:
    """On the day of the order it would be open; now it is not."""
    record = eligible(ASPIRE).add(procedure(Snomed.RADIOTHERAPY, "2026-11-20"))
    order = DRAFTS["ServiceRequest"][1]
    for planned in ({}, {"occurrenceDateTime": "2027-01-10"}):
        cards = warned(shared, guard_call(bundle(order | planned), trial=ASPIRE, record=record))
        assert not [c for c in cards if ASPIRE in c["summary"]], planned


def test_an_order_that_is_already_on_hold_is_not_warned_of_again(client: FlaskClient) -> None:
    assert warned(client, guard_call(bundle(drug(CLARITHROMYCIN, status="on-hold")))) == []


def test_a_held_order_names_its_patient(client: FlaskClient) -> None:
    (card,) = [c for c in warned(client, guard_call(bundle(drug(CLARITHROMYCIN)))) if SINAI in c["summary"]]
    assert card["suggestions"][1]["actions"][0]["resource"]["subject"]["reference"].startswith("Patient/")


def test_an_order_for_later_says_from_when(client: FlaskClient) -> None:
    order = {
        "resourceType": "ServiceRequest",
        "id": "r1",
        "status": "draft",
        "occurrenceDateTime": "2027-01-10",
        "code": concept(Snomed.RADIOTHERAPY, text="Radiotherapy"),
    }
    (card,) = [c for c in warned(client, guard_call(bundle(order), trial=ASPIRE)) if ASPIRE in c["summary"]]
    assert "from 2027-01-10 until 2027-01-25" in card["summary"]
    assert "carried out on 2027-01-10" in card["detail"]
