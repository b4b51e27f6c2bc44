"""Names of drugs in texts: in other languages, of regimens, of classes; and texts that only look like one."""

import json
from pathlib import Path

import pytest

from service.errors import TrialError
from service.mappers import wire
from service.mappers.drug_names import DrugNames
from service.screening import Screening

AC = {"doxorubicin", "epirubicin", "cyclophosphamide"}
TAXANES = {"docetaxel", "paclitaxel"}
HER2 = {"trastuzumab", "pertuzumab"}


def may_be(screening: Screening, text: str) -> set[str]:
    """The drugs that a record with these words alone may be of."""
    names = DrugNames(screening.terminology, lambda _: (None, ""))
    named = names.read(wire.MedicationStatement(medicationCodeableConcept=wire.CodeableConcept(text=text)))
    assert not named.sure
    return named.possible


@pytest.mark.parametrize(
    ("text", "drug"),
    [
        ("Fentanil 25 mcg/h", "fentanyl"),
        ("fentanilo", "fentanyl"),
        ("Fentanylcitrat", "fentanyl"),
        ("fentanyl citrate", "fentanyl"),
        ("Ciclosporina 100 mg", "cyclosporine"),
        ("tacrolimo", "tacrolimus"),
        ("Rifampicina", "rifampin"),
        ("Fenitoína", "phenytoin"),
        ("claritromicina 500", "clarithromycin"),
        ("itraconazol", "itraconazole"),
        ("Chinidin", "quinidine"),
        ("tamoxifène", "tamoxifen"),
        ("Palbociclibe", "palbociclib"),
        ("ciclofosfamida", "cyclophosphamide"),
        ("5-Fluoruracil", "fluorouracil"),
        ("Trastuzumab emtansina", "ado-trastuzumab-emtansine"),
        ("trastuzumab deruxtecán", "trastuzumab-deruxtecan"),
        ("T DM1", "ado-trastuzumab-emtansine"),
        ("trastuzumabe", "trastuzumab"),
    ],
)
def test_names_of_other_languages_and_salts_are_known(screening: Screening, text: str, drug: str) -> None:
    assert may_be(screening, text) == {drug}


@pytest.mark.parametrize(
    ("text", "drugs"),
    [
        ("TCHP", {"carboplatin", *TAXANES, *HER2}),
        ("Chemotherapy: TCHP x 6 cycles", None),
        ("THP q3w", {*TAXANES, *HER2}),
        ("AC-T", {*AC, *TAXANES}),
        ("ddAC", AC),
        ("dd AC x4 -> weekly T", {*AC, *TAXANES}),
        ("dose-dense AC", AC),
        ("AC followed by paclitaxel", {*AC, "paclitaxel"}),
        ("FEC 100", {*AC, "fluorouracil"}),
        ("FEC100 x3 then docetaxel x3", {*AC, "fluorouracil", "docetaxel"}),
        ("CMF", {"cyclophosphamide", "methotrexate", "fluorouracil"}),
        ("mFOLFOX6", {"fluorouracil", "oxaliplatin"}),
        ("Phesgo", HER2),
        ("dual HER2 blockade", {*HER2, "margetuximab"}),
    ],
)
def test_a_regimen_may_be_any_of_its_drugs(screening: Screening, text: str, drugs: set[str] | None) -> None:
    found = may_be(screening, text)
    assert found == drugs if drugs is not None else found >= {"carboplatin", "trastuzumab"}


@pytest.mark.parametrize(
    ("text", "among"),
    [
        ("dalpiciclib 150 mg", {"palbociclib", "ribociclib", "abemaciclib"}),
        ("Pyrotinib", {"lapatinib"}),
        ("disitamab vedotin", {"ado-trastuzumab-emtansine"}),
        ("anti-HER2 therapy", {"trastuzumab", "lapatinib", "ado-trastuzumab-emtansine"}),
        ("antibody drug conjugate", {"ado-trastuzumab-emtansine", "trastuzumab-deruxtecan"}),
    ],
)
def test_a_drug_without_codes_may_be_taken_for_its_class(screening: Screening, text: str, among: set[str]) -> None:
    assert may_be(screening, text) >= among


@pytest.mark.parametrize(
    "text",
    [
        "Aspirin EC 81 mg",
        "Aspirin 81 mg (EC)",
        "Omeprazole 20 mg, EC",
        "Glucobay 50 mg AC",
        "lispro ac t.i.d.",
        "ACTH",
        "HP Acthar gel",
        "TAC 0.1% cream",
        "Act mouth rinse",
        "FEC tablets",
        "sufentanil",
        "Vitamin D 1000 IU",
        "Fosfomycin",
    ],
)
def test_what_only_looks_like_a_name_is_another_drug(screening: Screening, text: str) -> None:
    assert may_be(screening, text) == set()


def names_nothing(screening: Screening, concept: wire.CodeableConcept) -> bool:
    names = DrugNames(screening.terminology, lambda _: (None, ""))
    return names.read(wire.MedicationStatement(medicationCodeableConcept=concept)).nameless


@pytest.mark.parametrize(
    "text",
    [
        "study medication",
        "Study Drug",
        "study-drug 125 mg capsule PO daily",
        "Blinded study drug",
        "Investigational product (double-blind)",
        "study drug or placebo",
        "Trial medication, arm B",
        "IMP",
        "unknown medication",
        "Studienmedikation",
        "Prüfpräparat 100 mg Tbl.",
        "verblindete Prüfmedikation",
        "médicament à l'étude",
        "Produit expérimental",
        "Fármaco del estudio",
        "producto en investigación",
    ],
)
def test_a_drug_of_a_study_tells_nothing(screening: Screening, text: str) -> None:
    assert names_nothing(screening, wire.CodeableConcept(text=text))
    assert names_nothing(screening, wire.CodeableConcept([wire.Coding("urn:oid:1.2.3", "S-1", text)], "study drug"))


@pytest.mark.parametrize(
    "text",
    [
        "unknown",
        "Unknown.",
        "N/A",
        "Other",
        "see chart",
        "not specified",
        "home medication",
        "k.A.; siehe Akte",
        "autre",
        "Injection",
        "IV infusion 100 ml",
        "Infusionslösung",
    ],
)
def test_a_text_that_says_nothing_tells_nothing(screening: Screening, text: str) -> None:
    assert names_nothing(screening, wire.CodeableConcept(text=text))


@pytest.mark.parametrize(
    ("system", "code", "taken"),
    [
        ("http://snomed.info/sct", "787481004", 0),
        ("http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips", "no-known-medications", 0),
        ("http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips", "no-medication-info", 1),
    ],
)
def test_that_no_medication_is_known_is_no_drug_without_a_name(
    screening: Screening, system: str, code: str, taken: int
) -> None:
    patient = {"resourceType": "Patient", "id": "p1"}
    none = {"resourceType": "MedicationStatement", "id": "m1", "status": "unknown",
            "subject": {"reference": "Patient/p1"},
            "medicationCodeableConcept": {"coding": [{"system": system, "code": code}]}}  # fmt: skip
    assert len(screening.read(json.dumps([patient, none]).encode()).nameless_drugs()) == taken


@pytest.mark.parametrize(
    "text",
    ["placebo", "study drug ABC-123", "impetigo ointment", "Vitamin D (study)", "study drug (palbociclib)", "drug X"],
)
def test_a_text_that_says_more_names_a_drug(screening: Screening, text: str) -> None:
    assert not names_nothing(screening, wire.CodeableConcept(text=text))


def test_a_site_adds_regimens_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "vocabulary.yaml").write_text(
        "regimens: {house-blend: {names: [HB-7, House blend], of: [docetaxel, her2-antibody]}}"
    )
    screening = Screening(value_set_folders=[tmp_path])
    assert may_be(screening, "House-Blend x 4") == {"docetaxel", "margetuximab", *HER2}
    assert may_be(screening, "CMF") == {"cyclophosphamide", "methotrexate", "fluorouracil"}


def test_a_regimen_of_an_unknown_drug_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "vocabulary.yaml").write_text("regimens:\n  house-blend:\n    names: [HB]\n    of: [docetaxol]\n")
    with pytest.raises(TrialError, match=r"vocabulary.yaml:4:.*docetaxol.*docetaxel"):
        Screening(value_set_folders=[tmp_path])
