"""One malformed resource: keep what can be read, say what cannot.

A resource that does not fit its typed struct is read again element by element, as deep as its types go. What fits is
kept, so that the resource is still found under its code and its date; it is marked with the problem and decides
nothing. So is an element of another FHIR version that may turn what a resource says (in `wire` of type None).
"""

import re
from typing import Any, get_args, get_origin

import msgspec
from msgspec import Raw

from service.mappers import wire
from service.mappers.json_text import in_words

_TYPE_NAME = re.compile(r"[A-Z][A-Za-z]{2,63}\Z")
_LOST: Any = object()
MAX_PROBLEMS = 5
# Elements that say what a resource is about; a status is not guessed from a text.
_CODES_BEFORE_R4 = frozenset({"clinicalStatus", "verificationStatus"})
# Types of other FHIR versions, and the one under which R4 has what they tell.
_RENAMED = {"MedicationOrder": "MedicationRequest", "MedicationPrescription": "MedicationRequest"}
_ABOUT = re.compile(r"(?:\A|\.)(?:code|medicationCodeableConcept|itemCodeableConcept|substance)\Z")


class NotAResource(ValueError):
    """Nothing of a patient's record can be told from it; `harmless` where it is well written but of no known type. What
    it may have told is of the type `lost`."""

    def __init__(self, message: str, harmless: bool = False, lost: str = "*") -> None:
        super().__init__(message)
        self.harmless = harmless
        self.lost = lost


def salvage(raw: Raw | bytes) -> tuple[Any, str]:
    """-> (struct, what is wrong). Raises NotAResource where not even the resource type can be told."""
    try:
        fields = msgspec.json.decode(raw, type=dict[str, Raw])
    except (msgspec.DecodeError, RecursionError):
        raise NotAResource("not a JSON object") from None
    kind = _text(fields.get("resourceType"))
    cls = wire.CLINICAL_TYPES.get(kind)
    if kind in _RENAMED:
        raise NotAResource(f"{kind} is of FHIR before R4, which is read", lost=_RENAMED[kind])
    if cls is None:
        well_written = bool(_TYPE_NAME.match(kind)) and kind not in wire.OTHER_TYPES
        raise NotAResource("no resourceType that R4 knows", harmless=well_written)
    problems: list[str] = []
    resource = _rescue_fields(fields, cls, "", problems)
    return resource, "; ".join(problems[:MAX_PROBLEMS]) or "cannot be read"


def _rescue(raw: Raw, kind: Any, path: str, problems: list[str]) -> Any:
    """As much of a value as can be read; _LOST where nothing can."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except RecursionError:
        problems.append(f"{path}: nested too deeply")
        return _LOST
    except msgspec.DecodeError as problem:
        if kind in (None, type(None)):
            problems.append(f"{path}: an element of another FHIR version; R4 is read")
            return _LOST
        options = [option for option in get_args(kind) or (kind,) if option is not type(None)]
        inner = options[0] if len(options) == 1 or get_origin(kind) is not list else kind
        if get_origin(kind) is list:
            return _rescue_list(raw, get_args(kind)[0], path, problems)
        if get_origin(inner) is list:
            return _rescue_list(raw, get_args(inner)[0], path, problems)
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            return _rescue_struct(raw, inner, path, problems)
        problems.append(f"{path}: {in_words(problem)}")
        return _LOST


def _rescue_list(raw: Raw, kind: Any, path: str, problems: list[str]) -> Any:
    try:
        members = msgspec.json.decode(raw, type=list[Raw])
    except msgspec.DecodeError:
        problems.append(f"{path}: a list was expected")
        one = _rescue(raw, kind, path, [])
        return _LOST if one is _LOST else [one]
    found = [_rescue(member, kind, f"{path}[{i}]", problems) for i, member in enumerate(members)]
    return [member for member in found if member is not _LOST]


def _rescue_struct(raw: Raw, cls: type[msgspec.Struct], path: str, problems: list[str]) -> Any:
    try:
        fields = msgspec.json.decode(raw, type=dict[str, Raw])
    except msgspec.DecodeError:
        before = "; FHIR before R4 has a code here" if path in _CODES_BEFORE_R4 and _text(raw) else ""
        problems.append(f"{path}: an object was expected{before}")
        return _meant(raw, cls, path)
    return _rescue_fields(fields, cls, f"{path}.", problems)


def _rescue_fields(fields: dict[str, Raw], cls: type[msgspec.Struct], path: str, problems: list[str]) -> Any:
    kept: dict[str, Any] = {}
    for field in msgspec.structs.fields(cls):
        if field.encode_name in fields:
            value = _rescue(fields[field.encode_name], field.type, f"{path}{field.encode_name}", problems)
            if value is not _LOST:
                kept[field.name] = value
    return cls(**kept)


def _meant(raw: Raw, cls: type[msgspec.Struct], path: str) -> Any:
    """A text in the place of what a resource is about, or of a reference, says which one was meant; a list of one
    element holds it."""
    text = _text(raw)
    if text and cls is wire.CodeableConcept:
        return wire.CodeableConcept([wire.Coding(None, text)], text) if _ABOUT.search(path) else _LOST
    if text and cls is wire.Coding:
        return wire.Coding(None, text)
    if text and cls is wire.Reference:
        return wire.Reference(text)
    try:
        members = msgspec.json.decode(raw, type=list[Raw])
    except msgspec.DecodeError:
        return _LOST
    return _rescue(members[0], cls, "", []) if members else _LOST


def _text(raw: Raw | None) -> str:
    if raw is None:
        return ""
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, RecursionError):
        return ""
