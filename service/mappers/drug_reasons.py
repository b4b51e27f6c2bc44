"""Why a drug was given, as far as it matters: a cancer, fertility treatment, or another reason.

A drug of two uses is anticancer therapy only where a cancer is its reason.
"""

import re
from collections.abc import Callable, Iterable

from service.mappers import wire
from service.mappers.concepts import code_of, texts
from service.mappers.condition import VERIFICATIONS
from service.mappers.contained import contained_in, decoded
from service.mappers.terminology import ICD10, ICD10CM, Terminology

Resolve = Callable[[str], tuple[object | None, str]]
Coded = Callable[[wire.Condition], tuple[tuple[str, ...], tuple[str, ...], str]]

_CANCER = re.compile(
    r"cancer|carcinoma|neoplas|tumou?r|malignan|metasta|lymphoma|leuk(?:a)?emia|melanoma|sarcoma|myeloma|oncolog|adjuvant"
)
# a benign tumour is no cancer, whatever else of these words names it: D10 to D36, and D3A of ICD-10-CM
_BENIGN_WORDS = re.compile(r"benign\b[\w ]{0,40}?(?:neoplas\w*|tumou?rs?)")
_BENIGN_CODE = re.compile(r"D(?:[12][0-9]|3[0-6A])")
_FERTILITY = re.compile(r"fertil|ovulation|\bivf\b|oocyte|egg retrieval|assisted reproduc")
_OF_CANCER = (
    "breast-", "metastasis-", "other-malignancy", "malignancy-", "skin-cancer", "cervix-cancer", "lung-cancer",
    "m1-finding", "er-", "pr-", "her2-", "hormone-receptor-", "chemotherapy-", "immunotherapy-", "endocrine-therapy-",
    "history-chemotherapy",
)  # fmt: skip
_NO_DIAGNOSIS = ("refuted", "entered-in-error")


class ReasonReader:
    """Reads the reasons of drug records. `resolve` finds a resource of the record by its reference, `coded` tells the
    concepts of a Condition."""

    def __init__(self, terminology: Terminology, resolve: Resolve, coded: Coded) -> None:
        self._terminology = terminology
        self._resolve = resolve
        self._coded = coded

    def read(self, event: wire.MedicationEvent) -> str:
        """cancer, fertility, other, unclear (a code alone that is not known), or empty where no reason is recorded."""
        reasons = [self._said(concept) for concept in event.reasonCode or ()]
        inside = _inside(event) if event.reasonReference else {}
        reasons += [self._referred(reference, inside) for reference in event.reasonReference or ()]
        return next((wanted for wanted in ("cancer", "fertility", "other", "unclear") if wanted in reasons), "")

    def _said(self, concept: wire.CodeableConcept) -> str:
        return self._coded_reason(self._terminology.look_up("condition", concept).sure, concept)

    def _coded_reason(self, concepts: Iterable[str], concept: wire.CodeableConcept) -> str:
        """A code decides, the words where it is of no list and no neoplasm."""
        neoplasm = self._neoplasm(concept) if not concepts else ""
        return neoplasm or _reason_of(concepts, texts(concept)) or self._by_chapter(concept)

    def _referred(self, reference: wire.Reference, inside: dict[str, wire.Condition]) -> str:
        name = reference.reference or ""
        found = inside.get(name[1:]) if name.startswith("#") else self._resolve(name)[0]
        if isinstance(found, wire.Condition):
            if code_of(found.verificationStatus, VERIFICATIONS) in _NO_DIAGNOSIS:
                return ""  # nor do the reference's own words tell one
            if found.code is not None and (reason := self._coded_reason(self._coded(found)[0], found.code)):
                return reason
        return self._said(wire.CodeableConcept(text=reference.display)) if reference.display else ""

    def _icd_code(self, concept: wire.CodeableConcept) -> str:
        for coding in concept.coding or ():
            if coding and coding.code and self._terminology.canonical_system(coding.system or "") in (ICD10, ICD10CM):
                return coding.code.strip().upper()
        return ""

    def _neoplasm(self, concept: wire.CodeableConcept) -> str:
        """What ICD-10's chapter of neoplasms says: cancer, or of a benign one that it is none; empty of any other."""
        code = self._icd_code(concept)
        if _BENIGN_CODE.match(code):
            return "other"
        return "cancer" if code[:1] == "C" or code[:2] in ("D0", "D3", "D4") else ""

    def _by_chapter(self, concept: wire.CodeableConcept) -> str:
        """An ICD-10 code outside the neoplasms is no cancer; any other code that no list holds does not tell."""
        if self._icd_code(concept):
            return "other"
        return "unclear" if any(c and c.code for c in concept.coding or ()) else ""


def _inside(event: wire.MedicationEvent) -> dict[str, wire.Condition]:
    """The Conditions that a drug record contains, by their ids."""
    found = (decoded(member) for member in contained_in(event.contained))
    return {c.id.removeprefix("#"): c for c in found if isinstance(c, wire.Condition) and c.id}


def _reason_of(concepts: Iterable[str], text: str) -> str:
    """What kind of reason a diagnosis is: a code decides, else the words."""
    found = set(concepts) - {"breastfeeding", "breastfeeding-unclear"}
    if any(c.startswith(_OF_CANCER) for c in found):
        return "cancer"
    if "fertility" in found:
        return "fertility"
    plain = text.lower()
    if _CANCER.search(_BENIGN_WORDS.sub("", plain)):
        return "cancer"
    if _FERTILITY.search(plain):
        return "fertility"
    return "other" if found or plain else ""
