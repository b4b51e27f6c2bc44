"""Elements of draft orders brought into the form that FHIR gives them, as far as that takes no guess."""

from typing import Any, get_args, get_origin

import msgspec
from msgspec import Raw

from service.mappers import wire

MISFIT: Any = object()
_DRUGS = ("Medication", "Substance")


def fitted(value: Any, kind: Any) -> Any:
    """As much of a JSON value as a type of `service.mappers.wire` takes; MISFIT where it takes nothing of it.

    One element that stands without its list is put in one, one that stands in a list where none belongs is taken out.
    """
    kind = next((option for option in get_args(kind) if option is not type(None)), kind) if _is_union(kind) else kind
    if kind is Raw:
        return value
    if get_origin(kind) is list:
        members = [fitted(member, get_args(kind)[0]) for member in (value if isinstance(value, list) else [value])]
        return [member for member in members if member is not MISFIT] or MISFIT
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _members(value, kind) if isinstance(value, dict) else MISFIT
    if kind is str and type(value) is int:  # a code such as 72962, written as a number
        return str(value)
    return value if isinstance(value, kind) else MISFIT


def _is_union(kind: Any) -> bool:
    return get_origin(kind) is not list and bool(get_args(kind))


def _members(value: dict[str, Any], kind: type[msgspec.Struct]) -> dict[str, Any]:
    found = {
        field.encode_name: fitted(value[field.encode_name], field.type)
        for field in msgspec.structs.fields(kind)
        if field.encode_name in value
    }
    return {name: member for name, member in found.items() if member is not MISFIT}


def fitted_fields(resource: dict[str, Any], kind: type[msgspec.Struct], names: tuple[str, ...]) -> dict[str, Any]:
    """Those elements of a resource that are named, as far as they fit its type."""
    found = _members({name: resource[name] for name in names if name in resource}, kind)
    if "contained" in found:
        found["contained"] = contained_drugs(resource)
    return found


def contained_drugs(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """The Medications and Substances inside a resource, as far as they fit their types."""
    inside = resource.get("contained")
    drugs = [one for one in (inside if isinstance(inside, list) else [inside]) if isinstance(one, dict)]
    return [
        {"resourceType": one["resourceType"], **_members(one, wire.CLINICAL_TYPES[one["resourceType"]])}
        for one in drugs
        if one.get("resourceType") in _DRUGS
    ]
