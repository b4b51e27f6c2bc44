"""A screening as FHIR R4: for each trial a List of ResearchSubject candidates
(https://hl7.org/fhir/R4/researchsubject.html), the best first. Made to be read, taken over or written to a server.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from service.criteria.catalogue import Trial
from service.criteria.results import PatientResult
from service.population.candidates import entry_of, list_of, name_of, subject
from service.render.research_study import SCORES


class ScreeningList:
    """Collects the candidates of every trial: all patients that are not certainly out of question. Holds one small
    entry a candidate."""

    def __init__(self, trials: Iterable[Trial]) -> None:
        self._trials = {trial.id: trial for trial in trials}
        self._found: dict[str, list[tuple[float, str, str]]] = {trial: [] for trial in self._trials}
        self.as_of = ""

    def add(self, result: PatientResult) -> None:
        self.as_of = result.as_of
        for trial in result.results:
            if trial.grade in SCORES:
                self._found[trial.trial].append((-SCORES[trial.grade], result.patient, trial.grade))

    def candidates(self, trial: str) -> list[tuple[str, str]]:
        """Patient and grade, the best first."""
        return [(patient, grade) for _, patient, grade in sorted(self._found[trial])]

    def resources(self) -> Iterator[dict[str, Any]]:
        """Per trial the List, then its ResearchSubjects. The same screening gives the same ids."""
        for trial in self._trials.values():
            found = self.candidates(trial.id)
            yield self._list(trial, found)
            for patient, grade in found:
                made = subject(trial.id, patient, grade, {"reference": f"ResearchStudy/{trial.id}"})
                yield {"resourceType": "ResearchSubject", "id": name_of(trial.id, patient)} | made

    def _list(self, trial: Trial, found: list[tuple[str, str]]) -> dict[str, Any]:
        head: dict[str, Any] = {"resourceType": "List", "id": name_of(trial.id, "list")}
        made = head | list_of(trial, f"{trial.id}|{self.as_of}", "snapshot")
        if self.as_of:
            made["date"] = self.as_of
        if found:
            del made["emptyReason"]
            made["entry"] = [entry_of(name_of(trial.id, patient), grade) for patient, grade in found]
        return made
