"""A trial file drafted from a registry record: its facts, one criterion for every item, one for every field that asks
something. What is understood as a whole is a computable draft; everything else is for a person to judge.
"""

from typing import Any

import msgspec

from service.authoring.agreement import Agreement, agreement_of
from service.authoring.checks import compiles, faithful
from service.authoring.digests import field_item, source_items
from service.authoring.facts import frame_of, notes_of
from service.authoring.items import Item, items_of
from service.authoring.recognition import NOTHING, Reading, read_item
from service.authoring.registry import Age, Record
from service.criteria.lexicon import Lexicon

NOT_TOLD = "The registry does not tell whether this is asked for or excluded"
_LONGEST_LEAD = 160


class Drafted(msgspec.Struct, frozen=True):
    """A drafted trial file. `items`: the registry's bullets and other items; `fields`: criteria that come of its fields
    alone; `notes`: what a person should know of."""

    trial: dict[str, Any]
    items: int
    fields: int
    notes: tuple[str, ...]

    @property
    def criteria(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.trial["criteria"]
        return found

    @property
    def drafted(self) -> int:
        return sum("draft" in criterion for criterion in self.criteria)

    def counts(self) -> dict[str, Any]:
        """The counts of an import; `criteria` is `items` and `fields`, and also `drafted` and `review`."""
        return {
            "trial": self.trial["id"],
            "items": self.items,
            "criteria": len(self.criteria),
            "drafted": self.drafted,
            "review": len(self.criteria) - self.drafted,
            "fields": self.fields,
        }


def draft(record: Record, lexicon: Lexicon) -> Drafted:
    """The draft of a record: the same for the same record and vocabulary."""
    items = tuple(_with_arm(item, record) for item in items_of(record.criteria))
    readings = [_checked(item, read_item(item, record, lexicon), lexicon) for item in items]
    agreement = agreement_of(record, items, readings)
    readings = [_agreed(reading, agreement) for reading in readings]
    listed = [_criterion(item, reading, agreement) for item, reading in zip(items, readings, strict=True)]
    asked = [c for c in _fields(record, agreement) if c["source"] not in agreement.covered.values()]
    if not listed and not asked:
        asked = [_of_field("criteria", "The registry's record lists no eligibility criteria", None, "")]
    interpretations = [*notes_of(record), *agreement.notes]
    trial = {
        **frame_of(record),
        "interpretations": interpretations,
        "criteria": [*listed, *asked],
        "source-items": [{"item": name, "digest": found} for name, found in source_items(record, items).items()],
    }
    return Drafted(trial, len(items), len(asked), agreement.notes)


def _with_arm(item: Item, record: Record) -> Item:
    """An item that stands under the name of one of the trial's arms is asked for that arm."""
    names = {arm.name.casefold(): arm.name for arm in record.arms}
    arm = names.get(item.label.casefold(), "")
    return msgspec.structs.replace(item, arm=arm) if arm else item


def _checked(item: Item, reading: Reading, lexicon: Lexicon) -> Reading:
    rule = reading.rule
    if rule is None or (compiles(rule, lexicon) and faithful(rule, _words(item))):
        return reading
    return msgspec.structs.replace(NOTHING, person=reading.person)


def _words(item: Item) -> str:
    """All words that an item's rule may have been read from: its own, and those it stands under."""
    return " … ".join(part for part in (item.label, *item.leads, item.text) if part)


def _agreed(reading: Reading, agreement: Agreement) -> Reading:
    """An age that the registry's own field contradicts is for a person."""
    doubted = reading.person is not None and (
        ("minimumAge" in agreement.doubted and reading.person.low is not None)
        or ("maximumAge" in agreement.doubted and (reading.person.high or reading.person.below) is not None)
    )
    return msgspec.structs.replace(NOTHING, person=reading.person) if doubted else reading


def _criterion(item: Item, reading: Reading, agreement: Agreement) -> dict[str, Any]:
    rule = reading.rule
    source = ", ".join([item.place, *(field for place, field in agreement.covers(item.place))])
    told = item.section != "undetermined"
    made: dict[str, Any] = {
        "id": item.place,
        "type": "exclusion" if item.section == "exclusion" else "inclusion",
        "source": source,
        "text": item.text if told else f"{NOT_TOLD}: {item.text}",
    }
    if where := _where(item):
        made["interpretation"] = where
    if rule is not None:
        made["draft"] = _words(item) if _uses_lead(rule, item) else item.text
    if item.arm:
        made["arms"] = [item.arm]
    made["rule"] = rule or {"review": _question(item)}
    return made


def _uses_lead(rule: dict[str, Any], item: Item) -> bool:
    """Whether a window of the rule stands above the item and not in it."""
    return not faithful(rule, item.text)


def _where(item: Item) -> str:
    """What the item stands under."""
    parts = [f"Stands under the label: {item.label}."] if item.label else []
    if item.leads:
        parts.append(f"Part of {item.place.rpartition('.')[0]}: {_short(item.leads[-1])}")
    return " ".join(parts)


def _question(item: Item) -> str:
    """What a person is asked: the item with what it stands under."""
    above = [part.rstrip(" :：") for part in (item.label, _short(item.leads[-1]) if item.leads else "") if part]
    asked = ": ".join([*above, item.text])
    return asked if item.section != "undetermined" else f"{NOT_TOLD}: {asked}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_LEAD else f"{text[: _LONGEST_LEAD - 1].rstrip()}…"


def _fields(record: Record, agreement: Agreement) -> list[dict[str, Any]]:
    """The fields that ask something: the ages, and a sex."""
    made = []
    if record.minimum_age:
        made.append(_of_age("minimumAge", "minimum-age", "Minimum age", "at-least", record.minimum_age, agreement))
    if record.maximum_age:
        made.append(_of_age("maximumAge", "maximum-age", "Maximum age", "at-most", record.maximum_age, agreement))
    if record.sex in ("FEMALE", "MALE"):
        rule = None if record.gender_note else {"sex": record.sex.lower()}
        text = f"Sex {record.sex}" + (f": {record.gender_note}" if record.gender_note else "")
        made.append(_of_field("sex", text, rule, record.sex))
    return made


def _of_age(field: str, name: str, label: str, key: str, age: Age, agreement: Agreement) -> dict[str, Any]:
    computable = age.unit == "years" and age.number <= 130 and field not in agreement.doubted
    made = _of_field(field, f"{label} {age.text}", {"age": {key: age.number}} if computable else None, age.text)
    return {**made, "id": name}


def _of_field(field: str, text: str, rule: dict[str, Any] | None, words: str) -> dict[str, Any]:
    shown = f"{text} (registry field {field})"
    made: dict[str, Any] = {"id": field, "type": "inclusion", "source": field_item(field), "text": shown}
    return {**made, "draft": words, "rule": rule} if rule else {**made, "rule": {"review": shown}}
