"""Under which circumstances something was measured: flags, methods, oxygen, exertion."""

from collections.abc import Iterable
from decimal import Decimal

from service.mappers import quantities, wire
from service.mappers.concepts import texts
from service.mappers.quantities import Problem
from service.mappers.terminology import Terminology

# http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation and its v2 ancestor
_FLAG_SYSTEMS = ("v3-observationinterpretation", "v2-0078", "v2/0078", "observation-interpretation")
OTHER_METHODS = ("muga", "nuclear", "radionuclide", "scintigra", "magnetic", "mri", "cmr", "tomograph", "angiogra")
ECHO_METHODS = ("echo", "ultraso")
_EXERTION = ("exertion", "exercise", "ambulat", "walk", "6mwt")
_OXYGEN = ("on oxygen", "supplemental", "nasal cannula", "with oxygen", "on o2", "l/min")
_ROOM_AIR = ("room air",)


def flags(concepts: list[wire.CodeableConcept] | None) -> Iterable[str]:
    for concept in concepts or ():
        for coding in concept.coding or ():
            if coding and coding.code and any(s in (coding.system or "").lower() for s in _FLAG_SYSTEMS):
                yield coding.code.upper()


def breathing(resource: wire.Observation, words: str, terminology: Terminology) -> Iterable[str]:
    """How oxygen saturation was measured: on exertion, under oxygen, on room air."""
    said = f"{texts(resource.code)} {words}".lower()
    for mark, names in (("exertion", _EXERTION), ("room-air", _ROOM_AIR), ("oxygen", _OXYGEN)):
        if any(name in said for name in names):
            yield mark
    for component in resource.component or ():
        found = terminology.look_up("observation", component.code)
        if "inhaled-oxygen" in found.sure and component.valueQuantity is not None:
            try:
                flow = quantities.number(component.valueQuantity.value)
            except Problem:
                continue
            if flow is not None and flow > _room_air(component.valueQuantity):
                yield "oxygen"


def _room_air(quantity: wire.Quantity) -> Decimal:
    """The largest value that is still room air: 21 % of oxygen inspired, or no flow."""
    return Decimal(21) if "%" in (quantity.code or quantity.unit or "") else Decimal(0)
