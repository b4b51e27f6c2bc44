"""Cards: what CDS Hooks 2.0 asks of them, and what a clinician reads on them."""

import json
from uuid import UUID

import pytest
from fhir.resources.R4B import get_fhir_model_class
from flask.testing import FlaskClient

from service.cards import MAX_SUMMARY, card_uuid, trial_of
from service.render.markdown import escaped
from tests.builders import (
    ASPIRE,
    PATINA,
    SINAI,
    TRIALS,
    YALE,
    Icd10cm,
    Json,
    Loinc,
    Record,
    condition,
    eligible,
    laboratory,
    patient,
)
from tests.web.conftest import Serve, call_body, called


def card_of(cards: list[Json], trial: str) -> Json:
    return next(card for card in cards if card["extension"]["org.trialhook.result"]["trial"] == trial)


def empties(value: object, path: str = "") -> list[str]:
    """Every place that holds null or something empty."""
    if value is None or value in ("", [], {}):
        return [path]
    if isinstance(value, dict):
        return [p for name, inner in value.items() for p in empties(inner, f"{path}.{name}")]
    if isinstance(value, list):
        return [p for n, inner in enumerate(value) for p in empties(inner, f"{path}[{n}]")]
    return []


@pytest.mark.parametrize("trial", TRIALS)
def test_every_card_is_a_valid_card(client: FlaskClient, trial: str) -> None:
    cards = called(client, call_body(eligible(trial)))
    assert trial in {card["extension"]["org.trialhook.result"]["trial"] for card in cards}
    for card in cards:
        assert len(card["summary"]) <= MAX_SUMMARY
        assert card["indicator"] == "info"
        assert card["source"]["label"]
        assert UUID(card["uuid"]).version == 4
        assert card["selectionBehavior"] in ("any", "at-most-one")
        assert all(set(reason) == {"system", "code", "display"} for reason in card["overrideReasons"])
        assert not empties(card | {"extension": 1})


def test_suggested_resources_are_valid_r4(client: FlaskClient) -> None:
    cards = called(client, call_body(eligible(SINAI).drop("lvef")))
    actions = [action for card in cards for suggestion in card["suggestions"] for action in suggestion["actions"]]
    assert {action["resource"]["resourceType"] for action in actions} == {"Task", "ServiceRequest"}
    for action in actions:
        resource = action["resource"]
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        assert action["type"] == "create"
        assert action["description"]
        assert "Patient/p1" in json.dumps(resource)


def test_an_order_of_a_result_whose_limit_is_missing_says_so(client: FlaskClient) -> None:
    record = eligible(SINAI).put(alt=laboratory(Loinc.ALT, 22, "U/L"))
    card = card_of(called(client, call_body(record)), SINAI)
    order = card["suggestions"][1]
    assert order["label"].endswith(" in Serum or Plasma with its upper limit of normal")
    assert order["actions"][0]["resource"]["code"]["text"].endswith(" with its upper limit of normal")


def test_a_missing_result_can_be_ordered(client: FlaskClient) -> None:
    card = card_of(called(client, call_body(eligible(SINAI).drop("lvef"))), SINAI)
    assert "1 result missing" in card["summary"]
    order = card["suggestions"][1]["actions"][0]["resource"]
    assert order["code"]["coding"][0]["code"] == Loinc.LVEF["code"]
    assert "no LVEF within 90 days" in card["detail"]


def test_what_would_settle_nothing_yet_is_not_ordered(client: FlaskClient) -> None:
    def labels(record: Record) -> list[str]:
        return [s["label"] for s in card_of(called(client, call_body(record)), PATINA)["suggestions"]]

    status = "Order what is missing: Cancer Disease Progression"
    assert status in labels(eligible(PATINA).drop("status"))
    assert status not in labels(eligible(SINAI))  # no induction yet: there is nothing that could have progressed


def test_what_is_no_result_is_missing_as_an_item(client: FlaskClient) -> None:
    card = card_of(called(client, call_body(eligible(YALE).drop("pertuzumab", "lvef"))), YALE)
    assert "may be eligible – 2 items missing" in card["summary"]


def test_what_the_calendar_alone_will_change_is_told(client: FlaskClient) -> None:
    detail = card_of(called(client, call_body(eligible(SINAI))), SINAI)["detail"]
    told = next(part for part in detail.split("\n\n") if part.startswith("**From 2026-"))
    assert ", if nothing new is recorded, the patient may be eligible, but something is missing: " in told
    assert "; and " in told


def test_nothing_to_say_is_no_card(client: FlaskClient) -> None:
    well = Record({}).put(p1=patient(), diabetes=condition(Icd10cm.HYPERLIPIDEMIA, "2020-01-01"))
    assert called(client, call_body(well)) == []


def test_the_dead_get_no_card(client: FlaskClient) -> None:
    gone = eligible(SINAI)
    key = next(k for k, r in gone.resources.items() if r["resourceType"] == "Patient")
    assert called(client, call_body(gone.edit(key, deceasedBoolean=True))) == []


@pytest.mark.parametrize(("recruitment", "shown"), [("any", True), ("open", False)])
def test_trials_that_do_not_recruit_say_so_or_are_hidden(serve: Serve, recruitment: str, shown: bool) -> None:
    cards = called(serve(RECRUITMENT=recruitment), call_body())
    assert bool(cards) is shown
    assert all("(not recruiting" in card["summary"] for card in cards)


def test_open_trials_come_first_then_the_best(serve: Serve, tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path)) / "trials" / "PATINA"
    folder.mkdir(parents=True)
    source = Path("service/criteria/trials") / PATINA / "trial.yaml"
    text = source.read_text("utf-8").replace("recruitment: active-not-recruiting", "recruitment: recruiting")
    (folder / "trial.yaml").write_text(text, "utf-8")
    cards = called(serve(TRIALS=str(folder.parent)), call_body())
    results = [card["extension"]["org.trialhook.result"] for card in cards]
    assert (results[0]["trial"], results[0]["grade"]) == (PATINA, "possible")
    assert "not recruiting" not in cards[0]["summary"]
    assert [r["grade"] for r in results[1:]] == sorted(
        (r["grade"] for r in results[1:]), key=["probable", "possible"].index
    )


def test_links_lead_to_the_explanation_the_app_and_the_registry(serve: Serve) -> None:
    client = serve(PUBLIC_URL="https://trials.example.org", SMART_APP_URL="https://app.example.org/launch")
    card = card_of(called(client, call_body()), SINAI)
    explanation, app, registry = card["links"]
    assert explanation["url"].startswith("https://trials.example.org/explain/")
    assert "p1" not in explanation["url"].replace(explanation["url"].split("/explain/")[1].split("?")[0], "")
    assert (app["type"], json.loads(app["appContext"])) == ("smart", {"trial": SINAI})
    assert (registry["type"], registry["url"]) == ("absolute", f"https://clinicaltrials.gov/study/{SINAI}")
    assert all("appContext" not in link for link in (explanation, registry))


HOSTILE = "<iframe src=//x> [a](http://evil.example) ![i](x) `c` **b** # h | & www.evil.example"


def test_a_records_text_is_only_text(client: FlaskClient) -> None:
    record = eligible(SINAI)
    key = next(k for k, r in record.resources.items() if r["resourceType"] == "Condition")
    concept = record.resources[key]["code"]
    shown = {"coding": [concept["coding"][0] | {"display": HOSTILE}]}
    detail = card_of(called(client, call_body(record.edit(key, code=shown))), SINAI)["detail"]
    assert escaped(HOSTILE) in detail
    assert HOSTILE not in detail
    assert "\\<iframe" in detail
    assert "\\[a\\]\\(http\u2060://" in detail


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a < b & c > d", "a \\< b \\& c \\> d"),
        ("line one\r\nline two", "line one line two"),
        ("- not a list", "\\- not a list"),
        ("1. not a list", "1\\. not a list"),
        ("ANC 2,100 /mm³, at least 1.5 × ULN", "ANC 2,100 /mm³, at least 1.5 × ULN"),
        ("a\x00b\u2028c", "a b c"),
        ("---", "\\---"),
        ("a list of one: -", "a list of one: -"),
        ("-", "\\-"),
        ("1.", "1\\."),
        ("-1.5", "-1.5"),
        ("x@y.org", "x\u2060@y.org"),
        ("http://y.org", "http\u2060://y.org"),
        ("WWW.y.org", "WWW\u2060.y.org"),
    ],
)
def test_signs_of_markdown_are_escaped(text: str, safe: str) -> None:
    assert escaped(text) == safe


def test_a_card_tells_its_trial_to_the_feedback_and_nobody_elses() -> None:
    trials = (PATINA, SINAI, YALE, ASPIRE)
    assert [trial_of(card_uuid(trial), trials) for trial in trials] == list(trials)
    assert card_uuid(SINAI) != card_uuid(SINAI)
    assert trial_of("00000000-0000-4000-8000-000000000000", trials) == ""
    assert trial_of("no uuid", trials) == ""
