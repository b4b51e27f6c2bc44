"""The members of a FHIR Group on a day: those that are not inactive and whose period has begun and not ended."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import msgspec

from service.fhir_client import Server

READING = 60.0
MAX_GROUPS = 1000
_MEMBER = re.compile(r"(Patient|Group)/([A-Za-z0-9\-.]{1,64})(?:/_history/.*)?")


@dataclass(frozen=True)
class Listed:
    """A patient of a list: the id, and the Patient where the list held it. A problem with the list has no id."""

    patient: str
    resource: bytes = b""
    problem: str = ""


class _Reference(msgspec.Struct):
    reference: str | None = None


class _Period(msgspec.Struct):
    start: str | None = None
    end: str | None = None


class _Member(msgspec.Struct):
    entity: _Reference | None = None
    period: _Period | None = None
    inactive: bool | None = None


class _Group(msgspec.Struct):
    actual: bool | None = None
    quantity: int | None = None
    member: list[_Member] | None = None


def members(server: Server, base: str, group: str, on: date) -> Iterator[Listed]:
    """The patients of a Group and of the Groups in it. What cannot be read or is nobody's is told as a problem."""
    waiting, seen = [group], {group}
    while waiting:
        current = waiting.pop(0)
        found = _read(server, current)
        if isinstance(found, str):
            yield Listed("", problem=f"the members of a Group cannot be read: {found}")
            continue
        listed = found.member or []
        if found.actual is False or (found.quantity or 0) > len(listed):
            yield Listed("", problem=f"Group/{current} does not list all of its members")
        for member in listed:
            if not _stands(member, on):
                continue
            kind, identity = _entity(member, base)
            if kind == "Patient":
                yield Listed(identity)
            elif kind == "Group" and identity not in seen:
                seen.add(identity)
                if len(seen) <= MAX_GROUPS:
                    waiting.append(identity)
                else:
                    yield Listed(
                        "", problem=f"the members of Group/{identity} were not read: more than {MAX_GROUPS} Groups"
                    )
            elif not kind:
                yield Listed("", problem=f"a member of Group/{current} is named by no reference to this server")


def _read(server: Server, group: str) -> _Group | str:
    answer = server.read(f"Group/{group}", time.monotonic() + READING)
    if not answer.complete:
        return answer.problem
    try:
        return msgspec.json.decode(answer.pages[0], type=_Group)
    except msgspec.DecodeError:
        return "the server's answer cannot be read"


def _entity(member: _Member, base: str) -> tuple[str, str]:
    """Type and id; `other` for a device or a practitioner, empty for what cannot be found."""
    reference = ((member.entity and member.entity.reference) or "").removeprefix(f"{base.rstrip('/')}/")
    match = _MEMBER.fullmatch(reference)
    if match:
        return match[1], match[2]
    return ("other", "") if re.match(r"(?!Patient|Group)[A-Z][A-Za-z]+/", reference) else ("", "")


def _stands(member: _Member, on: date) -> bool:
    """Whether one is a member on a day; a date that leaves the day open counts from its first to its last."""
    if member.inactive:
        return False
    today = on.isoformat()
    start = ((member.period and member.period.start) or "")[:10]
    end = ((member.period and member.period.end) or "")[:10]
    return not (start and start > today) and not (end and end < today[: len(end)])
