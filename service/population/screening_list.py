"""A screening as FHIR R4: for each trial a List of ResearchSubject candidates
(https://hl7.org/fhir/R4/researchsubject.html), the best first. Made to be read or taken over; nothing is sent.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from service.criteria.catalogue import Trial
from service.criteria.results import PatientResult
from service.render.research_study import MATCH_GRADE, SCORES

IDENTIFIERS = "https://trialhook.org/fhir/screening"


class ScreeningList:
    """Collects the candidates of every trial: all patients that are not certainly out of question. Holds one small
    entry a candidate."""

    def __init__(self, trials: Iterable[Trial]) -> None:
        self._trials = {trial.id: trial for trial in trials}
        self._found: dict[str, list[tuple[float, str, str]]] = {trial: [] for trial in self._trials}
        self._as_of = ""

    def add(self, result: PatientResult) -> None:
        self._as_of = result.as_of
        for trial in result.results:
            if trial.grade in SCORES:
                self._found[trial.trial].append((-SCORES[trial.grade], result.patient, trial.grade))

    def resources(self) -> Iterator[dict[str, Any]]:
        """Per trial the List, then its ResearchSubjects. The same screening gives the same ids."""
        for trial, found in self._found.items():
            found.sort()
            yield self._list(self._trials[trial], [_id(trial, patient) for _, patient, _ in found])
            for _, patient, grade in found:
                yield self._subject(trial, patient, grade)

    def _list(self, trial: Trial, subjects: list[str]) -> dict[str, Any]:
        made: dict[str, Any] = {
            "resourceType": "List",
            "id": _id(trial.id, "list"),
            "identifier": [{"system": IDENTIFIERS, "value": f"{trial.id}|{self._as_of}"}],
            "status": "current",
            "mode": "snapshot",
            "title": f"Candidates for {trial.id} ({trial.short_name})",
            "code": {"text": "Clinical trial screening list"},
        }
        if self._as_of:
            made["date"] = self._as_of
        if subjects:
            return made | {"entry": [{"item": {"reference": f"ResearchSubject/{name}"}} for name in subjects]}
        return made | {"emptyReason": {"text": "no candidate"}}

    def _subject(self, trial: str, patient: str, grade: str) -> dict[str, Any]:
        return {
            "resourceType": "ResearchSubject",
            "id": _id(trial, patient),
            "extension": [{"url": MATCH_GRADE, "valueCode": grade}],
            "status": "candidate",
            "study": {"reference": f"ResearchStudy/{trial}"},
            "individual": {"reference": patient},
        }


def _id(trial: str, name: str) -> str:
    """A FHIR id that the trial and the patient give, and that says nothing of either."""
    return f"trialhook-{hashlib.blake2b(f'{trial}|{name}'.encode(), digest_size=16).hexdigest()}"
