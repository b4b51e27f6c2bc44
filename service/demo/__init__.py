"""Synthetic patients, written for this project: no record of a real person. Their dates belong to `AS_OF`."""

from importlib.resources import files
from importlib.resources.abc import Traversable

AS_OF = "2026-11-21"


def patient_files() -> list[Traversable]:
    """The sample patients' Bundles, in the order of their names."""
    folder = files("service.demo") / "patients"
    return sorted((path for path in folder.iterdir() if path.name.endswith(".json")), key=lambda path: path.name)
