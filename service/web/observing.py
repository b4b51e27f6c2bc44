"""Every answer counted, timed, traced and logged: by its route, never its address, which may hold an id or a token."""

import re
import time
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars

from service import metrics, phases, tracing
from service.auth import Caller
from service.tracing import NOTHING, Span

_REQUEST_ID = re.compile(r"[0-9A-Fa-f-]{16,64}")  # a uuid or a trace id, as proxies give them
_NO_ID = re.compile(r"[^A-Za-z0-9._:~+/=@-]")
MAX_TOKEN_ID = 64
# asked every few seconds by machines; their traces would bury the others
_UNTRACED = frozenset({"/healthz", "/readyz", "/metrics"})
log = structlog.get_logger("trialhook")


def register(app: Flask) -> None:
    """Registered before everything else that looks at requests, so that what those refuse is seen too."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_clear)


def _begin() -> None:
    g.began = time.perf_counter()
    g.request_id = _request_id()
    g.span = _span()
    g.span.__enter__()
    bind_contextvars(request_id=g.request_id, **g.span.ids)
    phases.begin()


def _end(response: Response) -> Response:
    took = time.perf_counter() - g.get("began", time.perf_counter())
    route, method, status = _route(), _method(), response.status_code
    response.headers["X-Request-Id"] = g.get("request_id", "")
    metrics.answered(route, method, status, took)
    phases.end(route)
    _note(g.get("span", NOTHING), status)
    log.info("request", route=route, method=method, status=status, ms=round(took * 1000, 1), **_caller())
    return response


def _clear(_error: BaseException | None) -> None:
    """Nothing of this request is told of the thread's next one."""
    span: Span = g.pop("span", NOTHING)
    span.__exit__(None, None, None)
    clear_contextvars()


def _span() -> Span:
    """Names and attributes are OpenTelemetry's for HTTP servers, without those that hold an address."""
    route = _route()
    if route in _UNTRACED:
        return NOTHING
    span = tracing.request_span(f"{_method()} {route}", request.headers.get("traceparent", ""))
    span.note(http__request__method=_method(), http__route=route, trialhook__request_id=g.request_id)
    return span


def _note(span: Span, status: int) -> None:
    span.note(http__response__status_code=status)
    if status >= 500:
        span.fail(str(status))


def _route() -> str:
    return request.url_rule.rule if request.url_rule else "none"


def _method() -> str:
    """Anything may stand in a request that no route takes."""
    return request.method if request.url_rule else "other"


def _request_id() -> str:
    """The caller's request id where it is plainly one and can be no name, else a new one."""
    given = request.headers.get("X-Request-Id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex


def _caller() -> dict[str, str]:
    """Who called, or why nobody did, where calls are protected; nothing of the token itself."""
    if refused := request.environ.get("trialhook.refused"):
        return {"refused": refused}
    caller: Caller | None = request.environ.get("trialhook.caller")
    if caller is None:
        return {}
    return {"issuer": caller.issuer, "tenant": caller.tenant, "key": caller.key_id, "jti": _plain(caller.token_id)}


def _plain(token_id: str) -> str:
    """The id of a token, which its client chose: as long as an id is, and of the characters of one."""
    return _NO_ID.sub("?", token_id)[:MAX_TOKEN_ID]
