"""Whether the registry's fields for age and sex say the same as the text beside them. Neither alone is safe: where they
differ, it is told, and neither decides."""

import msgspec

from service.authoring.digests import field_item
from service.authoring.items import Item
from service.authoring.recognition import Reading, read_age
from service.authoring.registry import Age, Record


class Agreement(msgspec.Struct, frozen=True):
    """`covered`: items whose rule asks the same as a field, by place and field; `doubted`: fields that the text
    contradicts; `notes`: what a person should look at."""

    covered: dict[tuple[str, str], str]
    doubted: frozenset[str]
    notes: tuple[str, ...]

    def covers(self, place: str) -> list[tuple[str, str]]:
        return [(at, field) for (at, _), field in self.covered.items() if at == place]


def agreement_of(record: Record, items: tuple[Item, ...], readings: list[Reading]) -> Agreement:
    people = [(item, read_age(item, record)) for item in items if item.section == "inclusion" and not item.label]
    told = [(item, person) for item, person in people if person]
    notes: list[str] = []
    doubted: set[str] = set()
    for field, label, age, pairs in (
        ("minimumAge", "at least", record.minimum_age, [(i.place, p.low) for i, p in told if p.low is not None]),
        ("maximumAge", "at most", record.maximum_age, [(i.place, p.high) for i, p in told if p.high is not None]),
    ):
        if note := _age_note(field, label, age, pairs):
            notes.append(note)
            if age is not None:
                doubted.add(field)
    for item, person in told:
        if person.strict:
            notes.append(
                f"{item.place} says an age strictly above a limit; the registry's fields mean that age or more."
            )
        if person.sex in ("female", "male") and person.sex.upper() != record.sex:
            notes.append(
                f"{item.place} speaks of {person.sex} patients; the registry's field sex is {record.sex or 'empty'}."
            )
    return Agreement(_covered(record, items, readings, doubted), frozenset(doubted), tuple(notes))


def _age_note(field: str, label: str, age: Age | None, pairs: list[tuple[str, int]]) -> str:
    """A note where the text's age is another than the field's."""
    if not pairs or (age is not None and age.unit != "years"):
        return ""
    differing = [(place, value) for place, value in pairs if age is None or value != age.number]
    if not differing or (age is not None and len(differing) < len(pairs)):
        return ""
    said = ", ".join(f"{place} says {label} {value} years" for place, value in differing)
    field_says = f"the registry's field {field} says {age.text}" if age else f"the registry's field {field} is empty"
    return f"{said}; {field_says}."


def _covered(
    record: Record, items: tuple[Item, ...], readings: list[Reading], doubted: set[str]
) -> dict[tuple[str, str], str]:
    """Fields that need no criterion of their own, since an item asks every patient the very same."""
    wanted = {
        "minimumAge": ("at-least", record.minimum_age),
        "maximumAge": ("at-most", record.maximum_age),
    }
    found: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    for item, reading in zip(items, readings, strict=True):
        if item.arm:
            continue
        for rule in reading.rules:
            for field, (key, age) in wanted.items():
                same = age is not None and age.unit == "years" and rule.get("age", {}).get(key) == age.number
                if same and field not in doubted | taken:
                    found[item.place, field] = field_item(field)
                    taken.add(field)
            if rule.get("sex") == record.sex.lower() and "sex" not in taken and not record.gender_note:
                found[item.place, "sex"] = field_item("sex")
                taken.add("sex")
    return found
