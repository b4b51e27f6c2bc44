"""One record in, an answer out: the whole result, or the trials that fit as FHIR ResearchStudy."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
from flask import Blueprint, Response
from msgspec import Raw

from service.chart import Call, server_of
from service.criteria.plan import Plan
from service.criteria.results import PatientResult
from service.guard import MAX_ORDERS, read_orders, with_orders
from service.mappers import wire
from service.mappers.documents import Document, read_document
from service.phases import phase
from service.render.research_study import match_bundle
from service.screening import encode
from service.web import bodies, protection, recording
from service.web.judging import count, judged
from service.web.parts import parts, public_base
from service.web.problems import NOT_AS_DESCRIBED, Rejected
from service.web.schemas import IDENTIFIER

blueprint = Blueprint("matching", __name__)
blueprint.before_request(protection.authenticate)

FHIR_JSON = "application/fhir+json"
_PATIENT = re.compile(rf"(?P<base>https?://\S+)/Patient/(?P<id>{IDENTIFIER})\Z")


class _Reference(msgspec.Struct):
    reference: str = ""


class _Parameter(msgspec.Struct):
    name: str
    resource: Raw = Raw(b"")
    valueReference: _Reference | None = None


class _Parameters(msgspec.Struct):
    resourceType: str
    parameter: list[_Parameter] = []


@blueprint.post("/evaluate")
def evaluate() -> Response:
    bodies.asks_only("trial", "asOf")
    day, plan = bodies.asked_day(), bodies.asked_plan()
    body = bodies.json_body(lines=True)
    if _is_parameters(body):
        result = _what_if(bodies.text(body), day, plan)
    else:
        result = _judged("evaluate", lambda: read_document(body, "body"), day, plan=plan)
    with phase("render"):
        return Response(encode(result), content_type="application/json")


def _is_parameters(body: bytes) -> bool:
    if b'"Parameters"' not in body:
        return False
    try:
        return wire.decode_kind(body).resourceType == "Parameters"
    except (msgspec.DecodeError, RecursionError):
        return False  # the reader of records says what is wrong with it


def _what_if(body: bytes, day: int, plan: Plan) -> PatientResult:
    """A record and draft orders as Parameters: the result, and which trials the orders would close."""
    found = _parameters(body, "patient", "draftOrders")
    patients, orders = ([p for p in found if p.name == name and p.resource] for name in ("patient", "draftOrders"))
    if len(patients) != 1 or len(orders) != 1:
        raise _bad("Parameters with one `patient` and one `draftOrders`, each a Bundle, were expected")
    document = read_document(bytes(patients[0].resource), "parameter.patient")
    screening = parts().screening
    drafts = msgspec.json.decode(orders[0].resource)
    if len(read_orders(drafts, "p", day)) > MAX_ORDERS:
        raise Rejected(400, "too-many-orders", f"at most {MAX_ORDERS} draft orders are judged at once")
    pending = recording.asked("evaluate", day, document, drafts=drafts, plan=plan)
    with phase("evaluate"):
        result = with_orders(screening, plan, document, "", day, drafts)
    count(result)
    pending.answered(result, "what-if")
    return result


@blueprint.post("/getClinicalTrial")
def get_clinical_trial() -> Response:
    bodies.asks_only("asOf")
    day = bodies.asked_day()
    body = bodies.json_body()
    return _matches(_judged("getClinicalTrial", lambda: read_document(body, "body"), day))


@blueprint.post("/fhir/ResearchStudy/$match")
def match() -> Response:
    bodies.asks_only("asOf", fhir=True)
    day = bodies.asked_day()
    patient = _parameter_patient(bodies.text(bodies.json_body()))
    own = parts()
    if patient.resource:
        return _matches(_judged("$match", lambda: read_document(bytes(patient.resource), "parameter.patient"), day))
    call = _call_of(patient.valueReference.reference if patient.valueReference else "")
    recording.concerns(f"Patient/{call.patient}", server=call.fhir_server)
    document = own.chart.gather(call)
    return _matches(_judged("$match", lambda: document, day, call.patient, server_of(document)))


def _judged(
    endpoint: str, read: Callable[[], Document], day: int, patient: str = "", base: str = "", plan: Plan | None = None
) -> PatientResult:
    """The result of a record, written down where that is wanted."""
    with phase("decode"):
        document = read()
        pending = recording.asked(endpoint, day, document, patient, base, plan=plan)
        record = parts().screening.of_document(document, patient, base)
    result = judged(record, day, plan)
    pending.answered(result)
    return result


def _parameters(body: bytes, *known: str) -> list[_Parameter]:
    """The parameters of a Parameters resource, all of them known."""
    try:
        found = msgspec.json.decode(body, type=_Parameters)
    except RecursionError:
        raise Rejected(400, "too-deep", "the body is nested too deeply") from None
    except msgspec.ValidationError:
        raise _bad("a Parameters resource was expected") from None
    except msgspec.DecodeError:
        raise Rejected(400, "not-json", "the body is not JSON") from None
    bodies.refuse_repeated(body, "the body")
    if found.resourceType != "Parameters":
        raise _bad("a Parameters resource was expected")
    bodies.refuse_unknown({f"parameter[{at}]": each.name for at, each in enumerate(found.parameter)}, known)
    return found.parameter


def _parameter_patient(body: bytes) -> _Parameter:
    """The one parameter `patient` of an operation's Parameters."""
    patients = [p for p in _parameters(body, "patient") if p.name == "patient"]
    if len(patients) != 1:
        raise _bad("Parameters with one parameter `patient` were expected")
    if bool(patients[0].resource) == (patients[0].valueReference is not None):
        raise _bad("either `resource` (a Bundle) or `valueReference` was expected")
    return patients[0]


def _bad(expected: str) -> Rejected:
    return Rejected(400, "bad-request", NOT_AS_DESCRIBED, [("parameter.patient", expected)])


def _call_of(reference: str) -> Call:
    found = _PATIENT.match(reference)
    if found is None:
        raise _bad("an absolute reference to a Patient was expected")
    try:
        urlsplit(found["base"])
    except ValueError:
        raise _bad("an absolute reference to a Patient was expected") from None
    return Call(patient=found["id"], fhir_server=found["base"])


def _matches(result: PatientResult) -> Response:
    own = parts()
    with phase("render"):
        return Response(encode(match_bundle(result, own.trials, public_base())), content_type=FHIR_JSON)
