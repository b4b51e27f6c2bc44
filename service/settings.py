"""Settings from the environment: one typed definition each. A wrong or unknown one stops the start with its name.

Every setting is TRIALHOOK_<NAME>; secrets may stand in a file named by TRIALHOOK_<NAME>_FILE instead.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from service import setting_values
from service.errors import SettingsError
from service.setting_values import MIN_SECRET, WrongValue

PREFIX = "TRIALHOOK_"


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
        setting_values.folders,
        "",
        "folders, separated by a colon",
        "Folders of further trials; one of the same id replaces a built-in one",
    ),
    Setting(
        "ENABLED_TRIALS",
        setting_values.trials,
        "",
        "ids, separated by blanks or commas",
        "The trials that answer where none is named; none listed: all that are active and in effect",
    ),
    Setting(
        "DRAFTS",
        setting_values.yes,
        "no",
        "yes or no",
        "Whether drafts, which nobody has checked, answer where no trial is named, and get cards, marked as drafts",
    ),
    Setting(
        "VALUE_SETS",
        setting_values.folders,
        "",
        "folders, separated by a colon",
        "Folders of the site's own names: codes.yaml or ValueSets, inputs.yaml, vocabulary.yaml",
    ),
    Setting(
        "TIMEZONE",
        setting_values.zone,
        "UTC",
        "an IANA time zone",
        "The zone in which a time falls on a day, and in which today is today",
    ),
    Setting(
        "ULN",
        setting_values.upper_limits,
        "{}",
        "a JSON file or JSON",
        'The site\'s own upper limits of normal, used where a result has no reference range: {"alt": {"high": 40, '
        '"unit": "U/L"}}',
    ),
    Setting(
        "RECRUITMENT",
        setting_values.choice("any", "open"),
        "any",
        "any or open",
        "Cards for all trials, those not recruiting last and said so (`any`), or only for trials that recruit (`open`)",
    ),
    Setting(
        "AUTH",
        setting_values.choice("jwt", "none"),
        "jwt",
        "jwt or none",
        "Who may call: CDS clients that sign their calls (`jwt`), or anyone that reaches the port (`none`)",
    ),
    Setting(
        "CLIENTS",
        setting_values.clients,
        "{}",
        "a JSON file or JSON",
        'The CDS clients that may call and their keys: {"issuer": {"jwks": "file" or "jwksUrl": "address"}}; with '
        '"tenants": [...] only these of an issuer',
    ),
    Setting(
        "PUBLIC_URL",
        setting_values.optional_address,
        "",
        "an address",
        "Where clients reach the service: the audience of their tokens and the start of every link; needed with jwt",
    ),
    Setting(
        "FHIR_ALLOWED",
        setting_values.addresses,
        "",
        "addresses, separated by blanks or commas",
        "Base URLs of the FHIR servers the service may call; an address inside a private network must stand here",
    ),
    Setting(
        "FHIR_ANONYMOUS",
        setting_values.yes,
        "yes",
        "yes or no",
        "Whether a listed FHIR server is asked also where the client sent no token for it",
    ),
    Setting(
        "CERTIFICATE_AUTHORITIES",
        setting_values.authorities,
        "",
        "a PEM file",
        "Who may have signed the certificates of FHIR servers and key sets, in place of the publicly known authorities",
    ),
    Setting(
        "BACKEND_CLIENT_ID",
        setting_values.identifier,
        "",
        "text",
        "The id under which a FHIR server knows the service as a SMART backend client; none: no tokens of its own",
    ),
    Setting(
        "BACKEND_KEY",
        setting_values.private_keys,
        "",
        "a JSON file or JSON",
        "The backend client's private keys as a JSON Web Key or key set: RSA (RS384) or EC on P-384 (ES384)",
        secret=True,
    ),
    Setting(
        "BACKEND_SCOPES",
        setting_values.scopes,
        "auto",
        "auto, v1, v2 or scopes",
        "The SMART scopes asked for: of the version that the server speaks (`auto`), of one version, or these",
    ),
    Setting(
        "TIME_BUDGET_MS",
        setting_values.number(50, 60_000),
        "2000",
        "milliseconds, 50 to 60000",
        "How long one call may spend asking the FHIR server; what has not come by then is unknown",
    ),
    Setting(
        "MAX_BODY",
        setting_values.number(1024, 1 << 30),
        "33554432",
        "bytes, 1024 to 1073741824",
        "The largest request body, and the most that one call reads from a FHIR server",
    ),
    Setting(
        "DATABASE_URL",
        setting_values.database,
        "sqlite:///trialhook.db",
        "an SQLAlchemy address",
        "Where feedback, used token ids and explanations are kept: an SQLite file, or PostgreSQL",
        secret=True,
    ),
    Setting(
        "SECRET",
        setting_values.secrets,
        "",
        f"keys of at least {MIN_SECRET} characters",
        "Seals the explanations behind card links, the newest first, older ones still open; none: a new one each start",
        secret=True,
    ),
    Setting(
        "EXPLAIN_MINUTES",
        setting_values.number(1, 1440),
        "60",
        "minutes, 1 to 1440",
        "How long the link on a card works",
    ),
    Setting(
        "DECISION_LOG",
        setting_values.destination,
        "none",
        "none, database or a file",
        "Where each answer is logged, without patient data in clear: nowhere, the database, or an NDJSON file a day",
    ),
    Setting(
        "DECISION_KEY",
        setting_values.secrets,
        "",
        f"keys of at least {MIN_SECRET} characters",
        "Keys the hashes of the decision log, the newest first, older ones still read; needed with a decision log",
        secret=True,
    ),
    Setting(
        "DECISION_INPUTS",
        setting_values.yes,
        "no",
        "yes or no",
        "Whether the inputs of decisions are kept beside the log, sealed with its key, so that any can be replayed",
    ),
    Setting(
        "DECISION_DAYS",
        setting_values.number(0, 36_500),
        "365",
        "days, 0 to 36500",
        "How long decisions and their inputs are kept; 0 for ever",
    ),
    Setting(
        "AUDIT_EVENTS",
        setting_values.audit_destination,
        "none",
        "none, database, a file or a FHIR base URL",
        "Where FHIR AuditEvents of each access to a patient's data go; they name the patient",
    ),
    Setting(
        "AUDIT_TOKEN",
        setting_values.bearer,
        "",
        "a bearer token",
        "The token for the FHIR server that AuditEvents are sent to",
        secret=True,
    ),
    Setting(
        "AUDIT_DAYS",
        setting_values.number(0, 36_500),
        "0",
        "days, 0 to 36500",
        "How long AuditEvents in the database or in files are kept; 0 for ever",
    ),
    Setting(
        "UNRECORDED",
        setting_values.choice("refuse", "answer"),
        "refuse",
        "refuse or answer",
        "What becomes of an answer that cannot be written to the decision log or the AuditEvents that are asked for",
    ),
    Setting(
        "CORS_ORIGINS",
        setting_values.origins,
        "",
        "origins, separated by blanks or commas",
        "Web origins whose pages may call the service",
    ),
    Setting(
        "SMART_APP_URL",
        setting_values.optional_address,
        "",
        "an address",
        "Launch address of a SMART app that cards link to",
    ),
    Setting(
        "LOG_LEVEL",
        setting_values.choice("debug", "info", "warning", "error"),
        "info",
        "debug, info, warning or error",
        "The least severe messages that are logged",
    ),
    Setting(
        "OTLP_ENDPOINT",
        setting_values.optional_address,
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
