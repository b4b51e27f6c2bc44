"""An access as FHIR R4 AuditEvent, by the patterns of IHE Basic Audit Log Patterns.

https://hl7.org/fhir/R4/auditevent.html, https://profiles.ihe.net/ITI/BALP/ (agents by DICOM's role ids: what goes in
flows from the client, as in a query; a page that is shown flows to it, as in a read). Operations have no profile there,
so none is claimed.
"""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from service import __version__
from service.audit_events.access import Access, TrialRead

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_BALP = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
_SOURCE = {"system": _DICOM, "code": "110153", "display": "Source Role ID"}
_DESTINATION = {"system": _DICOM, "code": "110152", "display": "Destination Role ID"}
_RECIPIENT = {
    "system": f"{_TERMINOLOGY}/v3-ParticipationType",
    "code": "IRCP",
    "display": "information recipient",
}
_REST = {"system": f"{_TERMINOLOGY}/audit-event-type", "code": "rest", "display": "RESTful Operation"}
_PERSON = {"system": f"{_TERMINOLOGY}/audit-entity-type", "code": "1", "display": "Person"}
_OBJECT = {"system": f"{_TERMINOLOGY}/audit-entity-type", "code": "2", "display": "System Object"}
_PATIENT = {"system": f"{_TERMINOLOGY}/object-role", "code": "1", "display": "Patient"}
_RESOURCE = {"system": f"{_TERMINOLOGY}/object-role", "code": "4", "display": "Domain Resource"}
_APPLICATION = {"system": f"{_TERMINOLOGY}/security-source-type", "code": "4", "display": "Application Server"}
_USER = re.compile(r"(?:Practitioner|PractitionerRole|Patient|RelatedPerson)/[A-Za-z0-9\-.]{1,64}")
_MAX_TEXT = 256


def audit_event(access: Access, observer: str) -> dict[str, Any]:
    """The resource. `observer` is where this service is reached, or its name."""
    at = datetime.fromtimestamp(access.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    entities = [*_patient(access), *(_trial(trial) for trial in access.trials), *_transaction(access)]
    event = {
        "resourceType": "AuditEvent",
        "id": str(uuid4()),
        "type": _REST,
        "subtype": [_interaction(access)],
        "action": "R" if access.kind == "read" else "E",
        "recorded": at,
        "outcome": _outcome(access.status),
        "outcomeDesc": f"{access.endpoint}: HTTP {access.status}"
        if access.endpoint.startswith("/")
        else access.endpoint,
        "agent": _agents(access, observer),
        "source": {"observer": _named(observer), "type": [_APPLICATION]},
    }
    return event | ({"entity": entities} if entities else {})


def _interaction(access: Access) -> dict[str, str]:
    code = "read" if access.kind == "read" else "operation"
    return {"system": "http://hl7.org/fhir/restful-interaction", "code": code, "display": code}


def _outcome(status: int) -> str:
    """Success, minor failure (the caller's) or serious failure (ours)."""
    return "0" if status < 400 else "4" if status < 500 else "8"


def _agents(access: Access, observer: str) -> list[dict[str, Any]]:
    """The client, this service, and the user where one is named; whoever began it is the requestor."""
    client, own = (_DESTINATION, _SOURCE) if access.kind == "read" else (_SOURCE, _DESTINATION)
    caller: dict[str, Any] = {"type": {"coding": [client]}, "requestor": not access.user}
    if access.client:
        caller["who"] = _named(access.client)
    if access.tenant:
        caller["altId"] = access.tenant
    if access.address:
        caller["network"] = {"address": access.address, "type": "2"}
    agents = [caller, {"type": {"coding": [own]}, "who": _named(observer), "requestor": False}]
    if access.user:
        agents.append({"type": {"coding": [_RECIPIENT]}, "who": _user(access), "requestor": True})
    return agents


def _user(access: Access) -> dict[str, Any]:
    """A reference where it is one, absolute where its server is known."""
    if _USER.fullmatch(access.user):
        return {"reference": _absolute(access.server, access.user)}
    printable = "".join(sign for sign in access.user if sign.isprintable())[:_MAX_TEXT].strip()
    return _named(printable or "not printable")


def _patient(access: Access) -> list[dict[str, Any]]:
    if not access.patient:
        return []
    return [{"what": {"reference": _absolute(access.server, access.patient)}, "type": _PERSON, "role": _PATIENT}]


def _trial(trial: TrialRead) -> dict[str, Any]:
    return {
        "what": {"identifier": {"value": trial.id}, "type": "ResearchStudy"},
        "type": _OBJECT,
        "role": _RESOURCE,
        "detail": [
            {"type": "version", "valueString": trial.version},
            {"type": "sha-256", "valueString": trial.digest},
        ],
    }


def _transaction(access: Access) -> list[dict[str, Any]]:
    if not access.request:
        return []
    return [
        {
            "what": {"identifier": {"value": access.request}},
            "type": {"system": _BALP, "code": "XrequestId"},
            "description": f"trialhook {__version__}",
        }
    ]


def _absolute(server: str, reference: str) -> str:
    return f"{server.rstrip('/')}/{reference}" if server and "://" not in reference else reference


def _named(text: str) -> dict[str, Any]:
    return {"identifier": {"value": text}, "display": text}
