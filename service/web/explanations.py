"""The page behind a card's link. The link itself is the permission: nobody has to sign in, and it soon expires."""

from collections.abc import Callable

import msgspec
from flask import Blueprint, Response, current_app, request

from service.criteria.results import PatientResult, TrialResult
from service.explanations import NotOpened
from service.screening import encode
from service.web import recording
from service.web.parts import parts, public_base

blueprint = Blueprint("explanations", __name__)

_decode = msgspec.json.Decoder(PatientResult).decode


def explain_link(result: PatientResult) -> Callable[[str], str]:
    """Addresses of the result's pages, by trial. One explanation is kept for all of them."""
    own = parts()
    token = own.explanations.seal(encode(result))
    base = public_base()
    return lambda trial: f"{base}/explain/{token}?trial={trial}"


@blueprint.get("/explain/<token>")
def explain(token: str) -> Response:
    from service.render.explain import expired_page, explain_page

    opened = parts().explanations.open(token)
    if isinstance(opened, NotOpened):
        return _page(expired_page(), 410 if opened is NotOpened.EXPIRED else 404)
    try:
        result = _decode(opened)
    except msgspec.ValidationError:  # kept by another version of the service
        return _page(expired_page(), 410)
    found = _chosen(result, request.args.get("trial", ""))
    if found is None:
        return _page(expired_page(), 404)
    recording.concerns(result.patient)
    return _page(explain_page(result, found, parts().trials[found.trial], _link_for()), 200)


def _chosen(result: PatientResult, trial: str) -> TrialResult | None:
    known = [r for r in result.results if r.trial in parts().trials]
    return next((r for r in known if r.trial == trial or not trial), None)


def _link_for() -> Callable[[str], str | None] | None:
    """In the demo, evidence can be opened: its resources are served beside the page."""
    if "demo_fhir" not in current_app.blueprints:
        return None
    return lambda reference: f"/fhir/{reference}"


def _page(text: str, status: int) -> Response:
    return Response(text, status, content_type="text/html; charset=utf-8")
