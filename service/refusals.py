"""Answers to requests that are not HTTP as it is taken here: problems like any other, which quote nothing of them."""

from collections.abc import Collection
from http import HTTPStatus

from gunicorn.http import errors

from service.web.problems import Rejected, problem

_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (errors.InvalidResponseHeader, 500),  # the application's own fault, though kinds of what a client sends
    (errors.InvalidResponseHeaderName, 500),
    (errors.ConfigurationProblem, 500),
    (errors.LimitRequestLine, 414),
    (errors.LimitRequestHeaders, 431),
    (errors.ExpectationFailed, 417),
    (errors.UnsupportedTransferCoding, 501),
    (errors.ForbiddenProxyRequest, 403),
    (errors.ParseException, 400),
)
_TOLD = {
    400: ("not-http", "the request is not HTTP as it was expected"),
    403: ("forbidden", "the request came from where none is taken"),
    414: ("address-too-long", "the address of the request is too long"),
    417: ("expectation-failed", "what the request expects is not offered"),
    431: ("headers-too-large", "the headers of the request are too large, or too many"),
    501: ("not-implemented", "a body in a transfer coding that is known was expected"),
    500: ("unexpected", "an unexpected error; it was logged"),
}


def status_of(error: BaseException) -> int:
    """The HTTP status for what the server could not take; 500 for a mistake of ours."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def refusal(status: int, origin: str, allowed: Collection[str]) -> bytes:
    """The whole answer, after which the connection is closed. `origin` is the caller's, as far as it is known."""
    code, told = _TOLD[status]
    answer = problem(Rejected(status, code, told))
    headers = {
        "Connection": "close",
        "Content-Type": answer.content_type,
        "Content-Length": str(answer.content_length),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    if allowed:
        headers["Vary"] = "Origin"
        if origin in allowed:
            headers["Access-Control-Allow-Origin"] = origin
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + answer.get_data()
