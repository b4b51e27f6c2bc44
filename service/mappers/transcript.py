"""A document as one text that is read again exactly as it was read the first time, whichever way it came: what was
judged, to be hashed or kept. https://hl7.org/fhir/R4/ resources stand in it byte by byte."""

import re

import msgspec
from msgspec import Raw

from service.mappers import wire
from service.mappers.documents import Deleted, Document, Item, inherit
from service.mappers.salvage import salvage

_CONTAINED = re.compile(r"\.contained\[\d+\]\Z")


class _Line(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    resource: Raw
    full_url: str = ""
    parent: str = ""
    index: int = -1
    checked: bool = False


class _Text(msgspec.Struct, frozen=True):
    name: str
    items: list[_Line]
    gaps: list[tuple[str, str]]
    deleted: list[Deleted]
    notices: list[str]


def transcript(document: Document) -> bytes:
    """The text of a document. It has to be taken before the document is judged or joined with another, which changes
    the places that it tells."""
    items = [_Line(Raw(bytes(i.raw).strip()), i.full_url, i.parent, i.index, i.checked) for i in document.items]
    return msgspec.json.encode(_Text(document.name, items, document.gaps, document.deleted, document.notices))


def read_transcript(text: bytes | Raw) -> Document:
    """The document of a text. msgspec.MsgspecError where it is none."""
    found = msgspec.json.decode(text, type=_Text)
    document = Document(found.name, [], found.gaps, found.deleted, found.notices)
    holder: Item | None = None
    for line in found.items:
        resource, problem = _resource(line.resource)
        item = Item(resource, line.resource, line.full_url, line.parent, line.index, problem, line.checked)
        if isinstance(resource, wire.Observation) and holder is not None and _CONTAINED.search(line.parent):
            inherit(resource, holder.resource)
            item.holder = holder
        elif isinstance(resource, wire.DiagnosticReport | wire.Observation):
            holder = item
        document.items.append(item)
    return document


def _resource(raw: Raw) -> tuple[object, str]:
    try:
        return wire.decode_resource(raw), ""
    except (msgspec.DecodeError, RecursionError):
        return salvage(raw)
