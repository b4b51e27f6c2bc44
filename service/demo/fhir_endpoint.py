"""The demo's FHIR R4 server: resources from memory, read-only, for the service to call as it would call an EHR."""

from collections.abc import Callable

import msgspec
from flask import Blueprint, Response, request

from service.demo.answers import capability_statement, operation_outcome, searchset
from service.demo.parameters import PARAMETERS
from service.demo.refusal import Refusal
from service.demo.search import Pairs, check_format, read_search, run
from service.demo.store import Json, Store

FHIR_JSON = "application/fhir+json"
FORM = "application/x-www-form-urlencoded"
WRITES = ["POST", "PUT", "PATCH", "DELETE"]

_encode = msgspec.json.Encoder(decimal_format="number").encode


def fhir_endpoint(store: Store, base_url_of: Callable[[], str]) -> Blueprint:
    """A blueprint to be registered under the path of `base_url_of()`, the address that links and references have."""
    blueprint = Blueprint("demo_fhir", __name__)

    @blueprint.errorhandler(Refusal)
    def refused(problem: Refusal) -> Response:
        return _answer(operation_outcome(problem.code, problem.message), problem.status, problem.allow)

    @blueprint.get("/metadata")
    def metadata() -> Response:
        check_format(request.args.get("_format", "json"))
        return _answer(capability_statement(_base(base_url_of)))

    @blueprint.get("/<kind>/<logical_id>")
    def read(kind: str, logical_id: str) -> Response:
        check_format(request.args.get("_format", "json"))
        resource = store.read(_served(kind), logical_id)
        if resource is None:
            raise Refusal(404, "not-found", f"no {kind} has this id")
        return _answer(resource)

    @blueprint.get("/<kind>")
    def search(kind: str) -> Response:
        return _search(_served(kind), _pairs())

    @blueprint.post("/<kind>/_search")
    def search_by_form(kind: str) -> Response:
        _served(kind)
        if request.mimetype not in ("", FORM):
            raise Refusal(415, "not-supported", f"{FORM} was expected")
        return _search(kind, [*_pairs(), *request.form.items(multi=True)])

    @blueprint.route("/", defaults={"rest": ""}, methods=["GET", *WRITES])
    @blueprint.route("/<path:rest>", methods=["GET", *WRITES])
    def nothing_else(rest: str) -> Response:
        if request.method in WRITES:
            raise Refusal(405, "not-supported", "this server is read-only", allow="GET, HEAD, OPTIONS")
        raise Refusal(404, "not-found", "GET metadata, Type, Type/id and POST Type/_search are answered")

    def _search(kind: str, pairs: Pairs) -> Response:
        base = _base(base_url_of)
        return _answer(searchset(run(read_search(kind, pairs, base), store), kind, pairs, base))

    return blueprint


def _served(kind: str) -> str:
    if kind not in PARAMETERS:
        raise Refusal(404, "not-supported", f"no such resource type here; known are {', '.join(PARAMETERS)}")
    return kind


def _pairs() -> list[tuple[str, str]]:
    return list(request.args.items(multi=True))


def _base(base_url_of: Callable[[], str]) -> str:
    return base_url_of().rstrip("/")


def _answer(resource: Json, status: int = 200, allow: str = "") -> Response:
    response = Response(_encode(resource), status, content_type=FHIR_JSON)
    if allow:
        response.headers["Allow"] = allow
    return response
