"""What to ask a FHIR server for: the narrowest queries that ordinary servers answer and the loaded trials need.

The same queries are the prefetch templates of the CDS services and what is fetched where prefetch does not suffice.
"""

from collections.abc import Iterable

import msgspec

from service.criteria.plan import Plan
from service.mappers.inputs import Inputs
from service.mappers.terminology import Terminology

# Servers and proxies commonly take 2,000 to 8,000 characters of address; a longer list of codes is cut into several.
MAX_CODES_LENGTH = 1500

# Panels whose components are results that trials ask for: a search by code finds a component's code nowhere else.
PANELS = ("24323-8", "24325-3", "24326-1", "51990-0", "57021-8", "58410-2", "85353-1")

PATIENT = "patient"
CONDITIONS = "conditions"
_TOKEN = "{{context.patientId}}"
_DRUG_TYPES = {
    "medicationStatements": "MedicationStatement",
    "medicationRequests": "MedicationRequest",
    "medicationAdministrations": "MedicationAdministration",
    "medicationDispenses": "MedicationDispense",
}


class Query(msgspec.Struct, frozen=True):
    """One query: its prefetch key, the resource type it is of, and its template with the patient left open."""

    key: str
    type: str
    template: str

    def of(self, patient: str) -> str:
        """The query for one patient (a FHIR id)."""
        return self.template.replace(_TOKEN, patient)


def queries(plan: Plan, inputs: Inputs, terminology: Terminology) -> tuple[Query, ...]:
    """The queries that the trials of a plan need, in a fixed order: the same trials give the same text every time.

    Conditions, procedures and drugs are asked for by type alone: their criteria name groups of thousands of codes, and
    what is coded otherwise matters too. Observations are asked for by code, without a code system, so that one coded
    under a wrong system comes too and is told apart.
    """
    found = [Query(PATIENT, "Patient", f"Patient/{_TOKEN}")]
    bits = plan.bits
    if bits["condition"]:
        found.append(_by_type(CONDITIONS, "Condition"))
    lists = _lists(_observation_codes(bits["input"], inputs, terminology))
    for number, codes in enumerate(lists, 1):
        key = "observations" if len(lists) == 1 else f"observations{number}"
        found.append(Query(key, "Observation", f"Observation?patient={_TOKEN}&code={codes}"))
    if bits["drug"]:
        found += [_by_type(key, kind) for key, kind in _DRUG_TYPES.items()]
    if bits["procedure"] or bits["drug"]:
        found.append(_by_type("procedures", "Procedure"))
    if plan.allergies:
        found.append(_by_type("allergies", "AllergyIntolerance"))
    return tuple(found)


def _by_type(key: str, kind: str) -> Query:
    return Query(key, kind, f"{kind}?patient={_TOKEN}")


def _observation_codes(names: Iterable[str], inputs: Inputs, terminology: Terminology) -> list[str]:
    wanted = set(names)
    concepts = {
        concept for concept, pairs in inputs.by_concept.items() if any(made.name in wanted for made, _ in pairs)
    }
    panels = {code for name, made in inputs.by_name.items() if name in wanted for code in made.panels}
    return sorted({*terminology.codes("observation", concepts), *panels, *PANELS}) if concepts else []


def _lists(codes: list[str]) -> list[str]:
    """Codes joined by commas, no list longer than MAX_CODES_LENGTH."""
    lists: list[str] = []
    for code in codes:
        if lists and len(lists[-1]) + 1 + len(code) <= MAX_CODES_LENGTH:
            lists[-1] += f",{code}"
        else:
            lists.append(code)
    return lists
