"""Settings from the environment: one typed definition each. A wrong or unknown one stops the start with its name.

Every setting is TRIALHOOK_<NAME>; secrets may stand in a file named by TRIALHOOK_<NAME>_FILE instead.
"""

import json
import os
from collections.abc import Callable, Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from service.errors import SettingsError

PREFIX = "TRIALHOOK_"


def _folders(text: str) -> tuple[Path, ...]:
    paths = tuple(Path(part) for part in text.split(os.pathsep) if part)
    for path in paths:
        if not path.is_dir():
            raise ValueError(f"a list of folders separated by {os.pathsep!r} was expected; there is no folder {path}")
    return paths


def _zone(text: str) -> tzinfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("a time zone such as UTC or Europe/Berlin was expected") from None


def _upper_limits(text: str) -> dict[str, dict[str, str]]:
    """A JSON file, or JSON: {"alt": {"high": 40, "unit": "U/L"}}."""
    source = text if text.lstrip().startswith("{") else None
    try:
        found = json.loads(source if source is not None else Path(text).read_text("utf-8"))
    except (OSError, ValueError):
        raise ValueError('a JSON file such as {"alt": {"high": 40, "unit": "U/L"}} was expected') from None
    if not isinstance(found, dict) or not all(isinstance(entry, dict) for entry in found.values()):
        raise ValueError('a JSON object such as {"alt": {"high": 40, "unit": "U/L"}} was expected')
    return found


class Setting(msgspec.Struct, frozen=True):
    """One setting: its name without the prefix, how its text is read, its default, and what the README says of it."""

    name: str
    read: Callable[[str], Any]
    default: str
    expects: str
    meaning: str
    secret: bool = False

    @property
    def variable(self) -> str:
        return f"{PREFIX}{self.name}"


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "TRIALS",
        _folders,
        "",
        "folders, separated by a colon",
        "Folders of further trials; one of the same id replaces a built-in one",
    ),
    Setting(
        "VALUE_SETS",
        _folders,
        "",
        "folders, separated by a colon",
        "Folders of the site's own ValueSets, inputs.yaml and vocabulary.yaml",
    ),
    Setting(
        "TIMEZONE",
        _zone,
        "UTC",
        "an IANA time zone",
        "The zone in which a time falls on a day, and in which today is today",
    ),
    Setting(
        "ULN",
        _upper_limits,
        "{}",
        "a JSON file or JSON",
        "The site's own upper limits of normal, used where a result has no reference range",
    ),
)


class Settings(msgspec.Struct, frozen=True):
    """The effective settings of a process."""

    values: dict[str, Any]
    texts: dict[str, str]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name.upper()]
        except KeyError:
            raise AttributeError(name) from None


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read all settings. SettingsError names every one that is wrong or unknown, and what was expected."""
    given = dict(os.environ if environment is None else environment)
    problems: list[str] = []
    values: dict[str, Any] = {}
    texts: dict[str, str] = {}
    known = {s.variable for s in SETTINGS} | {f"{s.variable}_FILE" for s in SETTINGS}
    listed = ", ".join(s.variable for s in SETTINGS)
    unknown = sorted(name for name in given if name.startswith(PREFIX) and name not in known)
    problems += [f"{name}: no such setting; known are {listed}" for name in unknown]
    for setting in SETTINGS:
        try:
            texts[setting.name] = _text(setting, given)
            values[setting.name] = setting.read(texts[setting.name])
        except ValueError as problem:
            problems.append(f"{setting.variable}: {problem}")
    if problems:
        raise SettingsError("\n".join(problems))
    return Settings(values, texts)


def _text(setting: Setting, given: Mapping[str, str]) -> str:
    direct, by_file = given.get(setting.variable), given.get(f"{setting.variable}_FILE")
    if direct is not None and by_file is not None:
        raise ValueError(f"set either {setting.variable} or {setting.variable}_FILE, not both")
    if by_file is not None:
        try:
            return Path(by_file).read_text("utf-8").strip()
        except OSError as problem:
            raise ValueError(f"the file named by {setting.variable}_FILE cannot be read ({problem.strerror})") from None
    return setting.default if direct is None else direct
