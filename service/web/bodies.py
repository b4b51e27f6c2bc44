"""Reading requests: the body, the envelope of a CDS Hooks call, a day, a choice of trials."""

import re
from datetime import date
from typing import Any

import msgspec
from flask import request
from marshmallow import Schema, ValidationError
from msgspec import Raw

from service.criteria.plan import Plan
from service.web.parts import parts
from service.web.problems import Rejected

_JSON = re.compile(r"application/(?:[\w.-]+\+)?json\Z")
_LINES = re.compile(r"application/(?:[\w.-]+\+)?(?:x-)?ndjson\Z")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def json_body(lines: bool = False) -> bytes:
    """The body of a JSON (or, where `lines`, NDJSON) request, within TRIALHOOK_MAX_BODY."""
    kind = request.mimetype
    if not _JSON.match(kind) and not (lines and _LINES.match(kind)):
        raise Rejected(415, "unsupported-media-type", "a body of type application/json was expected")
    if request.content_encoding not in (None, "", "identity"):
        raise Rejected(415, "unsupported-media-type", "a body without Content-Encoding was expected")
    return request.get_data(cache=False)


def members(body: bytes | Raw, what: str = "") -> dict[str, Raw]:
    """The members of a JSON object, undecoded."""
    try:
        return msgspec.json.decode(body, type=dict[str, Raw])
    except RecursionError:
        raise Rejected(400, "too-deep", "the body is nested too deeply") from None
    except msgspec.DecodeError as error:
        raise _not_json(body, what, error) from None


def _not_json(body: bytes | Raw, what: str, error: msgspec.DecodeError) -> Rejected:
    if isinstance(error, msgspec.ValidationError):
        return Rejected(400, "bad-request", "not as described", [(what, "a JSON object was expected")])
    place = re.search(r"\(byte (\d+)\)", str(error))
    where = f" at byte {place[1]}" if place else ""
    return Rejected(400, "not-json", f"the body is not JSON{where}")


def decoded(raw: Raw, path: str) -> Any:
    """The plain value of one member."""
    try:
        return msgspec.json.decode(raw)
    except RecursionError:
        raise Rejected(400, "too-deep", f"{path} is nested too deeply") from None
    except msgspec.DecodeError:
        raise Rejected(400, "not-json", f"{path} is not JSON") from None


def load(schema: Schema, data: Any) -> dict[str, Any]:
    """What a schema makes of data; every mistake at once, each with its path and without the value."""
    try:
        loaded: dict[str, Any] = schema.load(data)
    except ValidationError as error:
        raise Rejected(400, "bad-request", "not as described", list(_mistakes(error.messages, ""))) from None
    return loaded


def _mistakes(messages: Any, path: str) -> list[tuple[str, str]]:
    if isinstance(messages, dict):
        found = []
        for name, inner in messages.items():
            own = path if name == "_schema" else f"{path}.{name}" if path else str(name)
            found += _mistakes(inner, own)
        return found
    return [(path, str(message)) for message in messages]


def day(text: str | None, path: str = "asOf") -> int:
    """A day as an ordinal; today where none is given."""
    if not text:
        return parts().today()
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text).toordinal()
    except ValueError:
        raise Rejected(400, "bad-request", "not as described", [(path, "a date as YYYY-MM-DD was expected")]) from None


def asked_day() -> int:
    """The day of `?asOf=`."""
    return day(request.args.get("asOf"))


def asked_plan() -> Plan:
    """The questions of the trials of `?trial=`; all where none is named."""
    own = parts()
    wanted = request.args.getlist("trial")
    if unknown := [name for name in wanted if name not in own.trials]:
        raise Rejected(404, "no-such-trial", f"{len(unknown)} of the trials named are not loaded; see /trials")
    return own.screening.plan_for(own.screening.trials.chosen(wanted))
