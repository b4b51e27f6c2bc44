"""The parts of FHIR R4 that are read, as typed structs for a partial decode (msgspec).

Only the fields that some rule needs are declared: what is not here is skipped unread, at the speed of the parser.
Polymorphic and rarely needed elements stay raw and are decoded when a rule asks for them. The shapes are those of
https://hl7.org/fhir/R4/.
"""

from typing import Any

import msgspec
from msgspec import Raw

NOTHING = Raw(b"")


class Coding(msgspec.Struct, gc=False):
    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(msgspec.Struct, gc=False):
    coding: list[Coding | None] | None = None
    text: str | None = None


class Reference(msgspec.Struct, gc=False):
    reference: str | None = None
    type: str | None = None
    display: str | None = None
    identifier: Raw = NOTHING


class Quantity(msgspec.Struct, gc=False):
    value: Raw = NOTHING
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Range(msgspec.Struct, gc=False):
    low: Quantity | None = None
    high: Quantity | None = None


class Ratio(msgspec.Struct, gc=False):
    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Period(msgspec.Struct, gc=False):
    start: str | None = None
    end: str | None = None


class TimingRepeat(msgspec.Struct, gc=False):
    boundsPeriod: Period | None = None
    boundsDuration: Quantity | None = None
    boundsRange: Range | None = None


class Timing(msgspec.Struct, gc=False):
    event: list[str | None] | None = None
    repeat: TimingRepeat | None = None


class Meta(msgspec.Struct, gc=False):
    lastUpdated: str | None = None
    versionId: str | None = None
    tag: Raw = NOTHING


class ReferenceRange(msgspec.Struct, gc=False):
    low: Quantity | None = None
    high: Quantity | None = None
    type: CodeableConcept | None = None
    appliesTo: list[CodeableConcept] | None = None
    age: Range | None = None
    text: str | None = None


class Valued(msgspec.Struct, gc=False):
    """What an Observation and its components share."""

    code: CodeableConcept | None = None
    valueQuantity: Quantity | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueString: str | None = None
    valueBoolean: bool | None = None
    valueInteger: int | None = None
    valueRange: Range | None = None
    valueRatio: Ratio | None = None
    valueSampledData: Raw = NOTHING
    valueTime: str | None = None
    valueDateTime: str | None = None
    valuePeriod: Period | None = None
    dataAbsentReason: CodeableConcept | None = None
    interpretation: list[CodeableConcept] | None = None
    referenceRange: list[ReferenceRange] | None = None


class Component(Valued, gc=False):
    modifierExtension: Raw = NOTHING


class Resource(msgspec.Struct, tag_field="resourceType", gc=False):
    """Fields of every resource. `problem` is set by the reader where a field could not be read."""

    id: str | None = None
    meta: Meta | None = None
    modifierExtension: Raw = NOTHING
    implicitRules: str | None = None


class Patient(Resource, tag=True):
    birthDate: str | None = None
    gender: str | None = None
    deceasedBoolean: bool | None = None
    deceasedDateTime: str | None = None
    deceasedElement: Raw = msgspec.field(name="_deceasedDateTime", default=NOTHING)
    extension: Raw = NOTHING


class Observation(Resource, tag=True):
    status: str | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    focus: list[Reference] | None = None
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    effectiveInstant: str | None = None
    effectiveTiming: Timing | None = None
    issued: str | None = None
    valueQuantity: Quantity | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueString: str | None = None
    valueBoolean: bool | None = None
    valueInteger: int | None = None
    valueRange: Range | None = None
    valueRatio: Ratio | None = None
    valueSampledData: Raw = NOTHING
    valueTime: str | None = None
    valueDateTime: str | None = None
    valuePeriod: Period | None = None
    dataAbsentReason: CodeableConcept | None = None
    interpretation: list[CodeableConcept] | None = None
    bodySite: CodeableConcept | None = None
    method: CodeableConcept | None = None
    specimen: Reference | None = None
    referenceRange: list[ReferenceRange] | None = None
    component: list[Component] | None = None
    contained: Raw = NOTHING


class ConditionStage(msgspec.Struct, gc=False):
    summary: CodeableConcept | None = None
    assessment: list[Reference] | None = None
    type: CodeableConcept | None = None


class Condition(Resource, tag=True):
    clinicalStatus: CodeableConcept | None = None
    verificationStatus: CodeableConcept | None = None
    category: list[CodeableConcept] | None = None
    code: CodeableConcept | None = None
    bodySite: list[CodeableConcept] | None = None
    subject: Reference | None = None
    onsetDateTime: str | None = None
    onsetAge: Quantity | None = None
    onsetPeriod: Period | None = None
    onsetRange: Range | None = None
    onsetString: str | None = None
    abatementDateTime: str | None = None
    abatementAge: Quantity | None = None
    abatementPeriod: Period | None = None
    abatementRange: Range | None = None
    abatementString: str | None = None
    recordedDate: str | None = None
    stage: list[ConditionStage] | None = None
    extension: Raw = NOTHING


class Dosage(msgspec.Struct, gc=False):
    sequence: Raw = NOTHING
    timing: Timing | None = None
    route: CodeableConcept | None = None
    doseAndRate: Raw = NOTHING
    text: str | None = None
    dose: Raw = NOTHING


class DispenseRequest(msgspec.Struct, gc=False):
    validityPeriod: Period | None = None


class MedicationEvent(Resource, tag=True):
    """What the four medication resources share."""

    status: str | None = None
    medicationCodeableConcept: CodeableConcept | None = None
    medicationReference: Reference | None = None
    subject: Reference | None = None
    reasonCode: list[CodeableConcept] | None = None
    reasonReference: list[Reference] | None = None
    contained: Raw = NOTHING
    medication: None = None  # R5's


class MedicationStatement(MedicationEvent, tag=True):
    taken: None = None  # STU3's, which may say that it was not
    wasNotTaken: None = None  # DSTU2's
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    dateAsserted: str | None = None
    dosage: list[Dosage] | None = None


class MedicationRequest(MedicationEvent, tag=True):
    intent: str | None = None
    doNotPerform: bool | None = None
    authoredOn: str | None = None
    dosageInstruction: list[Dosage] | None = None
    dispenseRequest: DispenseRequest | None = None


class MedicationAdministration(MedicationEvent, tag=True):
    notGiven: None = None  # STU3's
    wasNotGiven: None = None  # DSTU2's
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    dosage: Dosage | None = None


class MedicationDispense(MedicationEvent, tag=True):
    notDone: None = None  # STU3's
    whenHandedOver: str | None = None
    whenPrepared: str | None = None
    daysSupply: Quantity | None = None
    dosageInstruction: list[Dosage] | None = None


class MedicationIngredient(msgspec.Struct, gc=False):
    itemCodeableConcept: CodeableConcept | None = None
    itemReference: Reference | None = None
    isActive: bool | None = None


class Medication(Resource, tag=True):
    status: str | None = None
    code: CodeableConcept | None = None
    ingredient: list[MedicationIngredient] | None = None
    contained: Raw = NOTHING


class Substance(Resource, tag=True):
    code: CodeableConcept | None = None


class Procedure(Resource, tag=True):
    status: str | None = None
    category: CodeableConcept | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    performedDateTime: str | None = None
    performedPeriod: Period | None = None
    performedString: str | None = None
    performedAge: Quantity | None = None
    performedRange: Range | None = None
    bodySite: list[CodeableConcept] | None = None
    reasonCode: list[CodeableConcept] | None = None
    notDone: None = None  # STU3's
    notPerformed: None = None  # DSTU2's


class AllergyReaction(msgspec.Struct, gc=False):
    substance: CodeableConcept | None = None
    manifestation: list[CodeableConcept] | None = None
    description: str | None = None


class AllergyIntolerance(Resource, tag=True):
    clinicalStatus: CodeableConcept | None = None
    verificationStatus: CodeableConcept | None = None
    type: str | None = None
    code: CodeableConcept | None = None
    patient: Reference | None = None
    onsetDateTime: str | None = None
    onsetAge: Quantity | None = None
    onsetPeriod: Period | None = None
    recordedDate: str | None = None
    reaction: list[AllergyReaction] | None = None


class DiagnosticReport(Resource, tag=True):
    status: str | None = None
    subject: Reference | None = None
    result: list[Reference] | None = None
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    contained: Raw = NOTHING


class Parameters(Resource, tag=True):
    """May carry resources, which are not read."""


class Issue(msgspec.Struct, gc=False):
    severity: str | None = None
    code: str | None = None


class OperationOutcome(Resource, tag=True):
    issue: list[Issue] | None = None


class Link(msgspec.Struct, gc=False):
    relation: str | None = None
    url: str | None = None


class EntryResponse(msgspec.Struct, gc=False):
    status: str | None = None
    outcome: Raw = NOTHING


class EntryRequest(msgspec.Struct, gc=False):
    method: str | None = None
    url: str | None = None


class EntrySearch(msgspec.Struct, gc=False):
    mode: str | None = None


class Entry(msgspec.Struct, gc=False):
    fullUrl: str | None = None
    resource: Raw = NOTHING
    response: EntryResponse | None = None
    request: EntryRequest | None = None
    search: EntrySearch | None = None


class Bundle(msgspec.Struct, gc=False):
    resourceType: str | None = None
    type: str | None = None
    total: int | None = None
    link: list[Link] | None = None
    entry: list[Entry] | None = None


class Kind(msgspec.Struct, gc=False):
    """Just enough to tell what a resource is."""

    resourceType: str | None = None
    id: str | None = None


CLINICAL_TYPES: dict[str, type[Any]] = {
    cls.__name__: cls
    for cls in (
        Observation,
        Condition,
        Procedure,
        MedicationStatement,
        MedicationRequest,
        MedicationAdministration,
        MedicationDispense,
        Medication,
        Substance,
        AllergyIntolerance,
        DiagnosticReport,
        Parameters,
        Patient,
        OperationOutcome,
    )
}

READ_TYPES = frozenset(CLINICAL_TYPES.values())
# Those that say nothing of the document itself and, Observations apart, carry nothing else that is read.
PLAIN_TYPES = READ_TYPES - {OperationOutcome, Parameters, DiagnosticReport}

# Every other R4 resource type is known by name only, so that one pass over a Bundle neither fails on it nor reads it.
OTHER_TYPES = """
    Account ActivityDefinition AdverseEvent Appointment AppointmentResponse AuditEvent Basic Binary
    BiologicallyDerivedProduct BodyStructure CapabilityStatement CarePlan CareTeam CatalogEntry ChargeItem
    ChargeItemDefinition Claim ClaimResponse ClinicalImpression CodeSystem Communication CommunicationRequest
    CompartmentDefinition Composition ConceptMap Consent Contract Coverage CoverageEligibilityRequest
    CoverageEligibilityResponse DetectedIssue Device DeviceDefinition DeviceMetric DeviceRequest
    DeviceUseStatement DocumentManifest DocumentReference EffectEvidenceSynthesis Encounter Endpoint
    EnrollmentRequest EnrollmentResponse EpisodeOfCare EventDefinition Evidence EvidenceVariable ExampleScenario
    ExplanationOfBenefit FamilyMemberHistory Flag Goal GraphDefinition Group GuidanceResponse HealthcareService
    ImagingStudy Immunization ImmunizationEvaluation ImmunizationRecommendation ImplementationGuide
    InsurancePlan Invoice Library Linkage List Location Measure MeasureReport Media MedicationKnowledge
    MedicinalProduct MedicinalProductAuthorization MedicinalProductContraindication MedicinalProductIndication
    MedicinalProductIngredient MedicinalProductInteraction MedicinalProductManufactured MedicinalProductPackaged
    MedicinalProductPharmaceutical MedicinalProductUndesirableEffect MessageDefinition MessageHeader
    MolecularSequence NamingSystem NutritionOrder ObservationDefinition OperationDefinition Organization
    OrganizationAffiliation PaymentNotice PaymentReconciliation Person PlanDefinition Practitioner
    PractitionerRole Provenance Questionnaire QuestionnaireResponse RelatedPerson RequestGroup
    ResearchDefinition ResearchElementDefinition ResearchStudy ResearchSubject RiskAssessment
    RiskEvidenceSynthesis Schedule SearchParameter ServiceRequest Slot Specimen SpecimenDefinition
    StructureDefinition StructureMap Subscription SubstanceNucleicAcid SubstancePolymer SubstanceProtein
    SubstanceReferenceInformation SubstanceSourceMaterial SubstanceSpecification SupplyDelivery SupplyRequest
    Task TerminologyCapabilities TestReport TestScript ValueSet VerificationResult VisionPrescription
""".split()  # noqa: SIM905 - so many names read best as text


class Skipped(msgspec.Struct, gc=False):
    """A resource whose type no rule reads."""


_SKIPPED = tuple(
    msgspec.defstruct(name, [], bases=(Skipped,), tag_field="resourceType", tag=name, gc=False) for name in OTHER_TYPES
)


class NestedBundle(msgspec.Struct, tag_field="resourceType", tag="Bundle", gc=False):
    """A Bundle inside a Bundle: told apart here, read by the reader."""


class _Code(msgspec.Struct, gc=False):
    system: str | None = None
    code: str | None = None


class _Codes(msgspec.Struct, gc=False):
    coding: list[_Code | None] | None = None


class _Owner(msgspec.Struct, gc=False):
    reference: str | None = None


class Glance(msgspec.Struct, tag_field="resourceType", tag="Observation", gc=False):
    """Of an Observation, what tells whose it is and whether it is asked for: most of a long record is not."""

    id: str | None = None
    code: _Codes | None = None
    subject: _Owner | None = None
    component: Raw = NOTHING
    contained: Raw = NOTHING


ANY_RESOURCE: Any = NestedBundle | Observation
_GLANCED: Any = NestedBundle | Glance
for _cls in (*CLINICAL_TYPES.values(), *_SKIPPED):
    if _cls is not Observation:
        ANY_RESOURCE, _GLANCED = ANY_RESOURCE | _cls, _GLANCED | _cls

decode_resource = msgspec.json.Decoder(ANY_RESOURCE).decode
glance = msgspec.json.Decoder(_GLANCED).decode
decode_bundle = msgspec.json.Decoder(Bundle).decode
decode_kind = msgspec.json.Decoder(Kind).decode
decode_list = msgspec.json.Decoder(list[Raw]).decode
