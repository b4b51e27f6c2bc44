"""What the demo's FHIR endpoint answers with: CapabilityStatement, searchset Bundle, OperationOutcome (FHIR R4)."""

from typing import Any
from urllib.parse import urlencode

from service import __version__
from service.demo import AS_OF
from service.demo.parameters import INCLUDES, PARAMETERS
from service.demo.search import Found, Pairs
from service.demo.store import Json


def capability_statement(base: str) -> Json:
    """What `base` offers: read and search of the types served, with their parameters."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": AS_OF,
        "kind": "instance",
        "software": {"name": "trialhook demo", "version": __version__},
        "implementation": {"description": "Synthetic patients, read-only", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [{"mode": "server", "resource": [_capability(kind) for kind in PARAMETERS]}],
    }


def _capability(kind: str) -> Json:
    described: Json = {
        "type": kind,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "searchParam": [{"name": p.name, "type": p.kind} for p in PARAMETERS[kind].values()],
    }
    return described | ({"searchInclude": list(INCLUDES[kind])} if INCLUDES[kind] else {})


def searchset(found: Found, kind: str, pairs: Pairs, base: str) -> Json:
    """One page of a search, with links to itself and to the next."""
    links = [{"relation": "self", "url": _url(kind, pairs, base)}]
    if found.next_offset is not None:
        further = [*((name, value) for name, value in pairs if name != "_offset"), ("_offset", str(found.next_offset))]
        links.append({"relation": "next", "url": _url(kind, further, base)})
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": found.total, "link": links}
    entries = [_entry(r, "match", base) for r in found.matches] + [_entry(r, "include", base) for r in found.included]
    return bundle | ({"entry": entries} if entries else {})  # FHIR knows no empty list


def _url(kind: str, pairs: Pairs, base: str) -> str:
    return f"{base}/{kind}?{urlencode(pairs)}" if pairs else f"{base}/{kind}"


def _entry(resource: Json, mode: str, base: str) -> Json:
    url = f"{base}/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}


def operation_outcome(code: str, diagnostics: str) -> Json:
    """`code` is one of FHIR's issue types."""
    issue = {"severity": "error", "code": code, "diagnostics": diagnostics}
    return {"resourceType": "OperationOutcome", "issue": [issue]}
