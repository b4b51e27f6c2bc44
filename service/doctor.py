"""What is configured, what answers, and what a FHIR server lacks for the loaded trials."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from service import prefetch
from service.auth import check_clients
from service.auth.startup import WARNING
from service.fhir_client import FhirServers, Server, in_clear_text
from service.fhir_client.capabilities import Capabilities, Offered, capabilities
from service.mappers.documents import Document, read_document
from service.prefetch import Query
from service.screening import Screening
from service.settings import SETTINGS, Settings
from service.store import Store, StoreError

Mark = Literal["ok", "warning", "problem", "info"]
SECONDS = 10.0
_DRUGS = frozenset({"MedicationStatement", "MedicationRequest", "MedicationAdministration", "MedicationDispense"})


class Line(msgspec.Struct, frozen=True):
    """One thing found out."""

    mark: Mark
    text: str


def examine(settings: Settings, screening: Screening, servers: Sequence[str]) -> Iterator[Line]:
    """Everything that can be found out from here, a line each; `servers` are FHIR base URLs."""
    yield from _settings(settings)
    yield Line("ok", f"{len(screening.trials.trials)} trials loaded: {_listed(t.id for t in screening.trials.trials)}")
    yield from _database(settings)
    yield from _clients(settings)
    for sentence in in_clear_text(settings.fhir_allowed):
        yield Line("warning", sentence)
    for base in servers:
        yield from _server(base, settings, screening)


def _settings(settings: Settings) -> Iterator[Line]:
    for setting in SETTINGS:
        text = settings.texts[setting.name]
        shown = ("set" if text else "not set") if setting.secret and text != setting.default else text or "not set"
        yield Line("info", f"{setting.variable} = {shown}")
    if settings.auth == "none":
        yield Line("warning", "TRIALHOOK_AUTH=none: anyone who reaches the port may call")
    elif not settings.clients or not settings.public_url:
        yield Line(
            "problem", "TRIALHOOK_AUTH=jwt needs TRIALHOOK_CLIENTS and TRIALHOOK_PUBLIC_URL: `serve` will not start"
        )


def _database(settings: Settings) -> Iterator[Line]:
    file = settings.database_url.removeprefix("sqlite:///")
    if file != settings.database_url and not Path(file).exists():
        yield Line("info", "database: the file is not there yet; `serve` makes it when it starts")
        return
    try:
        store = Store(settings.database_url)
        why = store.ready()
        store.dispose()
    except StoreError as error:
        yield Line("problem", f"database: {error.message}")
        return
    if not why:
        yield Line("ok", "database answers, its schema is current")
    elif "revision" in why:
        yield Line("warning", f"database: {why}; `serve` brings it up to date when it starts")
    else:
        yield Line("problem", f"database: {why}")


def _clients(settings: Settings) -> Iterator[Line]:
    found = check_clients(settings.clients, fetch=True, certificates=settings.certificate_authorities)
    for sentence in found:
        warning = sentence.startswith(WARNING)
        yield Line("warning" if warning else "problem", f"client {sentence.removeprefix(WARNING)}")
    if settings.clients and not found:
        yield Line("ok", f"{len(settings.clients)} CDS clients, all with usable keys")


def _listed(names: Any) -> str:
    return ", ".join(names)


# -- a FHIR server


def _server(base: str, settings: Settings, screening: Screening) -> Iterator[Line]:
    yield Line("info", f"FHIR server {base}")
    allowed, authorities = [*settings.fhir_allowed, base], settings.certificate_authorities
    with FhirServers(allowed, settings.max_body, certificates=authorities) as servers:
        server = servers.at(base)
        statement, problem = capabilities(server, time.monotonic() + SECONDS)
        if statement is None:
            yield Line("problem", f"its CapabilityStatement cannot be read: {problem}")
            return
        yield from _version(statement)
        resources = _resources(statement)
        queries = prefetch.queries(screening.plan, screening.inputs, screening.terminology)
        yield from _queries(queries, resources)
        yield from _missing(screening, queries, resources)
        yield from _export(statement, resources)
        yield from _smart(server)


def _version(statement: Capabilities) -> Iterator[Line]:
    version = statement.fhirVersion
    if version.startswith(("4.0", "4.1", "4.3")):
        yield Line("ok", f"FHIR {version}")
    else:
        yield Line("problem", f"FHIR {version or 'of no version'}; 4.0.1 was expected")


def _resources(statement: Capabilities) -> dict[str, Offered]:
    return {resource.type: resource for resource in statement.whole.resource or ()}


def _queries(queries: Sequence[Query], resources: dict[str, Offered]) -> Iterator[Line]:
    for query in queries:
        resource = resources.get(query.type)
        if resource is None:
            yield Line("warning", f"{query.type} is not offered")
            continue
        known = {parameter.name for parameter in resource.searchParam or ()}
        asked = [part.partition("=")[0] for part in query.template.partition("?")[2].split("&") if part]
        lacking = [name for name in asked if name not in known]
        if lacking:
            yield Line("warning", f"{query.type} cannot be searched by {_listed(lacking)}")
        else:
            yield Line("ok", f"{query.type}{f' by {_listed(asked)}' if asked else ''}")


def _missing(screening: Screening, queries: Sequence[Query], resources: dict[str, Offered]) -> Iterator[Line]:
    """What would be unknown for every patient: the criteria whose silence such a server cannot prove."""
    lacking = {query.type for query in queries if query.type not in resources}
    if lacking & _DRUGS and not lacking >= _DRUGS:
        lacking -= _DRUGS  # the others tell of drugs
    if not lacking:
        yield Line("ok", "no criterion is unknown for want of a resource type")
        return
    whole, holed = (_criteria(screening, gaps) for gaps in ([], [(kind, "not offered") for kind in sorted(lacking)]))
    for trial in screening.trials.trials:
        changed = [c.id for c in trial.criteria if whole[trial.id, c.id] != holed[trial.id, c.id]]
        if changed:
            yield Line(
                "warning", f"{trial.id}: unknown for every patient of whom nothing is recorded: {_listed(changed)}"
            )


def _criteria(screening: Screening, gaps: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
    patient = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1960-01-01"}
    document: Document = read_document(msgspec.json.encode(patient), "patient")
    document.gaps = gaps
    result = screening.screen(screening.of_document(document), screening.today())
    return {(t.trial, c.id): c.outcome for t in result.results for c in t.criteria}


def _export(statement: Capabilities, resources: dict[str, Offered]) -> Iterator[Line]:
    nothing = Offered()
    offered = [
        level
        for level, operations in (
            ("system", statement.whole.operation),
            ("Patient", resources.get("Patient", nothing).operation),
            ("Group", resources.get("Group", nothing).operation),
        )
        if any("export" in operation.name for operation in operations or ())
    ]
    told = f"Bulk Data $export at: {_listed(offered)}" if offered else "no Bulk Data $export; screen by search"
    yield Line("ok" if offered else "info", told)


def _smart(server: Server) -> Iterator[Line]:
    answer = server.smart_configuration(time.monotonic() + SECONDS)
    try:
        found = msgspec.json.decode(answer.pages[0]) if answer.complete and answer.pages else None
    except msgspec.DecodeError:
        found = None
    endpoint = found.get("token_endpoint") if isinstance(found, dict) else None
    yield Line("ok", f"SMART token endpoint {endpoint}") if endpoint else Line("info", "no SMART token endpoint")
