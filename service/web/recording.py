"""What is written down of an answer before it is given: the decision log and the audit trail, where they are wanted.

A view says whom a call is about (`concerns`), what is going to be judged (`asked`), and what came of it (`answered`).
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog
from flask import Flask, Response, g, request

from service import metrics
from service.audit_events import Access, TrialRead
from service.auth import Caller
from service.criteria.plan import Plan
from service.criteria.results import Effect, PatientResult
from service.decisions.asked import Asked, asked_about
from service.decisions.entry import Question
from service.decisions.log import Occasion
from service.mappers.documents import Document
from service.store import StoreError
from service.web.parts import parts
from service.web.problems import Rejected, problem

_OPERATIONS = frozenset({"cds_hooks.call", "matching.evaluate", "matching.get_clinical_trial", "matching.match"})
_READS = frozenset({"explanations.explain"})
# nobody was let in, or there is nothing of the kind: no patient's data were used
_NO_ACCESS = frozenset({401, 404, 405})
_SERVER = re.compile(r"https?://[^\s/][^\s]{0,2000}")
log = structlog.get_logger(__name__)


class Pending(msgspec.Struct, frozen=True):
    """A question whose answer is not known yet. `about` is None where no decision is logged."""

    occasion: Occasion
    about: Asked | None
    plan: Plan

    def answered(self, found: PatientResult | Sequence[Effect], question: Question = "result") -> None:
        """Write the answer down. Rejected where that fails and an answer that is not recorded is to be refused."""
        trials = [planned.trial for planned in self.plan.plans]
        if isinstance(found, PatientResult):
            concerns(found.patient)
        g.trials = trials
        own = parts()
        if own.decisions is None or self.about is None:
            return
        answer = found if isinstance(found, PatientResult) else list(found)
        try:
            own.decisions.record(self.occasion, self.about, question, answer, trials)
        except StoreError as failure:
            if not _goes_on("decision", failure):
                raise _refused() from None


def asked(
    endpoint: str,
    day: int,
    document: Document | None,
    patient: str = "",
    base: str = "",
    drafts: Any = None,
    only: Sequence[str] = (),
    plan: Plan | None = None,
) -> Pending:
    """To be called before the document is judged; `day` is an ordinal."""
    own = parts()
    about = None if own.decisions is None else asked_about(document, patient, base, drafts, tuple(only))
    return Pending(Occasion(endpoint, g.get("request_id", ""), day), about, plan or own.screening.plan)


def concerns(patient: str, user: str = "", server: str = "") -> None:
    """Whom the request is about, who asks, and the FHIR server that both are on, as far as the caller tells."""
    g.patient = patient
    if user:
        g.user = user
    if _SERVER.fullmatch(server):
        g.fhir_server = server


def register(app: Flask) -> None:
    """After whatever counts and logs answers: those see the answer that is given."""
    app.after_request(_audit)


def _audit(response: Response) -> Response:
    trail = parts().audit
    if trail is None or not _is_access(response.status_code):
        return response
    try:
        trail.record(_access(response.status_code, trail.now))
    except StoreError as failure:
        if not _goes_on("audit-event", failure) and response.status_code < 400:
            return problem(_refused())
    return response


def _is_access(status: int) -> bool:
    if request.method == "OPTIONS":
        return False
    if request.endpoint in _READS:
        return "patient" in g
    return request.endpoint in _OPERATIONS and status not in _NO_ACCESS


def _access(status: int, now: Callable[[], float]) -> Access:
    caller: Caller | None = request.environ.get("trialhook.caller")
    return Access(
        at=now(),
        kind="read" if request.endpoint in _READS else "operation",
        endpoint=request.url_rule.rule if request.url_rule else "",
        request=g.get("request_id", ""),
        status=status,
        patient=g.get("patient", ""),
        server=g.get("fhir_server", ""),
        user=g.get("user", ""),
        client=caller.issuer if caller else "",
        tenant=caller.tenant if caller else "",
        address=request.remote_addr or "",
        trials=tuple(TrialRead(trial.id, trial.version, trial.digest) for trial in g.get("trials", ())),
    )


def _goes_on(what: str, failure: StoreError) -> bool:
    """Count what could not be written; whether the answer is given all the same."""
    metrics.unrecorded(what)
    log.error("not recorded", what=what, code=failure.code)
    return bool(parts().settings.unrecorded == "answer")


def _refused() -> Rejected:
    told = "the answer cannot be recorded, so none is given"
    return Rejected(503, "not-recorded", told, headers={"Retry-After": "5"})
