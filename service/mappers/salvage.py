"""One malformed resource: keep what can be read, say what cannot.

A resource that does not fit its typed struct is read again field by field. What fits is kept, so that the resource is
still found under its code and its date; it is marked with the problem and decides nothing.
"""

from typing import Any

import msgspec
from msgspec import Raw

from service.mappers import wire


def salvage(raw: Raw | bytes) -> tuple[Any, str]:
    """-> (struct or None, what is wrong). None where not even the resource type can be told."""
    try:
        fields = msgspec.json.decode(raw, type=dict[str, Raw])
    except msgspec.DecodeError:
        return None, "not a JSON object"
    kind = _text(fields.get("resourceType"))
    if not kind:
        return None, "no resourceType"
    cls = wire.CLINICAL_TYPES.get(kind)
    if cls is None:
        return None, f"{kind[:40]} is not an R4 resource type that is read"
    kept: dict[str, Any] = {}
    problems: list[str] = []
    for field in msgspec.structs.fields(cls):
        if field.encode_name in fields:
            try:
                kept[field.name] = msgspec.json.decode(fields[field.encode_name], type=field.type)
            except msgspec.DecodeError as problem:
                problems.append(f"{field.encode_name}: {problem}")
            except RecursionError:
                problems.append(f"{field.encode_name}: nested too deeply")
    return cls(**kept), "; ".join(problems) or "cannot be read"


def _text(raw: Raw | None) -> str:
    if raw is None:
        return ""
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError:
        return ""
