"""Whose resource it is, which Patient, which version, and what a modifier nobody knows leaves of it."""

from collections.abc import Callable
from typing import Any

import pytest

from service.errors import RecordError
from service.mappers.documents import read_document
from service.mappers.joining import joined, read_pages
from service.mappers.searched import foreign_types
from service.screening import Screening
from tests.builders import (
    AS_OF,
    PATINA,
    RECENT,
    SERVER,
    SINAI,
    UNKNOWN_MODIFIER,
    Coding,
    Icd10cm,
    Json,
    Loinc,
    LoincAnswer,
    RxNorm,
    Snomed,
    ago,
    allergy,
    as_json,
    collection,
    condition,
    eligible,
    entry,
    laboratory,
    medication,
    observation,
    patient,
    quantity,
    reference,
    report,
    request,
    searchset,
    statement,
)

Judge = Callable[..., Any]

RECORD = eligible(SINAI)
ANC = RECORD.resources["anc"]
LOW_ANC = ANC | {"valueQuantity": quantity(0.4, "10*3/uL")}
CIRRHOSIS = condition(Icd10cm.CIRRHOSIS, "2025-02-01") | {"id": "cirrhosis"}
ELSEWHERE = "https://other.example.org/fhir"
UUID = "urn:uuid:0d9a3b5e-2f64-4c0e-8a27-5b7c1e9f4a10"

# ---- references ------------------------------------------------------------------------------------------------------

HERE = f"{SERVER}/Patient/p1"
# the Patient's fullUrl, the subject of a result, and whether it is the patient's
SUBJECTS: dict[str, tuple[str, Any, bool]] = {
    "relative": (HERE, reference("Patient/p1"), True),
    "relative, of a version": (HERE, reference("Patient/p1/_history/4"), True),
    "absolute": (HERE, reference(HERE), True),
    "absolute, of a version": (HERE, reference(f"{HERE}/_history/4"), True),
    "the fullUrl is of a version": (f"{HERE}/_history/4", reference(HERE), True),
    "urn:uuid": (UUID, reference(UUID), True),
    "relative beside a urn:uuid": (UUID, reference("Patient/p1"), True),
    "urn:oid": ("urn:oid:1.2.3", reference("urn:oid:1.2.3"), True),
    "absolute, where no server is known": ("", reference(HERE), True),
    "absolute, of another id, where no server is known": ("", reference(f"{SERVER}/Patient/p2"), False),
    "another server's": (HERE, reference(f"{ELSEWHERE}/Patient/p1"), False),
    "another id": (HERE, reference("Patient/p2"), False),
    "an id in other case": (HERE, reference("Patient/P1"), False),
    "an id that only begins so": (HERE, reference("Patient/p10"), False),
    "another type": (HERE, reference("Practitioner/p1"), False),
    "another urn:uuid": (UUID, reference(f"{UUID[:-1]}1"), False),
    "another urn:oid": ("urn:oid:1.2.3", reference("urn:oid:1.2.4"), False),
    "a contained one": (HERE, reference("#p1"), False),
    "an id alone": (HERE, reference("p1"), False),
    "an empty text": (HERE, {"reference": ""}, False),
    "an identifier alone": (HERE, {"identifier": {"system": "urn:oid:1.2.3", "value": "77"}}, False),
    "a name alone": (HERE, {"display": "the patient"}, False),
    "nothing": (HERE, {}, False),
}


@pytest.mark.parametrize("claim", SUBJECTS)
def test_a_result_is_used_where_its_subject_is_the_patient_and_named_where_not(judged: Judge, claim: str) -> None:
    address, subject, own = SUBJECTS[claim]
    person = ({"fullUrl": address} if address else {}) | {"resource": patient()}
    found, notices = judged(collection(person, {"resource": ANC | {"subject": subject}}), "anc")
    assert found.outcome == ("pass" if own else "unknown")
    assert any("Observation/anc" in notice for notice in notices) is not own


HOLDERS: dict[str, tuple[str, str | None, Any, bool]] = {
    "relative, here": (HERE, SERVER, reference("Patient/p1"), True),
    "relative, elsewhere": (HERE, ELSEWHERE, reference("Patient/p1"), False),
    "absolute, elsewhere": (HERE, ELSEWHERE, reference(HERE), True),
    "relative, beside a Patient with a urn": (UUID, SERVER, reference("Patient/p1"), True),
    "relative, where the Patient's address is of another id": (
        f"{SERVER}/Patient/77", SERVER, reference("Patient/p1"), True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("claim", HOLDERS)
def test_a_relative_subject_is_of_the_server_that_holds_it(judged: Judge, claim: str) -> None:
    address, server, subject, own = HOLDERS[claim]
    document = collection({"fullUrl": address, "resource": patient()}, entry(ANC | {"subject": subject}, server))
    found, notices = judged(document, "anc")
    assert found.outcome == ("pass" if own else "unknown")
    assert notices == (() if own else ("Observation/anc: another patient's, not used",))


def test_an_address_that_is_none_names_no_other_server(judged: Judge) -> None:
    document = collection({"fullUrl": HERE, "resource": patient()}, {"fullUrl": "Observation/anc", "resource": ANC})
    assert judged(document, "anc")[0].outcome == "pass"


def test_where_no_server_is_known_the_first_that_is_named_is_the_patient_s(judged: Judge) -> None:
    other = LOW_ANC | {"id": "other", "subject": reference(f"{ELSEWHERE}/Patient/p1"), "effectiveDateTime": ago(1)}
    document = collection(
        *({"resource": resource} for resource in (patient(), ANC | {"subject": reference(HERE)}, other))
    )
    found, notices = judged(document, "anc")
    assert (found.outcome, notices) == ("pass", ("Observation/other: another patient's, not used",))


ORDER = request({"reference": "Medication/m"}, "2026-09-01")
DRUG = medication(RxNorm.VERAPAMIL, id="m")
# an order's reference to its drug, the drug's server, and what comes of a verapamil behind it
MEDICATIONS: dict[str, tuple[str, str | None, str]] = {
    "relative": ("Medication/m", SERVER, "fail"),
    "relative, of a version": ("Medication/m/_history/2", SERVER, "fail"),
    "absolute": (f"{SERVER}/Medication/m", SERVER, "fail"),
    "without any server": ("Medication/m", None, "fail"),
    "another server's of the same id": (f"{ELSEWHERE}/Medication/m", SERVER, "unknown"),
    "here, but the drug is elsewhere": (f"{SERVER}/Medication/m", ELSEWHERE, "unknown"),
    "not there": ("Medication/n", SERVER, "unknown"),
    "contained, but nothing is": ("#m", SERVER, "unknown"),
}


@pytest.mark.parametrize("claim", MEDICATIONS)
def test_a_drug_is_the_one_that_the_reference_leads_to(judged: Judge, claim: str) -> None:
    target, server, outcome = MEDICATIONS[claim]
    order = entry(ORDER | {"id": "order", "medicationReference": reference(target)})
    assert judged(RECORD.bundle(order, entry(DRUG, server)), "cyp3a4")[0].outcome == outcome


# the drug's address and an order's reference to it, in a document without any other address
ADDRESSES: dict[str, tuple[str, str, str]] = {
    "by its urn": (UUID, UUID, "fail"),
    "by another urn": (UUID, f"{UUID[:-1]}1", "unknown"),
    "by a server that nothing else tells": ("", f"{SERVER}/Medication/m", "fail"),
    "by another server's than its own": (f"{ELSEWHERE}/Medication/m", f"{SERVER}/Medication/m", "unknown"),
    "by an address of another type": ("", f"{SERVER}/Substance/m", "unknown"),
}


@pytest.mark.parametrize("claim", ADDRESSES)
def test_where_no_server_is_known_a_drug_is_found_by_what_its_address_says(judged: Judge, claim: str) -> None:
    address, target, outcome = ADDRESSES[claim]
    order = ORDER | {"id": "order", "medicationReference": reference(target)}
    drug = {"resource": DRUG} | ({"fullUrl": address} if address else {})
    document = collection(*({"resource": r} for r in (*RECORD.resources.values(), order)), drug)
    assert judged(document, "cyp3a4")[0].outcome == outcome


@pytest.mark.parametrize("step", [1, -1], ids=["", "turned"])
@pytest.mark.parametrize(
    ("other", "outcome"),
    [
        (medication(RxNorm.LETROZOLE, id="m"), "unknown"),
        (medication(RxNorm.LETROZOLE, id="m") | {"meta": {"versionId": "1"}}, "unknown"),
        (DRUG | {"meta": {"lastUpdated": "2026-11-01T00:00:00Z"}}, "fail"),
    ],
    ids=["another", "another, of a version", "the same"],
)
def test_a_drug_told_twice_is_told_where_both_say_the_same(judged: Judge, other: Json, outcome: str, step: int) -> None:
    """In whatever order they come."""
    both = [entry(DRUG), entry(other)]
    order = entry(ORDER | {"id": "order"})
    assert judged(RECORD.bundle(order, *both[::step]), "cyp3a4")[0].outcome == outcome


# ---- which Patient ---------------------------------------------------------------------------------------------------

CHILD = patient("2015-01-01")
TWINS = collection(entry(patient()), entry(CHILD, ELSEWHERE), *(entry(r) for r in RECORD.of_type("Observation")))
PAIR = RECORD.put(p2=patient("2015-01-01", id="p2")).bundle()
GONE = {"request": {"method": "DELETE", "url": "Patient/p1"}, "response": {"status": "204"}}
# a document, whom is asked for, and what the criterion "adult" may become, or the refusal
PATIENTS: dict[str, tuple[Any, str, set[str]]] = {
    "one of two": (PAIR, "p1", {"pass"}),
    "the other of two": (PAIR, "Patient/p2", {"fail"}),
    "none of two": (PAIR, "p3", {"no-such-patient"}),
    "another type of the same id": (PAIR, "Observation/p1", {"no-such-patient"}),
    "another one than the only one": (RECORD.bundle(), "p3", {"no-such-patient"}),
    "one of two servers, by address": (TWINS, HERE, {"pass", "several-patients"}),
    "the other of two servers, by address": (TWINS, f"{ELSEWHERE}/Patient/p1", {"fail", "several-patients"}),
    "an id that two servers have": (TWINS, "p1", {"several-patients"}),
    "a Patient that is there twice": (RECORD.bundle(entry(patient())), "", {"pass"}),
    "one deleted since": (collection(GONE, *RECORD.entries()) | {"type": "history"}, "", {"no-patient"}),
}


@pytest.mark.parametrize("claim", PATIENTS)
def test_the_patient_who_is_asked_for(judged: Judge, claim: str) -> None:
    document, asked, expected = PATIENTS[claim]
    try:
        outcome = judged(document, "adult", patient=asked)[0].outcome
    except RecordError as refused:
        outcome = refused.code
    assert outcome in expected


NAMELESS = {name: value for name, value in patient().items() if name != "id"}


@pytest.mark.parametrize(
    "person", [NAMELESS, patient() | {"id": 5}, patient() | {"id": ""}], ids=["none", "5", "empty"]
)
def test_where_the_patient_has_no_id_silence_does_not_count(judged: Judge, person: Json) -> None:
    rest = RECORD.drop("patient").entries()
    try:
        outcome = judged(collection({"resource": person}, *rest, entry(CIRRHOSIS)), "liver-disease")[0].outcome
    except RecordError:
        return
    assert outcome == "unknown"


@pytest.mark.parametrize("asked", ["", UUID, UUID.removeprefix("urn:uuid:")], ids=["", "address", "uuid"])
def test_a_patient_without_an_id_is_known_by_the_address(judged: Judge, asked: str) -> None:
    own = {"resource": ANC | {"subject": reference(UUID)}}
    found, _ = judged(collection({"fullUrl": UUID, "resource": NAMELESS}, own), "anc", patient=asked)
    assert found.outcome == "pass"


def test_what_is_another_patient_s_and_malformed_leaves_silence_as_it_is(judged: Judge) -> None:
    other = CIRRHOSIS | {"subject": reference("Patient/p2"), "onsetDateTime": 5}
    found, notices = judged(RECORD.bundle(entry(other)), "liver-disease")
    assert (found.outcome, found.basis) == ("pass", "no-record")
    assert notices == ("Condition/cirrhosis: another patient's, not used",)


UNREADABLE_DEATHS: dict[str, Json] = {
    "a text": {"deceasedBoolean": "true"},
    "a number": {"deceasedBoolean": 1},
    "a date that is a number": {"deceasedDateTime": 2026},
    "a date that is none": {"deceasedDateTime": "last winter"},
    "an extension that says unknown": {"_deceasedDateTime": {"extension": [{"url": "x", "valueCode": "unknown"}]}},
}


@pytest.mark.parametrize("claim", UNREADABLE_DEATHS)
def test_a_death_that_cannot_be_read_is_not_read_as_life_in_silence(judged: Judge, claim: str) -> None:
    found, notices = judged(RECORD.put(patient=patient() | UNREADABLE_DEATHS[claim]).bundle(), "adult")
    assert (found.id, found.outcome) == ("alive", "fail") or (found.outcome == "unknown" and notices)


@pytest.mark.parametrize("dead_first", [True, False])
def test_of_two_patients_without_a_version_the_dead_one_counts_or_none(judged: Judge, dead_first: bool) -> None:
    both = [entry(patient(deceasedBoolean=True)), entry(patient())]
    try:
        found, _ = judged(collection(*(both if dead_first else both[::-1])), "adult")
    except RecordError:
        return
    assert found.outcome != "pass"


# ---- which version ---------------------------------------------------------------------------------------------------


def versions(older: Json, newer: Json) -> list[Json]:
    return [entry(LOW_ANC | older), entry(ANC | newer)]


def meta(version: str | None = None, updated: str | None = None) -> Json:
    return {"meta": {k: v for k, v in (("versionId", version), ("lastUpdated", updated)) if v}}


NOON = "2026-11-10T12:00:00Z"
# low results and sufficient ones of one id -> what counts: the sufficient one passes, both are a conflict
VERSIONS: dict[str, tuple[list[Json], str]] = {
    "10 is newer than 9": (versions(meta("9"), meta("10")), "pass"),
    "an hour later": (versions(meta(None, "2026-11-10T11:00:00Z"), meta(None, NOON)), "pass"),
    "later, written with an offset": (versions(meta(None, "2026-11-10T13:30:00+02:00"), meta(None, NOON)), "pass"),
    "later by half a second": (versions(meta(None, NOON), meta(None, "2026-11-10T12:00:00.500Z")), "pass"),
    "no version": (versions({}, {}), "unknown"),
    "a version on one side": (versions({}, meta("2")), "unknown"),
    "versions that are no numbers": (versions(meta('W/"1"'), meta('W/"2"')), "unknown"),
    "a version that is a superscript": (versions(meta("²"), meta("1")), "unknown"),
    "a version of five thousand digits": (versions(meta("1"), meta("9" * 5000)), "pass"),
    "one version told in two ways": (versions(meta("2"), meta("2")), "unknown"),
    "a time that cannot be read": (versions(meta(None, "noon"), meta(None, NOON)), "unknown"),
    "a time that cannot be read, of the other": (versions(meta(None, NOON), meta(None, "noon")), "unknown"),
    "one without an address": ([entry(LOW_ANC | meta("1")), entry(ANC | meta("2"), None)], "pass"),
    "another server's of the same id": (
        [entry(LOW_ANC | meta("1")), entry(ANC | meta("2") | {"subject": reference(HERE)}, ELSEWHERE)],
        "unknown",
    ),
    "beside copies of another": (
        [entry(RECORD.resources["alt"]), *versions(meta("1"), meta("2")), entry(RECORD.resources["alt"])],
        "pass",
    ),
    "empty ids are no versions of each other": (versions(meta("1") | {"id": ""}, meta("2") | {"id": ""}), "unknown"),
}


@pytest.mark.parametrize("claim", VERSIONS)
@pytest.mark.parametrize("turned", [False, True], ids=["", "turned"])
def test_the_newer_version_counts(judged: Judge, claim: str, turned: bool) -> None:
    made, outcome = VERSIONS[claim]
    document = RECORD.drop("anc").bundle(*(made[::-1] if turned else made))
    assert judged(document, "anc")[0].outcome == outcome


def test_two_contents_of_one_version_are_told(judged: Judge) -> None:
    _, notices = judged(RECORD.drop("anc").bundle(*versions(meta("2"), meta("2"))), "anc")
    assert notices == ("Observation/anc stands twice with different content and no version; both are read",)


@pytest.mark.parametrize("step", [1, -1], ids=["", "turned"])
def test_of_two_versions_of_the_patient_the_newer_counts(judged: Judge, step: int) -> None:
    both = [entry(CHILD | meta("1")), entry(patient() | meta("2"))]
    assert judged(RECORD.drop("patient").bundle(*both[::step]), "adult")[0].outcome == "pass"


@pytest.mark.parametrize("claim", ["another patient's", "another server's"])
def test_a_newer_version_of_something_else_replaces_nothing(judged: Judge, claim: str) -> None:
    subject, server = ("Patient/p2", SERVER) if claim == "another patient's" else (f"{ELSEWHERE}/Patient/p1", ELSEWHERE)
    newer = CIRRHOSIS | meta("2") | {"subject": reference(subject)}
    found, _ = judged(RECORD.bundle(entry(CIRRHOSIS | meta("1")), entry(newer, server)), "liver-disease")
    assert found.outcome == "fail"


def change(method: str, resource: Json | None = None, url: str = "Condition/cirrhosis", status: str = "200") -> Json:
    made = {"fullUrl": f"{SERVER}/Condition/cirrhosis", "request": {"method": method, "url": url}}
    return made | {"response": {"status": status}} | ({"resource": resource} if resource else {})


FIRST, THIRD = change("POST", CIRRHOSIS | meta("1")), change("PUT", CIRRHOSIS | meta("3"))
# a history has its newest entry first
HISTORIES: dict[str, tuple[list[Json], str]] = {
    "deleted": ([change("DELETE"), FIRST], "pass"),
    "deleted, by its address": ([change("DELETE", None, f"{SERVER}/Condition/cirrhosis"), FIRST], "pass"),
    "deleted, by its address, told of one without any": (
        [change("DELETE", None, f"{SERVER}/Condition/cirrhosis"), {"resource": CIRRHOSIS}],
        "pass",
    ),
    "deleted, at another server": ([change("DELETE", None, f"{ELSEWHERE}/Condition/cirrhosis"), FIRST], "fail"),
    "another one deleted": ([change("DELETE", None, "Condition/other"), FIRST], "fail"),
    "deleted and then made again": ([THIRD, change("DELETE"), FIRST], "fail"),
}


@pytest.mark.parametrize("claim", HISTORIES)
def test_a_deleted_resource_is_gone_until_it_is_made_again(judged: Judge, claim: str) -> None:
    entries, outcome = HISTORIES[claim]
    assert judged(RECORD.bundle(*entries) | {"type": "history"}, "liver-disease")[0].outcome == outcome


# ---- modifiers -------------------------------------------------------------------------------------------------------

MODIFIED = {"modifierExtension": UNKNOWN_MODIFIER}
RULES = {"implicitRules": "https://other.example.org/rules"}
STAGED = condition(Snomed.BREAST_CANCER, "2019-05-10", stage=Snomed.AJCC_STAGE_4) | {"id": "cancer"}
ALT_RANGE = [{"high": quantity(40, "U/L")} | MODIFIED]
REACTION = [{"substance": {"coding": [RxNorm.PALBOCICLIB]}} | MODIFIED]
NO_ALLERGY = allergy(Snomed.NO_KNOWN_ALLERGY)
MODIFIERS: dict[str, tuple[Any, str]] = {
    "a result": (RECORD.edit("anc", **MODIFIED), "anc"),
    "a diagnosis": (RECORD.add(CIRRHOSIS | MODIFIED), "liver-disease"),
    "the Patient": (RECORD.edit("patient", **MODIFIED), "adult"),
    "the Patient's rules": (RECORD.edit("patient", **RULES), "adult"),
    "a result's rules": (RECORD.edit("anc", **RULES), "anc"),
    "a diagnosis's rules": (RECORD.add(CIRRHOSIS | RULES), "liver-disease"),
    "a reference range": (RECORD.edit("alt", referenceRange=ALT_RANGE), "alt"),
    "an allergy's reaction": (RECORD.add(allergy() | {"reaction": REACTION}), "allergy"),
    "a stage": (
        RECORD.drop("metastasis").put(cancer=STAGED | {"stage": [STAGED["stage"][0] | MODIFIED]}),
        "metastatic-breast-cancer",
    ),
    "a dosage": (RECORD.add(statement(RxNorm.VERAPAMIL, "2026-09-01", dosage=[{"text": "x"} | MODIFIED])), "cyp3a4"),
    "the drug of an order": (RECORD.add(ORDER).put(m=DRUG | MODIFIED), "cyp3a4"),
    "an ingredient of the drug of an order": (
        RECORD.add(ORDER).put(m=medication(ingredients=[RxNorm.VERAPAMIL], id="m") | {"ingredient": [
            {"itemCodeableConcept": {"coding": [RxNorm.VERAPAMIL]}} | MODIFIED
        ]}), "cyp3a4",
    ),
    "a drug of an order that is malformed": (RECORD.add(ORDER).put(m=DRUG | {"status": 5}), "cyp3a4"),
}  # fmt: skip


@pytest.mark.parametrize("claim", MODIFIERS)
def test_a_modifier_that_is_not_known_leaves_it_unusable(judged: Judge, claim: str) -> None:
    record, criterion = MODIFIERS[claim]
    assert judged(record.bundle(), criterion)[0].outcome == "unknown"


@pytest.mark.parametrize("flaw", [MODIFIED, {"reaction": "none"}], ids=["modified", "malformed"])
def test_an_unusable_statement_of_no_allergy_is_no_record_of_it(judged: Judge, flaw: Json) -> None:
    assert judged(RECORD.add(NO_ALLERGY | flaw).bundle(), "allergy")[0].basis != "recorded"


FINE_ANC = laboratory(Loinc.ANC, 3.1, "10*3/uL")


def held(*results: Json, **more: Any) -> Json:
    """The record with these results inside one report, and no other ANC."""
    inside = [result | {"id": f"c{number}"} for number, result in enumerate(results)]
    return RECORD.drop("anc").add(report(RECENT) | {"result": [], "contained": inside} | more).bundle()


PANEL = {"code": {"coding": [Loinc.BLOOD_COUNT_PANEL]}, "component": [
    {"code": FINE_ANC["code"], "valueQuantity": FINE_ANC["valueQuantity"]} | MODIFIED
]}  # fmt: skip
IN_REPORTS: dict[str, tuple[Json, str]] = {
    "nothing modified": (held(FINE_ANC), "pass"),
    "without a subject of its own": (held(FINE_ANC | {"subject": None}), "pass"),
    "of another subject": (held(FINE_ANC | {"subject": reference("Patient/p2")}), "unknown"),
    "a result": (held(FINE_ANC | MODIFIED), "unknown"),
    "a component of a result": (held({k: v for k, v in FINE_ANC.items() if k != "valueQuantity"} | PANEL), "unknown"),
    "the report": (held(FINE_ANC, **MODIFIED), "unknown"),
    "the report's rules": (held(FINE_ANC, **RULES), "unknown"),
    "the report, that would fail": (held(LOW_ANC, **MODIFIED), "unknown"),
    "another result": (held(LOW_ANC, laboratory(Loinc.PLATELETS, 200, "10*3/uL") | MODIFIED), "fail"),
}


@pytest.mark.parametrize("claim", IN_REPORTS)
def test_a_result_inside_a_report_is_modified_by_its_own_and_by_the_report_s(judged: Judge, claim: str) -> None:
    document, outcome = IN_REPORTS[claim]
    assert judged(document, "anc")[0].outcome == outcome


# ---- results inside a report, or inside another result ---------------------------------------------------------------

AT_LAST = ago(2)


def reported(result: Json, on: str = AT_LAST, **more: Any) -> Json:
    """A report on a day, with one result that it holds in itself."""
    inside = {name: value for name, value in result.items() if not name.startswith("effective")} | {"id": "inside"}
    return report(on) | {"id": "r", "result": [], "contained": [inside]} | more


def panel(result: Json, **more: Any) -> Json:
    """A panel of a day, with one result that it holds in itself."""
    inside = reported(result)["contained"]
    made = observation(Loinc.BLOOD_COUNT_PANEL, None, AT_LAST, contained=inside, hasMember=[reference("#inside")])
    return made | {"id": "r"} | more


AROUND: dict[str, Callable[..., Json]] = {"a report": reported, "a panel": panel}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("server", [SERVER, ELSEWHERE], ids=["the patient's server", "another server"])
def test_a_contained_result_is_of_the_server_of_what_holds_it(judged: Judge, around: str, server: str) -> None:
    document = RECORD.bundle(entry(AROUND[around](LOW_ANC), server))
    document["entry"][0]["fullUrl"] = HERE
    found, notices = judged(document, "anc")
    assert found.outcome == ("fail" if server == SERVER else "pass")
    assert len(notices) == (0 if server == SERVER else 2)


@pytest.mark.parametrize("around", AROUND)
def test_the_focus_of_a_contained_result_is_looked_for_beside_it(judged: Judge, around: str) -> None:
    made = AROUND[around](LOW_ANC | {"focus": [reference("#beside")]})
    specimen = {"resourceType": "Specimen", "id": "beside"}
    for beside, outcome in (([specimen], "fail"), ([], "pass")):
        document = RECORD.bundle(entry(made | {"contained": [*made["contained"], *beside]}))
        assert judged(document, "anc")[0].outcome == outcome


@pytest.mark.parametrize(
    ("of_panel", "of_result", "outcome"),
    [
        ({}, {}, "fail"),
        (MODIFIED, {}, "unknown"),
        (RULES, {}, "unknown"),
        ({}, MODIFIED, "unknown"),
        ({"issued": 5}, {}, "unknown"),
        ({}, {"subject": reference("Patient/p2")}, "pass"),
        ({"status": "entered-in-error"}, {}, "pass"),
    ],
)
def test_a_result_inside_a_panel_goes_with_its_panel(
    judged: Judge, of_panel: Json, of_result: Json, outcome: str
) -> None:
    assert judged(RECORD.bundle(entry(panel(LOW_ANC | of_result, **of_panel))), "anc")[0].outcome == outcome


@pytest.mark.parametrize("told", ["effectivePeriod", "effectiveInstant", "effectiveTiming", "issued"])
def test_a_result_inside_a_panel_has_its_date_in_any_form(judged: Judge, told: str) -> None:
    date: Any = {"effectivePeriod": {"start": AT_LAST}, "effectiveTiming": {"event": [AT_LAST]}}.get(told)
    made = panel(LOW_ANC) | {told: date or f"{AT_LAST}T08:00:00Z"}
    made = {name: value for name, value in made.items() if name != "effectiveDateTime"}
    found, _ = judged(RECORD.bundle(entry(made)), "anc")
    assert found.outcome == ("fail" if told != "issued" else "unknown")  # issued on that day, it may be older


WITHDRAWN: dict[str, list[Json]] = {
    "by a newer version": [entry(reported(LOW_ANC, **meta("1"))), entry(reported(FINE_ANC, **meta("2")))],
    "by a newer version that is void": [
        entry(reported(LOW_ANC, **meta("1"))),
        entry(reported(LOW_ANC, **meta("2")) | {"status": "entered-in-error"}),
        entry(ANC),
    ],
}


@pytest.mark.parametrize("claim", WITHDRAWN)
@pytest.mark.parametrize("step", [1, -1], ids=["", "turned"])
def test_what_an_older_version_of_a_report_held_counts_no_more(judged: Judge, claim: str, step: int) -> None:
    found, _ = judged(RECORD.drop("anc").bundle(*WITHDRAWN[claim][::step]), "anc")
    assert (found.outcome, len(found.evidence)) == ("pass", 1)


def test_what_a_deleted_report_held_is_gone_with_it(judged: Judge) -> None:
    gone = {"request": {"method": "DELETE", "url": "DiagnosticReport/r"}, "response": {"status": "204"}}
    document = RECORD.bundle(gone, entry(reported(LOW_ANC))) | {"type": "history"}
    assert judged(document, "anc")[0].outcome == "pass"


def test_what_one_document_says_is_deleted_is_gone_from_those_that_follow_it_alone(screening: Screening) -> None:
    """A history has its newest first; what another answer holds is not of that history."""
    gone = {"request": {"method": "DELETE", "url": "Condition/cirrhosis"}, "response": {"status": "204"}}
    history = collection(gone, entry(CIRRHOSIS | meta("1"))) | {"type": "history"}
    for documents, outcome in (
        ([RECORD.bundle(), history], "pass"),
        ([RECORD.add(CIRRHOSIS).bundle(), history], "fail"),
    ):
        whole = joined([read_document(as_json(document)) for document in documents])
        result = screening.screen(screening.of_document(whole), AS_OF)
        found = [c.outcome for t in result.results for c in t.criteria if (t.trial, c.id) == (SINAI, "liver-disease")]
        assert found == [outcome]


def test_what_is_told_of_one_of_several_documents_names_it() -> None:
    odd = read_document(as_json(collection({"resource": ANC | {"issued": 5}}, {"resource": 5})), "answers")
    whole = joined([read_document(as_json(RECORD.bundle()), "rest"), odd])
    assert [notice.partition(" ")[0] for notice in whole.notices] == ["answers:"]
    assert [item.place for item in whole.items if item.problem] == ["answers: entry[0]"]


def test_of_a_report_that_came_twice_each_result_is_shown_once(judged: Judge) -> None:
    found, _ = judged(RECORD.bundle(*[entry(reported(LOW_ANC))] * 2), "anc")
    said = [(evidence.reference, evidence.used) for evidence in found.evidence]
    assert (found.outcome, said) == ("fail", [("Observation at DiagnosticReport/r.contained[0]", True)])


def test_a_result_inside_a_report_keeps_a_time_of_its_own(judged: Judge) -> None:
    """An old result is no result of the day on which the report was written."""
    timed = reported(LOW_ANC)
    timed["contained"][0]["effectiveTiming"] = {"event": [ago(100)]}
    found, _ = judged(RECORD.bundle(entry(timed)), "anc")
    assert (found.outcome, found.evidence[0].reference) == ("pass", "Observation/anc")


def with_specimen(score: Coding, on: str, id: str) -> Json:
    """A report with a HER2 score, and the specimen of which it was taken, in itself."""
    made = reported(observation(Loinc.HER2_IHC, score) | {"specimen": reference("#s")}, on, id=id)
    return made | {"contained": [*made["contained"], {"resourceType": "Specimen", "id": "s"}]}


@pytest.mark.parametrize("trial", [SINAI, PATINA])
def test_specimens_inside_reports_of_different_pages_are_not_one(screening: Screening, trial: str) -> None:
    """The name of a contained resource says nothing outside the one that contains it, wherever that one stands."""
    reports = [
        with_specimen(LoincAnswer.IHC_3, "2019-06-01", "old"), with_specimen(LoincAnswer.IHC_0, "2026-09-05", "new"),
    ]  # fmt: skip
    pages = [as_json(searchset([one], "DiagnosticReport")) for one in reports]
    rest = read_document(as_json(RECORD.drop("her2").bundle()))
    record = screening.of_document(joined([rest, read_pages(pages, "reports")]))
    result = screening.screen(record, AS_OF)
    criteria = next(found.criteria for found in result.results if found.trial == trial)
    found = next(criterion for criterion in criteria if criterion.id == "her2-positive")
    assert found.outcome == ("pass" if trial == SINAI else "fail")


def test_results_inside_one_report_are_of_one_specimen_however_far_apart(judged: Judge) -> None:
    """An equivocal score, and the in situ hybridisation that settled it two months later."""
    score, fish = observation(Loinc.HER2_IHC, LoincAnswer.IHC_2), observation(Loinc.HER2_FISH, Snomed.NEGATIVE)
    inside = [
        score | {"effectiveDateTime": "2026-06-01", "id": "a"}, fish | {"effectiveDateTime": "2026-08-01", "id": "b"},
    ]  # fmt: skip
    record = RECORD.drop("her2").add(report("2026-08-02") | {"result": [], "contained": inside})
    found, _ = judged(record.bundle(), "her2-positive")
    assert (found.outcome, len(found.evidence)) == ("fail", 2)


UNTOLD: dict[str, tuple[Json | None, str]] = {
    "by a search": (reference("Patient?identifier=urn:oid:1|77"), "whose it is cannot be told"),
    "inside": (reference("#p1"), "whose it is cannot be told"),
    "by an identifier": ({"identifier": {"value": "77"}}, "told without a reference"),
    "not at all": ({}, "told without a reference"),
    "by no element": (None, "no subject"),
    "as another": (reference("Patient/p2"), "another patient's"),
}


@pytest.mark.parametrize("claim", UNTOLD)
def test_only_what_is_another_patient_s_is_said_to_be(judged: Judge, claim: str) -> None:
    subject, said = UNTOLD[claim]
    _, notices = judged(RECORD.bundle(entry(CIRRHOSIS | {"subject": subject})), "liver-disease")
    assert [said in notice for notice in notices] == [True]


@pytest.mark.parametrize(
    ("subject", "foreign"),
    [(5, []), ({"reference": 5}, ["Observation"]), ({}, ["Observation"]), (reference("Patient/p2"), ["Observation"])],
)
def test_a_subject_that_cannot_be_read_is_not_another_patient_s(subject: Any, foreign: list[str]) -> None:
    document = read_document(as_json(searchset([ANC | {"subject": subject}])))
    assert foreign_types(document, ["Observation", "Patient"], "p1", "") == foreign


@pytest.mark.parametrize("name", ["modifierE\\u0078tension", "\\u006dodifierExtension"])
def test_a_modifier_whose_name_is_escaped_is_one_all_the_same(judged: Judge, name: str) -> None:
    text = as_json(RECORD.edit("anc", **MODIFIED).bundle()).replace(b"modifierExtension", name.encode())
    assert judged(text, "anc")[0].outcome == "unknown"


def test_an_escaped_letter_elsewhere_modifies_nothing(judged: Judge) -> None:
    text = as_json(RECORD.bundle()).replace(b"10*3/uL", b"10*3/u\\u004c")
    assert judged(text, "anc")[0].outcome == "pass"
