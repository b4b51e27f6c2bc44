"""Errors as `application/problem+json` (RFC 9457). They say what was expected and where, never what a record holds."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, json
from werkzeug.exceptions import HTTPException

from service import metrics
from service.chart import InsufficientData
from service.errors import RecordError, TrialhookError
from service.store import StoreError

TYPES = "https://trialhook.org/problems/"
NOT_AS_DESCRIBED = "the request is not as /openapi.yaml describes it"
log = structlog.get_logger(__name__)

# What is wrong with a text is a 400, what is wrong with the record in it a 422.
_STATUS_OF_RECORD = {"not-json": 400, "wrong-encoding": 400, "too-deep": 400, "empty": 400, "too-large": 413}


class Rejected(Exception):
    """A request that is not answered: an HTTP status, a stable code, a sentence, and mistakes with their places."""

    def __init__(
        self, status: int, code: str, detail: str, errors: Sequence[tuple[str, str]] = (), headers: Any = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


def problem(rejected: Rejected) -> Response:
    body: dict[str, Any] = {
        "type": f"{TYPES}{rejected.code}",
        "title": HTTPStatus(rejected.status).phrase,
        "status": rejected.status,
        "code": rejected.code,
        "detail": rejected.detail,
    }
    if rejected.errors:
        body["errors"] = [{"path": path, "message": message} for path, message in rejected.errors]
    return Response(
        json.dumps(body), rejected.status, rejected.headers, content_type="application/problem+json; charset=utf-8"
    )


def register(app: Flask) -> None:
    """Every error of every view becomes a problem."""
    app.register_error_handler(Rejected, problem)
    app.register_error_handler(RecordError, _of_record)
    app.register_error_handler(InsufficientData, _of_insufficient)
    app.register_error_handler(StoreError, _of_store)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _of_bug)


def _of_record(error: TrialhookError) -> Response:
    return problem(Rejected(_STATUS_OF_RECORD.get(error.code, 422), error.code, error.message))


def _of_insufficient(error: InsufficientData) -> Response:
    return problem(Rejected(412, error.code, error.message))


def _of_store(error: StoreError) -> Response:
    metrics.store_failed("request")
    log.error("database", code=error.code)
    return problem(Rejected(503, "database", "the database does not answer", headers={"Retry-After": "5"}))


def _of_http(error: HTTPException) -> Response:
    status = error.code or 500
    if 300 <= status < 400:
        return Response(status=status, headers=error.get_headers())
    name = HTTPStatus(status).phrase.lower().replace(" ", "-")
    headers = {name: value for name, value in error.get_headers() if name.lower() == "allow"}
    return problem(Rejected(status, name, HTTPStatus(status).description or HTTPStatus(status).phrase, headers=headers))


def _of_bug(error: Exception) -> Response:
    """A mistake of ours. Its message may hold patient data, so only its kind and place are logged."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}" if trace else "unknown"
    log.error("unexpected error", kind=type(error).__name__, where=where)
    return problem(Rejected(500, "unexpected", "an unexpected error; it was logged"))
