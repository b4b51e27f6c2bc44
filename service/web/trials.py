"""The trial library, as JSON and as FHIR R4 ResearchStudy."""

from typing import Any

import msgspec
from flask import Blueprint, Response

from service.criteria.catalogue import Trial
from service.render.research_study import research_study, study_bundle
from service.web import bodies, protection
from service.web.matching import FHIR_JSON
from service.web.parts import parts, public_base
from service.web.problems import Rejected

blueprint = Blueprint("trials", __name__)
blueprint.before_request(protection.authenticate)

_encode = msgspec.json.encode


@blueprint.get("/trials")
def trials() -> Response:
    bodies.asks_only()
    found = [_facts(trial) | {"criteria": len(trial.criteria)} for trial in parts().trials.values()]
    return Response(_encode({"trials": found}), content_type="application/json")


@blueprint.get("/trials/<trial_id>")
def trial(trial_id: str) -> Response:
    found = _trial(trial_id)
    more = {
        "source": found.source,
        "enrolled": found.enrolled,
        "recruitmentDate": found.recruitment_date,
        "recruitmentNote": found.recruitment_note,
        "arms": found.arms,
        "sites": found.sites,
        "publications": found.results,
        "interpretations": found.interpretations,
        "criteria": [
            {"id": c.id, "type": c.type, "text": c.text, "source": c.source}
            | ({"interpretation": c.interpretation} if c.interpretation else {})
            for c in found.criteria
        ],
    }
    return Response(_encode(_facts(found) | more), content_type="application/json")


@blueprint.get("/fhir/ResearchStudy")
def research_studies() -> Response:
    return _fhir(study_bundle(parts().trials.values(), public_base()))


@blueprint.get("/fhir/ResearchStudy/<trial_id>")
def one_research_study(trial_id: str) -> Response:
    return _fhir(research_study(_trial(trial_id)))


def _facts(found: Trial) -> dict[str, Any]:
    return {
        "id": found.id,
        "shortName": found.short_name,
        "title": found.title,
        "version": found.version,
        "status": found.standing,
        "phases": found.phases,
        "recruitment": found.recruitment,
        "sponsor": found.sponsor,
        "registryUrl": found.registry_url,
        "digest": found.digest,
    }


def _trial(trial_id: str) -> Trial:
    try:
        return parts().trials[trial_id]
    except KeyError:
        raise Rejected(404, "no-such-trial", "no such trial; see /trials") from None


def _fhir(resource: dict[str, Any]) -> Response:
    return Response(_encode(resource), content_type=FHIR_JSON)
