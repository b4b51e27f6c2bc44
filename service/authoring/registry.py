"""A ClinicalTrials.gov v2 record: what a trial file takes from it. Nothing else is decoded.

The record is `{"protocolSection": {…}}`, as the registry's API and its JSON download give it.
"""

import json
import re
from typing import Any, Literal

import msgspec

from service.authoring.decoding import decoded, one_line, printable
from service.errors import SourceError

NCT = re.compile(r"NCT[0-9]{8}\Z")
MAX_BYTES = 64 * 1024 * 1024
Unit = Literal["years", "months", "weeks", "days", ""]
_AGE = re.compile(r"^\s*(\d{1,4})\s+(year|month|week|day)s?\s*$", re.IGNORECASE)


class Age(msgspec.Struct, frozen=True):
    """An age as the registry writes it, `18 Years`; `unit` is empty where it cannot be read."""

    text: str
    number: int = 0
    unit: Unit = ""


class Arm(msgspec.Struct, frozen=True):
    name: str
    type: str
    description: str


class Place(msgspec.Struct, frozen=True):
    name: str
    city: str
    state: str
    country: str


class Record(msgspec.Struct, frozen=True):
    """What one record says; texts are decoded, dates as written (`2023-04`, `2023-04-18`), "" where it says nothing."""

    id: str
    aliases: tuple[str, ...]
    acronym: str
    brief_title: str
    official_title: str
    status: str
    why_stopped: str
    dates: dict[str, str]
    phases: tuple[str, ...]
    sponsor: str
    enrolled: str
    arms: tuple[Arm, ...]
    sites: tuple[Place, ...]
    minimum_age: Age | None
    maximum_age: Age | None
    sex: str
    gender_note: str
    healthy_volunteers: bool | None
    criteria: str


def read_record(data: bytes, name: str) -> Record:
    """The record in a file's bytes. SourceError says what was expected where it is none; `name` is for the message."""
    if len(data) > MAX_BYTES:
        raise SourceError(f"{name}: larger than {MAX_BYTES // 2**20} MiB; one study's record was expected")
    if data.lstrip()[:1] == b"<":
        raise SourceError(f"{name}: this is XML (the registry's former format); the JSON of the v2 API was expected")
    try:
        document = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise SourceError(f"{name}: not JSON: {problem}") from None
    return _record(_Node(_protocol(document, name)), name)


def _protocol(document: Any, name: str) -> dict[str, Any]:
    """The `protocolSection`, or an error that says what came instead."""
    if isinstance(document, dict) and isinstance(document.get("protocolSection"), dict):
        section: dict[str, Any] = document["protocolSection"]
        return section
    keys = set(document) if isinstance(document, dict) else set()
    if isinstance(document, list) or "studies" in keys:
        raise SourceError(f"{name}: a list of studies; one study's record was expected, an object with protocolSection")
    if keys & {"FullStudiesResponse", "FullStudy", "Study", "StudyFieldsResponse", "clinical_study", "ProtocolSection"}:
        raise SourceError(f"{name}: the registry's former (v1) format; the JSON of the v2 API was expected")
    if "resourceType" in keys:
        raise SourceError(f"{name}: a FHIR resource; a ClinicalTrials.gov v2 record was expected")
    raise SourceError(f"{name}: not a ClinicalTrials.gov v2 record: an object with protocolSection was expected")


class _Node:
    """A JSON object read with forgiveness: what is not of the kind expected is as if it were not there."""

    def __init__(self, data: Any) -> None:
        self._data: dict[str, Any] = data if isinstance(data, dict) else {}

    def node(self, *path: str) -> "_Node":
        at: Any = self._data
        for key in path:
            at = at.get(key) if isinstance(at, dict) else None
        return _Node(at)

    def has(self, key: str) -> bool:
        return isinstance(self._data.get(key), dict)

    def raw(self, key: str) -> str:
        value = self._data.get(key)
        return value if isinstance(value, str) else ""

    def text(self, key: str) -> str:
        return one_line(decoded(self.raw(key)))

    def value(self, key: str) -> Any:
        return self._data.get(key)

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._data.get(key)
        return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()

    def nodes(self, key: str) -> list["_Node"]:
        value = self._data.get(key)
        return [_Node(v) for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _record(root: _Node, name: str) -> Record:
    identity, status = root.node("identificationModule"), root.node("statusModule")
    trial = identity.raw("nctId").strip()
    if not NCT.match(trial):
        shown = json.dumps(printable(trial[:40]))
        raise SourceError(f"{name}: {shown} is no registry number; NCT and eight digits were expected under nctId")
    if not root.has("eligibilityModule"):
        raise SourceError(f"{name}: the record of {trial} has no eligibilityModule, so nothing to draft criteria from")
    eligibility, design = root.node("eligibilityModule"), root.node("designModule")
    healthy = eligibility.value("healthyVolunteers")
    return Record(
        id=trial,
        aliases=identity.texts("nctIdAliases"),
        acronym=identity.text("acronym"),
        brief_title=identity.text("briefTitle"),
        official_title=identity.text("officialTitle"),
        status=status.raw("overallStatus"),
        why_stopped=status.text("whyStopped"),
        dates=_dates(status),
        phases=design.texts("phases"),
        sponsor=root.node("sponsorCollaboratorsModule", "leadSponsor").text("name"),
        enrolled=_enrolled(design.node("enrollmentInfo")),
        arms=tuple(_arms(root.node("armsInterventionsModule"))),
        sites=tuple(_sites(root.node("contactsLocationsModule"))),
        minimum_age=_age(eligibility.text("minimumAge")),
        maximum_age=_age(eligibility.text("maximumAge")),
        sex=eligibility.raw("sex").strip().upper(),
        gender_note=eligibility.text("genderDescription"),
        healthy_volunteers=healthy if isinstance(healthy, bool) else None,
        criteria=eligibility.raw("eligibilityCriteria"),
    )


_DATES = (
    ("verified", "statusVerifiedDate", ""),
    ("start", "startDateStruct", "date"),
    ("primary completion", "primaryCompletionDateStruct", "date"),
    ("completion", "completionDateStruct", "date"),
    ("last update submitted", "lastUpdateSubmitDate", ""),
    ("last update posted", "lastUpdatePostDateStruct", "date"),
)


def _dates(status: _Node) -> dict[str, str]:
    found = {label: status.node(key).text(inner) if inner else status.text(key) for label, key, inner in _DATES}
    return {label: text for label, text in found.items() if text}


def _enrolled(info: _Node) -> str:
    count = info.value("count")
    if not isinstance(count, int) or isinstance(count, bool):
        return ""
    kind = info.raw("type").strip().lower()
    return f"{count} ({kind})" if kind else str(count)


def _arms(module: _Node) -> list[Arm]:
    made: dict[str, Arm] = {}
    for node in module.nodes("armGroups"):
        if (label := node.text("label")) and label not in made:
            made[label] = Arm(label, node.raw("type"), node.text("description"))
    return list(made.values())


def _sites(module: _Node) -> list[Place]:
    places = [
        Place(*(n.text(key) for key in ("facility", "city", "state", "country"))) for n in module.nodes("locations")
    ]
    return [place for place in places if place.name or place.city or place.country]


def _age(text: str) -> Age | None:
    if not text or text.upper() == "N/A":
        return None
    found = _AGE.match(text)
    if found is None:
        return Age(text)
    unit: Unit = f"{found[2].lower()}s"  # type: ignore[assignment]
    return Age(text, int(found[1]), unit)
