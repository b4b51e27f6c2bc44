"""Draft orders as a clinician means them: when, why and where they are carried out decides what they would close."""

import json
from typing import Any

import msgspec
import pytest

from service.cards import MAX_SUMMARY, Desk
from service.criteria.catalogue import Trials, load_trials
from service.criteria.plan import Plan
from service.criteria.results import Effect
from service.demo import patient_files
from service.guard import Order, effects, read_orders, with_orders
from service.guard_cards import guard_cards
from service.mappers import wire
from service.mappers.documents import Document, read_document
from service.screening import Screening
from tests.builders import (
    AS_OF,
    ASPIRE,
    SINAI,
    Json,
    Record,
    RxNorm,
    Snomed,
    as_json,
    concept,
    eligible,
    icd10cm,
    rxnorm,
    snomed,
)  # fmt: skip
from tests.cases.conftest import TRIAL

TODAY = AS_OF.toordinal()
CLARITHROMYCIN = concept(rxnorm("21212"), text="Clarithromycin")
LETROZOLE = concept(rxnorm("72965"), text="Letrozole")
FERTILITY = [concept(icd10cm("Z31.84"))]


def drug(medication: Json | None, **more: Any) -> Json:
    order: Json = {"resourceType": "MedicationRequest", "id": "o1", "status": "draft", "intent": "order"} | more
    return order | ({"medicationCodeableConcept": medication} if medication else {})


def radiotherapy(**more: Any) -> Json:
    code = concept(Snomed.RADIOTHERAPY, text="Radiotherapy")
    return {"resourceType": "ServiceRequest", "id": "r1", "status": "draft", "intent": "order", "code": code} | more


def told(screening: Screening, record: Record, trial: str, *drafts: Json, plan: Plan | None = None) -> list[Effect]:
    chosen = plan or Plan(screening.trials.chosen([trial]))
    document = read_document(as_json(record.bundle()), "record")
    orders = read_orders(list(drafts), "p1", TODAY)
    return effects(screening, chosen, document, "p1", TODAY, orders)


@pytest.mark.parametrize(
    "when",
    [
        {"occurrenceDateTime": "2027-01-10"},
        {"occurrencePeriod": {"start": "2027-01-10"}},
        {"occurrenceTiming": {"event": ["2027-01-10T09:00:00Z"]}},
    ],
    ids=["a day", "a period", "a timing"],
)
def test_what_is_planned_for_later_closes_from_then(screening: Screening, when: Json) -> None:
    (effect,) = told(screening, eligible(ASPIRE), ASPIRE, radiotherapy(**when))
    assert (effect.closes_from, effect.open_again) == ("2027-01-10", "2027-01-25")


def test_a_course_counts_by_its_last_day(screening: Screening) -> None:
    course = {"occurrencePeriod": {"start": "2026-11-21", "end": "2026-12-11"}}
    (effect,) = told(screening, eligible(ASPIRE), ASPIRE, radiotherapy(**course))
    assert (effect.closes_from, effect.open_again) == ("", "2026-12-26")


def test_a_drug_that_is_begun_later_closes_from_then(screening: Screening) -> None:
    bounds = {"start": "2026-12-01", "end": "2026-12-07"}
    later = [{"timing": {"repeat": {"boundsPeriod": bounds}}}]
    (effect,) = told(screening, eligible(SINAI), SINAI, drug(CLARITHROMYCIN, dosageInstruction=later))
    assert (effect.closes_from, effect.open_again) == ("2026-12-01", "2026-12-08")
    assert "azithromycin" in effect.alternatives


def test_the_end_of_what_may_be_dispensed_ends_the_order(screening: Screening) -> None:
    supply = {"validityPeriod": {"end": "2026-11-28"}}
    (effect,) = told(screening, eligible(SINAI), SINAI, drug(CLARITHROMYCIN, dispenseRequest=supply))
    assert effect.open_again == "2026-11-29"


def test_the_reason_of_an_order_counts(screening: Screening) -> None:
    assert told(screening, eligible(SINAI), SINAI, drug(LETROZOLE))
    assert told(screening, eligible(SINAI), SINAI, drug(LETROZOLE, reasonCode=FERTILITY)) == []


@pytest.mark.parametrize("status", ["on-hold", "cancelled", "stopped", "entered-in-error"])
def test_a_draft_that_is_not_to_be_carried_out_closes_nothing(screening: Screening, status: str) -> None:
    assert told(screening, eligible(SINAI), SINAI, drug(CLARITHROMYCIN, status=status)) == []
    assert told(screening, eligible(SINAI), SINAI, drug(CLARITHROMYCIN, status=[status]))  # no status at all


def test_a_medication_among_the_drafts_is_read(screening: Screening) -> None:
    product = {"resourceType": "Medication", "id": "m1", "code": CLARITHROMYCIN}
    order = drug(None, medicationReference={"reference": "Medication/m1"})
    (effect,) = told(screening, eligible(SINAI), SINAI, product, order)
    assert (effect.order, effect.says) == ("MedicationRequest/o1", "Clarithromycin")


def test_a_drug_once_taken_closes_for_good(screening: Screening) -> None:
    (effect,) = told(screening, eligible(ASPIRE), ASPIRE, drug(concept(RxNorm.RIBOCICLIB_TABLET)))
    assert (effect.failure, effect.open_again) == ("permanent", "")


RULES = """\
  - id: both
    type: exclusion
    source: E9
    text: Rifampicin and clarithromycin together
    rule: {absent: [{all-of: [{drug: rifampin, taken: now}, {drug: clarithromycin, taken: now}]}]}
  - id: azole
    type: exclusion
    source: E8
    text: Ketoconazole; another azole for a person to judge
    rule:
      absent:
        - {drug: ketoconazole, taken: now}
        - {drug: voriconazole, taken: now, then: review}
"""


@pytest.fixture
def plan(screening: Screening, tmp_path: Any) -> Plan:
    (tmp_path / "trial.yaml").write_text(TRIAL + RULES, "utf-8")
    return Plan(Trials(load_trials(screening.vocabulary, [tmp_path], built_in=False).trials))


def test_orders_that_close_a_trial_only_together_are_told_once(screening: Screening, plan: Plan) -> None:
    rifampin = drug(concept(rxnorm("9384"), text="Rifampin"), id="o2")
    other = drug(concept(rxnorm("161"), text="Paracetamol"), id="o3")
    both = drug(CLARITHROMYCIN), rifampin, other
    (effect,) = told(screening, eligible(SINAI), "", *both, plan=plan)
    assert (effect.order, effect.together_with, effect.criteria) == (
        "MedicationRequest/o2", ("Clarithromycin",), ("both",),
    )  # fmt: skip
    assert told(screening, eligible(SINAI), "", rifampin, other, plan=plan) == []


def test_a_drug_that_leaves_a_question_is_no_alternative(screening: Screening, plan: Plan) -> None:
    ketoconazole = drug(concept(rxnorm("6135"), text="Ketoconazole"))
    (effect,) = told(screening, eligible(SINAI), "", ketoconazole, plan=plan)
    assert "voriconazole" not in effect.alternatives
    assert "fluconazole" in effect.alternatives


def test_the_site_of_an_operation_is_read(screening: Screening) -> None:
    ablation = concept(Snomed.RADIOTHERAPY) | {"text": "Radiotherapy"}
    draft = radiotherapy(code=ablation, bodySite=[concept(snomed("15497006"))])
    (order,) = read_orders([draft], "p1", TODAY)
    assert b"15497006" in order.carried_out


def test_an_order_for_a_patient_without_an_id_closes_what_it_closes_for_one_with_an_id(screening: Screening) -> None:
    order = [drug(concept(RxNorm.RIBOCICLIB_TABLET))]
    plan = Plan(screening.trials.chosen([ASPIRE]))
    named = json.loads(as_json(eligible(ASPIRE).bundle()))
    urn = "urn:uuid:6f1c0b5e-0000-4000-8000-000000000001"
    nameless = json.loads(as_json(named).replace(b'"Patient/p1"', f'"{urn}"'.encode()))
    for entry in nameless["entry"]:
        if entry["resource"]["resourceType"] == "Patient":
            del entry["resource"]["id"]
            entry["fullUrl"] = urn
    both = [with_orders(screening, plan, read_document(as_json(b), "r"), "", TODAY, order) for b in (named, nameless)]
    assert [result.patient for result in both] == ["Patient/p1", urn]
    assert both[0].what_if
    assert both[0].what_if == both[1].what_if


MANY = [
    *(drug(concept(rxnorm(code)), id=f"m{code}") for code in ("21212", "6135", "9384", "72965", "161")),
    drug(concept(RxNorm.RIBOCICLIB_TABLET), id="late", dosageInstruction=[
        {"timing": {"repeat": {"boundsPeriod": {"start": "2026-12-10"}}}}]),
    drug(None, id="product", medicationReference={"reference": "Medication/none"}),
    radiotherapy(), radiotherapy(id="r2", occurrenceDateTime="2026-12-20"),
]  # fmt: skip


def orders_of(patient: str, document: Document) -> list[Order]:
    """Orders of all kinds, also such as have the ids of what the record holds already."""
    kept = {wire.MedicationRequest: "MedicationRequest", wire.Procedure: "ServiceRequest"}
    same = [
        (drug(CLARITHROMYCIN) if kept[type(item.resource)] == "MedicationRequest" else radiotherapy())
        | {"id": item.resource.id}
        for item in document.items
        if type(item.resource) in kept
    ]
    return read_orders([*MANY, *same], patient, TODAY)


@pytest.mark.parametrize("path", patient_files(), ids=lambda path: path.name)
def test_what_is_shared_between_orders_changes_no_answer(
    screening: Screening, monkeypatch: pytest.MonkeyPatch, path: Any
) -> None:
    document = read_document(path.read_bytes(), "record")
    patient = screening.of_document(document).person.ref.removeprefix("Patient/")
    orders = orders_of(patient, document)
    shared = effects(screening, screening.plan, document, patient, TODAY, orders)
    monkeypatch.setattr("service.screening.with_more", lambda record, added: None)
    monkeypatch.setattr(Plan, "of", lambda plan, trials: plan if trials else Plan(Trials({})))
    anew = effects(screening, screening.plan, document, patient, TODAY, orders)
    opened = {r.trial for r in screening.screen(screening.of_document(document), TODAY).results
              if r.grade != "certainly-not"}  # fmt: skip
    assert shared == [effect for effect in anew if effect.trial in opened]


def test_a_record_is_read_once_and_only_open_trials_are_judged_again_however_many_orders_there_are(
    screening: Screening, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    judged: list[int] = []
    of_document, screen = Screening.of_document, Screening.screen

    def counted(own: Screening, document: Document, *rest: Any) -> Any:
        read.append(len(document.items))
        return of_document(own, document, *rest)

    def seen(own: Screening, record: Any, on: Any, plan: Any) -> Any:
        judged.append(len(plan.plans))
        return screen(own, record, on, plan)

    monkeypatch.setattr(Screening, "of_document", counted)
    monkeypatch.setattr(Screening, "screen", seen)
    record = eligible(ASPIRE)
    drafts = [drug(concept(RxNorm.RIBOCICLIB_TABLET), id=f"o{number}") for number in range(30)]
    found = told(screening, record, "", *drafts, plan=screening.plan)
    assert {effect.order for effect in found} == {f"MedicationRequest/o{number}" for number in range(30)}
    assert sum(size > 2 for size in read) == 1  # an order alone is two resources
    assert judged[0] == len(screening.plan.plans)
    assert max(judged[1:]) < judged[0]
    assert len(judged) < 30 + 4  # each order, and the record as it is
    judged.clear()
    told(screening, eligible(SINAI), SINAI, *(drug(CLARITHROMYCIN, id=f"o{number}") for number in range(30)))
    assert len(judged) < 30 + 6  # and each drug that all of them could be replaced by


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Clarithromycin\n500 mg", "Clarithromycin 500 mg"),
        ("\u202eClarithromycin\x1b[31m", "Clarithromycin [31m"),
        (" \n\t", "21212"),
    ],
    ids=["lines", "signs that nobody sees", "nothing"],
)
def test_what_an_order_says_is_one_line(text: str, says: str) -> None:
    draft = drug({"coding": [rxnorm("21212") | {"display": "\n"}], "text": text})
    (order,) = read_orders([draft], "p1", TODAY)
    assert order.says == says


def test_a_warning_is_as_short_as_a_summary_may_be_however_long_names_are(screening: Screening) -> None:
    (effect,) = told(screening, eligible(SINAI), SINAI, drug(CLARITHROMYCIN))
    long_id = "SITE-" + "0" * 59
    trial = msgspec.structs.replace(screening.trials[SINAI], id=long_id)
    found = msgspec.structs.replace(effect, trial=long_id, says="y" * 80, closes_from="2026-12-01")
    (card,) = guard_cards([found], {long_id: trial}, Desk(""))
    assert len(card.summary) == MAX_SUMMARY
