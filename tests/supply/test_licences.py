"""Licences of dependencies: what metadata name, what is allowed, and that the page tells the truth."""

import re
import tomllib
from collections.abc import Mapping
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from service import __version__
from supply.__main__ import main
from supply.licences import (
    Licensed,
    Policy,
    Reasoned,
    declared,
    installed,
    licences_of,
    page,
    permits,
    problems,
    read_policy,
)
from supply.pins import Pin, read_pins

ROOT = Path(__file__).parents[2]
ALLOWED = frozenset({"MIT", "Apache-2.0", "BSD-3-Clause"})
MIT = "License :: OSI Approved :: MIT License"
BSD = "License :: OSI Approved :: BSD License"


def metadata(**fields: str | list[str]) -> Any:
    """Metadata of a package; underscores in names stand for hyphens."""
    said = Message()
    for name, values in fields.items():
        for value in [values] if isinstance(values, str) else values:
            said[name.replace("_", "-")] = value
    return said


def policy(
    exceptions: Mapping[str, Reasoned] | None = None,
    stated: Mapping[str, Reasoned] | None = None,
    inside: Mapping[str, str] | None = None,
) -> Policy:
    return Policy(ALLOWED, exceptions or {}, stated or {}, inside or {})


# -- what metadata name


@pytest.mark.parametrize(
    ("said", "licence"),
    [
        (metadata(License_Expression="MIT OR apache-2.0", Classifier=[BSD]), "MIT OR Apache-2.0"),
        (metadata(License="MIT"), "MIT"),
        (metadata(License="BSD", Classifier=[MIT]), "MIT"),
        (metadata(Classifier=["Programming Language :: Python", MIT]), "MIT"),
        (metadata(License="Copyright somebody. Redistribution and use are permitted."), ""),
        (metadata(License="BSD license", Classifier=[BSD]), ""),
        (metadata(Classifier=[MIT, BSD]), ""),
        (metadata(), ""),
        (None, ""),
    ],
)
def test_a_licence_is_taken_only_where_metadata_name_exactly_one(said: Any, licence: str) -> None:
    assert declared(said) == licence


# -- what is allowed


@pytest.mark.parametrize(
    "expression",
    ["MIT", "MIT OR GPL-3.0-only", "GPL-3.0-only OR MIT", "MIT AND Apache-2.0", "GPL-2.0-only OR MIT AND MIT"],
)
def test_an_expression_that_can_be_met_is_permitted(expression: str) -> None:
    assert permits(ALLOWED, expression)


@pytest.mark.parametrize(
    "expression",
    [
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "GPL-3.0-only OR MIT AND LGPL-3.0-only",
        "(MIT OR Apache-2.0) AND MIT",
        "Apache-2.0 WITH LLVM-exception",
        "",
    ],
)
def test_any_other_expression_is_not(expression: str) -> None:
    assert not permits(ALLOWED, expression)


def test_an_allowed_licence_is_no_problem() -> None:
    assert problems([Licensed("a", "MIT")], policy()) == []


def test_an_unknown_licence_is_a_problem() -> None:
    (told,) = problems([Licensed("a", "")], policy())
    assert told.startswith("a: its metadata name no licence")


def test_a_licence_that_is_not_allowed_is_a_problem_unless_an_exception_is_made_for_it() -> None:
    found = [Licensed("a", "MPL-2.0")]
    (told,) = problems(found, policy())
    assert told.startswith("a: MPL-2.0 is not allowed")
    assert problems(found, policy(exceptions={"a": Reasoned("MPL-2.0", "unchanged")})) == []


def test_an_exception_holds_for_its_licence_and_its_package_alone() -> None:
    made = policy(exceptions={"a": Reasoned("MPL-2.0", "unchanged")})
    assert problems([Licensed("a", "GPL-3.0-only")], made) == [
        "a: the exception is for MPL-2.0, the licence is GPL-3.0-only"
    ]
    assert problems([Licensed("a", "MPL-2.0"), Licensed("b", "MPL-2.0")], made)[0].startswith("b: MPL-2.0")


def test_what_the_policy_does_not_need_any_more_is_a_problem() -> None:
    made = policy({"a": Reasoned("MPL-2.0", "")}, {"gone": Reasoned("MIT", "")}, {"gone": "a library"})
    assert problems([Licensed("a", "MIT")], made) == [
        "a: an exception is made for it that it does not need",
        "gone: stands under stated, but is no dependency",
        "gone: stands under inside, but is no dependency",
    ]


def test_what_is_stated_gives_way_to_metadata_that_name_it() -> None:
    made = policy(stated={"a": Reasoned("BSD-3-Clause", "read")})
    pins = [Pin("a", "1", True, ())]
    assert licences_of(pins, made, lambda _: metadata(Classifier=[BSD])) == (Licensed("a", "BSD-3-Clause"),)
    named = licences_of(pins, made, lambda _: metadata(License_Expression="MIT"))
    assert named == (Licensed("a", "MIT"),)
    assert problems(named, made, lambda _: metadata(License_Expression="MIT")) == [
        "a: stands under stated, but its metadata name the licence (MIT)"
    ]


# -- this distribution


def test_every_runtime_dependency_has_an_allowed_licence_or_a_reason() -> None:
    made = read_policy()
    assert problems(licences_of(read_pins(ROOT / "requirements.lock"), made), made) == []


def test_every_decision_has_its_reason() -> None:
    made = read_policy()
    assert all(len(entry.why) > 20 for entry in (*made.exceptions.values(), *made.stated.values()))


def test_the_page_is_what_would_be_written_now() -> None:
    made = read_policy()
    found = licences_of(read_pins(ROOT / "requirements.lock"), made)
    assert (ROOT / "docs/licences.md").read_text("utf-8") == page(found, made)


def test_what_is_not_installed_has_no_metadata() -> None:
    assert installed("a-package-that-nobody-made") is None


def test_the_command_lists_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "licences.md"
    assert main(["licences", "--lock", str(ROOT / "requirements.lock"), "--out", str(out)]) == 0
    assert re.search(r"^certifi +MPL-2\.0$", capsys.readouterr().out, re.MULTILINE)
    assert "| certifi | MPL-2.0 |" in out.read_text("utf-8")


def test_the_command_fails_on_an_unknown_licence_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock, out = tmp_path / "some.lock", tmp_path / "licences.md"
    lock.write_text("a-package-that-nobody-made==1 \\\n    --hash=sha256:00\n")
    assert main(["licences", "--lock", str(lock), "--out", str(out)]) == 1
    assert "a-package-that-nobody-made: its metadata name no licence" in capsys.readouterr().err
    assert not out.exists()


def test_a_lock_file_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    assert main(["licences", "--lock", str(tmp_path / "no.lock")]) == 2


def test_the_version_is_the_same_wherever_it_stands() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    described = re.search(r"^  version: (\S+)$", (ROOT / "service/openapi.yaml").read_text("utf-8"), re.MULTILINE)
    assert described is not None
    assert project == __version__ == described[1]
