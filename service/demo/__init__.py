"""Synthetic patients, written for this project: no record of a real person. Their dates belong to `AS_OF`."""

from decimal import Decimal
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import msgspec

AS_OF = "2026-11-21"

# decimals keep their digits: 1.0 stays 1.0
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def patient_files() -> list[Traversable]:
    """The sample patients' Bundles, in the order of their names."""
    folder = files("service.demo") / "patients"
    return sorted((path for path in folder.iterdir() if path.name.endswith(".json")), key=lambda path: path.name)


def patient_bundles() -> list[dict[str, Any]]:
    """The sample patients' Bundles as JSON values, a Bundle of type `collection` each."""
    return [_decode(path.read_bytes()) for path in patient_files()]
