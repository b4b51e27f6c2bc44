"""What is to be exported, and within which bounds."""

import re
from typing import Literal

import msgspec

from service.population.export_manifest import TYPE, ExportError

Level = Literal["auto", "system", "patient", "group"]
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


class Order(msgspec.Struct, frozen=True):
    """What is to be exported: which patients of which server, and which resource types of theirs.

    `level` `auto` asks for the patients' data, and for the system's where a server exports only that, which holds them.
    `since` is an instant: only what changed later comes. `type_filters` are searches such as
    `Observation?code=2160-0`. `method` `auto` asks by GET, and by POST where a server refuses that; `post` names the
    types one by one, `post-list` in one parameter. `lenient` lets the server pass over parameters that it does not
    know from the first question on.
    """

    base: str
    types: tuple[str, ...]
    level: Level = "auto"
    group: str = ""
    since: str = ""
    type_filters: tuple[str, ...] = ()
    method: Literal["auto", "get", "post", "post-list"] = "auto"
    lenient: bool = False

    @property
    def reads(self) -> tuple[str, ...]:
        """The resource types that an access token has to stand for; some servers want the Group's own too."""
        return (*self.types, "Group") if self.level == "group" else self.types

    def check(self) -> None:
        """ExportError where it cannot be asked for."""
        if not self.types or not all(TYPE.fullmatch(kind) for kind in self.types):
            raise ExportError("an export needs the resource types that it is of")
        if (self.level == "group") != bool(self.group) or (self.group and not _ID.fullmatch(self.group)):
            raise ExportError("an export of a group, and no other, needs the group's id")
        if self.since and not _INSTANT.fullmatch(self.since):
            raise ExportError("`since` is an instant such as 2026-01-31T00:00:00Z")
        if not all(text.partition("?")[0] in self.types for text in self.type_filters):
            raise ExportError("a type filter is a search of one of the types, such as Observation?code=2160-0")


class Limits(msgspec.Struct, frozen=True):
    """Bounds of an export: seconds for all of it, bytes of all files unpacked, the longest and the first wait between
    two questions (seconds), and how often temporary errors in a row are passed over: at the start and for a file
    (`retries`), and while the job, which may have run for hours, is asked about (`patience`)."""

    seconds: float = 21_600.0
    max_bytes: int = 1 << 38
    longest_wait: float = 300.0
    first_wait: float = 1.0
    retries: int = 5
    patience: int = 10
