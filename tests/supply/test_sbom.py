"""The bill of materials: complete, valid, and the same on every machine."""

import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from supply.__main__ import main
from supply.licences import Licensed
from supply.pins import Pin, read_pins
from supply.sbom import bill

LOCK = Path(__file__).parents[2] / "requirements.lock"
PINS = (
    Pin("alembic", "1.20.1", True, ("trialhook",)),
    Pin("mako", "1.4.3", True, ("alembic",)),
    Pin("structlog", "26.1.0", False, ("trialhook",)),
)
LICENCES = (Licensed("alembic", "MIT"), Licensed("mako", ""), Licensed("structlog", "MIT OR Apache-2.0"))


def made(pins: tuple[Pin, ...] = PINS, version: str = "1.2.3") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(bill(version, pins, LICENCES))
    return document


def test_every_pinned_package_is_a_component_with_its_version_and_licence() -> None:
    parts = {part["purl"]: part.get("licenses") for part in made()["components"]}
    assert parts == {
        "pkg:pypi/alembic@1.20.1": [{"license": {"id": "MIT"}}],
        "pkg:pypi/mako@1.4.3": None,
        "pkg:pypi/structlog@26.1.0": [{"expression": "MIT OR Apache-2.0"}],
    }


def test_it_is_about_this_version() -> None:
    assert made()["metadata"]["component"]["purl"] == "pkg:pypi/trialhook@1.2.3"


def test_it_tells_who_needs_whom() -> None:
    needs = {entry["ref"]: entry.get("dependsOn", []) for entry in made()["dependencies"]}
    assert needs == {
        "pkg:pypi/trialhook@1.2.3": ["pkg:pypi/alembic@1.20.1", "pkg:pypi/structlog@26.1.0"],
        "pkg:pypi/alembic@1.20.1": ["pkg:pypi/mako@1.4.3"],
        "pkg:pypi/mako@1.4.3": [],
        "pkg:pypi/structlog@26.1.0": [],
    }


def test_it_is_the_same_every_time() -> None:
    assert bill("1.2.3", PINS, LICENCES) == bill("1.2.3", tuple(reversed(PINS)), LICENCES)
    assert "timestamp" not in bill("1.2.3", PINS, LICENCES)


def test_its_serial_number_follows_from_its_contents() -> None:
    assert made()["serialNumber"] == made()["serialNumber"]
    assert made()["serialNumber"] != made(version="1.2.4")["serialNumber"]


def test_the_command_writes_a_valid_one_of_the_whole_lock_file_without_paths(tmp_path: Path) -> None:
    out = tmp_path / "dist" / "sbom.json"
    assert main(["sbom", "--lock", str(LOCK), "--out", str(out)]) == 0
    text = out.read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert {part["name"] for part in json.loads(text)["components"]} == {pin.name for pin in read_pins(LOCK)}
    assert str(Path.home()) not in text
    assert str(LOCK.parent) not in text


def test_without_a_file_it_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sbom", "--lock", str(LOCK)]) == 0
    assert json.loads(capsys.readouterr().out)["bomFormat"] == "CycloneDX"
