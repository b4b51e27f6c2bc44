"""Reading requests: the body, the envelope of a CDS Hooks call, a day, a choice of trials."""

import re
from datetime import date
from typing import Any

import msgspec
from flask import g, request
from gunicorn.http.errors import ParseException
from marshmallow import Schema, ValidationError
from msgspec import Raw
from werkzeug.exceptions import RequestEntityTooLarge

from service.criteria.plan import Plan
from service.criteria.schema import nearest
from service.mappers.json_text import duplicate_key
from service.web.parts import parts
from service.web.problems import NOT_AS_DESCRIBED, Rejected

_JSON = re.compile(r"application/(?:[\w.-]+\+)?json\Z")
_LINES = re.compile(r"application/(?:[\w.-]+\+)?(?:x-)?ndjson\Z")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,31}")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MEMBER = re.compile(rb'[\s,]*"([^"\\]*)"\s*:\s*')
_END = re.compile(rb"\s*\}\s*")


def json_body(lines: bool = False) -> bytes:
    """The body of a JSON (or, where `lines`, NDJSON) request, within TRIALHOOK_MAX_BODY."""
    kind = request.mimetype
    if not _JSON.match(kind) and not (lines and _LINES.match(kind)):
        raise Rejected(415, "unsupported-media-type", "a body of type application/json was expected")
    if request.content_encoding not in (None, "", "identity"):
        raise Rejected(415, "unsupported-media-type", "a body without Content-Encoding was expected")
    try:
        body = request.get_data(cache=False)
        if len(body) == request.max_content_length and _has_more():
            raise RequestEntityTooLarge
    except (ParseException, OSError):  # gunicorn's: chunks that are none, or a caller that is gone
        raise Rejected(400, "body-broken-off", "the body did not arrive as it was announced") from None
    g.body_was_read = True
    return body


def _has_more() -> bool:
    """Whether a chunked body goes on: werkzeug reads up to the limit and says nothing of the rest."""
    return "wsgi.input_terminated" in request.environ and bool(request.environ["wsgi.input"].read(1))


def text(body: bytes) -> bytes:
    """A body as UTF-8 without a byte order mark."""
    if not body.isascii():
        try:
            body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Rejected(400, "wrong-encoding", f"the body is not UTF-8 (byte {error.start})") from None
    return body.removeprefix(_BYTE_ORDER_MARK)


def members(body: bytes | Raw, what: str = "") -> dict[str, Raw]:
    """The members of a JSON object, undecoded; a name that stands twice is refused, since two readers may differ."""
    try:
        found = msgspec.json.decode(body, type=dict[str, Raw])
    except RecursionError:
        raise Rejected(400, "too-deep", "the body is nested too deeply") from None
    except msgspec.DecodeError as error:
        raise _not_json(body, what, error) from None
    if not _follow(body, found):
        refuse_repeated(body, what or "the body")
    return found


def _follow(body: bytes | Raw, found: dict[str, Raw]) -> bool:
    """Whether the text is just these members, one after the other: cheaper than looking at every key in them."""
    whole = bytes(body)
    at = whole.find(b"{") + 1
    for name, raw in found.items():
        head, value = _MEMBER.match(whole, at), bytes(raw)
        if head is None or head[1] != name.encode() or not whole.startswith(value, head.end()):
            return False
        at = head.end() + len(value)
    return _END.fullmatch(whole, at) is not None


def refuse_repeated(body: bytes | Raw, what: str) -> None:
    """Rejected where a key stands twice in one object, at any depth."""
    problem = duplicate_key(body)
    if problem.startswith("recursion limit"):
        raise Rejected(400, "too-deep", f"{what} is nested too deeply")
    if problem.startswith("a key stands twice"):
        raise Rejected(400, "duplicate-key", f"{what}: {problem}")


def _not_json(body: bytes | Raw, what: str, error: msgspec.DecodeError) -> Rejected:
    if isinstance(error, msgspec.ValidationError):
        return Rejected(400, "bad-request", NOT_AS_DESCRIBED, [(what, "a JSON object was expected")])
    place = re.search(r"\(byte (\d+)\)", str(error))
    where = f" at byte {place[1]}" if place else ""
    return Rejected(400, "not-json", f"the body is not JSON{where}")


def loaded(schema: Schema, found: dict[str, Raw]) -> dict[str, Any]:
    """What a schema makes of the members it knows; the others are not even read."""
    return load(schema, {name: _decoded(raw, name) for name, raw in found.items() if name in schema.fields})


def _decoded(raw: Raw, path: str) -> Any:
    """The plain value of one member."""
    refuse_repeated(raw, path)
    try:
        return msgspec.json.decode(raw)
    except RecursionError:
        raise Rejected(400, "too-deep", f"{path} is nested too deeply") from None
    except msgspec.DecodeError:
        raise Rejected(400, "not-json", f"{path} is not JSON, or holds a number out of range") from None


def load(schema: Schema, data: Any) -> dict[str, Any]:
    """What a schema makes of data; every mistake at once, each with its path and without the value."""
    try:
        made: dict[str, Any] = schema.load(data)
    except ValidationError as error:
        raise Rejected(400, "bad-request", NOT_AS_DESCRIBED, list(_mistakes(error.messages, ""))) from None
    return made


def _mistakes(messages: Any, path: str) -> list[tuple[str, str]]:
    if isinstance(messages, dict):
        found = []
        for name, inner in messages.items():
            own = path if name == "_schema" else f"{path}.{name}" if path else str(name)
            found += _mistakes(inner, own)
        return found
    return [(path, str(message)) for message in messages]


def day(given: str | None, path: str = "asOf") -> int:
    """A day as an ordinal; today where none is given."""
    if not given:
        return parts().today()
    try:
        if not _DAY.fullmatch(given):
            raise ValueError
        return date.fromisoformat(given).toordinal()
    except ValueError:
        raise Rejected(400, "bad-request", NOT_AS_DESCRIBED, [(path, "a date as YYYY-MM-DD was expected")]) from None


def asks_only(*known: str, fhir: bool = False) -> None:
    """Rejected where the address has a parameter that is not known: what misspells `trial` would be answered for all
    trials, and look like an answer. With `fhir` the parameters of FHIR itself, such as `_format`, are let pass."""
    asked = [name for name in request.args if not (fhir and name.startswith("_"))]
    refuse_unknown({name if _PARAMETER.fullmatch(name) else "query": name for name in asked}, known)


def refuse_unknown(names: dict[str, str], known: tuple[str, ...]) -> None:
    """Rejected where a name, by the place it is told under, is none of those known. It is not repeated itself."""
    mistakes = [
        (place, f"no such parameter{nearest(name, list(known)) or _listed(known)}")
        for place, name in names.items()
        if name not in known
    ]
    if mistakes:
        raise Rejected(400, "bad-request", NOT_AS_DESCRIBED, mistakes)


def _listed(known: tuple[str, ...]) -> str:
    return f"; known are {', '.join(known)}" if len(known) > 1 else f"; only {known[0]} is known" if known else ""


def asked_day() -> int:
    """The day of `?asOf=`."""
    return day(asked_date("asOf"))


def asked_date(name: str) -> str:
    """The text of a query parameter that is one date; empty where there is none."""
    given = request.args.getlist(name)
    if len(given) > 1:
        raise Rejected(400, "bad-request", NOT_AS_DESCRIBED, [(name, "one date was expected")])
    return given[0] if given else ""


def asked_plan() -> Plan:
    """The questions of the trials of `?trial=`; of those in use where none is named."""
    own = parts()
    wanted = request.args.getlist("trial")
    if unknown := [name for name in wanted if name not in own.trials]:
        are = "is" if len(unknown) == 1 else "are"
        raise Rejected(404, "no-such-trial", f"{len(unknown)} of the trials named {are} not loaded; see /trials")
    return own.screening.plan_for(own.screening.wanted(wanted))
