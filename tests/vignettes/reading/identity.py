"""Evidence from one patient only: references, other patients, versions, and modifier extensions that are not known."""

from typing import Any

from tests.builders import (
    SERVER,
    SINAI,
    UNKNOWN_MODIFIER,
    Icd10cm,
    Json,
    Loinc,
    RxNorm,
    allergy,
    collection,
    condition,
    eligible,
    entry,
    laboratory,
    patient,
    quantity,
    reference,
    statement,
)
from tests.vignettes.vignette import Chapter, expect

chapter = Chapter()
UNTREATED = eligible(SINAI)
OTHER_SERVER = "https://other.example.org/fhir"
PATIENT_UUID = "urn:uuid:0d9a3b5e-2f64-4c0e-8a27-5b7c1e9f4a10"
OTHER_UUID = "urn:uuid:99999999-2f64-4c0e-8a27-5b7c1e9f4a10"


def cirrhosis(subject: str | None = "Patient/p1", **more: Any) -> Json:
    return condition(Icd10cm.CIRRHOSIS, "2025-02-01", subject=subject, **more)


def without_server(*more: Json) -> Json:
    """The record as a Bundle of new resources: every entry is a urn:uuid, and the Patient is referred to by his."""
    entries = []
    for number, resource in enumerate([*UNTREATED.resources.values(), *more]):
        own = PATIENT_UUID if resource["resourceType"] == "Patient" else f"{PATIENT_UUID[:-12]}{number:012d}"
        if resource.get("subject") == reference("Patient/p1"):
            resource = resource | {"subject": reference(PATIENT_UUID)}
        entries.append({"fullUrl": own, "resource": resource})
    return collection(*entries)


# ---- references ----
case = chapter.rule("References are compared after resolving")
case(
    "identity-ref-history",
    UNTREATED.add(cirrhosis("Patient/p1/_history/4")),
    expect(SINAI, liver_disease="fail/recorded"),
    "Patient/p1/_history/4",
)
case(
    "identity-ref-absolute",
    UNTREATED.add(cirrhosis(f"{SERVER}/Patient/p1")),
    expect(SINAI, liver_disease="fail/recorded"),
    "the absolute URL",
)
case(
    "identity-ref-uuid",
    without_server(cirrhosis()),
    expect(SINAI, liver_disease="fail/recorded", anc="pass/recorded"),
    "urn:uuid",
)
case(
    "identity-ref-uuid-other",
    without_server(cirrhosis(OTHER_UUID)),
    expect(SINAI, liver_disease="pass"),
    "another urn:uuid is another patient",
)
case = chapter.rule("A resource whose subject is another patient is never used")
case("identity-other-patient", UNTREATED.add(cirrhosis("Patient/p2")), expect(SINAI, liver_disease="pass"))
case(
    "identity-other-patient-allergy",
    UNTREATED.add(allergy(RxNorm.PALBOCICLIB, subject="Patient/p10")),
    expect(SINAI, allergy="pass"),
    "AllergyIntolerance.patient",
)
case(
    "identity-other-server",
    UNTREATED.add(cirrhosis(f"{OTHER_SERVER}/Patient/p1")),
    expect(SINAI, liver_disease="pass"),
    "another server's Patient of the same id",
)
case(
    "identity-other-server-relative",
    UNTREATED.bundle(entry(cirrhosis() | {"id": "elsewhere"}, OTHER_SERVER)),
    expect(SINAI, liver_disease="pass"),
    "a relative reference resolves against its entry's fullUrl",
)
case(
    "identity-no-fullurl",
    UNTREATED.add(cirrhosis()).bundle(server=None),
    expect(SINAI, liver_disease="fail/recorded", anc="pass/recorded"),
    "without any fullUrl relative references are this patient's",
)
case(
    "identity-group-subject",
    UNTREATED.add(cirrhosis("Group/g1")),
    expect(SINAI, liver_disease="pass"),
    "a Group is another subject",
)
case = chapter.rule("A resource without a subject is set aside")
case("identity-no-subject-condition", UNTREATED.add(cirrhosis(None)), expect(SINAI, liver_disease="pass"))
case(
    "identity-no-subject-observation",
    UNTREATED.put(anc=laboratory(Loinc.ANC, 2.1, "10*3/uL", subject=None)),
    expect(SINAI, anc="unknown/missing"),
)
# the Patient has no identifier that it could be matched with
case(
    "identity-subject-identifier-only",
    UNTREATED.edit("anc", subject={"identifier": {"system": "urn:oid:1.2.3", "value": "77"}}),
    expect(SINAI, anc="unknown/missing"),
    "an identifier without a reference cannot be resolved",
)
case = chapter.rule("A Bundle with more than one Patient is refused unless one is asked for")
case("identity-two-patients", UNTREATED.put(p2=patient("1970-01-01", id="p2")), {}, refusal="several-patients")
case(
    "identity-two-patients-two-servers",
    UNTREATED.bundle(entry(patient(), OTHER_SERVER)),
    {},
    "one id on two servers",
    refusal="several-patients",
)

# ---- versions ----
case = chapter.rule("Of two versions of a resource the newer counts")


def version(resource: Json, number: int, updated: str) -> Json:
    return resource | {"meta": {"versionId": str(number), "lastUpdated": updated}}


def with_versions(*resources: Json) -> Json:
    return UNTREATED.drop("anc").bundle(*(entry(resource) for resource in resources))


GOOD = laboratory(Loinc.ANC, 2.1, "10*3/uL") | {"id": "anc"}
OLD = version(GOOD, 1, "2026-11-10T09:00:00Z")
NEW = version(GOOD | {"status": "corrected", "valueQuantity": quantity(0.9, "10*3/uL")}, 2, "2026-11-12T09:00:00Z")
case("identity-version-newer-last", with_versions(OLD, NEW), expect(SINAI, anc="fail/recorded"))
case("identity-version-newer-first", with_versions(NEW, OLD), expect(SINAI, anc="fail/recorded"))
case(
    "identity-version-withdrawn",
    with_versions(OLD, NEW | {"status": "entered-in-error"}),
    expect(SINAI, anc="unknown/missing"),
    "the newer one is entered in error",
)
case(
    "identity-version-by-updated",
    with_versions(*(made | {"meta": {"lastUpdated": made["meta"]["lastUpdated"]}} for made in (NEW, OLD))),
    expect(SINAI, anc="fail/recorded"),
    "told by lastUpdated alone",
)
case(
    "identity-version-of-patient",
    UNTREATED.put(patient=version(patient("2010-01-01"), 1, "2026-01-01T00:00:00Z")).bundle(
        entry(version(patient(), 2, "2026-10-01T00:00:00Z"))
    ),
    expect(SINAI, adult="pass/recorded", anc="pass/recorded"),
    "two versions of one Patient are one patient",
)

# ---- modifier extensions ----
case = chapter.rule("A resource with a modifier extension that is not known is unusable")
case(
    "identity-modifier-lab",
    UNTREATED.edit("anc", modifierExtension=UNKNOWN_MODIFIER),
    expect(SINAI, anc="unknown/unusable"),
)
case(
    "identity-modifier-condition",
    UNTREATED.add(cirrhosis(modifierExtension=UNKNOWN_MODIFIER)),
    expect(SINAI, liver_disease="unknown/unusable"),
)
case(
    "identity-modifier-drug",
    UNTREATED.add(statement(RxNorm.VERAPAMIL, "2026-09-01", modifierExtension=UNKNOWN_MODIFIER)),
    expect(SINAI, cyp3a4="unknown/unusable"),
)
case(
    "identity-modifier-irrelevant",
    UNTREATED.add(condition(Icd10cm.HYPERLIPIDEMIA, "2025-02-01", modifierExtension=UNKNOWN_MODIFIER)),
    expect(SINAI, liver_disease="pass/no-record"),
    "one that would not decide changes nothing",
)
# the newest is unusable, and an older good one does not mend it
case(
    "identity-modifier-older-good",
    UNTREATED.add(laboratory(Loinc.ANC, 0.9, "10*3/uL", "2026-11-15", modifierExtension=UNKNOWN_MODIFIER)),
    expect(SINAI, anc="unknown/unusable"),
)
