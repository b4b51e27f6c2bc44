"""The inputs that Observations feed: which codes, in which unit, which values a living person can have.

One entry of inputs.yaml each; a site adds its own in a file of the same shape beside its value sets.
"""

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from service.criteria.spans import Window
from service.mappers import units
from service.mappers.entries import input_entries, texts
from service.mappers.terminology import Terminology

EFFORTS = ("question", "bedside", "sample", "examination", "tissue")  # the least first


class Input(msgspec.Struct, frozen=True):
    """One input. `unit` is the unit it is judged in; `usable` the ranges a living person's value lies in, in that unit;
    `window` the site's default freshness; `reads` what kinds of value its codes may carry; `effort` what it takes to
    have one, one of EFFORTS. `conversions` are units that no factor leads from: (unit, times, plus). `only_unit` is the
    one unit that its code may carry. `about` keeps to results of which a component of a code has one of some answers.
    `panels` are codes of results that may hold it as a component."""

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
    effort: str = "sample"
    reads_plain_numbers: bool = False
    conversions: tuple[tuple[str, Decimal, Decimal], ...] = ()
    only_unit: str = ""
    about: tuple[tuple[str, frozenset[str]], ...] = ()
    panels: tuple[str, ...] = ()
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
        for name, text in texts("inputs.yaml", folders):
            for key, entry in input_entries(text, name, terminology.concepts).items():
                self._put(_input(key, entry, terminology), entry)

    def _put(self, made: Input, entry: dict[str, Any]) -> None:
        """Add an input, or put it in the place of the one of its name."""
        for concept, pairs in list(self.by_concept.items()):
            self.by_concept[concept] = tuple(pair for pair in pairs if pair[0].name != made.name)
        self.by_name[made.name] = made
        marks = {c: mark for mark, group in entry.get("marked", {}).items() for c in group}
        for concept in (*entry["codes"], *marks):
            unit = entry.get("in_unit", {}).get(concept, "")
            fed = _in_unit(made, unit) if unit else made
            self.by_concept[concept] = (*self.by_concept.get(concept, ()), (fed, marks.get(concept, "")))


def _in_unit(made: Input, unit: str) -> Input:
    """The input as a code feeds it whose results are in one unit only."""
    return msgspec.structs.replace(made, only_unit=unit, reads_plain_numbers=False)


def _input(key: str, entry: dict[str, Any], terminology: Terminology) -> Input:
    reads = frozenset(entry["reads"])
    unit = entry.get("unit", "")
    order = entry.get("order")
    molar_mass = entry.get("molar_mass")
    return Input(
        name=key,
        label=entry["label"],
        title=entry.get("title", entry["label"]),
        reads=reads,
        unit=unit,
        molar_mass=molar_mass,
        usable=tuple(entry.get("usable", ())),
        window=entry.get("window"),
        ranges=entry.get("ranges", False),
        score=entry.get("score", ""),
        grades=entry.get("grades", ""),
        answer_families=tuple(entry.get("answers_from", ())),
        unit_optional_in_text=unit == "1",
        order=(order["system"], order["code"], order["display"])
        if order
        else terminology.first_code("observation", entry["codes"][0]),
        effort=entry.get("effort") or ("sample" if "quantity" in reads else "question"),
        reads_plain_numbers="quantity" in reads and not entry.get("grades") and not entry.get("score"),
        conversions=tuple((u, c["times"], c["plus"]) for u, c in entry.get("conversions", {}).items()),
        about=tuple((concept, frozenset(answers)) for concept, answers in entry.get("about", {}).items()),
        panels=tuple(entry.get("panels", ())),
        factors=Factors(unit, molar_mass),
    )
