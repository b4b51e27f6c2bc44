"""A trial as FHIR R4 resources in one Bundle: ResearchStudy, its enrolment Group, an EvidenceVariable whose
characteristics point into the trial's CQL Library, and the value sets."""

import base64
from collections.abc import Iterable
from datetime import date

import msgspec

from service.criteria.catalogue import Criterion, Trial
from service.mappers.value_sets import BASE
from service.render.research_study import research_study
from service.screening import Screening
from service.sharing.characteristics import characteristics
from service.sharing.cql import DRAFT, PERSON, Cql, as_cql
from service.sharing.cql_terms import quoted
from service.sharing.telling import Json, Telling
from service.sharing.unsaid import Unsaid
from service.sharing.value_sets import fhir_id

CRITERION = f"{BASE}/StructureDefinition/criterion"
UNSAID = f"{BASE}/StructureDefinition/not-said"
ARM = f"{BASE}/StructureDefinition/only-for-arm"
_LIBRARY_TYPE = "http://terminology.hl7.org/CodeSystem/library-type"


class Shared(msgspec.Struct, frozen=True):
    """The Bundle, and what its Group and its CQL do not say."""

    bundle: Json
    group: tuple[Unsaid, ...]
    cql: tuple[Unsaid, ...]


def as_fhir(trial: Trial, screening: Screening, day: date | None = None) -> Shared:
    """Everything of a trial that FHIR R4 says. `day` is the as-of date that the Group's periods are counted back from;
    without one they are told as lengths of time alone."""
    cql = as_cql(trial, screening)
    unsaid: list[Unsaid] = []
    group = _group(trial, Telling(screening, cql.value_sets, day), unsaid)
    library, variable = _library(trial, cql), _evidence_variable(trial, cql)
    study = research_study(trial) | {"id": fhir_id(trial.id)}
    study["enrollment"] = [{"reference": f"Group/{group['id']}", "display": group["name"]}]
    study["relatedArtifact"] += [
        {"type": "composed-of", "resource": f"{variable['url']}|{variable['version']}"},
        {"type": "depends-on", "resource": f"{library['url']}|{library['version']}"},
    ]
    resources = [study, group, variable, library, *cql.value_sets.resources()]
    bundle = {
        "resourceType": "Bundle",
        "id": fhir_id(trial.id),
        "type": "collection",
        "entry": [{"fullUrl": f"{BASE}/{r['resourceType']}/{r['id']}", "resource": r} for r in resources],
    }
    return Shared(bundle, tuple(unsaid), cql.unsaid)


def _group(trial: Trial, telling: Telling, unsaid: list[Unsaid]) -> Json:
    found = [c for criterion in trial.criteria for c in _told(criterion, telling, unsaid)]
    group: Json = {
        "resourceType": "Group",
        "id": fhir_id(f"{trial.id}-enrollment"),
        "extension": list(_notes(unsaid)),
        "active": trial.standing == "active",
        "type": "person",
        "actual": False,
        "name": f"Who may enrol in {trial.short_name}",
        "characteristic": found,
    }
    return {key: value for key, value in group.items() if value != []}


def _told(criterion: Criterion, telling: Telling, unsaid: list[Unsaid]) -> list[Json]:
    """The characteristics of one criterion; a draft that nobody has checked, and what only some arms ask for, is not
    said of everybody."""
    telling.gaps.clear()
    found: list[Json] = []
    if criterion.draft:
        telling.gaps.append(DRAFT)
    elif criterion.arms:
        telling.gaps.append(f"asked only for {', '.join(criterion.arms)}")
    elif criterion.rule.outcomes() == {"review"}:
        telling.gaps.append(PERSON)
    else:
        found = characteristics(criterion.rule, telling)
    unsaid += [Unsaid(criterion.id, why, not found) for why in dict.fromkeys(telling.gaps)]
    of = {"url": CRITERION, "valueString": criterion.id}
    return [c | {"extension": [of, *c.get("extension", ())]} for c in found]


def _notes(unsaid: Iterable[Unsaid]) -> Iterable[Json]:
    for item in unsaid:
        parts = [
            {"url": "criterion", "valueString": item.criterion},
            {"url": "reason", "valueString": item.why},
            {"url": "whole", "valueBoolean": item.whole},
        ]
        yield {"url": UNSAID, "extension": parts}


def _library(trial: Trial, cql: Cql) -> Json:
    return {
        "resourceType": "Library",
        "id": fhir_id(trial.id),
        "url": f"{BASE}/Library/{cql.name}",
        "version": cql.version,
        "name": cql.name,
        "title": f"Eligibility for {trial.short_name}",
        "status": trial.standing,
        "type": {"coding": [{"system": _LIBRARY_TYPE, "code": "logic-library"}]},
        "relatedArtifact": [{"type": "depends-on", "resource": "http://hl7.org/fhir/Library/FHIRHelpers|4.0.1"}],
        "parameter": [{"name": "As of", "use": "in", "min": 0, "max": "1", "type": "date"}],
        "content": [{"contentType": "text/cql", "data": base64.b64encode(cql.text.encode()).decode()}],
    }


def _evidence_variable(trial: Trial, cql: Cql) -> Json:
    """Elements that R4 and R4B both have. Each criterion is there: computable ones by their define in the library."""
    whole = {item.criterion for item in cql.unsaid if item.whole}
    variable: Json = {
        "resourceType": "EvidenceVariable",
        "id": fhir_id(trial.id),
        "extension": list(_notes(cql.unsaid)),
        "url": f"{BASE}/EvidenceVariable/{fhir_id(trial.id)}",
        "version": trial.version,
        "name": f"{cql.name}_Eligibility",
        "title": f"Eligibility for {trial.title}",
        "status": trial.standing,
        "characteristic": [_criterion(criterion, cql, criterion.id in whole) for criterion in trial.criteria],
    }
    return {key: value for key, value in variable.items() if value != []}


def _criterion(criterion: Criterion, cql: Cql, in_words: bool) -> Json:
    extensions = [{"url": CRITERION, "valueString": criterion.id}]
    extensions += [{"url": ARM, "valueString": arm} for arm in criterion.arms]
    found: Json = {
        "extension": extensions,
        "description": f"{criterion.text} [{criterion.type}, {criterion.source}]",
        "exclude": False,
    }
    if in_words:
        return found | {"definitionCodeableConcept": {"text": criterion.text}, "exclude": criterion.type == "exclusion"}
    expression = {
        "description": "true passes, false fails, null is not known or for a person",
        "language": "text/cql",
        "expression": quoted(cql.defines[criterion.id]),
        "reference": f"{BASE}/Library/{cql.name}|{cql.version}",
    }
    return found | {"definitionExpression": expression}
