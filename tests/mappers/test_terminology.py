"""The value sets: valid FHIR R4 that names its owners, codes that mean one thing, and a site's own in their place."""

import json
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.valueset import ValueSet

from service.errors import TrialError
from service.mappers import wire
from service.mappers.terminology import (
    ATC,
    FAMILIES,
    ICD10,
    ICD10CM,
    LOINC,
    RXNORM,
    SNOMED,
    Found,
    Terminology,
    canonical_system,
    icd_code,
)
from service.screening import Screening

T_DM1, T_DXD, TRASTUZUMAB = "ado-trastuzumab-emtansine", "trastuzumab-deruxtecan", "trastuzumab"
# the owner that a value set must name for the codes of a system
CPT = "http://www.ama-assn.org/go/cpt"
AJCC = "http://cancerstaging.org"
OWNERS = {
    SNOMED: "SNOMED CT",
    LOINC: "LOINC",
    RXNORM: "RxNorm",
    ATC: "ATC",
    ICD10CM: "ICD-10-CM",
    ICD10: "ICD-10 is",
    CPT: "CPT is copyright © American Medical Association",
    AJCC: "American College of Surgeons",
}
# what its description calls a system
SOURCES = {
    SNOMED: "SNOMED CT",
    LOINC: "LOINC",
    RXNORM: "RxNorm",
    ATC: "ATC",
    ICD10CM: "ICD-10-CM",
    ICD10: "ICD-10",
    CPT: "CPT",
    AJCC: "AJCC",
}


@pytest.fixture(scope="session")
def terminology(screening: Screening) -> Terminology:
    return screening.terminology


def found(terminology: Terminology, family: str, *codings: tuple[str | None, str]) -> Found:
    coding = [wire.Coding(system=system, code=code) for system, code in codings]
    return terminology.look_up(family, wire.CodeableConcept(coding=coding))


def includes(value_set: dict[str, Any]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = value_set.get("compose", {}).get("include", [])
    return parts


# ---- the files ----


def test_every_value_set_is_a_valid_r4_resource(terminology: Terminology) -> None:
    for value_set in terminology.value_sets.values():
        ValueSet.model_validate(value_set)


def test_every_value_set_says_what_it_is(terminology: Terminology) -> None:
    for identifier, value_set in terminology.value_sets.items():
        family, _, concept = identifier.partition("-")
        assert family in FAMILIES, identifier
        assert concept, identifier
        assert value_set["url"].endswith(f"/ValueSet/{identifier}"), identifier
        assert value_set["title"], identifier
        assert value_set["version"], identifier
        assert value_set["status"] == "active", identifier
        assert includes(value_set), identifier


def test_every_value_set_names_the_owners_of_its_codes(terminology: Terminology) -> None:
    for identifier, value_set in terminology.value_sets.items():
        for system in {part.get("system") for part in includes(value_set)} & OWNERS.keys():
            assert OWNERS[system] in value_set.get("copyright", ""), (identifier, system)


def test_every_value_set_with_codes_says_of_which_code_systems_they_are(terminology: Terminology) -> None:
    described = set()
    for identifier, value_set in terminology.value_sets.items():
        systems = {part["system"] for part in includes(value_set) if "system" in part}
        if systems:
            described.add(identifier.partition("-")[0])
            description = value_set.get("description", "")
            assert description.startswith("Codes of "), identifier
            for system in systems & SOURCES.keys():
                assert SOURCES[system] in description, (identifier, system)
    assert described == set(FAMILIES) - {"drugclass"}


def test_codes_of_cpt_stand_without_descriptors(terminology: Terminology) -> None:
    parts = [part for value_set in terminology.value_sets.values() for part in includes(value_set)]
    codes = [entry for part in parts if part.get("system") == CPT for entry in part["concept"]]
    assert codes
    assert all(entry.keys() == {"code"} for entry in codes)


def test_no_code_stands_twice_in_one_part_of_a_value_set(terminology: Terminology) -> None:
    for identifier, value_set in terminology.value_sets.items():
        for part in includes(value_set):
            codes = [entry["code"] for entry in part.get("concept", ())]
            assert len(codes) == len(set(codes)), (identifier, part.get("system"))


def test_every_class_holds_drugs_and_only_known_ones(terminology: Terminology) -> None:
    assert terminology.classes.keys() == terminology.concepts("drugclass")
    for name, ingredients in terminology.classes.items():
        assert ingredients, name
        assert ingredients <= terminology.concepts("drug"), name


# ---- the three trastuzumabs ----


@pytest.mark.parametrize(
    ("code", "ingredient"),
    [
        ("224905", TRASTUZUMAB),
        ("1922516", TRASTUZUMAB),
        ("2179753", TRASTUZUMAB),  # a biosimilar
        ("2119714", TRASTUZUMAB),  # under the skin
        ("1371041", T_DM1),
        ("1371046", T_DM1),  # Kadcyla
        ("1658084", T_DM1),
        ("1658086", T_DM1),  # RxNorm calls it a trastuzumab injection
        ("2267582", T_DXD),
        ("2267576", T_DXD),
        ("2267579", T_DXD),  # RxNorm calls it a trastuzumab injection
    ],
)
def test_trastuzumab_and_its_conjugates_are_each_their_own_drug(
    terminology: Terminology, code: str, ingredient: str
) -> None:
    answer = found(terminology, "drug", (RXNORM, code))
    assert answer.sure == (ingredient,)
    assert answer.ambiguous == ()


@pytest.mark.parametrize(
    ("system", "code", "ingredient"),
    [
        (SNOMED, "387003001", TRASTUZUMAB),
        (SNOMED, "702836004", T_DM1),
        (ATC, "L01FD01", TRASTUZUMAB),
        (ATC, "L01FD03", T_DM1),
        (ATC, "L01FD04", T_DXD),
        (ATC, "l01fd03", T_DM1),
    ],
)
def test_the_same_holds_for_snomed_ct_and_atc(
    terminology: Terminology, system: str, code: str, ingredient: str
) -> None:
    assert found(terminology, "drug", (system, code)).sure == (ingredient,)


@pytest.mark.parametrize("code", ["1162762", "1922508"])
def test_two_codes_do_not_tell_the_three_apart(terminology: Terminology, code: str) -> None:
    (concept,) = found(terminology, "drug", (RXNORM, code)).sure
    assert concept not in (TRASTUZUMAB, T_DM1, T_DXD)
    assert set(terminology.may_mean[concept]) == {TRASTUZUMAB, T_DM1, T_DXD}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Herceptin 440 mg", (TRASTUZUMAB,)),
        ("trastuzumab-qyyp", (TRASTUZUMAB,)),
        ("TRASTUZUMAB", (TRASTUZUMAB,)),
        ("ado-trastuzumab emtansine", (T_DM1,)),
        ("Trastuzumab emtansine (Kadcyla)", (T_DM1,)),
        ("T-DM1", (T_DM1,)),
        ("fam-trastuzumab deruxtecan", (T_DXD,)),
        ("Trastuzumab Deruxtecan 100 mg", (T_DXD,)),
        ("T-DXd", (T_DXD,)),
        ("Enhertu", (T_DXD,)),
        ("trastuzumabish", ()),
        ("", ()),
    ],
)
def test_names_in_a_text_are_the_longest_drug_they_spell(
    terminology: Terminology, text: str, expected: tuple[str, ...]
) -> None:
    assert terminology.spoken("drug", text) == expected


def test_the_conjugates_are_in_the_class_of_conjugates_and_trastuzumab_is_not(terminology: Terminology) -> None:
    assert {T_DM1, T_DXD} <= terminology.ingredients("antibody-drug-conjugate")
    assert TRASTUZUMAB not in terminology.ingredients("antibody-drug-conjugate")
    assert terminology.ingredients("her2-antibody") == {TRASTUZUMAB, "pertuzumab", "margetuximab"}
    assert terminology.ingredients(TRASTUZUMAB) == {TRASTUZUMAB}
    # nab-paclitaxel is a form of paclitaxel
    assert terminology.ingredients("taxane") == {"paclitaxel", "docetaxel"}
    assert found(terminology, "drug", (RXNORM, "583218")).sure == ("paclitaxel",)
    assert terminology.ingredients("cdk4-6-inhibitor") == {"palbociclib", "ribociclib", "abemaciclib"}
    with pytest.raises(KeyError):
        terminology.ingredients("no-such-drug")


def test_a_combination_is_all_of_its_ingredients(terminology: Terminology) -> None:
    assert set(found(terminology, "drug", (RXNORM, "2382605")).sure) == {"pertuzumab", TRASTUZUMAB}


# ---- codes and what they mean ----


@pytest.mark.parametrize(
    ("family", "system", "code", "expected"),
    [
        ("observation", LOINC, "751-8", {"anc"}),
        ("observation", LOINC, "777-3", {"platelets"}),
        ("observation", LOINC, "718-7", {"hemoglobin"}),
        ("observation", LOINC, "1975-2", {"bilirubin-total"}),
        ("observation", LOINC, "1968-7", set()),  # direct bilirubin
        ("observation", LOINC, "2160-0", {"creatinine"}),
        ("observation", LOINC, "48676-1", {"her2-overall"}),
        ("observation", LOINC, "51981-9", set()),  # HER2 in serum
        ("condition", SNOMED, "254837009", {"breast-cancer"}),
        ("condition", SNOMED, "278052009", {"other-malignancy"}),  # lymphoma of the breast
        ("condition", SNOMED, "94222008", {"metastasis-bone"}),
        ("condition", SNOMED, "1155991005", {"metastasis-leptomeninges"}),
        ("condition", ICD10CM, "C50", {"breast-cancer"}),
        ("condition", ICD10CM, "C50.911", {"breast-cancer"}),
        ("condition", ICD10, "C50.9", {"breast-cancer"}),
        ("condition", ICD10CM, "D05.11", {"breast-in-situ"}),
        ("condition", ICD10CM, "C79.81", {"metastasis-breast"}),
        ("condition", ICD10CM, "C79.51", {"metastasis-bone"}),
        ("condition", ICD10CM, "C79.9", {"metastasis-unspecified"}),
        ("condition", ICD10CM, "C77.2", {"metastasis-distant-node"}),
        ("condition", ICD10CM, "C77.3", {"metastasis-regional-node"}),
        ("condition", ICD10CM, "C44.91", {"skin-cancer-exempt"}),
        ("condition", ICD10CM, "C44.90", {"skin-cancer-unclear"}),
        ("condition", ICD10CM, "C44.99", {"other-malignancy"}),
        ("condition", ICD10CM, "F10.21", {"alcohol-dependence", "says-remission"}),
        ("condition", ICD10CM, "C5", set()),
        ("condition", ICD10CM, "", set()),
    ],
)
def test_codes_mean_what_the_reference_says(
    terminology: Terminology, family: str, system: str, code: str, expected: set[str]
) -> None:
    assert set(found(terminology, family, (system, code)).sure) == expected


def test_icd_codes_are_read_without_regard_to_case_and_dot(terminology: Terminology) -> None:
    for code in ("C50.911", "c50.911", "C50911", " C50.911 "):
        assert found(terminology, "condition", (ICD10CM, code)).sure == ("breast-cancer",)
        assert icd_code(code) == "C50911"


@pytest.mark.parametrize(
    "system",
    [
        SNOMED,
        "https://snomed.info/sct",
        "http://snomed.info/sct/",
        "http://snomed.info/sct/731000124108/version/20230901",
        "http://snomed.info/sct|20230901",
        "urn:oid:2.16.840.1.113883.6.96",
        "URN:OID:2.16.840.1.113883.6.96",
    ],
)
def test_a_system_has_one_name_however_it_is_written(terminology: Terminology, system: str) -> None:
    assert canonical_system(system) == SNOMED
    assert found(terminology, "condition", (system, "254837009")).sure == ("breast-cancer",)


@pytest.mark.parametrize("system", [None, "", "urn:oid:1.2.3.4", LOINC, "http://snomed.info/sctx"])
def test_a_code_without_its_system_is_ambiguous_and_never_sure(terminology: Terminology, system: str | None) -> None:
    for family, code, concept in (
        ("condition", "254837009", "breast-cancer"),
        ("condition", "C50.911", "breast-cancer"),
        ("drug", "1371041", T_DM1),
    ):
        answer = found(terminology, family, (system, code))
        assert answer.sure == ()
        assert answer.ambiguous == (concept,)


def test_any_coding_of_a_concept_may_match(terminology: Terminology) -> None:
    answer = found(terminology, "condition", ("urn:oid:1.2.3.4", "D-17"), (SNOMED, "254837009"))
    assert answer.sure == ("breast-cancer",)
    both = found(terminology, "condition", (None, "254837009"), (SNOMED, "254837009"))
    assert both.sure == ("breast-cancer",)
    assert both.ambiguous == ()


def test_a_code_of_a_known_system_on_no_list_is_another_one(terminology: Terminology) -> None:
    assert found(terminology, "drug", (RXNORM, "314076")) == Found((), (), True, False)  # lisinopril
    assert found(terminology, "drug", ("urn:oid:1.2.3.4", "314076")) == Found()


# ---- a site's own ----


def value_set(identifier: str, system: str, *codes: str, **more: Any) -> dict[str, Any]:
    include = {"system": system, "concept": [{"code": code} for code in codes]}
    return {"resourceType": "ValueSet", "id": identifier, "compose": {"include": [include]}} | more


def written(folder: Path, content: Any, name: str = "own.json") -> Terminology:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return Terminology([folder])


def test_a_folder_replaces_a_value_set_of_the_same_id(tmp_path: Path) -> None:
    own = written(tmp_path, value_set("observation-anc", "urn:oid:1.2.3.4", "NEUT"))
    assert found(own, "observation", ("urn:oid:1.2.3.4", "NEUT")).sure == ("anc",)
    assert found(own, "observation", (LOINC, "751-8")).sure == ()
    assert found(own, "observation", (LOINC, "777-3")).sure == ("platelets",)


def test_a_folder_adds_value_sets_alone_or_in_bundles_and_below_it(tmp_path: Path) -> None:
    entries = [{"resource": value_set(f"condition-own-{n}", "urn:oid:1.2.3.4", f"D{n}")} for n in (1, 2)]
    own = written(tmp_path / "deeper", {"resourceType": "Bundle", "type": "collection", "entry": entries})
    assert found(own, "condition", ("urn:oid:1.2.3.4", "D2")).sure == ("own-2",)
    assert found(own, "condition", (SNOMED, "254837009")).sure == ("breast-cancer",)
    assert "own-1" in own.concepts("condition")


def test_a_later_folder_replaces_an_earlier_one(tmp_path: Path) -> None:
    written(tmp_path / "a", value_set("observation-anc", "urn:oid:1.2.3.4", "FIRST"))
    written(tmp_path / "b", value_set("observation-anc", "urn:oid:1.2.3.4", "SECOND"))
    own = Terminology([tmp_path / "a", tmp_path / "b"])
    assert found(own, "observation", ("urn:oid:1.2.3.4", "SECOND")).sure == ("anc",)
    assert found(own, "observation", ("urn:oid:1.2.3.4", "FIRST")).sure == ()


def test_a_sites_drug_joins_a_class_that_includes_it(tmp_path: Path) -> None:
    drug = value_set("drug-own-inhibitor", RXNORM, "999999999")
    url = "https://site.example.org/ValueSet/drug-own-inhibitor"
    group = {
        "resourceType": "ValueSet",
        "id": "drugclass-own",
        "compose": {"include": [{"valueSet": [url]}, {"valueSet": ["x/drugclass-taxane"]}]},
    }
    own = written(
        tmp_path,
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": drug}, {"resource": group}]},
    )
    assert own.ingredients("own") == own.ingredients("taxane") | {"own-inhibitor"}


def test_an_excluded_code_or_prefix_of_icd_10_is_left_out(tmp_path: Path) -> None:
    compose = {
        "include": [{"system": ICD10CM, "filter": [{"property": "concept", "op": "is-a", "value": "K50"}]}],
        "exclude": [
            {"system": ICD10CM, "filter": [{"property": "concept", "op": "is-a", "value": "K50.1"}]},
            {"system": ICD10CM, "concept": [{"code": "K50.90"}]},
        ],
    }
    own = written(tmp_path, {"resourceType": "ValueSet", "id": "condition-own", "compose": compose})
    for code, expected in (("K50", True), ("K50.00", True), ("K50.1", False), ("K50.119", False), ("K50.90", False)):
        assert ("own" in found(own, "condition", (ICD10CM, code)).sure) is expected, code


@pytest.mark.parametrize("system", [SNOMED, LOINC, RXNORM, ATC, ICD10CM, "urn:oid:1.2.3.4"])
def test_an_excluded_code_is_left_out_in_every_system(tmp_path: Path, system: str) -> None:
    codes = [{"code": code} for code in ("C50.1", "C50.2", "C50.3")]
    compose = {
        "include": [{"system": system, "concept": codes}],
        "exclude": [{"system": system, "concept": [{"code": "C50.2"}]}],
    }
    own = written(tmp_path, {"resourceType": "ValueSet", "id": "procedure-own", "compose": compose})
    for code, expected in (("C50.1", ("own",)), ("C50.2", ()), ("C50.3", ("own",))):
        assert found(own, "procedure", (system, code)).sure == expected, code
    if system not in (ATC, ICD10CM):
        assert found(own, "procedure", (None, "C50.2")).ambiguous == ()
        assert found(own, "procedure", (None, "C50.3")).ambiguous == ("own",)


def test_an_excluded_code_stays_in_other_value_sets_and_is_not_the_first_one(tmp_path: Path) -> None:
    def content(name: str, *excluded: str) -> dict[str, Any]:
        parts = [{"system": SNOMED, "concept": [{"code": code} for code in excluded]}] if excluded else []
        include = [{"system": f"{SNOMED}|2026", "concept": [{"code": "1"}, {"code": "2"}]}]
        return {
            "resourceType": "ValueSet",
            "id": f"procedure-{name}",
            "compose": {"include": include, "exclude": parts},
        }

    written(tmp_path, content("a", "1"), "a.json")
    own = written(tmp_path, content("b"), "b.json")
    assert found(own, "procedure", (SNOMED, "1")).sure == ("b",)
    assert set(found(own, "procedure", (SNOMED, "2")).sure) == {"a", "b"}
    assert own.first_code("procedure", "a") == (SNOMED, "2", "")


def test_an_excluded_code_of_icd_10_takes_nothing_below_it_away(tmp_path: Path) -> None:
    compose = {
        "include": [{"system": ICD10CM, "filter": [{"property": "concept", "op": "is-a", "value": "K50"}]}],
        "exclude": [{"system": ICD10CM, "concept": [{"code": "K50.1"}]}],
    }
    own = written(tmp_path, {"resourceType": "ValueSet", "id": "procedure-own", "compose": compose})
    for code, expected in (("K50", ("own",)), ("K50.1", ()), ("K50.11", ("own",))):
        assert found(own, "procedure", (ICD10CM, code)).sure == expected, code


GOOD_PART = {"system": SNOMED, "concept": [{"code": "1"}]}
SPOKEN = "https://trialhook.org/fhir/StructureDefinition/spoken-name"
STRENGTH = "https://trialhook.org/fhir/StructureDefinition/depot-strength"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"compose": None}, "compose: Expected `object`, got `null`"),
        ({"compose": {}}, "compose: Object missing required field `include`"),
        ({"compose": {"include": {}}}, "compose.include: Expected `array`"),
        ({"compose": {"include": [1]}}, "compose.include[0]: Expected `object`"),
        ({"compose": {"include": [GOOD_PART, {"concept": [{"code": "1"}]}]}}, "compose.include[1].system: "),
        (
            {"compose": {"include": [{"system": SNOMED, "concept": [{"display": "x"}]}]}},
            "compose.include[0].concept[0]: ",
        ),
        (
            {"compose": {"include": [{"system": SNOMED, "concept": [{"code": 1}]}]}},
            "include[0].concept[0].code: Expected",
        ),
        (
            {"compose": {"include": [{"system": SNOMED, "concept": [{"code": ""}]}]}},
            "concept[0].code: a code was expected",
        ),
        (
            {"compose": {"include": [{"system": SNOMED, "concept": "1"}]}},
            "compose.include[0].concept: Expected `array`",
        ),
        ({"compose": {"include": [{"system": 5, "concept": []}]}}, "compose.include[0].system: Expected `str`"),
        ({"compose": {"include": [{"system": SNOMED}]}}, "include[0]: either codes (`concept`) or a `filter`"),
        (
            {"compose": {"include": [{"system": ICD10CM, "filter": [{"op": "is-a"}]}]}},
            "filter[0]: Object missing required",
        ),
        ({"compose": {"include": [{"system": ICD10CM, "filter": [{"op": "is-a", "value": ""}]}]}}, "filter[0].value: "),
        ({"compose": {"include": [{"valueSet": ["x/condition-y"]}]}}, "compose.include[0].valueSet: other ValueSets"),
        (
            {"compose": {"include": [GOOD_PART], "exclude": [{"valueSet": ["x/condition-y"]}]}},
            "compose.exclude[0].valueSet: other ValueSets",
        ),
        (
            {
                "compose": {
                    "include": [GOOD_PART],
                    "exclude": [{"system": SNOMED, "filter": [{"op": "is-a", "value": "1"}]}],
                }
            },
            "compose.exclude[0].filter[0]: only is-a filters on ICD-10, ICD-10-CM and ATC are supported",
        ),
        ({"extension": {}}, "extension: Expected `array`"),
        ({"extension": [{"url": SPOKEN, "valueString": 5}]}, "extension[0]: a text was expected"),
        ({"extension": [{"url": SPOKEN}]}, "extension[0]: one value was expected"),
        ({"extension": [{"url": STRENGTH, "valueQuantity": {"unit": "mg"}}]}, "extension[0]: a number of milligrams"),
        ({"title": ["x"]}, "title: Expected `str`"),
        ({"id": "condition-"}, "the id must begin with"),
    ],
)
def test_a_malformed_value_set_is_named_with_its_file_and_the_place_in_it(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    good = {"resourceType": "ValueSet", "id": "condition-x", "compose": {"include": [GOOD_PART]}}
    assert "x" in written(tmp_path / "good", good).concepts("condition")
    for content, place in (
        (good | change, ""),
        ({"resourceType": "Bundle", "entry": [{"resource": good}, {"resource": good | change}]}, "entry[1].resource: "),
    ):
        with pytest.raises(TrialError) as caught:
            written(tmp_path / "bad", content)
        assert caught.value.message.startswith(f"{tmp_path}/bad/own.json: {place}")
        assert said in caught.value.message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"resourceType": "Bundle", "entry": {}}, "own.json: entry: a list was expected"),
        ({"resourceType": "Bundle", "entry": None}, "own.json: entry: a list was expected"),
        ({"resourceType": "Bundle", "entry": [1]}, "own.json: entry[0].resource: a FHIR R4 ValueSet was expected"),
        ({"resourceType": "Bundle", "entry": [{}]}, "own.json: entry[0].resource: a FHIR R4 ValueSet was expected"),
        ("[" * 100_000, "own.json: not JSON"),
    ],
)
def test_a_file_that_holds_no_value_set_is_named(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(TrialError) as caught:
        written(tmp_path, content)
    assert said in caught.value.message


def test_a_sites_drug_without_a_title_is_called_by_its_name(tmp_path: Path) -> None:
    written(tmp_path, value_set("drug-own-inhibitor", RXNORM, "999999999"))
    assert Screening(value_set_folders=[tmp_path]).vocabulary.drugs("own-inhibitor").label == "own inhibitor"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ({"resourceType": "CodeSystem", "id": "drug-x"}, "a FHIR R4 ValueSet was expected"),
        ([1], "a FHIR R4 ValueSet was expected"),
        ({"resourceType": "ValueSet"}, "the id must begin with one of observation, answer"),
        ({"resourceType": "ValueSet", "id": "medicine-x"}, "the id must begin with one of observation, answer"),
        (
            {
                "resourceType": "ValueSet",
                "id": "condition-x",
                "compose": {"include": [{"system": SNOMED, "filter": [{"op": "is-a", "value": "1"}]}]},
            },
            "only is-a filters on ICD-10, ICD-10-CM and ATC are supported",
        ),
        (
            {
                "resourceType": "ValueSet",
                "id": "condition-x",
                "compose": {"include": [{"system": ICD10CM, "filter": [{"op": "regex", "value": "K.*"}]}]},
            },
            "only is-a filters on ICD-10, ICD-10-CM and ATC are supported",
        ),
        (
            {
                "resourceType": "ValueSet",
                "id": "drugclass-x",
                "compose": {"include": [{"valueSet": ["https://site.example.org/ValueSet/drug-nowhere"]}]},
            },
            "which is not there",
        ),
        (
            {
                "resourceType": "ValueSet",
                "id": "drugclass-x",
                "compose": {"include": [{"valueSet": ["https://site.example.org/ValueSet/drugclass-x"]}]},
            },
            "includes itself",
        ),
    ],
)
def test_a_wrong_value_set_stops_the_start_and_is_named(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(TrialError, match=r"own\.json|drugclass-x") as caught:
        written(tmp_path, content)
    assert said in caught.value.message


KADCYLA = wire.Coding(RXNORM, "1371046")


@pytest.mark.parametrize(
    ("family", "concept", "shown"),
    [
        ("drug", wire.CodeableConcept([KADCYLA]), "KADCYLA, code 1371046"),
        ("condition", wire.CodeableConcept([wire.Coding(ICD10CM, "C50.911")]), "breast cancer, code C50.911"),
        # what the record says in words is what is shown, whichever of its codings says it
        ("drug", wire.CodeableConcept([KADCYLA], "T-DM1 cycle 3"), "T-DM1 cycle 3"),
        ("drug", wire.CodeableConcept([KADCYLA, wire.Coding("urn:local", "17", display="Kadcyla 100")]), "Kadcyla 100"),
        # the first code that is known here; none that is not, and none that speaks for itself
        ("drug", wire.CodeableConcept([wire.Coding("urn:local", "17"), KADCYLA]), "KADCYLA, code 1371046"),
        ("drug", wire.CodeableConcept([wire.Coding("urn:local", "17")]), "17"),
        ("answer", wire.CodeableConcept([wire.Coding(AJCC, "IIA")]), "IIA"),
        ("drug", wire.CodeableConcept([wire.Coding(SNOMED, "896752005")]), "trastuzumab emtansine, code 896752005"),
        ("drug", wire.CodeableConcept([]), ""),
        ("drug", None, ""),
    ],
)
def test_a_code_alone_is_told_with_its_name(terminology: Terminology, family: str, concept: Any, shown: str) -> None:
    assert terminology.shown(family, concept) == shown
