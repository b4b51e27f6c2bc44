"""Other drugs of the purpose of an order, for a person to judge where the order would close a trial."""

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import yaml

from service.mappers.code_systems import RXNORM


class Purpose(msgspec.Struct, frozen=True):
    """A purpose and the drugs commonly chosen for it: RxNorm ingredient code -> name."""

    label: str
    drugs: dict[str, str]


@cache
def purposes() -> tuple[Purpose, ...]:
    """All purposes known, from `purposes.yaml`."""
    data = yaml.safe_load((files("service") / "purposes.yaml").read_text("utf-8"))
    return tuple(msgspec.convert(entry, Purpose) for entry in data.values())


def others(taken: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """(code, name) of the drugs that share a purpose with one of those ordered, which are given by name."""
    found: dict[str, str] = {}
    for purpose in purposes():
        if not taken.isdisjoint(purpose.drugs.values()):
            found |= {code: name for code, name in purpose.drugs.items() if name not in taken}
    return tuple(sorted(found.items(), key=lambda drug: drug[1]))


def names() -> frozenset[str]:
    """Every drug that some purpose names."""
    return frozenset(name for purpose in purposes() for name in purpose.drugs.values())


def instead(carried_out: dict[str, Any], code: str, name: str) -> dict[str, Any]:
    """An order carried out (FHIR JSON) with another drug in the place of its own, at no dose."""
    kept = {
        key: value
        for key, value in carried_out.items()
        if key not in ("medicationReference", "contained", "dosageInstruction")
    }
    concept = {"coding": [{"system": RXNORM, "code": code, "display": name}], "text": name}
    return kept | {"medicationCodeableConcept": concept}
