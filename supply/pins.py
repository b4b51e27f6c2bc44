"""A lock file read: every pinned package, who asks for it, and whether it applies to this platform."""

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

_PROJECT = "trialhook"


class WrongLock(ValueError):
    """A lock file is not there, or holds something else than pinned and hashed packages."""


@dataclass(frozen=True)
class Pin:
    """One pinned package; `via` are the packages that ask for it, the project among them."""

    name: str
    version: str
    applies: bool
    via: tuple[str, ...]


def read_pins(path: Path) -> tuple[Pin, ...]:
    """The packages of a lock file as uv writes it, by name. WrongLock names the first line that is wrong."""
    try:
        text = path.read_text("utf-8")
    except OSError as problem:
        raise WrongLock(f"{path.name} cannot be read ({problem.strerror})") from None
    pins = tuple(
        _pin(entry) for entry in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE) if entry[:1].isalnum()
    )
    if not pins:
        raise WrongLock(f"{path.name} pins nothing")
    return tuple(sorted(pins, key=lambda pin: pin.name))


def _pin(entry: str) -> Pin:
    first = entry.splitlines()[0].rstrip("\\ ")
    try:
        requirement = Requirement(first)
    except InvalidRequirement:
        raise WrongLock(f"not a requirement: {first}") from None
    exact = [part.version for part in requirement.specifier if part.operator == "=="]
    if len(exact) != 1 or len(requirement.specifier) != 1:
        raise WrongLock(f"not one exact version: {first}")
    if "--hash=sha256:" not in entry:
        raise WrongLock(f"without a hash: {first}")
    applies = requirement.marker is None or requirement.marker.evaluate()
    return Pin(canonicalize_name(requirement.name), exact[0], applies, _via(entry))


def _via(entry: str) -> tuple[str, ...]:
    """The names in uv's comments: `# via one`, or `# via` and a line for each."""
    comments = [line.strip().removeprefix("#").strip() for line in entry.splitlines() if line.strip().startswith("#")]
    named = [comment.removeprefix("via").strip() for comment in comments]
    return tuple(sorted({_PROJECT if "pyproject.toml" in name else canonicalize_name(name) for name in named if name}))
