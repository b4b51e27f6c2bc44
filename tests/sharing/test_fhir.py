"""A trial as FHIR R4: valid, whole in itself, and honest about what it leaves out."""

import base64
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from service.criteria.catalogue import Trial
from service.mappers.validation import problems_of
from service.screening import Screening
from service.sharing.cql import DRAFT, as_cql
from service.sharing.fhir import CRITERION, UNSAID, Shared, as_fhir
from service.sharing.telling import VALUE_SET, WHEN, WITHIN
from tests.criteria.test_trial_files import criterion
from tests.sharing.clean import ENCODE

Json = dict[str, Any]
Compiled = Callable[[str], Trial]
AS_OF = date(2026, 11, 21)


def resource(shared: Shared, kind: str) -> Json:
    return next(e["resource"] for e in shared.bundle["entry"] if e["resource"]["resourceType"] == kind)


def extension(element: Json, url: str) -> Any:
    """The value of an extension; None where it is not there."""
    for found in element.get("extension", ()):
        if found["url"] == url:
            return next(value for key, value in found.items() if key.startswith("value"))
    return None


def walked(part: Any) -> Iterable[Any]:
    yield part
    for child in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from walked(child)


# -- the whole


@pytest.mark.parametrize("day", [None, AS_OF])
def test_the_bundle_is_valid(trial: Trial, library: Screening, day: date | None) -> None:
    shared = as_fhir(trial, library, day)
    assert list(problems_of(ENCODE(shared.bundle), trial.id)) == []
    assert shared.bundle["type"] == "collection"


def test_everything_it_refers_to_is_in_it(trial: Trial, library: Screening) -> None:
    bundle = as_fhir(trial, library).bundle
    urls = {e["resource"].get("url") for e in bundle["entry"]}
    names = {f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in bundle["entry"]}
    assert len(names) == len(bundle["entry"])
    for part in walked(bundle):
        if not isinstance(part, dict):
            continue
        for value in (part.get("valueCanonical"), *part.get("valueSet", ())):
            assert value is None or value in urls
        for reference in part.get("enrollment", ()):
            assert reference["reference"] in names
    artifacts = [
        a["resource"].partition("|")[0]
        for a in resource(as_fhir(trial, library), "ResearchStudy")["relatedArtifact"][1:]
    ]
    assert set(artifacts) <= urls


def test_every_criterion_is_in_the_group_or_said_to_be_missing(trial: Trial, library: Screening) -> None:
    shared = as_fhir(trial, library)
    group = resource(shared, "Group")
    told = {extension(c, CRITERION) for c in group.get("characteristic", ())}
    whole = {item.criterion for item in shared.group if item.whole}
    assert told | whole == {c.id for c in trial.criteria}
    assert not told & whole
    notes = [e for e in group.get("extension", ()) if e["url"] == UNSAID]
    said = [tuple(part["valueString"] for part in note["extension"][:2]) for note in notes]
    assert said == [(item.criterion, item.why) for item in shared.group]


def test_every_criterion_is_in_the_evidence_variable(trial: Trial, library: Screening) -> None:
    shared = as_fhir(trial, library)
    variable, cql = resource(shared, "EvidenceVariable"), as_cql(trial, library)
    whole = {item.criterion for item in cql.unsaid if item.whole}
    assert [extension(c, CRITERION) for c in variable["characteristic"]] == [c.id for c in trial.criteria]
    for asked, told in zip(trial.criteria, variable["characteristic"], strict=True):
        if asked.id in whole:
            assert told["definitionCodeableConcept"]["text"] == asked.text
            assert told["exclude"] is (asked.type == "exclusion")
        else:
            assert told["definitionExpression"]["expression"] == f'"{cql.defines[asked.id]}"'
            assert not told["exclude"]


def test_expressions_point_into_the_library_that_is_given(trial: Trial, library: Screening) -> None:
    shared = as_fhir(trial, library)
    given = resource(shared, "Library")
    text = base64.b64decode(given["content"][0]["data"]).decode()
    assert text == as_cql(trial, library).text
    for told in resource(shared, "EvidenceVariable")["characteristic"]:
        if expression := told.get("definitionExpression"):
            assert expression["reference"] == f"{given['url']}|{given['version']}"
            assert f"\ndefine {expression['expression']}:\n" in text


# -- one rule each


@pytest.fixture
def told(compiled: Compiled, library: Screening) -> Callable[..., list[Json]]:
    def made(rule: str, day: date | None = None) -> list[Json]:
        return resource(as_fhir(compiled(rule), library, day), "Group").get("characteristic", [])

    return made


Told = Callable[..., list[Json]]


@pytest.mark.parametrize(
    ("rule", "quantities"),
    [
        ("{age: {at-least: 18}}", [(18, ">=", "a")]),
        ("{age: {at-least: 18, below: 76}}", [(18, ">=", "a"), (76, "<", "a")]),
        ("{measurement: anc, at-least: 1500 /mm3}", [(1500, ">=", "/mm3")]),
        ("{measurement: hemoglobin, more-than: 9 g/dL}", [(9, ">", "g/dL")]),
        ("{measurement: alt, at-most: 2.5 x ULN}", [(2.5, "<=", "{ULN}")]),
        ("{measurement: bmi, at-least: 25 kg/m2, less-than: 45 kg/m2}", [(25, ">=", "kg/m2"), (45, "<", "kg/m2")]),
        ("{measurement: ecog, at-most: 2}", [(2, "<=", None)]),
    ],
)
def test_limits_keep_their_numbers_their_units_and_whether_they_count_themselves(
    told: Told, rule: str, quantities: list[tuple[float, str, str]]
) -> None:
    found = [c["valueQuantity"] for c in told(rule)]
    assert [(float(q["value"]), q["comparator"], q.get("code")) for q in found] == quantities


def test_a_band_with_both_ends_is_a_range(told: Told) -> None:
    (found,) = told("{measurement: hba1c, at-least: 7 %, at-most: 10.5 %}")
    assert [float(found["valueRange"][end]["value"]) for end in ("low", "high")] == [7, 10.5]


@pytest.mark.parametrize(
    ("rule", "excluded"),
    [
        ("{present: {diagnosis: cirrhosis}}", [False]),
        ("{absent: {diagnosis: cirrhosis}}", [True]),
        ("{absent: [{diagnosis: cirrhosis}, {drug: insulin, taken: now}]}", [True, True]),
        ("{absent: [{any-of: [{diagnosis: cirrhosis}, {diagnosis: stroke}]}]}", [True, True]),
        ("{present: {all-of: [{diagnosis: cirrhosis}, {diagnosis: stroke}]}}", [False, False]),
        ("{washout: chemotherapy, within: 14 days, procedures: [radiotherapy]}", [True, True]),
        ("{no-allergy-to: letrozole}", [True]),
        ("{all-of: [{sex: female}, {absent: {diagnosis: stroke}}]}", [False, True]),
    ],
)
def test_what_must_not_be_there_is_excluded(told: Told, rule: str, excluded: list[bool]) -> None:
    assert [c["exclude"] for c in told(rule)] == excluded


@pytest.mark.parametrize(
    "rule",
    [
        "{any-of: [{sex: female}, {age: {at-least: 18}}]}",
        "{when: {diagnosis: stroke}, then: {sex: female}, otherwise: {sex: male}}",
        "{present: {any-of: [{diagnosis: cirrhosis}, {diagnosis: stroke}]}}",
        "{absent: {all-of: [{diagnosis: cirrhosis}, {diagnosis: stroke}]}}",
        "{absent: {diagnosis: cirrhosis, then: review}}",
        "{absent: {diagnosis: cirrhosis, then: unknown}}",
        "{receptor: [er, pr]}",
        "{review: Is it so?}",
        "{wish: a specimen}",
        "{not-now: chemotherapy, then: review}",
    ],
)
def test_what_a_group_cannot_say_is_left_out_and_told(compiled: Compiled, library: Screening, rule: str) -> None:
    shared = as_fhir(compiled(rule), library)
    assert "characteristic" not in resource(shared, "Group")
    assert [item.whole for item in shared.group] == [True]


def test_windows_are_lengths_of_time_and_periods_where_the_day_is_told(told: Told) -> None:
    rule = "{measurement: anc, at-least: 1500 /mm3, within: 6 months}"
    (untold,), (counted,) = told(rule), told(rule, AS_OF)
    assert extension(untold, WITHIN) == {
        "value": 6,
        "unit": "months",
        "system": "http://unitsofmeasure.org",
        "code": "mo",
    }
    assert "period" not in untold
    assert counted["period"] == {"start": "2026-05-21", "end": "2026-11-21"}


def test_now_and_ever_are_told_apart(told: Told) -> None:
    now, ever = (told(f"{{absent: {{drug: insulin, taken: {when}}}}}")[0] for when in ("now", "ever"))
    assert (extension(now, WHEN), extension(ever, WHEN)) == ("now", "ever")


def test_a_drug_class_is_its_value_set(told: Told) -> None:
    (found,) = told("{absent: {drug: taxane, taken: ever}}")
    assert extension(found["valueCodeableConcept"], VALUE_SET).endswith("/ValueSet/drugclass-taxane")


def test_drafts_and_what_one_arm_asks_are_not_said_of_everybody(compiled: Compiled, library: Screening) -> None:
    arms = "arms:\n  - {name: A, type: other, description: a}\n"
    draft = criterion("{age: {at-least: 18}}") + "    draft: 18 years and older\n"
    shared = as_fhir(compiled(draft + criterion("{sex: female}", id="b") + "    arms: [A]\n" + arms), library)
    assert "characteristic" not in resource(shared, "Group")
    assert [(item.criterion, item.why) for item in shared.group] == [("a", DRAFT), ("b", "asked only for A")]
    assert not resource(shared, "Group")["active"]
    assert resource(shared, "Library")["status"] == "draft"


def test_any_id_makes_ids_that_fhir_allows(compiled: Compiled, library: Screening) -> None:
    odd = compiled(criterion("{present: {any-of: [{diagnosis: cirrhosis}]}}"))
    shared = as_fhir(replace(odd, id="Ünïversity trial / 7 " + "x" * 80), library)
    assert list(problems_of(ENCODE(shared.bundle), "odd")) == []
