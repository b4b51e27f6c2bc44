"""AllergyIntolerance as an allergy or intolerance to ingredients. https://hl7.org/fhir/R4/allergyintolerance.html"""

import re

from service.criteria.facts import Allergy, Person
from service.mappers import wire
from service.mappers.concepts import code_of, shown, texts
from service.mappers.dates import Calendar, at_age, between
from service.mappers.terminology import Terminology

VERIFICATIONS = frozenset({"unconfirmed", "confirmed", "refuted", "entered-in-error"})
_STATUSES = frozenset({"active", "inactive", "resolved"})
_NONE_KNOWN = frozenset(
    {"no known allergy", "no known allergies", "no known drug allergy", "no known drug allergies",
     "no known medication allergy", "no known medication allergies", "nka", "nkda"}
)  # fmt: skip

_DENIED = re.compile(r"no (?:known )?(?:allerg|hypersensitiv|reaction|history of allerg)|not allergic|denies")


def map_allergy(
    allergy: wire.AllergyIntolerance,
    ref: str,
    person: Person,
    terminology: Terminology,
    calendar: Calendar,
    problem: str = "",
) -> Allergy | None:
    """The allergy, or None where it was refuted or entered in error."""
    verification = code_of(allergy.verificationStatus, VERIFICATIONS)
    if verification in ("refuted", "entered-in-error"):
        return None
    concepts = [allergy.code, *(reaction.substance for reaction in allergy.reaction or ())]
    sure: set[str] = set()
    possible: set[str] = set()
    why = problem or ("unconfirmed" if verification == "unconfirmed" else "")
    for concept in concepts:
        found = terminology.look_up("drug", concept)
        rolled_up = terminology.rolled_up(found.sure)
        possible.update(rolled_up)
        for name in found.sure:
            if name in rolled_up:
                continue
            meanings = terminology.may_mean.get(name)
            (possible if meanings else sure).update(meanings or (name,))
        possible |= terminology.possible_drugs(found.ambiguous)
        words = texts(concept)
        if not found.sure and not _DENIED.match(words.lower()):
            possible |= terminology.drugs_named(words)
    if possible - sure and not why:
        why = "named in text or by a code without its system"
    kind = (allergy.type or "").strip().lower()
    resolved = code_of(allergy.clinicalStatus, _STATUSES) == "resolved"
    return Allergy(
        ref=ref,
        says=next((said for c in concepts if (said := terminology.shown("drug", c))), "an allergy without a code"),
        ingredients=frozenset(sure),
        possible=frozenset(possible - sure),
        none_known=_says_none(allergy.code, terminology),
        certain=not problem and verification in ("", "confirmed"),
        why=why,
        kind="intolerance" if kind == "intolerance" or resolved else "allergy",
        reaction="; ".join(_reactions(allergy)),
        onset=calendar.read(allergy.onsetDateTime)
        or at_age(person.birth, allergy.onsetAge)
        or (between(*calendar.period(allergy.onsetPeriod)) if allergy.onsetPeriod else None),
    )


def _says_none(concept: wire.CodeableConcept | None, terminology: Terminology) -> bool:
    """Whether the entry says that no allergy is known, by its code or, without any, by all that its text says."""
    if terminology.says_none_known(concept):
        return True
    return concept is not None and not concept.coding and (concept.text or "").strip(" .").lower() in _NONE_KNOWN


def _reactions(allergy: wire.AllergyIntolerance) -> list[str]:
    said = ["resolved"] if code_of(allergy.clinicalStatus, _STATUSES) == "resolved" else []
    for reaction in allergy.reaction or ():
        words = [shown(m) for m in reaction.manifestation or () if shown(m)]
        said += words or ([reaction.description] if reaction.description else [])
    return said
