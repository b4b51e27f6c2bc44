"""AllergyIntolerances: verification and status, where the substance stands, and what an intolerance is."""

from tests.builders import (
    SINAI,
    YALE,
    RxNorm,
    Snomed,
    allergy,
    coding,
    concept,
    eligible,
    hl7,
)
from tests.vignettes.vignette import Chapter, expect

chapter = Chapter()
UNTREATED = eligible(SINAI)

case = chapter.rule("Refuted and entered-in-error allergies never count")
case(
    "allergy-never",
    UNTREATED.add(
        allergy(RxNorm.PALBOCICLIB, verification="refuted"),
        allergy(RxNorm.TRASTUZUMAB, clinical=None, verification="entered-in-error"),
    ),
    expect(SINAI, allergy="pass"),
)
case = chapter.rule("Any coding of a status may match")
for name, system, code, outcome in (
    ("refuted", "allergyintolerance-verification", "refuted", "pass"),
    ("confirmed", "allergyintolerance-verification", "confirmed", "fail/recorded"),
    ("resolved", "allergyintolerance-clinical", "resolved", "review/manual"),
):
    member = "verificationStatus" if system.endswith("verification") else "clinicalStatus"
    both = concept(coding("urn:oid:1.2.840.114350", "1"), hl7(system, code))
    record = UNTREATED.add(allergy(RxNorm.PALBOCICLIB) | {member: both})
    case(f"allergy-status-second-coding-{name}", record, expect(SINAI, allergy=outcome))
case = chapter.rule("The substance stands in the code or in a reaction, as RxNorm, SNOMED CT or text")
case("allergy-snomed", UNTREATED.add(allergy(Snomed.PALBOCICLIB)), expect(SINAI, allergy="fail/recorded"))
case(
    "allergy-product",
    UNTREATED.add(allergy(RxNorm.ANASTROZOLE_TABLET, type=None)),
    expect(SINAI, allergy="fail/recorded"),
    "a product of it",
)
case(
    "allergy-reaction-no-code",
    UNTREATED.add(allergy(substance=Snomed.PERTUZUMAB)),
    expect(SINAI, allergy="fail/recorded"),
    "no code beside the reaction",
)
case(
    "allergy-text-other",
    UNTREATED.add(allergy(concept(text="penicillin"))),
    expect(SINAI, allergy="pass"),
    "a text that names another substance",
)
case = chapter.rule("T-DM1 is not trastuzumab: a relative of it in NCT03304080, itself on Yale's list")
case(
    "allergy-tdm1-is-relative",
    UNTREATED.add(allergy(RxNorm.T_DM1)),
    expect(SINAI, allergy="review/manual") | expect(YALE, allergy="fail/recorded"),
)
