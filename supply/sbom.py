"""A CycloneDX bill of materials of the pinned runtime dependencies: the same for the same lock file, on any machine."""

import json
from collections.abc import Iterable, Mapping, Sequence
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from supply.licences import Licensed
from supply.pins import Pin

PROJECT = "trialhook"
LICENCE = "Apache-2.0"

_licence = LicenseFactory().make_from_string


def bill(version: str, pins: Sequence[Pin], licences: Iterable[Licensed]) -> str:
    """CycloneDX 1.6 as JSON text: the project, what it needs, who needs what, and under which licences.

    Files' hashes are left to the lock file: a package has many files, and which is used depends on the machine.
    """
    known = {entry.name: entry.licence for entry in licences}
    project = _component(PROJECT, version, LICENCE, ComponentType.APPLICATION)
    parts = {PROJECT: project} | {pin.name: _component(pin.name, pin.version, known.get(pin.name, "")) for pin in pins}
    bom = Bom(components=[parts[pin.name] for pin in pins], metadata=_about(project))
    for name, needed in _needs(pins).items():
        bom.register_dependency(parts[name], [parts[other] for other in needed])
    return _reproducible(JsonV1Dot6(bom).output_as_string())


def _about(project: Component) -> BomMetaData:
    return BomMetaData(component=project, supplier=OrganizationalEntity(name=f"the {PROJECT} authors"))


def _component(name: str, version: str, licence: str, kind: ComponentType = ComponentType.LIBRARY) -> Component:
    purl = PackageURL("pypi", name=name, version=version)
    return Component(
        name=name,
        version=version,
        type=kind,
        purl=purl,
        bom_ref=purl.to_string(),
        licenses=[_licence(licence)] if licence else [],
    )


def _needs(pins: Iterable[Pin]) -> Mapping[str, list[str]]:
    """What each package asks for, turned round from the lock file's `via`."""
    needed: dict[str, list[str]] = {name: [] for name in (PROJECT, *(pin.name for pin in pins))}
    for pin in pins:
        for asking in pin.via:
            needed[asking].append(pin.name)
    return needed


def _reproducible(text: str) -> str:
    """Without the time of its making, and with a serial number that follows from its contents."""
    document = json.loads(text)
    del document["metadata"]["timestamp"]
    del document["serialNumber"]
    serial = uuid5(NAMESPACE_URL, json.dumps(document, sort_keys=True))
    return json.dumps(document | {"serialNumber": f"urn:uuid:{serial}"}, indent=2, sort_keys=True) + "\n"
