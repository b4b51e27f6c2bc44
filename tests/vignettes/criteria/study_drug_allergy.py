"""Allergy to a study drug, to a relative of one, and intolerance, in the three trials that ask."""

from tests.builders import (
    ASPIRE,
    SINAI,
    YALE,
    Json,
    RxNorm,
    Snomed,
    allergy,
    coding,
    concept,
    eligible,
)
from tests.vignettes.vignette import Chapter, Rule, expect

chapter = Chapter()
UNTREATED = eligible(SINAI)
FAIL, PASS, REVIEW, RECORDED = "fail/recorded", "pass", "review/manual", "pass/recorded"


def show(rule: Rule, id: str, entry: Json, sinai: str, yale: str, aspire: str, *more: Json) -> None:
    outcomes = expect(SINAI, allergy=sinai) | expect(YALE, allergy=yale) | expect(ASPIRE, allergy=aspire)
    rule(f"allergy-{id}", UNTREATED.add(entry, *more), outcomes)


case = chapter.rule("Allergy to a study drug fails; to a relative of one it is for review")
for name, entry, sinai, yale, aspire in (
    ("palbociclib", allergy(RxNorm.PALBOCICLIB), FAIL, FAIL, FAIL),
    ("trastuzumab-snomed", allergy(Snomed.TRASTUZUMAB, type=None), FAIL, FAIL, FAIL),
    ("tdm1", allergy(Snomed.T_DM1), REVIEW, FAIL, FAIL),
    ("tdxd", allergy(RxNorm.T_DXD), REVIEW, REVIEW, REVIEW),
    ("pertuzumab-product", allergy(RxNorm.PERJETA), FAIL, REVIEW, PASS),
    ("anastrozole-brand", allergy(RxNorm.ARIMIDEX), FAIL, PASS, REVIEW),
    ("letrozole", allergy(Snomed.LETROZOLE), REVIEW, PASS, FAIL),
    ("abemaciclib", allergy(RxNorm.ABEMACICLIB), REVIEW, REVIEW, REVIEW),
    # a combination is all its ingredients
    ("phesgo", allergy(RxNorm.PHESGO), FAIL, FAIL, FAIL),
    ("penicillin", allergy(RxNorm.PENICILLIN_G), PASS, PASS, PASS),
):
    show(case, name, entry, sinai, yale, aspire)
case = chapter.rule("The substance may stand in a reaction; as text alone it is unknown")
IN_A_REACTION = allergy(Snomed.DRUG_ALLERGY, substance=RxNorm.TRASTUZUMAB)
show(case, "reaction-substance", IN_A_REACTION, FAIL, FAIL, FAIL)
AS_TEXT = allergy(concept(text="Palbociclib (Ibrance) - rash"))
show(case, "text-alone", AS_TEXT, "unknown", "unknown", "unknown")
case = chapter.rule(
    "An intolerance or a resolved allergy is for review, an inactive one counts, an unconfirmed is unknown"
)
for name, entry, outcome in (
    ("intolerance-palbociclib", allergy(Snomed.PALBOCICLIB, type="intolerance"), REVIEW),
    ("resolved-trastuzumab", allergy(RxNorm.TRASTUZUMAB, clinical="resolved"), REVIEW),
    ("inactive-trastuzumab", allergy(RxNorm.TRASTUZUMAB, clinical="inactive"), FAIL),
    ("unconfirmed", allergy(RxNorm.PALBOCICLIB, verification="unconfirmed"), "unknown/missing"),
):
    show(case, name, entry, outcome, outcome, outcome)
case = chapter.rule("An entry 'no known allergy' is a recorded pass")
IPS_NO_ALLERGY = coding("http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips", "no-known-allergies")
for name, entry in (
    ("none-known", Snomed.NO_KNOWN_ALLERGY),
    ("none-known-summary", IPS_NO_ALLERGY),
    ("none-known-words", concept(text="NKDA")),
):
    show(case, name, allergy(entry, type=None), RECORDED, RECORDED, RECORDED)
case = chapter.rule("What is not certain leaves it for review where it would be no more than that; else it is unknown")
RELATIVE = allergy(RxNorm.ABEMACICLIB)
for name, entry, outcome in (
    ("relative", allergy(RxNorm.T_DXD, verification="unconfirmed"), REVIEW),
    ("relative-in-words", allergy(concept(text="ribociclib")), REVIEW),
    ("intolerance-in-words", allergy(concept(text="trastuzumab"), type="intolerance"), REVIEW),
    ("study-drug", allergy(RxNorm.TRASTUZUMAB, verification="unconfirmed"), "unknown/missing"),
    ("study-drug-in-words", allergy(concept(text="trastuzumab")), "unknown/unusable"),
):
    show(case, f"relative-beside-uncertain-{name}", entry, outcome, outcome, outcome, RELATIVE)
show(case, "uncertain-relative-alone", allergy(RxNorm.T_DXD, verification="unconfirmed"), *["unknown/missing"] * 3)
