"""The yardstick: the same record decoded once into typed structs, with the fields that such resources hold.

Ten resource types, FHIR R4's own element names, numbers as floats, dates as text, nothing where an element is absent:
the leanest decode that keeps what a record of this kind says.
"""

from typing import Any

import msgspec
from msgspec import Struct


class Coding(Struct):
    system: str | None = None
    version: str | None = None
    code: str | None = None
    display: str | None = None
    userSelected: bool | None = None


class CodeableConcept(Struct):
    coding: list[Coding] | None = None
    text: str | None = None


class Period(Struct):
    start: str | None = None
    end: str | None = None


class Identifier(Struct):
    use: str | None = None
    type: CodeableConcept | None = None
    system: str | None = None
    value: str | None = None
    period: Period | None = None


class Reference(Struct):
    reference: str | None = None
    type: str | None = None
    identifier: Identifier | None = None
    display: str | None = None


class Quantity(Struct):
    value: float | None = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Range(Struct):
    low: Quantity | None = None
    high: Quantity | None = None


class Ratio(Struct):
    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Extension(Struct):
    url: str
    extension: list["Extension"] | None = None
    valueString: str | None = None
    valueCode: str | None = None
    valueBoolean: bool | None = None
    valueCoding: Coding | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueReference: Reference | None = None


class Meta(Struct):
    versionId: str | None = None
    lastUpdated: str | None = None
    source: str | None = None
    profile: list[str] | None = None
    tag: list[Coding] | None = None


class Narrative(Struct):
    status: str | None = None
    div: str | None = None


class Annotation(Struct):
    text: str | None = None
    time: str | None = None
    authorReference: Reference | None = None


class ReferenceRange(Struct):
    low: Quantity | None = None
    high: Quantity | None = None
    type: CodeableConcept | None = None
    appliesTo: list[CodeableConcept] | None = None
    age: Range | None = None
    text: str | None = None


class Timing(Struct):
    event: list[str] | None = None
    repeat: dict[str, Any] | None = None
    code: CodeableConcept | None = None


class DoseAndRate(Struct):
    type: CodeableConcept | None = None
    doseQuantity: Quantity | None = None
    doseRange: Range | None = None
    rateQuantity: Quantity | None = None


class Dosage(Struct):
    sequence: int | None = None
    text: str | None = None
    timing: Timing | None = None
    asNeededBoolean: bool | None = None
    route: CodeableConcept | None = None
    method: CodeableConcept | None = None
    doseAndRate: list[DoseAndRate] | None = None


class Resource(Struct, tag_field="resourceType"):
    id: str | None = None
    meta: Meta | None = None
    implicitRules: str | None = None
    language: str | None = None
    text: Narrative | None = None
    extension: list[Extension] | None = None
    modifierExtension: list[Extension] | None = None
    identifier: list[Identifier] | None = None


class HumanName(Struct):
    use: str | None = None
    text: str | None = None
    family: str | None = None
    given: list[str] | None = None
    prefix: list[str] | None = None


class ContactPoint(Struct):
    system: str | None = None
    value: str | None = None
    use: str | None = None


class Address(Struct):
    use: str | None = None
    line: list[str] | None = None
    city: str | None = None
    state: str | None = None
    postalCode: str | None = None
    country: str | None = None


class Patient(Resource, tag=True):
    active: bool | None = None
    name: list[HumanName] | None = None
    telecom: list[ContactPoint] | None = None
    gender: str | None = None
    birthDate: str | None = None
    deceasedBoolean: bool | None = None
    deceasedDateTime: str | None = None
    address: list[Address] | None = None
    maritalStatus: CodeableConcept | None = None
    managingOrganization: Reference | None = None


class Component(Struct):
    code: CodeableConcept
    valueQuantity: Quantity | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueString: str | None = None
    dataAbsentReason: CodeableConcept | None = None
    interpretation: list[CodeableConcept] | None = None
    referenceRange: list[ReferenceRange] | None = None


class Observation(Resource, tag=True):
    status: str | None = None
    category: list[CodeableConcept] | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    encounter: Reference | None = None
    basedOn: list[Reference] | None = None
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    issued: str | None = None
    performer: list[Reference] | None = None
    valueQuantity: Quantity | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueString: str | None = None
    valueBoolean: bool | None = None
    valueInteger: int | None = None
    valueRange: Range | None = None
    valueRatio: Ratio | None = None
    valueDateTime: str | None = None
    dataAbsentReason: CodeableConcept | None = None
    interpretation: list[CodeableConcept] | None = None
    note: list[Annotation] | None = None
    bodySite: CodeableConcept | None = None
    method: CodeableConcept | None = None
    specimen: Reference | None = None
    referenceRange: list[ReferenceRange] | None = None
    hasMember: list[Reference] | None = None
    derivedFrom: list[Reference] | None = None
    component: list[Component] | None = None


class Stage(Struct):
    summary: CodeableConcept | None = None
    assessment: list[Reference] | None = None
    type: CodeableConcept | None = None


class Condition(Resource, tag=True):
    clinicalStatus: CodeableConcept | None = None
    verificationStatus: CodeableConcept | None = None
    category: list[CodeableConcept] | None = None
    severity: CodeableConcept | None = None
    code: CodeableConcept | None = None
    bodySite: list[CodeableConcept] | None = None
    subject: Reference | None = None
    encounter: Reference | None = None
    onsetDateTime: str | None = None
    onsetAge: Quantity | None = None
    onsetPeriod: Period | None = None
    onsetString: str | None = None
    abatementDateTime: str | None = None
    abatementPeriod: Period | None = None
    abatementString: str | None = None
    recordedDate: str | None = None
    recorder: Reference | None = None
    asserter: Reference | None = None
    stage: list[Stage] | None = None
    note: list[Annotation] | None = None


class Performer(Struct):
    function: CodeableConcept | None = None
    actor: Reference | None = None


class Procedure(Resource, tag=True):
    status: str | None = None
    category: CodeableConcept | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    encounter: Reference | None = None
    performedDateTime: str | None = None
    performedPeriod: Period | None = None
    performer: list[Performer] | None = None
    reasonCode: list[CodeableConcept] | None = None
    reasonReference: list[Reference] | None = None
    bodySite: list[CodeableConcept] | None = None
    outcome: CodeableConcept | None = None
    note: list[Annotation] | None = None


class MedicationStatement(Resource, tag=True):
    status: str | None = None
    category: CodeableConcept | None = None
    medicationCodeableConcept: CodeableConcept | None = None
    medicationReference: Reference | None = None
    subject: Reference | None = None
    context: Reference | None = None
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    dateAsserted: str | None = None
    reasonCode: list[CodeableConcept] | None = None
    reasonReference: list[Reference] | None = None
    note: list[Annotation] | None = None
    dosage: list[Dosage] | None = None


class DispenseRequest(Struct):
    validityPeriod: Period | None = None
    numberOfRepeatsAllowed: int | None = None
    quantity: Quantity | None = None
    expectedSupplyDuration: Quantity | None = None


class MedicationRequest(Resource, tag=True):
    status: str | None = None
    intent: str | None = None
    category: list[CodeableConcept] | None = None
    doNotPerform: bool | None = None
    medicationCodeableConcept: CodeableConcept | None = None
    medicationReference: Reference | None = None
    subject: Reference | None = None
    encounter: Reference | None = None
    authoredOn: str | None = None
    requester: Reference | None = None
    reasonCode: list[CodeableConcept] | None = None
    reasonReference: list[Reference] | None = None
    note: list[Annotation] | None = None
    dosageInstruction: list[Dosage] | None = None
    dispenseRequest: DispenseRequest | None = None


class AdministeredDosage(Struct):
    text: str | None = None
    route: CodeableConcept | None = None
    dose: Quantity | None = None
    rateQuantity: Quantity | None = None


class MedicationAdministration(Resource, tag=True):
    status: str | None = None
    medicationCodeableConcept: CodeableConcept | None = None
    medicationReference: Reference | None = None
    subject: Reference | None = None
    context: Reference | None = None
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    performer: list[Performer] | None = None
    reasonCode: list[CodeableConcept] | None = None
    reasonReference: list[Reference] | None = None
    request: Reference | None = None
    dosage: AdministeredDosage | None = None


class MedicationDispense(Resource, tag=True):
    status: str | None = None
    medicationCodeableConcept: CodeableConcept | None = None
    medicationReference: Reference | None = None
    subject: Reference | None = None
    context: Reference | None = None
    quantity: Quantity | None = None
    daysSupply: Quantity | None = None
    whenPrepared: str | None = None
    whenHandedOver: str | None = None
    dosageInstruction: list[Dosage] | None = None


class Ingredient(Struct):
    itemCodeableConcept: CodeableConcept | None = None
    itemReference: Reference | None = None
    isActive: bool | None = None
    strength: Ratio | None = None


class Medication(Resource, tag=True):
    status: str | None = None
    code: CodeableConcept | None = None
    form: CodeableConcept | None = None
    ingredient: list[Ingredient] | None = None


class Reaction(Struct):
    substance: CodeableConcept | None = None
    manifestation: list[CodeableConcept] | None = None
    description: str | None = None
    onset: str | None = None
    severity: str | None = None


class AllergyIntolerance(Resource, tag=True):
    clinicalStatus: CodeableConcept | None = None
    verificationStatus: CodeableConcept | None = None
    type: str | None = None
    category: list[str] | None = None
    criticality: str | None = None
    code: CodeableConcept | None = None
    patient: Reference | None = None
    encounter: Reference | None = None
    onsetDateTime: str | None = None
    recordedDate: str | None = None
    note: list[Annotation] | None = None
    reaction: list[Reaction] | None = None


AnyResource = (
    Patient
    | Observation
    | Condition
    | Procedure
    | MedicationStatement
    | MedicationRequest
    | MedicationAdministration
    | MedicationDispense
    | Medication
    | AllergyIntolerance
)


class Search(Struct):
    mode: str | None = None


class Entry(Struct):
    fullUrl: str | None = None
    resource: AnyResource | None = None
    search: Search | None = None


class Link(Struct):
    relation: str | None = None
    url: str | None = None


class Bundle(Struct, tag_field="resourceType", tag=True):
    id: str | None = None
    meta: Meta | None = None
    type: str | None = None
    timestamp: str | None = None
    total: int | None = None
    link: list[Link] | None = None
    entry: list[Entry] | None = None


decode = msgspec.json.Decoder(Bundle).decode
