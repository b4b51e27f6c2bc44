"""A site's own folder: value sets, inputs.yaml and vocabulary.yaml add names or replace them; mistakes have a place."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.criteria.catalogue import Trials, compile_trial
from service.criteria.plan import Plan
from service.errors import TrialError
from service.screening import Screening
from tests.builders import (
    AS_OF,
    Json,
    ago,
    as_json,
    atc,
    coding,
    collection,
    concept,
    condition,
    entry,
    icd10cm,
    laboratory,
    loinc,
    patient,
    procedure,
    rxnorm,
    snomed,
    statement,
)
from tests.criteria.one_rule import ONE_TRIAL, judged

FENO, ASTHMA, MEPOLIZUMAB = coding("http://lab.example.org", "FENO"), snomed("195967001"), atc("R03DX09")


def value_set(identifier: str, coding: dict[str, Any]) -> dict[str, Any]:
    include = [{"system": coding["system"], "concept": [{"code": coding["code"], "display": identifier}]}]
    return {"resourceType": "ValueSet", "id": identifier, "title": identifier, "compose": {"include": include}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for identifier, code in (
        ("observation-feno", FENO),
        ("condition-asthma", ASTHMA),
        ("drug-mepolizumab", MEPOLIZUMAB),
    ):
        (tmp_path / f"{identifier}.json").write_text(json.dumps(value_set(identifier, code)))
    (tmp_path / "inputs.yaml").write_text(
        'feno:\n  label: FeNO\n  codes: [feno]\n  reads: [quantity]\n  unit: "[ppb]"\n  usable: [[0, 500]]\n'
    )
    (tmp_path / "vocabulary.yaml").write_text("diagnoses:\n  asthma: {label: asthma, conditions: [asthma]}\n")
    return tmp_path


def test_a_site_adds_an_input_a_diagnosis_and_a_drug_from_data_alone(folder: Path) -> None:
    site = Screening(value_set_folders=[folder])
    record = [laboratory(FENO, 31, "[ppb]", ago(3)), condition(ASTHMA, ago(900)), statement(MEPOLIZUMAB, ago(900))]
    assert judged(site, '{measurement: feno, at-least: "25 [ppb]"}', *record).outcome == "pass"
    assert judged(site, "{present: {diagnosis: asthma}}", *record).outcome == "pass"
    assert judged(site, "{absent: [{drug: mepolizumab, taken: ever}]}", *record).outcome == "fail"
    assert judged(site, "{measurement: anc, at-least: 1000 /mm3}").outcome == "unknown"  # what the package has stays


def test_an_entry_of_the_same_name_replaces_the_package_s(folder: Path) -> None:
    (folder / "inputs.yaml").write_text("anc: {label: my ANC, codes: [feno], reads: [quantity], unit: 10*3/uL}\n")
    site = Screening(value_set_folders=[folder])
    rule = "{measurement: anc, at-least: 1000 /mm3}"
    assert judged(site, rule, laboratory(FENO, 2, "10*3/uL", ago(3))).reason.startswith("my ANC 2,000")
    assert judged(site, rule, laboratory(loinc("751-8"), 2, "10*3/uL", ago(3))).outcome == "unknown"


@pytest.mark.parametrize(
    ("file", "text", "place", "message"),
    [
        ("inputs.yaml", "feno:\n  label: FeNO\n  codes: [fenno]\n  reads: [quantity]\n  unit: '1'\n", "3:11",
         "feno → codes → entry 1: no ValueSet observation-fenno; did you mean feno?"),
        ("inputs.yaml", "feno:\n  label: FeNO\n  code: [feno]\n  reads: quantity\n  unit: '1'\n", "3:3",
         "feno → code: unknown key code; did you mean codes?"),
        ("inputs.yaml", "feno:\n  label: FeNO\n  codes: feno\n  reads: [quantity]\n", "4:3",
         "feno → reads: a quantity needs a unit"),
        ("inputs.yaml", "feno: {label: FeNO, codes: feno, reads: number, unit: '1'}\n", "1:34",
         "feno → reads: one of quantity, answer, date was expected"),
        ("inputs.yaml", "feno: {label: F, codes: feno, reads: quantity, unit: '1', usable: [[9, 1]]}\n", "1:68",
         "feno → usable → entry 1: the lower number first: [1, 9]"),
        ("inputs.yaml", "feno: {label: F, codes: feno, reads: quantity, unit: '1', usable: [[1, 5, 9]]}\n", "1:68",
         "feno → usable → entry 1: two numbers were expected, the lower first: [2, 25]"),
        ("inputs.yaml", "feno: {label: F, codes: feno, reads: quantity, unit: '1', usable: [[1, true]]}\n", "1:68",
         "feno → usable → entry 1: a number was expected"),
        ("inputs.yaml", "feno: {label: F, codes: feno, reads: quantity, unit: '1', molar-mass: much}\n", "1:59",
         "feno → molar-mass: a number was expected"),
        ("inputs.yaml", "feno: {label: F, codes: feno, reads: quantity, unit: parts}\n", "1:48",
         "feno → unit: parts is no unit as UCUM writes it, such as mg/L, 10*3/uL, % or mm[Hg]"),
        ("inputs.yaml", "feno: {label: F, codes: feno, reads: quantity, unit: '1', in-unit: {feno: mg}}\n", "1:69",
         "feno → in-unit → feno: mg is neither the unit nor one of the conversions"),
        ("inputs.yaml", "feno: {label: F, codes: feno, reads: quantity, unit: '1', conversions: {mg: {times: 2}}}\n",
         "1:73", "feno → conversions → mg → plus: plus is missing"),
        ("inputs.yaml", "feno: {label: F, codes: feno, reads: answer, marked: [a]}\n", "1:46",
         "feno → marked: a mapping was expected"),
        ("vocabulary.yaml", "- feno\n", "1:1", "a mapping was expected, with the sections"),
        ("inputs.yaml", "feno: {label: F, codes: feno, reads: quantity, unit: '1', window: 4 moons}\n", "1:59",
         "feno → window: a length of time was expected, such as 28 days, 6 months or 3 years"),
        ("inputs.yaml", "feno: {codes: feno, reads: answer}\n", "1:1", "feno → label: label is missing"),
        ("inputs.yaml", "feno: 3\n", "1:1", "feno: a mapping was expected, with label, codes, reads"),
        ("inputs.yaml", "- feno\n", "1:1", "a mapping of names was expected"),
        ("inputs.yaml", "feno: [\n", "2:1", ""),
        ("vocabulary.yaml", "diagnosis:\n  asthma: {label: a, conditions: [asthma]}\n", "1:1",
         "diagnosis: unknown section; did you mean diagnoses?"),
        ("vocabulary.yaml", "diagnoses:\n  asthma: {label: a, conditions: [astma]}\n", "2:35",
         "diagnoses → asthma → conditions → entry 1: no ValueSet condition-astma; did you mean asthma?"),
        ("vocabulary.yaml", "diagnoses:\n  asthma: {conditions: [asthma]}\n", "2:3",
         "diagnoses → asthma → label: label is missing"),
        ("vocabulary.yaml", "drugs:\n  biologic: {label: b, of: [mepolizumap]}\n", "2:29",
         "drugs → biologic → of → entry 1: no ValueSet drug- or drugclass-mepolizumap; did you mean mepolizumab?"),
        ("vocabulary.yaml", "needs:\n  x: {title: x, order-of: fennno}\n", "2:17",
         "needs → x → order-of: no input called fennno; did you mean feno?"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_line_and_column(
    folder: Path, file: str, text: str, place: str, message: str
) -> None:
    (folder / file).write_text(text)
    with pytest.raises(TrialError) as mistake:
        Screening(value_set_folders=[folder])
    assert f"{folder / file}:{place}: {message}" in str(mistake.value)


def test_every_mistake_of_a_file_is_told_at_once(folder: Path) -> None:
    (folder / "inputs.yaml").write_text("a: {label: a, codes: feno}\nb: {label: b, codes: fen, reads: answer}\n")
    with pytest.raises(TrialError) as mistake:
        Screening(value_set_folders=[folder])
    assert len(mistake.value.problems) == 2


def test_a_file_under_a_name_that_is_not_read_is_a_mistake(folder: Path) -> None:
    (folder / "inputs.yaml").rename(folder / "inputs.yml")
    with pytest.raises(TrialError, match=r"inputs\.yml: is not read under this name; it has to be called inputs\.yaml"):
        Screening(value_set_folders=[folder])


def test_an_empty_file_adds_nothing(folder: Path) -> None:
    for name in ("inputs.yaml", "vocabulary.yaml"):
        (folder / name).write_text("# nothing yet\n")
    assert "anc" in Screening(value_set_folders=[folder]).inputs.by_name


def test_a_trial_may_name_what_only_the_site_has(folder: Path) -> None:
    site = Screening(value_set_folders=[folder])
    trial = compile_trial(ONE_TRIAL.format(rule="{present: {diagnosis: asthma}}"), "t.yaml", site.vocabulary)
    record = site.read(as_json(collection(entry(patient()), entry(condition(ASTHMA, ago(9)) | {"id": "c"}))))
    assert site.screen(record, AS_OF, Plan(Trials((trial,)))).results[0].grade == "certain"


CODES = """
condition-asthma: {title: asthma, names: [asthma], snomed: {195967001: asthma}, icd-10-cm: J45}
drug-omalizumab: {names: [omalizumab, xolair], rxnorm: 302379, atc: [R03DX05]}
drugclass-biologic: {title: a biologic, of: [omalizumab, glp-1-agonist]}
observation-anc: {also: true, "http://lab.example.org": {NEU: neutrophils}}
"""


def test_codes_are_written_in_short(tmp_path: Path) -> None:
    (tmp_path / "codes.yaml").write_text(CODES)
    (tmp_path / "vocabulary.yaml").write_text("diagnoses:\n  asthma: {label: asthma, conditions: [asthma]}\n")
    site = Screening(value_set_folders=[tmp_path])
    asthma, biologic = "{present: {diagnosis: asthma}}", "{absent: [{drug: biologic, taken: ever}]}"
    assert judged(site, asthma, condition(icd10cm("J45.909"), ago(9))).outcome == "pass"
    assert judged(site, asthma, condition(snomed("195967001"), ago(9))).outcome == "pass"
    assert judged(site, asthma, condition(icd10cm("J44.9"), ago(9))).outcome == "unknown"
    assert judged(site, biologic, statement(atc("R03DX05"), ago(9))).outcome == "fail"
    assert judged(site, biologic, statement(rxnorm("1991302"), ago(9))).outcome == "fail"  # of the class within it
    assert judged(site, biologic, statement(concept(text="Xolair 150 mg"), ago(9))).outcome == "unknown"


def test_a_site_adds_its_own_code_to_a_value_set_of_the_package(tmp_path: Path) -> None:
    (tmp_path / "codes.yaml").write_text(CODES)
    site = Screening(value_set_folders=[tmp_path])
    rule = "{measurement: anc, at-least: 1500 /mm3}"
    for code in (coding("http://lab.example.org", "NEU"), loinc("751-8")):
        assert judged(site, rule, laboratory(code, 2, "10*3/uL", ago(3))).outcome == "pass"


OF_A_COUNTRY = """
systems:
  http://fhir.de/CodeSystem/bfarm/icd-10-gm: icd-10
  http://drugs.example.org: rxnorm
procedure-radiotherapy: {also: true, "http://fhir.de/CodeSystem/bfarm/ops": {8-522.d1: linear accelerator}}
condition-infection-severe: {also: true, "http://fhir.de/CodeSystem/bfarm/icd-10-gm": U69.0}
"""
ICD_10_GM = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"


def test_a_country_s_code_system_stands_for_the_one_whose_codes_it_has(tmp_path: Path) -> None:
    (tmp_path / "codes.yaml").write_text(OF_A_COUNTRY)
    site, package = Screening(value_set_folders=[tmp_path]), Screening()
    stroke, severe = "{absent: [{diagnosis: stroke}]}", "{absent: [{diagnosis: severe-infection}]}"
    infarct = condition(coding(f"{ICD_10_GM}|2026", "I63.4"), ago(900))
    assert judged(site, stroke, infarct).outcome == "fail"
    assert judged(package, stroke, infarct).outcome == "unknown"
    assert judged(site, severe, condition(coding(ICD_10_GM, "U69.0"), ago(9))).outcome == "fail"
    taken, palbociclib = "{absent: [{drug: palbociclib, taken: ever}]}", coding("http://drugs.example.org", "1601374")
    assert judged(site, taken, statement(palbociclib, ago(9))).outcome == "fail"
    assert judged(package, taken, statement(palbociclib, ago(9))).outcome == "unknown"


OPS = "http://fhir.de/CodeSystem/bfarm/ops"
BY_PREFIX = f"""
systems: {{{ICD_10_GM}: icd-10}}
procedure-radiotherapy: {{also: true, "{OPS}": {{8-52*: radiotherapy, 8-600.1: seeds}}}}
condition-cirrhosis: {{also: true, "{ICD_10_GM}": K99.0*, icd-10-cm: "K98*"}}
"""


@pytest.mark.parametrize(
    ("done", "outcome"),
    [
        (coding(OPS, "8-522.d1"), "fail"),
        (coding(OPS, "8-52"), "fail"),
        (coding(f"{OPS}|2026", "8-529"), "fail"),
        (coding(OPS, "8-600.1"), "fail"),
        (coding(OPS, "8-600.10"), "pass"),  # without the star a code stands for itself alone
        (coding(OPS, "8-530"), "pass"),
        (coding(OPS, "18-52"), "pass"),
        (coding(None, "8-522.d1"), "unknown"),
        (coding("http://other.example.org", "8-522.d1"), "unknown"),
        (snomed("8-522.d1"), "pass"),  # which has no such codes
    ],
)
def test_a_star_at_the_end_stands_for_all_codes_that_begin_so(tmp_path: Path, done: Json, outcome: str) -> None:
    (tmp_path / "codes.yaml").write_text(BY_PREFIX)
    site = Screening(value_set_folders=[tmp_path])
    rule = "{absent: [{procedure: radiotherapy, within: 14 days}]}"
    assert judged(site, rule, procedure(done, ago(9))).outcome == outcome


@pytest.mark.parametrize("code", [coding(ICD_10_GM, "K99.01"), icd10cm("K98.7")])
def test_a_star_changes_nothing_where_codes_tell_what_is_below_them(tmp_path: Path, code: Json) -> None:
    (tmp_path / "codes.yaml").write_text(BY_PREFIX)
    site = Screening(value_set_folders=[tmp_path])
    assert judged(site, "{absent: [{diagnosis: cirrhosis}]}", condition(code, ago(9))).outcome == "fail"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("procedure-a: {snomed: 1*}", "1:15: procedure-a → snomed: codes of snomed do not begin with those above them"),
        ("observation-a: {'http://x.example': A-1*}", "a star stands at the end of codes of conditions, procedures"),
        ("procedure-a: {'http://x.example': '*'}", "two characters at least stand before the star"),
        ("procedure-a: {'http://x.example': {8-5*2: x}}", "a star stands at the end of a code"),
        ("procedure-a: {'http://x.example': '8?5*'}", "letters, digits, dots and dashes stand before the star"),
        ("systems: icd-10", "1:1: systems: a mapping of code systems was expected"),
        ("systems: {icd-10-gm: icd-10}", "1:11: systems → icd-10-gm: the address of a code system was expected"),
        ("systems: {'http://x.example': icd10}", "did you mean icd-10?"),
        ("systems: {'http://snomed.info/sct/': loinc}", "this code system stands for itself"),
        ("asthma: {snomed: 1}", "1:1: asthma: a name begins with one of observation, answer, condition"),
        ("condition-a: {snomd: 1}", "1:15: condition-a → snomd: unknown key snomd; did you mean snomed?"),
        ("condition-a: {snomed: []}", "1:15: condition-a → snomed: a code, a list of codes, or codes with names"),
        ("condition-a: {title: a}", "1:1: condition-a: codes were expected, such as snomed: 195967001"),
        ("condition-a: {of: [b], snomed: 1}", "1:15: condition-a → of: drugs were expected, in a drugclass only"),
        ("condition-a: 7", "1:1: condition-a: a mapping was expected"),
        ("condition-a: {snomed: 1, also: true}", "condition-a: there is no such value set to add to"),
        ("drugclass-a: {of: [nothing]}", "nothing, which is not there"),
        ("condition-a: {snomed: {1: [x]}}", "1:15: condition-a → snomed: "),
        ("- a", "a mapping of names such as condition-asthma was expected"),
        ("a: [", "2:1: "),
    ],
)
def test_a_mistake_in_codes_has_a_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "codes.yaml").write_text(text + "\n")
    with pytest.raises(TrialError) as mistake:
        Screening(value_set_folders=[tmp_path])
    assert said in str(mistake.value)
    assert "codes.yaml" in str(mistake.value) or "ValueSet" in str(mistake.value)
