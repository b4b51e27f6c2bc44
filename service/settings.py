"""Settings from the environment: one typed definition each. A wrong or unknown one stops the start with its name.

Every setting is TRIALHOOK_<NAME>; secrets may stand in a file named by TRIALHOOK_<NAME>_FILE instead.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from service.errors import SettingsError

PREFIX = "TRIALHOOK_"
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


def _folders(text: str) -> tuple[Path, ...]:
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


def _zone(text: str) -> tzinfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongValue("a time zone such as UTC or Europe/Berlin was expected") from None


def _upper_limits(text: str) -> dict[str, dict[str, str]]:
    """A JSON file, or JSON: {"alt": {"high": 40, "unit": "U/L"}}."""
    source = text if text.lstrip().startswith("{") else None
    try:
        found = json.loads(source if source is not None else Path(text).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        raise WrongValue('a JSON file such as {"alt": {"high": 40, "unit": "U/L"}} was expected') from None
    if not isinstance(found, dict) or not all(isinstance(entry, dict) for entry in found.values()):
        raise WrongValue('a JSON object such as {"alt": {"high": 40, "unit": "U/L"}} was expected')
    return found


def _choice(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise WrongValue(f"one of {', '.join(allowed)} was expected")
        return text

    return read


def _yes(text: str) -> bool:
    return _choice("yes", "no")(text) == "yes"


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        digits = text.lstrip("0") or text[-1:]
        short = text.isascii() and text.isdigit() and len(digits) <= len(str(most))
        if not (short and least <= int(digits) <= most):
            raise WrongValue(f"a whole number from {least} to {most} was expected")
        return int(digits)

    return read


def _web_address(text: str) -> str:
    if not _is_web_address(text):
        raise WrongValue(
            "an address such as https://fhir.example.org/r4 was expected, without a query, credentials or blanks"
        )
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


def _optional_address(text: str) -> str:
    return _web_address(text) if text else ""


def _authorities(text: str) -> str:
    """A file of certificates that TLS takes; "" for none."""
    if not text:
        return ""
    from ssl import create_default_context  # only where it is needed: it takes its time

    try:
        create_default_context(cafile=text)
    except (OSError, ValueError):  # no such file, not allowed to read it, nothing of a certificate in it
        raise WrongValue("a PEM file of certificates was expected") from None
    return text


def _addresses(text: str) -> tuple[str, ...]:
    return tuple(_web_address(part) for part in _SEPARATORS.split(text) if part)


def _trials(text: str) -> tuple[str, ...]:
    found = tuple(part for part in _SEPARATORS.split(text) if part)
    if not all(re.fullmatch(r"[\w.:-]+", part) for part in found):
        raise WrongValue("ids of trials, separated by blanks or commas, were expected")
    return found


def _origins(text: str) -> tuple[str, ...]:
    origins = _addresses(text)
    for origin in origins:
        if urlsplit(origin).path:
            raise WrongValue("origins such as https://ehr.example.org were expected, without a path")
    return origins


def _secrets(text: str) -> tuple[str, ...]:
    keys = tuple(text.split())
    if any(len(key) < MIN_SECRET for key in keys):
        raise WrongValue(
            f"keys of at least {MIN_SECRET} characters were expected, separated by blanks, the newest first"
        )
    return keys


def _database(text: str) -> str:
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


def _clients(text: str) -> dict[str, Client]:
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
    _web_address(issuer)
    if bool(entry.jwks) == bool(entry.jwksUrl):
        raise WrongValue(f"{issuer} needs jwks or jwksUrl, and not both")
    keys: dict[str, Any] = {}
    if isinstance(entry.jwks, str) and entry.jwks:
        keys = msgspec.json.decode((folder / entry.jwks).read_bytes(), type=dict[str, Any])
    elif isinstance(entry.jwks, dict):
        keys = entry.jwks
    if entry.jwks and not isinstance(keys.get("keys"), list):
        raise WrongValue(f"{issuer}: a JSON Web Key Set with `keys` was expected")
    return Client(issuer, keys, _web_address(entry.jwksUrl) if entry.jwksUrl else "", tuple(entry.tenants))


def _identifier(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise WrongValue("a text without control characters and without blanks around it was expected")
    return text


def _private_keys(text: str) -> dict[str, Any]:
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


def _destination(text: str) -> str:
    """Nowhere, the database, or a file in a folder that is there."""
    if text in ("none", "database"):
        return text
    path = Path(text)
    if not text.isprintable() or not path.suffix or _is_folder(path) or not _is_folder(path.parent):
        raise WrongValue(
            "none, database or a file such as /var/log/trialhook/decisions.ndjson, in a folder that is there, was "
            "expected"
        )
    return text


def _audit_destination(text: str) -> str:
    """The same, or the base address of a FHIR server."""
    if text.startswith(("http://", "https://")):
        return _web_address(text)
    return _destination(text)


def _bearer(text: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]*", text):
        raise WrongValue("a bearer token without blanks was expected")
    return text


def _scopes(text: str) -> str:
    """A choice of version, or the scopes themselves."""
    if text in ("auto", "v1", "v2"):
        return text
    scopes = text.split()
    if not scopes or not all(scope.startswith("system/") for scope in scopes):
        raise WrongValue("auto, v1, v2 or scopes such as system/Patient.rs, separated by blanks, were expected")
    return " ".join(scopes)


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
        "ENABLED_TRIALS",
        _trials,
        "",
        "ids, separated by blanks or commas",
        "The trials that answer where none is named; none listed: all that are active and in effect",
    ),
    Setting(
        "DRAFTS",
        _yes,
        "no",
        "yes or no",
        "Whether drafts, which nobody has checked, answer where no trial is named, and get cards, marked as drafts",
    ),
    Setting(
        "VALUE_SETS",
        _folders,
        "",
        "folders, separated by a colon",
        "Folders of the site's own names: codes.yaml or ValueSets, inputs.yaml, vocabulary.yaml",
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
    Setting(
        "RECRUITMENT",
        _choice("any", "open"),
        "any",
        "any or open",
        "Cards for all trials, those not recruiting last and said so (`any`), or only for trials that recruit (`open`)",
    ),
    Setting(
        "AUTH",
        _choice("jwt", "none"),
        "jwt",
        "jwt or none",
        "Who may call: CDS clients that sign their calls (`jwt`), or anyone that reaches the port (`none`)",
    ),
    Setting(
        "CLIENTS",
        _clients,
        "{}",
        "a JSON file or JSON",
        'The CDS clients that may call and their keys: {"issuer": {"jwks": "file" or "jwksUrl": "address"}}',
    ),
    Setting(
        "PUBLIC_URL",
        _optional_address,
        "",
        "an address",
        "Where clients reach the service: the audience of their tokens and the start of every link; needed with jwt",
    ),
    Setting(
        "FHIR_ALLOWED",
        _addresses,
        "",
        "addresses, separated by blanks or commas",
        "Base URLs of the FHIR servers the service may call; an address inside a private network must stand here",
    ),
    Setting(
        "FHIR_ANONYMOUS",
        _yes,
        "yes",
        "yes or no",
        "Whether a listed FHIR server is asked also where the client sent no token for it",
    ),
    Setting(
        "CERTIFICATE_AUTHORITIES",
        _authorities,
        "",
        "a PEM file",
        "Who may have signed the certificates of FHIR servers and key sets, in place of the publicly known authorities",
    ),
    Setting(
        "BACKEND_CLIENT_ID",
        _identifier,
        "",
        "text",
        "The id under which a FHIR server knows the service as a SMART backend client; none: no tokens of its own",
    ),
    Setting(
        "BACKEND_KEY",
        _private_keys,
        "",
        "a JSON file or JSON",
        "The backend client's private keys as a JSON Web Key or key set: RSA (RS384) or EC on P-384 (ES384)",
        secret=True,
    ),
    Setting(
        "BACKEND_SCOPES",
        _scopes,
        "auto",
        "auto, v1, v2 or scopes",
        "The SMART scopes asked for: of the version that the server speaks (`auto`), of one version, or these",
    ),
    Setting(
        "TIME_BUDGET_MS",
        _number(50, 60_000),
        "2000",
        "milliseconds, 50 to 60000",
        "How long one call may spend asking the FHIR server; what has not come by then is unknown",
    ),
    Setting(
        "MAX_BODY",
        _number(1024, 1 << 30),
        "33554432",
        "bytes, 1024 to 1073741824",
        "The largest request body, and the most that one call reads from a FHIR server",
    ),
    Setting(
        "DATABASE_URL",
        _database,
        "sqlite:///trialhook.db",
        "an SQLAlchemy address",
        "Where feedback, used token ids and explanations are kept: an SQLite file, or PostgreSQL",
        secret=True,
    ),
    Setting(
        "SECRET",
        _secrets,
        "",
        f"keys of at least {MIN_SECRET} characters",
        "Seals the explanations behind card links, the newest first, older ones still open; none: a new one each start",
        secret=True,
    ),
    Setting(
        "EXPLAIN_MINUTES",
        _number(1, 1440),
        "60",
        "minutes, 1 to 1440",
        "How long the link on a card works",
    ),
    Setting(
        "DECISION_LOG",
        _destination,
        "none",
        "none, database or a file",
        "Where each answer is logged, without patient data in clear: nowhere, the database, or an NDJSON file a day",
    ),
    Setting(
        "DECISION_KEY",
        _secrets,
        "",
        f"keys of at least {MIN_SECRET} characters",
        "Keys the hashes of the decision log, the newest first, older ones still read; needed with a decision log",
        secret=True,
    ),
    Setting(
        "DECISION_INPUTS",
        _yes,
        "no",
        "yes or no",
        "Whether the inputs of decisions are kept beside the log, sealed with its key, so that any can be replayed",
    ),
    Setting(
        "DECISION_DAYS",
        _number(0, 36_500),
        "365",
        "days, 0 to 36500",
        "How long decisions and their inputs are kept; 0 for ever",
    ),
    Setting(
        "AUDIT_EVENTS",
        _audit_destination,
        "none",
        "none, database, a file or a FHIR base URL",
        "Where FHIR AuditEvents of each access to a patient's data go; they name the patient",
    ),
    Setting(
        "AUDIT_TOKEN",
        _bearer,
        "",
        "a bearer token",
        "The token for the FHIR server that AuditEvents are sent to",
        secret=True,
    ),
    Setting(
        "AUDIT_DAYS",
        _number(0, 36_500),
        "0",
        "days, 0 to 36500",
        "How long AuditEvents in the database or in files are kept; 0 for ever",
    ),
    Setting(
        "UNRECORDED",
        _choice("refuse", "answer"),
        "refuse",
        "refuse or answer",
        "What becomes of an answer that cannot be written to the decision log or the AuditEvents that are asked for",
    ),
    Setting(
        "CORS_ORIGINS",
        _origins,
        "",
        "origins, separated by blanks or commas",
        "Web origins whose pages may call the service",
    ),
    Setting(
        "SMART_APP_URL",
        _optional_address,
        "",
        "an address",
        "Launch address of a SMART app that cards link to",
    ),
    Setting(
        "LOG_LEVEL",
        _choice("debug", "info", "warning", "error"),
        "info",
        "debug, info, warning or error",
        "The least severe messages that are logged",
    ),
    Setting(
        "OTLP_ENDPOINT",
        _optional_address,
        "",
        "an address",
        "The OpenTelemetry collector that traces are sent to (OTLP over HTTP); needs the extra `otel`; none: no traces",
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

    def __repr__(self) -> str:
        """The settings as they were given, without the secret ones: this may end in a log."""
        hidden = {setting.name for setting in SETTINGS if setting.secret}
        shown = (f"{name}={'***' if name in hidden and text else repr(text)}" for name, text in self.texts.items())
        return f"Settings({', '.join(shown)})"


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
        except WrongValue as problem:
            problems.append(f"{setting.variable}: {problem}")
        except ValueError:  # of a library, in words of its own that may repeat the value
            problems.append(f"{setting.variable}: {setting.expects} was expected")
    if problems:
        raise SettingsError("\n".join(problems))
    return Settings(values, texts)


def _text(setting: Setting, given: Mapping[str, str]) -> str:
    direct, by_file = given.get(setting.variable), given.get(f"{setting.variable}_FILE")
    if direct is not None and by_file is not None:
        raise WrongValue(f"set either {setting.variable} or {setting.variable}_FILE, not both")
    if by_file is not None:
        try:
            return Path(by_file).read_text("utf-8").strip()
        except OSError as problem:
            raise WrongValue(f"the file named by {setting.variable}_FILE cannot be read ({problem.strerror})") from None
        except ValueError:
            raise WrongValue(
                f"{setting.variable}_FILE: the name of a file of UTF-8 text was expected, holding {setting.expects}"
            ) from None
    return setting.default if direct is None else direct
