"""SMART scopes for reading as a system: which to ask for, and which resource types a grant stands for."""

import re
from collections.abc import Collection, Iterable

AUTO, V1, V2 = "auto", "v1", "v2"
_SCOPE = re.compile(r"system/([A-Za-z]+|\*)\.([a-z]+|\*)(\?.*)?")
_CRUDS = re.compile(r"c?r?u?d?s?")


def version(capabilities: Collection[str], supported: Collection[str]) -> str:
    """The version of scopes that a SMART configuration speaks of: 2 unless it knows only 1."""
    if "permission-v2" in capabilities:
        return V2
    if "permission-v1" in capabilities:
        return V1
    permissions = {match[2] for scope in supported if (match := _SCOPE.fullmatch(scope))}
    v1 = permissions & {"read", "write", "*"}
    return V1 if v1 and not permissions - v1 else V2


def wanted(types: Iterable[str], spoken: str) -> str:
    """The narrowest scopes for reading and searching resource types."""
    permission = "read" if spoken == V1 else "rs"
    return " ".join(f"system/{kind}.{permission}" for kind in sorted(set(types)))


def listed(types: Iterable[str], supported: Iterable[str]) -> tuple[str, ...]:
    """Those of the types that scopes which a server says it supports name, not by a wildcard, for reading in full."""
    named = [scope for scope in supported if not scope.startswith("system/*")]
    kinds = sorted(set(types))
    missing = not_granted(kinds, " ".join(named))
    return tuple(kind for kind in kinds if kind not in missing)


def not_granted(types: Iterable[str], scope: str) -> tuple[str, ...]:
    """Those of the types that a granted scope does not let read and search in full; a scope with a query is a part."""
    letters: dict[str, set[str]] = {}
    for each in scope.split():
        match = _SCOPE.fullmatch(each)
        if match and not match[3]:
            letters.setdefault(match[1], set()).update(_letters(match[2]))
    everywhere = letters.get("*", set())
    return tuple(kind for kind in sorted(set(types)) if not {"r", "s"} <= letters.get(kind, set()) | everywhere)


def _letters(permission: str) -> str:
    if permission in ("read", "*"):
        return "rs"
    return permission if _CRUDS.fullmatch(permission) else ""
