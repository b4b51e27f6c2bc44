"""The inputs that Observations feed: which codes, in which unit, which values a living person can have.

One entry of inputs.yaml each; a site adds its own in a file of the same shape beside its value sets.
"""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from service.criteria.places import PlacedError, read
from service.criteria.spans import Window
from service.errors import TrialError
from service.mappers import units
from service.mappers.terminology import Terminology

_KEYS = {
    "label", "title", "codes", "marked", "reads", "unit", "molar-mass", "usable", "window", "ranges", "score",
    "grades", "answers-from", "order",
}  # fmt: skip
READS = frozenset({"quantity", "answer", "date"})


class Input(msgspec.Struct, frozen=True):
    """One input. `unit` is the unit it is judged in; `usable` the ranges a living person's value lies in, in that unit;
    `window` the site's default freshness; `reads` what kinds of value its codes may carry."""

    name: str
    label: str
    title: str
    reads: frozenset[str]
    unit: str = ""
    molar_mass: Decimal | None = None
    usable: tuple[tuple[Decimal, Decimal], ...] = ()
    window: Window | None = None
    ranges: bool = False
    score: str = ""
    grades: str = ""
    answer_families: tuple[str, ...] = ()
    unit_optional_in_text: bool = False
    order: tuple[str, str, str] | None = None
    reads_plain_numbers: bool = False
    factors: "Factors" = msgspec.field(default_factory=lambda: Factors("", None))


class Factors(dict[str | None, Decimal | None]):
    """UCUM code -> factor into the input's unit, worked out once a code; None where it cannot be converted."""

    def __init__(self, unit: str, molar_mass: Decimal | None) -> None:
        super().__init__()
        self._unit, self._molar_mass = unit, molar_mass

    def __missing__(self, code: str | None) -> Decimal | None:
        found: Decimal | None = None
        if code and len(self) < 1000:
            try:
                found = units.factor(code, self._unit, self._molar_mass)
            except units.UnitError:
                found = None
            self[code] = found
        return found


class Inputs:
    """All inputs, by name and by observation concept: concept -> (input, mark)."""

    def __init__(self, terminology: Terminology, folders: Iterable[Path] = ()) -> None:
        self.by_name: dict[str, Input] = {}
        self.by_concept: dict[str, tuple[tuple[Input, str], ...]] = {}
        source = files("service.mappers") / "inputs.yaml"
        self._add(source.read_text("utf-8"), "inputs.yaml", terminology)
        for folder in folders:
            path = Path(folder) / "inputs.yaml"
            if path.is_file():
                self._add(path.read_text("utf-8"), str(path), terminology)

    def _add(self, text: str, name: str, terminology: Terminology) -> None:
        try:
            placed = read(text)
        except PlacedError as problem:
            raise TrialError(f"{name}: {problem}") from None
        known = terminology.concepts("observation")
        for key, entry in placed.data.items():
            try:
                self._put(key, entry, terminology, known)
            except (KeyError, ValueError, TypeError, InvalidOperation) as problem:
                line, _ = placed.place((key,))
                raise TrialError(f"{name}, line {line}: input {key}: {problem}") from None

    def _put(self, key: str, entry: dict[str, Any], terminology: Terminology, known: frozenset[str]) -> None:
        if unknown := set(entry) - _KEYS:
            raise ValueError(f"unknown key {sorted(unknown)[0]}; known are {', '.join(sorted(_KEYS))}")
        codes = [*entry["codes"], *(c for group in entry.get("marked", {}).values() for c in group)]
        if missing := [c for c in codes if c not in known]:
            raise ValueError(f"no ValueSet observation-{missing[0]}")
        made = _input(key, entry, terminology)
        self.by_name[key] = made
        marks = {c: mark for mark, group in entry.get("marked", {}).items() for c in group}
        for concept in codes:
            others = tuple(pair for pair in self.by_concept.get(concept, ()) if pair[0].name != key)
            self.by_concept[concept] = (*others, (made, marks.get(concept, "")))


def _input(key: str, entry: dict[str, Any], terminology: Terminology) -> Input:
    reads = frozenset(entry["reads"])
    if reads - READS:
        raise ValueError(f"reads takes {', '.join(sorted(READS))}")
    unit = entry.get("unit", "")
    if "quantity" in reads and not unit:
        raise ValueError("a quantity needs a unit")
    order = entry.get("order") or terminology.first_code("observation", entry["codes"][0])
    if isinstance(order, dict):
        order = (order["system"], order["code"], order["display"])
    molar_mass = Decimal(str(entry["molar-mass"])) if "molar-mass" in entry else None
    return Input(
        name=key,
        label=entry["label"],
        title=entry.get("title", entry["label"]),
        reads=reads,
        unit=unit,
        molar_mass=molar_mass,
        usable=tuple((Decimal(str(low)), Decimal(str(high))) for low, high in entry.get("usable", ())),
        window=window(entry["window"]) if "window" in entry else None,
        ranges=bool(entry.get("ranges")),
        score=entry.get("score", ""),
        grades=entry.get("grades", ""),
        answer_families=tuple(entry.get("answers-from", ())),
        unit_optional_in_text=unit == "1",
        order=order,
        reads_plain_numbers="quantity" in reads and not entry.get("grades") and not entry.get("score"),
        factors=Factors(unit, molar_mass),
    )


def window(text: str) -> Window:
    """`28 days`, `6 months`, `3 years`. ValueError for anything else."""
    number, _, unit = str(text).partition(" ")
    plural = unit if unit.endswith("s") else f"{unit}s"
    if not number.isdigit() or plural not in ("days", "weeks", "months", "years"):
        raise ValueError(f"{text!r} is not a length of time such as '28 days' or '6 months'")
    return Window(int(number), plural)
