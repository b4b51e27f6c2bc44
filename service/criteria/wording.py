"""How a reason lists what was looked at: short enough to read, the newest kept. The evidence holds every record."""

import re
from collections.abc import Iterable, Sequence

import msgspec

from service.criteria.findings import Evidence

MAX_LISTED = 3
MAX_DRUGS = 6
_DRUG_RECORD = re.compile(r"(?P<drug>.+) \((?P<kind>\w+), (?P<course>active|on hold|ended|given)\)")
_CLASS = re.compile(r"(?:agonist|antagonist|antibody|conjugate|corticosteroid|inhibitor|opioid|taxane)\Z")
_STILL = frozenset({"active", "on hold"})


def listed(evidence: Iterable[Evidence]) -> str:
    """What evidence says, with dates: the records of one drug as one entry, of all else the newest few."""
    drugs: dict[str, list[Evidence]] = {}
    others: list[Evidence] = []
    for item in evidence:
        if found := _DRUG_RECORD.fullmatch(item.says):
            drugs.setdefault(found["drug"], []).append(item)
        else:
            others.append(item)
    said = [(_drug_said(name, records), max(map(_day, records))) for name, records in drugs.items()]
    parts = [*_newest(said, MAX_DRUGS), *_newest(_told(others), MAX_LISTED)]
    return "; ".join(parts)


def _told(others: list[Evidence]) -> list[tuple[str, str]]:
    """Each thing with its day; one that is on record on several days, such as a fraction of radiotherapy, once."""
    days: dict[str, dict[str, None]] = {}
    for item in others:
        days.setdefault(item.says, {})[_day(item)] = None
    last = {says: max(of_it) for says, of_it in days.items() if len(of_it) > 1 and "" not in of_it}
    told: dict[str, str] = {}
    for item in others:
        day = last.get(item.says)
        if day is None:
            told[_said(item)] = _day(item)
        else:
            told[f"{item.says} ({len(days[item.says])} days, last on {day})"] = day
    return list(told.items())


def named(evidence: Iterable[Evidence]) -> str:
    """What evidence says, without dates: each thing once, the newest few."""
    return "; ".join(_newest([(item.says, _day(item)) for item in evidence], MAX_LISTED))


def any_of(labels: Sequence[str]) -> str:
    """`a, b or c`; `or` throughout where a label is itself a list, so that it is seen where each begins."""
    if any("," in label or " or " in label for label in labels):
        return " or ".join(labels)
    *first, last = labels
    return f"{', '.join(first)} or {last}" if first else last


def one_of(label: str) -> str:
    """A class of drugs as one of its members: `a taxane`, `an opioid`; any other words as they are."""
    if "," in label or " or " in label or not _CLASS.search(label) or label.startswith(("a ", "an ", "another ")):
        return label
    return f"{'an' if label[:1] in 'aeiou' else 'a'} {label}"


def counted(number: int, one: str, many: str = "") -> str:
    """`1 line`, `1,200 lines`; `many` where an s does not make it."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def labelled(label: str, said: str, mark: str = "") -> str:
    """A value behind its label, which a value that names it already does not need: `ECOG 1` is no
    `ECOG performance status ECOG 1`."""
    if said[:1].isdigit():  # most values are numbers, and no label begins with one
        return f"{label}{mark} {said}"
    if _begins(said, label):
        return said
    first = label.partition(" ")[0]
    scale = label.endswith((" status", " class")) and first.isupper()
    return said if scale and _begins(said, first) else f"{label}{mark} {said}"


def with_label(evidence: Evidence, label: str) -> Evidence:
    """Evidence that says what its value is of, where a criterion looks at results of several kinds."""
    return msgspec.structs.replace(
        evidence, says=labelled(label, evidence.says, ":" if evidence.says == "no value" else "")
    )


def _begins(said: str, name: str) -> bool:
    rest = said[len(name) : len(name) + 1]
    return said.casefold().startswith(name.casefold()) and not rest.isalnum()


def _newest(entries: list[tuple[str, str]], most: int) -> list[str]:
    """The newest entries in the order given, and how many more there are."""
    newest: dict[str, str] = {}
    for text, day in entries:
        newest[text] = max(day, newest.get(text, ""))
    if len(newest) <= most:
        return list(newest)
    kept = sorted(newest, key=lambda text: newest[text], reverse=True)[:most]
    return [*(text for text in newest if text in kept), f"and {len(newest) - most} more"]


def _day(item: Evidence) -> str:
    return item.date if isinstance(item.date, str) else ""


def _said(item: Evidence) -> str:
    day = _day(item)
    if day.startswith("at age"):
        return f"{item.says} {day}"
    return f"{item.says} on {day}" if day else item.says


def _drug_said(drug: str, records: list[Evidence]) -> str:
    """`docetaxel (19 administrations, last on 2026-11-02)`; a single record as it stands."""
    if len({(record.says, _day(record)) for record in records}) == 1:
        return _said(records[0])
    kinds: dict[str, set[str]] = {}
    courses: dict[str, None] = {}
    for record in records:
        found = _DRUG_RECORD.fullmatch(record.says)
        assert found is not None
        kinds.setdefault(found["kind"], set()).add(record.reference)
        courses[found["course"]] = None
    number = " and ".join(counted(len(ids), kind) for kind, ids in kinds.items())
    still = [course for course in courses if course in _STILL]
    last = max(map(_day, records))
    return f"{drug} ({', '.join([number, *still, *([f'last on {last}'] if last else [])])})"
