"""Draft orders: a warning only where one would close a trial that is open to the patient, in whatever form it comes."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from service.alternatives import purposes
from service.screening import Screening
from tests.builders import ASPIRE, SINAI, Json, RxNorm, Snomed, concept, eligible, statement
from tests.web.conftest import call_body, post, prefetch

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
    assert card["suggestions"][0]["actions"][0]["resourceId"] == "ServiceRequest/r1"


def test_a_cdk46_inhibitor_closes_aspire_for_good(client: FlaskClient) -> None:
    ribociclib = concept(
        {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1873916"}, text="Ribociclib"
    )
    (card,) = [c for c in warned(client, guard_call(bundle(drug(ribociclib)), trial=ASPIRE)) if ASPIRE in c["summary"]]
    assert "openAgain" not in card["extension"]["org.trialhook.guard"]
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
    assert card["suggestions"] == []
    assert "selectionBehavior" not in card


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
