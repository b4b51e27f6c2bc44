"""How the text of a setting is read. A WrongValue says what was expected of one that a setting cannot have."""

import json
import os
import re
from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

MIN_SECRET = 32
_SEPARATORS = re.compile(r"[ ,\t\r\n]+")
# The host part of a database address: a name, an IPv6 address in brackets or nothing, and a port.
_DATABASE_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\[\]:\s]*)(?::[0-9]{1,5})?")
_POSTGRESQL = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
_SQLITE = frozenset({"sqlite", "sqlite+pysqlite"})


class WrongValue(ValueError):
    """A value that a setting cannot have; the message says what was expected and repeats no secret."""


class Client(msgspec.Struct, frozen=True):
    """A CDS client that may call: its issuer, its public keys or where they are had, and its tenants (none: any)."""

    issuer: str
    key_set: dict[str, Any] = {}
    key_set_url: str = ""
    tenants: tuple[str, ...] = ()


class _Client(msgspec.Struct, forbid_unknown_fields=True):
    jwks: str | dict[str, Any] = ""
    jwksUrl: str = ""
    tenants: list[str] = []


def folders(text: str) -> tuple[Path, ...]:
    paths = tuple(Path(part) for part in text.split(os.pathsep) if part)
    for path in paths:
        if not _is_folder(path):
            raise WrongValue(f"a list of folders separated by {os.pathsep!r} was expected; there is no folder {path}")
    return paths


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # not allowed to look, a name that is too long, a zero byte in it
        return False


def zone(text: str) -> tzinfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongValue("a time zone such as UTC or Europe/Berlin was expected") from None


def upper_limits(text: str) -> dict[str, dict[str, str]]:
    """A JSON file, or JSON: {"alt": {"high": 40, "unit": "U/L"}}."""
    source = text if text.lstrip().startswith("{") else None
    try:
        found = json.loads(source if source is not None else Path(text).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        raise WrongValue('a JSON file such as {"alt": {"high": 40, "unit": "U/L"}} was expected') from None
    if not isinstance(found, dict) or not all(isinstance(entry, dict) for entry in found.values()):
        raise WrongValue('a JSON object such as {"alt": {"high": 40, "unit": "U/L"}} was expected')
    return found


def choice(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise WrongValue(f"one of {', '.join(allowed)} was expected")
        return text

    return read


def yes(text: str) -> bool:
    return choice("yes", "no")(text) == "yes"


def number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        digits = text.lstrip("0") or text[-1:]
        short = text.isascii() and text.isdigit() and len(digits) <= len(str(most))
        if not (short and least <= int(digits) <= most):
            raise WrongValue(f"a whole number from {least} to {most} was expected")
        return int(digits)

    return read


def web_address(text: str, such_as: str = "https://fhir.example.org/r4") -> str:
    if not _is_web_address(text):
        raise WrongValue(f"an address such as {such_as} was expected, without a query, credentials or blanks")
    return text.rstrip("/")


def _is_web_address(text: str) -> bool:
    if any(sign.isspace() or not sign.isprintable() for sign in text):  # the parser would drop some of them silently
        return False
    try:
        parts = urlsplit(text)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    return named and not (parts.query or parts.fragment or parts.username or parts.password is not None)


def optional_address(text: str) -> str:
    return web_address(text, "https://trials.example.org") if text else ""


def authorities(text: str) -> str:
    """A file of certificates that TLS takes; "" for none."""
    if not text:
        return ""
    from ssl import create_default_context  # only where it is needed: it takes its time

    try:
        create_default_context(cafile=text)
    except (OSError, ValueError):  # no such file, not allowed to read it, nothing of a certificate in it
        raise WrongValue("a PEM file of certificates was expected") from None
    return text


def addresses(text: str) -> tuple[str, ...]:
    return tuple(web_address(part) for part in _SEPARATORS.split(text) if part)


def trials(text: str) -> tuple[str, ...]:
    found = tuple(part for part in _SEPARATORS.split(text) if part)
    if not all(re.fullmatch(r"[\w.:-]+", part) for part in found):
        raise WrongValue("ids of trials, separated by blanks or commas, were expected")
    return found


def origins(text: str) -> tuple[str, ...]:
    origins = addresses(text)
    for origin in origins:
        if urlsplit(origin).path:
            raise WrongValue("origins such as https://ehr.example.org were expected, without a path")
    return origins


def secrets(text: str) -> tuple[str, ...]:
    keys = tuple(text.split())
    if any(len(key) < MIN_SECRET for key in keys):
        raise WrongValue(
            f"keys of at least {MIN_SECRET} characters were expected, separated by blanks, the newest first"
        )
    return keys


def database(text: str) -> str:
    """An address that the store can open; whether it is reached is found out at the start."""
    scheme, _, rest = text.partition("://")
    place = rest.partition("?")[0]
    if scheme in _SQLITE:
        file = place.removeprefix("/")
        good = place.startswith("/") and bool(file) and not file.startswith((":memory:", "file:"))
    else:
        host = place.rpartition("@")[2].partition("/")[0]
        good = scheme in _POSTGRESQL and bool(rest) and _DATABASE_HOST.fullmatch(host) is not None
    if not good or any(not sign.isprintable() for sign in text):
        raise WrongValue(
            "an address such as sqlite:////var/lib/trialhook/trialhook.db or postgresql://user:password@host/name "
            "was expected; SQLite in memory cannot be shared by the service's processes"
        )
    return text


def clients(text: str) -> dict[str, Client]:
    source = text if text.lstrip().startswith("{") else None
    expected = (
        'a JSON file such as {"https://ehr.example.org": {"jwks": "ehr-keys.json"}} was expected; '
        'each issuer has either "jwks" (a file, or a key set) or "jwksUrl", and may have "tenants"'
    )
    try:
        folder = Path(text).parent if source is None else Path()
        found = msgspec.json.decode(source if source is not None else Path(text).read_bytes(), type=dict[str, _Client])
        return {issuer: _client(issuer, entry, folder) for issuer, entry in found.items()}
    except OSError as problem:
        raise WrongValue(f"{expected} ({problem.strerror})") from None
    except (msgspec.MsgspecError, WrongValue) as problem:
        raise WrongValue(f"{expected} ({problem})") from None
    except (ValueError, RecursionError):
        raise WrongValue(expected) from None


def _client(issuer: str, entry: "_Client", folder: Path) -> Client:
    web_address(issuer)
    if bool(entry.jwks) == bool(entry.jwksUrl):
        raise WrongValue(f"{issuer} needs jwks or jwksUrl, and not both")
    keys: dict[str, Any] = {}
    if isinstance(entry.jwks, str) and entry.jwks:
        keys = msgspec.json.decode((folder / entry.jwks).read_bytes(), type=dict[str, Any])
    elif isinstance(entry.jwks, dict):
        keys = entry.jwks
    if entry.jwks and not isinstance(keys.get("keys"), list):
        raise WrongValue(f"{issuer}: a JSON Web Key Set with `keys` was expected")
    return Client(issuer, keys, web_address(entry.jwksUrl) if entry.jwksUrl else "", tuple(entry.tenants))


def identifier(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise WrongValue("a text without control characters and without blanks around it was expected")
    return text


def private_keys(text: str) -> dict[str, Any]:
    """A JSON Web Key or key set, as JSON or a file; {} for none. Nothing of it is repeated in a message."""
    if not text:
        return {}
    try:
        found = json.loads(text if text.lstrip().startswith("{") else Path(text).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not ("keys" in found or "kty" in found):
        raise WrongValue("a JSON Web Key or a key set was expected, as JSON or as the name of a file")
    return found


def destination(text: str) -> str:
    """Nowhere, the database, or a file in a folder that is there."""
    return _destination(text, "none, database or a file such as /var/log/trialhook/decisions.ndjson")


def audit_destination(text: str) -> str:
    """The same, or the base address of a FHIR server."""
    if text.startswith(("http://", "https://")):
        return web_address(text)
    return _destination(text, "none, database, a FHIR base URL or a file such as /var/log/trialhook/audit.ndjson")


def _destination(text: str, expected: str) -> str:
    if text in ("none", "database"):
        return text
    path = Path(text)
    if not text.isprintable() or not path.suffix or _is_folder(path) or not _is_folder(path.parent):
        raise WrongValue(f"{expected}, in a folder that is there, was expected")
    return text


def bearer(text: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]*", text):
        raise WrongValue("a bearer token without blanks was expected")
    return text


def scopes(text: str) -> str:
    """A choice of version, or the scopes themselves."""
    if text in ("auto", "v1", "v2"):
        return text
    scopes = text.split()
    if not scopes or not all(scope.startswith("system/") for scope in scopes):
        raise WrongValue("auto, v1, v2 or scopes such as system/Patient.rs, separated by blanks, were expected")
    return " ".join(scopes)
