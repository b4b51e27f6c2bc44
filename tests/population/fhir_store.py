"""A FHIR server in a test's own process: versions, conditional creates, searches by identifier and id, and whatever a
test makes it do wrong. It answers as the specification says, for `List` and `ResearchSubject`."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import requests
import responses

BASE = "https://ehr.example.org/fhir"
Json = dict[str, Any]
Reply = tuple[int, dict[str, str], str]
Fault = Callable[[requests.PreparedRequest], Reply | None]
JSON = {"Content-Type": "application/fhir+json"}


class FhirStore:
    """Resources by type and id. `faults` are asked before each request; the first that answers is the answer."""

    def __init__(self, mock: responses.RequestsMock, base: str = BASE) -> None:
        self.base = base
        self.held: dict[tuple[str, str], Json] = {}
        self.requests: list[requests.PreparedRequest] = []
        self.faults: list[Fault] = []
        for method in ("GET", "POST", "PUT"):
            mock.add_callback(method, re.compile(re.escape(base) + "/.*"), self._answer)

    def of(self, kind: str) -> list[Json]:
        return [resource for (k, _), resource in self.held.items() if k == kind]

    def put(self, resource: Json) -> Json:
        """Store it as the next version, as a person's own client would."""
        key = (resource["resourceType"], resource["id"])
        version = int(self.held[key]["meta"]["versionId"]) + 1 if key in self.held else 1
        kept: Json = json.loads(json.dumps(resource)) | {"meta": {"versionId": str(version)}}
        self.held[key] = kept
        return kept

    def writes(self) -> list[str]:
        return [f"{r.method} {_place(r, self.base)[0]}" for r in self.requests if r.method != "GET"]

    def _answer(self, request: requests.PreparedRequest) -> Reply:
        self.requests.append(request)
        for fault in self.faults:
            if (answer := fault(request)) is not None:
                return answer
        kind, identity = _place(request, self.base)
        if request.method == "GET":
            return self._read(kind, identity) if identity else self._search(kind, request)
        body = json.loads(request.body or "{}")
        return self._create(kind, request, body) if request.method == "POST" else self._update(kind, request, body)

    def _read(self, kind: str, identity: str) -> Reply:
        found = self.held.get((kind, identity))
        return (200, JSON, json.dumps(found)) if found else (404, JSON, "{}")

    def _search(self, kind: str, request: requests.PreparedRequest) -> Reply:
        query = parse_qs(urlsplit(request.url or "").query)
        found = self._matching(kind, query)
        bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in found]}
        return 200, JSON, json.dumps(bundle)

    def _matching(self, kind: str, query: dict[str, list[str]]) -> list[Json]:
        found = self.of(kind)
        if "_id" in query:
            found = [each for each in found if each["id"] in query["_id"][0].split(",")]
        if "identifier" in query:
            wanted = set(query["identifier"][0].split(","))
            found = [e for e in found if {f"{i['system']}|{i['value']}" for i in e.get("identifier", ())} & wanted]
        return found

    def _create(self, kind: str, request: requests.PreparedRequest, body: Json) -> Reply:
        if condition := request.headers.get("If-None-Exist"):
            found = self._matching(kind, parse_qs(unquote(condition)))
            if found:
                return (412, JSON, "{}") if len(found) > 1 else (200, JSON, json.dumps(found[0]))
        made = self.put(body | {"id": str(1000 + len(self.held))})
        return 201, JSON | {"ETag": 'W/"1"'}, json.dumps(made)

    def _update(self, kind: str, request: requests.PreparedRequest, body: Json) -> Reply:
        now = self.held[kind, body["id"]]
        if request.headers.get("If-Match") != f'W/"{now["meta"]["versionId"]}"':
            return 412, JSON, "{}"
        return 200, JSON, json.dumps(self.put(body))


def _place(request: requests.PreparedRequest, base: str) -> tuple[str, str]:
    path = urlsplit(request.url or "").path.removeprefix(urlsplit(base).path).strip("/")
    kind, _, identity = path.partition("/")
    return kind, identity
