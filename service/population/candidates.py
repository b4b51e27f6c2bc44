"""Candidates of a trial as FHIR R4 resources: made anew, or brought up to date in what a server holds.

Whatever a person put into a resource stays: other entries, notes, flags, extensions, a status that was moved on.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from service.criteria.catalogue import Trial
from service.render.research_study import CLINICAL_TRIALS_GOV

IDENTIFIERS = "https://trialhook.org/fhir/screening"
GRADE = "https://trialhook.org/fhir/StructureDefinition/grade"
GRADES = "https://trialhook.org/fhir/CodeSystem/grade"
WORDS = {
    "certain": "Fits",
    "probable": "Probably fits",
    "possible": "May fit",
    "certainly-not": "No longer fits",
}
CANDIDATE = "candidate"

Resource = dict[str, Any]


def name_of(trial: str, patient: str) -> str:
    """An id that the trial and the patient give, and that says nothing of either."""
    return f"trialhook-{hashlib.blake2b(f'{trial}|{patient}'.encode(), digest_size=16).hexdigest()}"


def subject(trial: str, patient: str, grade: str, study: Resource) -> Resource:
    """A ResearchSubject with its identifier; without an id. `study` is a Reference."""
    return {
        "resourceType": "ResearchSubject",
        "extension": [{"url": GRADE, "valueCode": grade}],
        "identifier": [{"system": IDENTIFIERS, "value": name_of(trial, patient)}],
        "status": CANDIDATE,
        "study": study,
        "individual": {"reference": patient},
    }


def study_of(trial: Trial) -> Resource:
    """A logical Reference to a trial, for servers that hold no ResearchStudy of it."""
    system = CLINICAL_TRIALS_GOV if trial.id.startswith("NCT") else trial.registry_url
    return {"type": "ResearchStudy", "identifier": {"system": system, "value": trial.id}, "display": trial.short_name}


def list_of(trial: Trial, identifier: str, mode: str) -> Resource:
    """The List of a trial without entries."""
    return {
        "resourceType": "List",
        "identifier": [{"system": IDENTIFIERS, "value": identifier}],
        "status": "current",
        "mode": mode,
        "title": f"Candidates for {trial.id} ({trial.short_name})",
        "code": {"text": "Clinical trial screening list"},
        "emptyReason": {"text": "no candidate"},
    }


def own_name(resource: Mapping[str, Any]) -> str:
    """The value of the identifier by which a resource is ours; empty where it is not."""
    found = (i for i in resource.get("identifier", ()) if i.get("system") == IDENTIFIERS)
    return next((str(i.get("value", "")) for i in found), "")


def is_open(resource: Mapping[str, Any]) -> bool:
    """Whether nobody has moved a ResearchSubject on from being a candidate."""
    return resource.get("status") == CANDIDATE


def regraded(resource: Resource, grade: str) -> Resource:
    """A ResearchSubject with another grade; the same object where it has it already."""
    others = [e for e in resource.get("extension", ()) if e.get("url") != GRADE]
    now = [*others, {"url": GRADE, "valueCode": grade}]
    had = [e.get("valueCode") for e in resource.get("extension", ()) if e.get("url") == GRADE]
    return resource if had == [grade] else resource | {"extension": now}


def entries_of(held: Mapping[str, Any]) -> dict[str, int]:
    """The ids of the ResearchSubjects in a List, each with the place of its first entry."""
    found: dict[str, int] = {}
    for place, entry in enumerate(held.get("entry", ())):
        if named := _subject_id(entry):
            found.setdefault(named, place)
    return found


def listed(held: Resource, grades: Mapping[str, str], as_of: str) -> Resource:
    """A List in which the ResearchSubjects of these ids stand with these grades: flagged where they stand, the new ones
    after all others. One that no longer fits and is not in the List stays out. The same object where nothing is new."""
    entries = list(held.get("entry", ()))
    places = entries_of(held)
    for named, place in places.items():
        if named in grades:
            entries[place] = _flagged(entries[place], grades[named])
    new = (named for named, grade in grades.items() if named not in places and grade != "certainly-not")
    entries += [_flagged({"item": {"reference": f"ResearchSubject/{named}"}}, grades[named]) for named in new]
    if entries == held.get("entry", []):
        return held
    made = {key: value for key, value in held.items() if key != "emptyReason"}  # that an empty List alone may have
    return made | {"date": as_of, "entry": entries}


def entry_of(named: str, grade: str) -> Resource:
    return _flagged({"item": {"reference": f"ResearchSubject/{named}"}}, grade)


def identifiers(names: Iterable[str]) -> str:
    """The search for any of these identifiers."""
    return "identifier=" + ",".join(f"{IDENTIFIERS}|{name}" for name in names)


def _flagged(entry: Resource, grade: str) -> Resource:
    """An entry whose flag tells the grade, beside what else it tells."""
    flag: Resource = entry.get("flag", {})
    others = [coding for coding in flag.get("coding", ()) if coding.get("system") != GRADES]
    coding = {"system": GRADES, "code": grade, "display": WORDS[grade]}
    return entry | {"flag": flag | {"coding": [*others, coding]}}


def _subject_id(entry: Mapping[str, Any]) -> str:
    """The id of the ResearchSubject that an entry leads to; empty where it leads to something else."""
    reference = str(entry.get("item", {}).get("reference", "")).partition("/_history/")[0]
    before, _, named = reference.rpartition("/")
    return named if before.rpartition("/")[2] == "ResearchSubject" else ""
