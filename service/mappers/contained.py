"""Resources that another one holds in itself, found by a reference such as `#m1`."""

from typing import Any

import msgspec

from service.mappers import wire


def contained_in(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """The members of a list that was kept raw; none where it is no list."""
    if not bytes(raw):
        return []
    try:
        return wire.decode_list(raw)
    except (msgspec.DecodeError, RecursionError):
        return []


def find_contained(reference: str, raw: msgspec.Raw) -> Any:
    """The contained resource that a reference beginning with `#` names; None where there is none that can be read."""
    found = (decoded(member) for member in contained_in(raw))
    return next((r for r in found if getattr(r, "id", None) in (reference[1:], reference)), None)


def decoded(raw: msgspec.Raw) -> Any:
    """A contained resource; None where it cannot be read."""
    try:
        return wire.decode_resource(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
