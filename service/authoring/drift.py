"""What changed in a registry's record since a trial file was written from it, and which criteria that touches.

The file carries a digest of every item (`source-items`). Items are compared in their order, list by list, so that one
that was put in between moves the others and changes none of them.
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal

import msgspec

from service.authoring.digests import digest, field_item, fields_of, source_items
from service.authoring.facts import noted_dates, phases_of, recruitment_of, version_of
from service.authoring.items import items_of
from service.authoring.registry import Record
from service.criteria.catalogue import Criterion, Trial

_DATES = ("start", "primary completion", "completion")  # the others say when the record was looked at
Kind = Literal["changed", "removed", "added", "moved", "unknown-place", "fact"]


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One difference: the item as the file knows it, as the record has it, and the criteria that name it."""

    kind: Kind
    item: str
    now: str = ""
    text: str = ""
    criteria: tuple[str, ...] = ()

    def line(self) -> str:
        """The difference for a reader."""
        touched = f"; touches {', '.join(self.criteria)}" if self.criteria else ""
        match self.kind:
            case "changed":
                where = f", now {self.now}" if self.now != self.item else ""
                return f"{self.item} changed{where}: {self.text}{touched}"
            case "removed":
                return f"{self.item} is no longer there{touched}"
            case "added":
                return f"{self.now} is new: {self.text}"
            case "moved":
                return f"{self.item} is now {self.now}{touched}"
            case "unknown-place":
                return f"{self.item} is named as a source, but the record has no such item{touched}"
        return f"{self.item}: {self.text}"


class Drift(msgspec.Struct, frozen=True):
    """All differences; `has_digests` is false where the file tells none, so that changed items cannot be found."""

    has_digests: bool
    changes: tuple[Change, ...]


def drift(trial: Trial, record: Record) -> Drift:
    """What a record says otherwise than the file that was written from an earlier version of it."""
    then = {item.item: item.digest for item in trial.source_items}
    now = source_items(record)
    found = list(_facts(trial, record))
    if then:
        found += _items(trial, record, then, now)
    else:
        found += _unknown_places(trial, now)
    return Drift(bool(then), tuple(found))


# -- items


def _items(trial: Trial, record: Record, then: dict[str, str], now: dict[str, str]) -> Iterator[Change]:
    texts = {item.place: item.headed for item in items_of(record.criteria)} | {
        field_item(name): value for name, value in fields_of(record).items()
    }
    changes = [change for family in _families(then, now) for change in _compared(family, then, now)]
    for change in _across(changes, then, now):
        touched = tuple(_named(trial, change.item)) if change.item else ()
        yield msgspec.structs.replace(change, text=texts.get(change.now, ""), criteria=touched)


def _families(then: dict[str, str], now: dict[str, str]) -> list[str]:
    return sorted({_family(name) for name in (*then, *now)})


def _family(name: str) -> str:
    """The list that an item is of; a field of the record is compared by its own name."""
    return name if name.startswith("registry ") else name[:1]


def _compared(family: str, then: dict[str, str], now: dict[str, str]) -> Iterator[Change]:
    old = [name for name in then if _family(name) == family]
    new = [name for name in now if _family(name) == family]
    matcher = SequenceMatcher(None, [then[n] for n in old], [now[n] for n in new], autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            pairs = zip(old[a:b], new[c:d], strict=True)
            yield from (Change("moved", one, other) for one, other in pairs if one != other)
        else:
            yield from _replaced(old[a:b], new[c:d])


def _replaced(old: list[str], new: list[str]) -> Iterator[Change]:
    """Items in one place that differ: those that kept their name first, then the others in their order."""
    kept = [name for name in old if name in new]
    yield from (Change("changed", name, name) for name in kept)
    rest_old, rest_new = [n for n in old if n not in kept], [n for n in new if n not in kept]
    for one, other in zip(rest_old, rest_new, strict=False):
        yield Change("changed", one, other)
    yield from (Change("removed", name) for name in rest_old[len(rest_new) :])
    yield from (Change("added", "", name) for name in rest_new[len(rest_old) :])


def _across(changes: list[Change], then: dict[str, str], now: dict[str, str]) -> Iterator[Change]:
    """An item that went from one place to quite another, unchanged, moved: it is neither new nor gone."""
    added = {now[change.now]: change.now for change in changes if change.kind == "added"}
    moved = {then[c.item] for c in changes if c.kind == "removed" and then[c.item] in added}
    for change in changes:
        if change.kind == "removed" and then[change.item] in moved:
            yield Change("moved", change.item, added[then[change.item]])
        elif change.kind != "added" or now[change.now] not in moved:
            yield change


def _named(trial: Trial, item: str) -> Iterator[str]:
    """The criteria that name an item as their source."""
    yield from (criterion.id for criterion in trial.criteria if item in _places(criterion))


def _places(criterion: Criterion) -> list[str]:
    return [part.strip() for part in criterion.source.split(",")]


def _unknown_places(trial: Trial, now: dict[str, str]) -> Iterator[Change]:
    """Without digests: places that a criterion names and the record does not have."""
    missing: dict[str, list[str]] = {}
    for criterion in trial.criteria:
        for place in _places(criterion):
            if re.fullmatch(r"[IEU]\d+(?:\.\d+)*", place) and place not in now:
                missing.setdefault(place, []).append(criterion.id)
    yield from (Change("unknown-place", place, criteria=tuple(ids)) for place, ids in missing.items())


# -- facts


def _facts(trial: Trial, record: Record) -> Iterator[Change]:
    """Facts that the record tells otherwise: only those that both of them tell."""
    pairs = (
        ("version", trial.version, version_of(record)),
        ("recruitment", trial.recruitment, recruitment_of(record.status)),
        ("recruitment-date", trial.recruitment_date, record.dates.get("verified", "")),
        ("phases", ", ".join(trial.phases), ", ".join(phases_of(record))),
        ("sponsor", trial.sponsor, record.sponsor),
        ("enrolled", trial.enrolled, record.enrolled),
        ("arms", "; ".join(arm.name for arm in trial.arms), "; ".join(arm.name for arm in record.arms)),
    )
    for name, then, now in pairs:
        if then and now and digest(then) != digest(now):
            yield Change("fact", name, text=f"{then} in the file, {now} in the record")
    for label, date in noted_dates(trial.interpretations).items():
        if label in _DATES and date != record.dates.get(label):
            said = record.dates.get(label, "none")
            yield Change("fact", f"{label} date", text=f"{date} in the file, {said} in the record")
