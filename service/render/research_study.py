"""Trials as FHIR R4 ResearchStudy (https://hl7.org/fhir/R4/researchstudy.html), and results as a searchset of them."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from service.criteria.catalogue import Trial
from service.criteria.results import PatientResult

MATCH_GRADE = "http://hl7.org/fhir/StructureDefinition/match-grade"
DATA_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
CLINICAL_TRIALS_GOV = "https://clinicaltrials.gov"
_PHASES = "http://terminology.hl7.org/CodeSystem/research-study-phase"

# What the registry calls recruitment, in R4's research-study-status; `unknown` has no counterpart.
STATUS = {
    "recruiting": "active",
    "not-yet-recruiting": "approved",
    "enrolling-by-invitation": "active",
    "active-not-recruiting": "closed-to-accrual",
    "suspended": "temporarily-closed-to-accrual",
    "terminated": "administratively-completed",
    "completed": "completed",
    "withdrawn": "withdrawn",
}
# An order, not a probability: search.score lies between 0 and 1.
SCORES = {"certain": 1.0, "probable": 0.75, "possible": 0.5}
_PHASE_NAMES = {
    ("early-phase-1",): ("early-phase-1", "Early Phase 1"),
    ("phase-1",): ("phase-1", "Phase 1"),
    ("phase-1", "phase-2"): ("phase-1-phase-2", "Phase 1/Phase 2"),
    ("phase-2",): ("phase-2", "Phase 2"),
    ("phase-2", "phase-3"): ("phase-2-phase-3", "Phase 2/Phase 3"),
    ("phase-3",): ("phase-3", "Phase 3"),
    ("phase-4",): ("phase-4", "Phase 4"),
    ("not-applicable",): ("n-a", "N/A"),
}


def research_study(trial: Trial) -> dict[str, Any]:
    """One trial. Criteria stand in the description: R4 has no better place for words without a Group."""
    study: dict[str, Any] = {
        "resourceType": "ResearchStudy",
        "id": trial.id,
        "identifier": [_identifier(trial)],
        "title": trial.title,
        **_status(trial),
        "description": _description(trial),
        "sponsor": {"display": trial.sponsor},
        "relatedArtifact": [{"type": "documentation", "url": trial.registry_url}],
    }
    if phase := _PHASE_NAMES.get(tuple(trial.phases)):
        study["phase"] = {"coding": [{"system": _PHASES, "code": phase[0], "display": phase[1]}]}
    if trial.arms:
        study["arm"] = [
            {"name": arm.name, "type": {"text": arm.type}, "description": arm.description} for arm in trial.arms
        ]
    if trial.sites:
        study["site"] = [
            {"display": ", ".join(filter(None, (s.name, s.city, s.state, s.country)))} for s in trial.sites
        ]
    return study


def study_bundle(trials: Iterable[Trial], base: str) -> dict[str, Any]:
    """All trials as a searchset."""
    entries = [_entry(trial, base, {"mode": "match"}) for trial in trials]
    return _searchset(entries)


def match_bundle(result: PatientResult, trials: Mapping[str, Trial], base: str) -> dict[str, Any]:
    """The trials that are not certainly out of question, best first, each with its score and match grade."""
    entries = [
        _entry(trials[found.trial], base, _search(found.grade)) for found in result.results if found.grade in SCORES
    ]
    return _searchset(entries)


def _search(grade: str) -> dict[str, Any]:
    return {"extension": [{"url": MATCH_GRADE, "valueCode": grade}], "mode": "match", "score": SCORES[grade]}


def _entry(trial: Trial, base: str, search: dict[str, Any]) -> dict[str, Any]:
    return {
        "fullUrl": f"{base}/fhir/ResearchStudy/{trial.id}",
        "resource": research_study(trial),
        "search": search,
    }


def _searchset(entries: list[dict[str, Any]]) -> dict[str, Any]:
    bundle: dict[str, Any] = {
        "resourceType": "Bundle",
        "id": str(uuid4()),
        "type": "searchset",
        "total": len(entries),
    }
    return bundle | ({"entry": entries} if entries else {})


def _identifier(trial: Trial) -> dict[str, str]:
    system = CLINICAL_TRIALS_GOV if trial.id.startswith("NCT") else trial.registry_url
    return {"system": system, "value": trial.id}


def _status(trial: Trial) -> dict[str, Any]:
    status = STATUS.get(trial.recruitment)
    if status:
        return {"status": status}
    return {"_status": {"extension": [{"url": DATA_ABSENT, "valueCode": "unknown"}]}}


def _description(trial: Trial) -> str:
    lines = []
    for kind in ("inclusion", "exclusion"):
        lines.append(f"{kind.capitalize()} criteria:")
        lines += [f"- {c.text} [{c.source}]" for c in trial.criteria if c.type == kind]
    return "\n".join(lines)
