"""Every runtime dependency's licence, from the metadata of the installed package, against the list of allowed ones."""

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from supply.pins import Pin

POLICY = Path(__file__).with_name("licences.toml")
PAGE = Path("docs/licences.md")

# Classifiers that stand for exactly one licence; "BSD License" and its like leave open which.
_CLASSIFIERS = {
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "License :: OSI Approved :: Python Software Foundation License": "PSF-2.0",
}

Metadata = Callable[[str], "metadata.PackageMetadata | None"]


@dataclass(frozen=True)
class Reasoned:
    """A licence that a person decided on, and why."""

    licence: str
    why: str


@dataclass(frozen=True)
class Policy:
    """What is allowed, where packages deviate, and what their metadata leave open; by the packages' names."""

    allowed: frozenset[str]
    exceptions: Mapping[str, Reasoned]
    stated: Mapping[str, Reasoned]
    inside: Mapping[str, str]


@dataclass(frozen=True)
class Licensed:
    """A package and its licence as an SPDX expression; empty where it is not known."""

    name: str
    licence: str


def read_policy(path: Path = POLICY) -> Policy:
    found = tomllib.loads(path.read_text("utf-8"))
    exceptions, stated = (
        {name: Reasoned(entry["licence"], entry["why"]) for name, entry in found.get(table, {}).items()}
        for table in ("exceptions", "stated")
    )
    return Policy(frozenset(found["allowed"]), exceptions, stated, found.get("inside", {}))


def installed(name: str) -> "metadata.PackageMetadata | None":
    """The metadata of an installed package; None where it is not installed."""
    try:
        return metadata.distribution(name).metadata
    except metadata.PackageNotFoundError:
        return None


def licences_of(pins: Iterable[Pin], policy: Policy, metadata_of: Metadata = installed) -> tuple[Licensed, ...]:
    """The licence of each package: what its metadata say, else what the policy states."""
    return tuple(Licensed(pin.name, _licence(pin.name, policy, metadata_of)) for pin in pins)


def problems(found: Sequence[Licensed], policy: Policy, metadata_of: Metadata = installed) -> list[str]:
    """A sentence for every licence that is unknown or not allowed, and every entry of the policy that has no use."""
    told = [problem for entry in found if (problem := _problem(entry, policy))]
    names = {entry.name for entry in found}
    for table, entries in (("exceptions", policy.exceptions), ("stated", policy.stated), ("inside", policy.inside)):
        told += [f"{name}: stands under {table}, but is no dependency" for name in sorted(set(entries) - names)]
    for name in sorted(set(policy.stated) & names):
        if said := declared(metadata_of(name)):
            told.append(f"{name}: stands under stated, but its metadata name the licence ({said})")
    return told


def declared(said: "metadata.PackageMetadata | None") -> str:
    """The one licence that metadata name, as an SPDX expression; empty where they name none, or leave open which."""
    if said is None:
        return ""
    for field in ("License-Expression", "License"):
        if expression := _expression(" ".join(said.get_all(field) or [])):
            return expression
    classifiers = [text for text in said.get_all("Classifier") or [] if text.startswith("License ::")]
    return _CLASSIFIERS.get(classifiers[0], "") if len(classifiers) == 1 else ""


def _expression(text: str) -> str:
    try:
        return canonicalize_license_expression(text) if text else ""
    except InvalidLicenseExpression:  # a free text, or the licence itself
        return ""


def _licence(name: str, policy: Policy, metadata_of: Metadata) -> str:
    stated = policy.stated.get(name)
    return declared(metadata_of(name)) or (stated.licence if stated else "")


def _problem(entry: Licensed, policy: Policy) -> str:
    exception = policy.exceptions.get(entry.name)
    if not entry.licence:
        return f"{entry.name}: its metadata name no licence; read its text and state it in {POLICY.name}"
    if permits(policy.allowed, entry.licence):
        return f"{entry.name}: an exception is made for it that it does not need" if exception else ""
    if exception is None:
        return f"{entry.name}: {entry.licence} is not allowed; replace it, or make an exception with its reason"
    if exception.licence != entry.licence:
        return f"{entry.name}: the exception is for {exception.licence}, the licence is {entry.licence}"
    return ""


def permits(allowed: frozenset[str], expression: str) -> bool:
    """Whether an SPDX expression can be met with allowed licences; never for one with brackets."""
    if "(" in expression:
        return False
    return any(all(part in allowed for part in option.split(" AND ")) for option in expression.split(" OR "))


def page(found: Sequence[Licensed], policy: Policy) -> str:
    """docs/licences.md."""
    rows = [f"| {entry.name} | {entry.licence} | {policy.inside.get(entry.name, '')} |" for entry in found]
    reasons = [_reason(name, entry) for name, entry in sorted(policy.exceptions.items())]
    stated = [_reason(name, entry) for name, entry in sorted(policy.stated.items())]
    return "\n".join(
        [
            "# Licences of the dependencies",
            "",
            "Written by `make licences` from the metadata of the installed packages; the versions stand in",
            "`requirements.lock`. Terminologies and their owners stand in [NOTICE](../NOTICE).",
            "",
            f"Allowed without further reason: {', '.join(sorted(policy.allowed))}.",
            "",
            "| package | licence | carries inside |",
            "| --- | --- | --- |",
            *rows,
            "",
            "## Exceptions",
            "",
            *reasons,
            "",
            "## Stated by us",
            "",
            "Where metadata name no single licence, its text was read:",
            "",
            *stated,
            "",
        ]
    )


def _reason(name: str, entry: Reasoned) -> str:
    return f"- **{name}**, {entry.licence}: {entry.why}"
