"""Builds the Bundle of one patient: dates counted back from the as-of date, identifiers, references, resources."""

import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from random import Random

AS_OF = date(2026, 11, 21)
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
ICD_WHO = "http://hl7.org/fhir/sid/icd-10"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC = "http://hl7.org/fhir/sid/ndc"
ATC = "http://www.whocc.no/atc"
AJCC = "http://cancerstaging.org"
_HL7 = "http://terminology.hl7.org/CodeSystem/"
_OFFSETS = (0, 60, 120, -300, -480, 330)
_BASE = "https://ehr.example.org/fhir"
_TOPICS = (
    *("person", "cancer", "her2", "er and pr", "performance", "heart", "lungs", "menopause", "pregnancy"),
    *("treatment", "treatment", "other drugs", "diseases", "procedures", "allergies", "others", "cut short"),
    *("anc", "platelets", "hemoglobin", "bilirubin", "creatinine", "alt", "ast", "alp"),
)


def concept(*codings: tuple[str, str], text: str | None = None) -> dict:
    """A CodeableConcept; an empty system leaves the system out."""
    made: dict = {"coding": [{"system": s, "code": c} if s else {"code": c} for s, c in codings]} if codings else {}
    return made | ({"text": text} if text else {})


def hl7(table: str, code: str) -> dict:
    return concept((_HL7 + table, code))


def day(ago: int) -> str:
    """The plain date so many days before the as-of date (negative: after it)."""
    return (AS_OF - timedelta(days=ago)).isoformat()


def month(ago: int) -> str:
    return day(ago)[:7]


def year(ago: int) -> str:
    return day(ago)[:4]


class Chart:
    """One patient's resources while they are being made up."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.patient: dict = {"resourceType": "Patient", "id": f"p{seed}"}
        self.resources: list[dict] = []
        self.outcomes: list[dict] = []
        self.cut_short: str | None = None
        self.told: set[str] = set()
        self.by_doses: set[str] = set()
        self._deviating = self._choose_deviations()
        self.manner = self.random.choice(("relative", "relative", "absolute", "uuid"))
        self._urls: dict[str, str] = {}
        self._number = 0
        self._name(self.patient)

    def deviates(self, topic: str) -> bool:
        """Whether this patient departs from the fitting one in this respect."""
        return topic in self._deviating

    def chance(self, of_hundred: int) -> bool:
        return self.random.randrange(100) < of_hundred

    def pick(self, *choices: object) -> object:
        return self.random.choice(choices)

    def between(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def moment(self, ago: int) -> str:
        """A time on that day of UTC, written with some offset: the written day may be another one."""
        at = datetime.combine(AS_OF - timedelta(days=ago), datetime.min.time(), UTC)
        at += timedelta(minutes=self.between(0, 1439))
        return at.astimezone(timezone(timedelta(minutes=self.random.choice(_OFFSETS)))).isoformat()

    def date(self, ago: int) -> str:
        return self.moment(ago) if self.chance(50) else day(ago)

    def add(self, kind: str, **body: object) -> dict:
        """A resource of this patient."""
        self._number += 1
        owner = "patient" if kind == "AllergyIntolerance" else "subject"
        resource = {"resourceType": kind, "id": f"r{self._number}", owner: {"reference": self._patient_reference()}}
        resource |= body
        self.resources.append(resource)
        self._name(resource)
        return resource

    def reference(self, resource: dict) -> dict:
        key = f"{resource['resourceType']}/{resource['id']}"
        return {"reference": key if self.manner == "relative" else self._urls[key]}

    def observation(self, code: str, when: dict, *, system: str = LOINC, status: str = "final", **body: object) -> dict:
        """An Observation; now and then a local code stands before the other."""
        codings = [(system, code)]
        if self.chance(5):
            codings.insert(0, ("https://ehr.example.org/codes", "L-4"))
        return self.add("Observation", status=status, code=concept(*codings), **when, **body)

    def condition(
        self, *codings: tuple[str, str], clinical: str | None = "active", verified: str | None = None, **body: object
    ) -> dict:
        """A Condition; now and then a local code stands before the others."""
        if codings and self.chance(5):
            codings = (("https://ehr.example.org/codes", "D-17"), *codings)
        states: dict = {}
        if clinical:
            states["clinicalStatus"] = hl7("condition-clinical", clinical)
        if verified:
            states["verificationStatus"] = hl7("condition-ver-status", verified)
        return self.add("Condition", code=concept(*codings, text=body.pop("text", None)), **states, **body)

    def procedure(self, code: str, when: dict, status: str = "completed", **body: object) -> dict:
        return self.add("Procedure", status=status, code=concept((SNOMED, code)), **when, **body)

    def bundle(self) -> dict:
        """A collection; a type that was cut short stands in it as a search's first page."""
        own = [r for r in self.resources if r["resourceType"] != self.cut_short]
        entries = [self._entry(self.patient), *(self._entry(resource) for resource in own)]
        entries += [{"resource": outcome} for outcome in self.outcomes]
        if self.cut_short:
            entries.append({"resource": self._first_page(self.cut_short)})
        return {"resourceType": "Bundle", "type": "collection", "entry": entries}

    def _choose_deviations(self) -> set[str]:
        """Half of the patients depart in a few respects, the others in any."""
        if self.random.randrange(2):
            return set(self.random.sample(_TOPICS, self.random.randrange(4)))
        return set(_TOPICS)

    def _first_page(self, kind: str) -> dict:
        found = [self._entry(r) for r in self.resources if r["resourceType"] == kind]
        address = f"{_BASE}/{kind}?patient={self.patient['id']}"
        page: dict = {"resourceType": "Bundle", "type": "searchset", "link": [{"relation": "self", "url": address}]}
        match self.pick("next", "total", "error"):
            case "next":
                page["link"].append({"relation": "next", "url": f"{address}&page=2"})
            case "total":
                page["total"] = len(found) + 3
            case _:
                found.append({"resource": outcome("error")})
        return page | {"entry": found}

    def _entry(self, resource: dict) -> dict:
        url = self._urls[f"{resource['resourceType']}/{resource['id']}"]
        return {"fullUrl": url, "resource": resource}

    def _name(self, resource: dict) -> None:
        key = f"{resource['resourceType']}/{resource['id']}"
        uid = uuid.UUID(int=self.random.getrandbits(128), version=4)
        self._urls[key] = f"urn:uuid:{uid}" if self.manner == "uuid" else f"{_BASE}/{key}"

    def _patient_reference(self) -> str:
        own = self.reference(self.patient)["reference"]
        return f"{own}/_history/4" if self.manner != "uuid" and self.chance(5) else own


def outcome(severity: str) -> dict:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "processing"}]}
