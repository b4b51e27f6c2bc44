"""Digests of a record's items, by which a later version of the record is compared with the one a file was written from.

The digest is made of what the item says, not of how it is marked: the decoded text (backslash escapes, then HTML
entities), with the label of its group before it where it has one (`label: text`), in Unicode's NFC, every run of white
space one blank; SHA-256 of its UTF-8, the first 16 hexadecimal digits. A field of the record (`minimumAge`) is an item
called `registry minimumAge`, and its text is the field's value.
"""

import hashlib
import unicodedata

from service.authoring.decoding import one_line
from service.authoring.items import Item, items_of
from service.authoring.registry import Record
from service.criteria.schema import DIGEST_LENGTH

FIELDS = ("minimumAge", "maximumAge", "sex", "healthyVolunteers")


def digest(text: str) -> str:
    normalised = one_line(unicodedata.normalize("NFC", text))
    return hashlib.sha256(normalised.encode()).hexdigest()[:DIGEST_LENGTH]


def field_item(name: str) -> str:
    """What a trial file calls a field of the record."""
    return f"registry {name}"


def fields_of(record: Record) -> dict[str, str]:
    """The fields that ask something of a patient, as they are written; those that say nothing are left out."""
    healthy = {True: "true", False: "false", None: ""}[record.healthy_volunteers]
    values = {
        "minimumAge": record.minimum_age.text if record.minimum_age else "",
        "maximumAge": record.maximum_age.text if record.maximum_age else "",
        "sex": record.sex,
        "healthyVolunteers": healthy,
    }
    return {name: value for name, value in values.items() if value}


def source_items(record: Record, items: tuple[Item, ...] | None = None) -> dict[str, str]:
    """The digest of every item of a record, by its name, in the record's order."""
    listed = items_of(record.criteria) if items is None else items
    found = {item.place: digest(item.headed) for item in listed}
    return found | {field_item(name): digest(value) for name, value in fields_of(record).items()}
