"""What a bulk export says that it made: the manifest of a finished job, by the Bulk Data guide's versions 1 to 4."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from service.errors import TrialhookError

TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_NOTHING = Raw(b"null")


class ExportError(TrialhookError):
    """An export cannot be had at all. `temporary`: trying again later may help; `otherwise`: asking for less may."""

    code = "export-failed"

    def __init__(self, message: str, *, temporary: bool = False, otherwise: bool = False) -> None:
        super().__init__(message)
        self.temporary = temporary
        self.otherwise = otherwise


class Output(msgspec.Struct, frozen=True):
    """One file of an export: the type of its resources, where it is, and how many it is said to hold."""

    type: str
    url: str
    count: int | None = None


class Manifest(msgspec.Struct, frozen=True):
    """All files of an export. `unreadable` counts entries that name no file; `following` is the next page's address."""

    transaction_time: str
    requires_token: bool
    output: tuple[Output, ...] = ()
    errors: tuple[Output, ...] = ()
    deleted: tuple[Output, ...] = ()
    unreadable: int = 0
    following: str = ""

    def and_page(self, other: "Manifest") -> "Manifest":
        """This manifest with the files of its next page."""
        return Manifest(
            self.transaction_time or other.transaction_time,
            self.requires_token,
            self.output + other.output,
            self.errors + other.errors,
            self.deleted + other.deleted,
            self.unreadable + other.unreadable,
            other.following,
        )


class _Wire(msgspec.Struct, rename="camel"):
    transaction_time: Any = ""
    requires_access_token: bool | None = None
    output: Raw = _NOTHING
    error: Raw = _NOTHING
    outcome: Raw = _NOTHING  # the name of `error` in the ballot of version 4
    deleted: Raw = _NOTHING
    link: Raw = _NOTHING


def read_manifest(body: bytes) -> Manifest:
    """The manifest of a body. ExportError where it is none. One that does not say whether its files ask for the token
    is taken to ask: the token goes to the server's own origin only."""
    try:
        found = msgspec.json.decode(body, type=_Wire)
        lists = [_entries(raw) for raw in (found.output, found.error, found.outcome, found.deleted)]
        following = _following(found.link)
    except (msgspec.DecodeError, RecursionError):
        raise ExportError("the manifest of the export cannot be read") from None
    if found.output == _NOTHING and found.requires_access_token is None and not found.transaction_time:
        raise ExportError("the job ended with something else than a manifest")
    output, error, outcome, deleted = ([o for o in each if o is not None] for each in lists)
    return Manifest(
        found.transaction_time if isinstance(found.transaction_time, str) else "",
        found.requires_access_token is not False,
        tuple(output),
        (*error, *outcome),
        tuple(deleted),
        sum(each.count(None) for each in lists),
        following,
    )


def _entries(raw: Raw) -> list[Output | None]:
    members = msgspec.json.decode(raw, type=list[Mapping[str, Any]] | None) or []
    return [_entry(member) for member in members]


def _entry(member: Mapping[str, Any]) -> Output | None:
    kind, url, count = member.get("type"), member.get("url"), member.get("count")
    if not isinstance(kind, str) or not TYPE.fullmatch(kind) or not isinstance(url, str) or not url:
        return None
    return Output(kind, url, count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None)


def _following(raw: Raw) -> str:
    for link in msgspec.json.decode(raw, type=list[Mapping[str, Any]] | None) or []:
        if link.get("relation") == "next":
            return str(link.get("url") or "?")
    return ""
