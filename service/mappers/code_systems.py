"""The code systems that value sets and records name, and one spelling for each."""

from functools import lru_cache

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
ATC = "http://www.whocc.no/atc"
NDC = "http://hl7.org/fhir/sid/ndc"

# What a site's files and cases call them.
SHORT_NAMES = {
    "loinc": LOINC,
    "snomed": SNOMED,
    "rxnorm": RXNORM,
    "icd-10-cm": ICD10CM,
    "icd-10": ICD10,
    "atc": ATC,
    "ndc": NDC,
}
PREFIX_SYSTEMS = frozenset({ICD10CM, ICD10, ATC})
_OIDS = {
    "2.16.840.1.113883.6.1": LOINC,
    "2.16.840.1.113883.6.96": SNOMED,
    "2.16.840.1.113883.6.88": RXNORM,
    "2.16.840.1.113883.6.90": ICD10CM,
    "2.16.840.1.113883.6.3": ICD10,
    "2.16.840.1.113883.6.73": ATC,
    "2.16.840.1.113883.6.69": NDC,
}
_ALIASES = {"http://www.whocc.no/atc": ATC, "http://fhir.de/codesystem/bfarm/atc": ATC}


@lru_cache(1024)
def canonical_system(system: str) -> str:
    """One spelling a code system: versions, OIDs, https and trailing slashes removed."""
    plain = system.strip().partition("|")[0].rstrip("/")
    if plain.lower().startswith("urn:oid:"):
        return _OIDS.get(plain[8:], plain)
    if plain.startswith("https://"):
        plain = f"http://{plain[8:]}"
    if plain.lower().startswith(f"{SNOMED}/") or plain.lower() == SNOMED:
        return SNOMED
    return _ALIASES.get(plain.lower(), plain)
