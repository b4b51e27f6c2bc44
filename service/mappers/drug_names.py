"""Which drug a record is about: its ingredients, those that it may mean, and what it says.

Medication and Substance are followed, contained or referenced. https://hl7.org/fhir/R4/medication.html
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from service.mappers import wire
from service.mappers.concepts import texts
from service.mappers.contained import find_contained
from service.mappers.terminology import RXNORM, Terminology

MAX_DEPTH = 5  # Medications that are parts of Medications: a kit of combinations is two deep


class Named(msgspec.Struct):
    """What is known of which drug a record is about."""

    sure: set[str] = msgspec.field(default_factory=set)
    possible: set[str] = msgspec.field(default_factory=set)
    coded: bool = False
    worded: bool = False
    none_known: bool = False
    said: list[str] = msgspec.field(default_factory=list)
    why: str = ""
    problem: str = ""
    form: str = ""
    strength: Decimal | None = None
    followed: set[int] = msgspec.field(default_factory=set)
    part_lost: bool = False  # one of the ingredients by which alone it is told leads nowhere

    @property
    def told(self) -> bool:
        """Whether it tells anything: a code of a drug, or words for one."""
        return bool(self.sure or self.possible or self.coded or self.worded)

    @property
    def nameless(self) -> bool:
        """Whether it tells nothing at all, or an ingredient of it does not."""
        return self.part_lost or not self.told


class DrugNames:
    """Names the drugs of one patient's records. `resolve` finds a resource of the record by its reference, and says why
    it may not be used."""

    def __init__(self, terminology: Terminology, resolve: Callable[[str], tuple[object | None, str]]) -> None:
        self._terminology = terminology
        self._resolve = resolve

    def read(self, event: wire.MedicationEvent) -> Named:
        named = Named()
        if event.medicationCodeableConcept is not None:
            self._name(event.medicationCodeableConcept, named)
        reference = event.medicationReference
        if reference is not None and reference.reference:
            found = self._follow(reference.reference, event.contained, named)
            if isinstance(found, wire.Medication):
                self._medication(found, named, event.contained)
            elif reference.display:
                self._name(wire.CodeableConcept(text=reference.display), named)
            else:
                named.why = "a reference to a Medication that is not in the record"
        elif reference is not None and reference.display:
            self._name(wire.CodeableConcept(text=reference.display), named)
        if rolled_up := self._terminology.rolled_up(named.sure):
            named.sure -= rolled_up
            named.possible |= rolled_up
            named.why = "codes of several drugs, of which one is filed under the other"
        return named

    def says_unknown(self, concept: wire.CodeableConcept) -> bool:
        """Whether it tells a drug that is none of the known ones, nor may be: no rule can ask for it."""
        named = self._alone(concept)
        return not named.sure and not named.possible and not named.nameless

    def _alone(self, concept: wire.CodeableConcept) -> Named:
        """What one concept says of a drug, whatever stands beside it."""
        named = Named()
        self._name(concept, named)
        return named

    def _follow(self, reference: str, contained: msgspec.Raw, named: Named) -> Any:
        if reference.startswith("#"):
            return find_contained(reference, contained)
        resource, problem = self._resolve(reference)
        named.problem = named.problem or problem
        return resource

    def _medication(self, medication: wire.Medication, named: Named, contained: msgspec.Raw, depth: int = 0) -> None:
        if id(medication) in named.followed:
            return
        if depth > MAX_DEPTH:
            named.problem = named.problem or f"Medications inside each other more than {MAX_DEPTH} deep"
            return
        named.followed.add(id(medication))
        if medication.status == "entered-in-error":
            named.why = "a Medication entered in error"
            return
        if medication.code is not None:
            self._name(medication.code, named)
        by_code = named.told
        for ingredient in medication.ingredient or ():
            if ingredient.isActive is False:
                continue
            part = ingredient.itemReference
            concept = ingredient.itemCodeableConcept
            if concept is None and part is not None:
                found = self._behind(part, medication, named, contained)
                if isinstance(found, wire.Medication):
                    self._medication(found, named, contained, depth + 1)
                    continue
                concept = found.code if isinstance(found, wire.Substance) else None
                concept = concept or wire.CodeableConcept(text=part.display)
            if concept is not None:
                self._name(concept, named)
            if not by_code and (concept is None or not self._alone(concept).told):
                named.part_lost = True

    def _behind(self, part: wire.Reference, medication: wire.Medication, named: Named, outer: msgspec.Raw) -> Any:
        """What an ingredient's reference leads to, inside the Medication or beside it."""
        if not part.reference:
            return None
        return self._follow(part.reference, medication.contained, named) or self._follow(part.reference, outer, named)

    def _name(self, concept: wire.CodeableConcept, named: Named) -> None:
        """Add what one CodeableConcept says about the drug."""
        terminology = self._terminology
        words = texts(concept)
        named.said.append(terminology.shown("drug", concept))
        found = terminology.look_up("drug", concept)
        for ingredient in found.sure:
            meanings = terminology.may_mean.get(ingredient)
            if meanings:
                named.possible |= set(meanings)
                named.why = "a code that does not tell which of these drugs"
            else:
                named.sure.add(ingredient)
        self._name_form(concept, named)
        if found.sure:
            named.coded = True
            return
        named.none_known = named.none_known or terminology.says_none_known(concept)
        if found.ambiguous:
            named.possible |= terminology.possible_drugs(found.ambiguous)
            named.why = "a drug code without a system, under a wrong one, or refined"
        spoken = terminology.drugs_named(words) | terminology.possible_drugs(terminology.regimen(words))
        if spoken:
            named.possible |= spoken
            named.why = named.why or "a drug named in text, without a known code"
        named.coded = named.coded or self._has_rxnorm_code(concept)
        named.worded = named.worded or (not named.coded and terminology.names_a_drug(words))

    def _name_form(self, concept: wire.CodeableConcept, named: Named) -> None:
        for coding in concept.coding or ():
            if coding is None or not coding.code or not coding.system:
                continue
            form = self._terminology.drug_forms.get((self._terminology.canonical_system(coding.system), coding.code))
            if form is not None:
                named.form = named.form or form.form
                named.strength = named.strength or form.strength

    def _has_rxnorm_code(self, concept: wire.CodeableConcept) -> bool:
        """RxNorm's codes of the drugs in question are listed, so another one is another drug. Those of SNOMED CT are
        not all of them, and ATC's higher levels name no drug: without words they tell nothing."""
        codings = [c for c in concept.coding or () if c is not None and c.code and c.code.strip() and c.system]
        return any(self._terminology.canonical_system(c.system) == RXNORM for c in codings if c.system)
