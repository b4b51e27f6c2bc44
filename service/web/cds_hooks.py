"""CDS Hooks 2.0: discovery, the patient-view service, feedback."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from flask import Blueprint, Response
from msgspec import Raw

from service import metrics
from service.cards import OVERRIDE_REASONS, Card, Cards, cards, trial_of
from service.chart import Call, InsufficientData, server_of
from service.criteria.results import PatientResult
from service.errors import RecordError
from service.guard import MAX_ORDERS, effects, may_matter, read_orders
from service.guard_cards import OVERRIDE_REASONS as ORDER_REASONS
from service.guard_cards import guard_cards
from service.phases import phase
from service.screening import encode
from service.store import FeedbackItem, TrialFeedback, offered_reason
from service.web import bodies, protection, recording
from service.web.explanations import explain_link
from service.web.judging import judged
from service.web.moments import moment_or_now
from service.web.parts import parts
from service.web.problems import NOT_AS_DESCRIBED, Rejected
from service.web.schemas import FEEDBACK, FEEDBACK_ITEM, HOOK_REQUEST

TRIAL_MATCH = "trial-match"
GUARD_SELECT = "trial-guard-select"
HOOKS = {TRIAL_MATCH: "patient-view", GUARD_SELECT: "order-select", "trial-guard-sign": "order-sign"}
_TOLD = {
    TRIAL_MATCH: (
        "Trials that may fit",
        "Which clinical trials may fit the patient whose chart is opened, why, and what is missing.",
    ),
    GUARD_SELECT: (
        "Orders that close a trial, while they are picked",
        "Warns where an order that is being picked would close a trial that is open to the patient.",
    ),
    "trial-guard-sign": (
        "Orders that close a trial, before they are signed",
        "Warns where an order about to be signed would close a trial that is open to the patient.",
    ),
}

blueprint = Blueprint("cds_hooks", __name__)
blueprint.before_request(protection.authenticate)


def _json(value: Any) -> Response:
    return Response(encode(value), content_type="application/json")


@blueprint.get("/cds-services")
def discovery() -> Response:
    prefetch = {query.key: query.template for query in parts().queries}
    needs = (
        "FHIR R4. Prefetch or access to the FHIR server: at least the Patient and the Conditions, without which a call "
        "is answered with 412."
    )
    services = [
        {"hook": hook, "id": name, "title": _TOLD[name][0], "description": _TOLD[name][1]}
        | {"prefetch": prefetch, "usageRequirements": needs}
        for name, hook in HOOKS.items()
    ]
    return _json({"services": services})


@blueprint.post("/cds-services/<service_id>")
def call(service_id: str) -> Response:
    _known(service_id)
    with phase("decode"):
        envelope, prefetch = _read_call(bodies.text(bodies.json_body()))
    if envelope["hook"] != HOOKS[service_id]:
        expected = f"{service_id} is called for the hook {HOOKS[service_id]}"
        raise Rejected(400, "wrong-hook", NOT_AS_DESCRIBED, [("hook", expected)])
    own = parts()
    day = bodies.day(_asked_day(envelope), "extension.org.trialhook.request.asOf")
    recording.concerns(f"Patient/{_patient(envelope)}", envelope["context"]["userId"], envelope.get("fhirServer") or "")
    if service_id != TRIAL_MATCH:
        return _json(Cards(_guarded(service_id, envelope, prefetch, day)))
    document = own.chart.gather(_call_of(envelope, prefetch))
    pending = recording.asked(HOOKS[service_id], day, document, _patient(envelope), server_of(document))
    try:
        with phase("decode"):
            record = own.screening.of_document(document, _patient(envelope), server_of(document))
    except RecordError as error:  # what came is no record of the patient of the context
        raise InsufficientData(error.message) from None
    result = judged(record, day)
    pending.answered(result)
    with phase("render"):
        return _json(Cards(_cards(result)))


def _cards(result: PatientResult) -> Any:
    own = parts()
    if all(r.grade == "certainly-not" for r in result.results):
        return ()
    shown = cards(result, own.trials, own.desk, explain_link(result))
    of = [trial_of(card.uuid, own.trials) for card in shown]
    grades = {found.trial: found.grade for found in result.results}
    for trial in of:
        metrics.card_shown(trial, grades[trial])
    # on the day of the call, whatever day it asked about
    own.shown.count(of, date.fromordinal(own.today()).isoformat())
    return shown


def _guarded(service_id: str, envelope: dict[str, Any], prefetch: dict[str, Raw], day: int) -> tuple[Card, ...]:
    """Warnings about draft orders. The patient's record is asked for only where an order could matter to some trial."""
    own = parts()
    patient, context = _patient(envelope), envelope["context"]
    picked = context.get("selections") if service_id == GUARD_SELECT else None
    only = [name for name in picked if isinstance(name, str)] if isinstance(picked, list) else []
    orders = read_orders(context.get("draftOrders"), patient, day, only)
    plan = own.screening.plan
    orders = [order for order in orders if may_matter(own.screening, plan, order, patient)]
    asked = (context.get("draftOrders"), only, plan)
    if not orders:
        recording.asked(HOOKS[service_id], day, None, patient, "", *asked).answered([], "orders")
        return ()
    if len(orders) > MAX_ORDERS:
        expected = f"at most {MAX_ORDERS} draft orders that matter to trials are judged at once"
        raise Rejected(400, "too-many-orders", expected)
    document = own.chart.gather(_call_of(envelope, prefetch))
    pending = recording.asked(HOOKS[service_id], day, document, patient, server_of(document), *asked)
    try:
        with phase("evaluate"):
            found = effects(own.screening, plan, document, patient, day, orders, server_of(document))
    except RecordError as error:
        raise InsufficientData(error.message) from None
    pending.answered(found, "orders")
    with phase("render"):
        shown = guard_cards(found, own.trials, own.desk, orders)
    for card in shown:
        metrics.order_warned(trial_of(card.uuid, own.trials))
    return shown


def _known(service_id: str) -> None:
    if service_id not in HOOKS:
        raise Rejected(404, "no-such-service", "no such service; see /cds-services")


def _read_call(body: bytes) -> tuple[dict[str, Any], dict[str, Raw]]:
    """The envelope of a call, checked, and its prefetch, undecoded."""
    members = bodies.members(body)
    prefetch = members.pop("prefetch", None)
    envelope = bodies.loaded(HOOK_REQUEST, members)
    if prefetch is None or prefetch == Raw(b"null"):
        return envelope, {}
    return envelope, bodies.members(prefetch, "prefetch")


def _patient(envelope: dict[str, Any]) -> str:
    identifier: str = envelope["context"]["patientId"]
    return identifier.removeprefix("Patient/")


def _call_of(envelope: dict[str, Any], prefetch: dict[str, Raw]) -> Call:
    authorization = envelope.get("fhirAuthorization") or {}
    return Call(
        patient=_patient(envelope),
        prefetch=prefetch,
        fhir_server=envelope.get("fhirServer") or "",
        token=authorization.get("access_token", ""),
    )


def _asked_day(envelope: dict[str, Any]) -> str | None:
    extension = envelope.get("extension") or {}
    day: str | None = extension.get("own", {}).get("asOf")
    return day


# -- feedback


@blueprint.post("/cds-services/<service_id>/feedback")
def feedback(service_id: str) -> Response:
    _known(service_id)
    own = parts()
    items = [_item(service_id, item, own.trials) for item in _reported()]
    own.store.record_feedback(items)
    for item in items:
        metrics.feedback_came(item.trial, item.outcome)
    return _json({})


def _reported() -> list[dict[str, Any]]:
    """The items of the body; HAPI FHIR's model of feedback is one item without the list around it."""
    sent = bodies.members(bodies.text(bodies.json_body()))
    if "feedback" not in sent and "card" in sent:
        return [bodies.loaded(FEEDBACK_ITEM, sent)]
    reported: list[dict[str, Any]] = bodies.loaded(FEEDBACK, sent)["feedback"]
    return reported


def _item(service_id: str, item: dict[str, Any], trials: Iterable[str]) -> FeedbackItem:
    override = item.get("overrideReason") or {}
    reason, system = _reason(override.get("reason"))
    return FeedbackItem(
        card=_uuid(item["card"]),
        trial=trial_of(item["card"], trials),
        service=service_id,
        outcome=item["outcome"],
        at=moment_or_now(item.get("outcomeTimestamp")),
        suggestions=tuple(_uuid(s["id"]) for s in item.get("acceptedSuggestions") or ()),
        reason=reason,
        reason_system=system,
        had_comment=bool(override.get("userComment")),
    )


def _reason(reason: dict[str, Any] | None) -> tuple[str, str]:
    if not reason:
        return "", ""
    return offered_reason(reason.get("code") or "", reason.get("system") or "", _OFFERED)


_OFFERED = frozenset((coding.code, coding.system) for coding in (*OVERRIDE_REASONS, *ORDER_REASONS))


def _uuid(text: str) -> str:
    """The uuid itself; a stand-in for what is none, which was not ours and might be anything."""
    try:
        return str(UUID(text))
    except ValueError:
        return str(uuid5(NAMESPACE_URL, text))


@blueprint.get("/feedback/summary")
def feedback_summary() -> Response:
    bodies.asks_only("since", "until")
    own = parts()
    own.shown.write()
    since, until = (bodies.asked_date(name) for name in ("since", "until"))
    for name, text in (("since", since), ("until", until)):
        bodies.day(text, name)
    return _json({"trials": [_fared(trial) for trial in own.store.feedback_summary(since, until)]})


def _fared(trial: TrialFeedback) -> dict[str, Any]:
    return {
        "trial": trial.trial,
        "shown": trial.shown,
        "accepted": trial.accepted,
        "overridden": trial.overridden,
        "reasons": dict(trial.reasons),
        "lastFeedback": trial.last_day,
    }
