"""Settings: what each accepts and refuses, and that every mistake is named at once and no secret is repeated."""

import json
import os
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.errors import SettingsError
from service.setting_values import MIN_SECRET, Client
from service.settings import SETTINGS, Settings, load

KEYS: dict[str, Any] = {"keys": [{"kty": "EC", "crv": "P-384", "x": "x", "y": "y", "kid": "k1"}]}
EHR = "https://ehr.example.org"


def read(**texts: str) -> Settings:
    return load({f"TRIALHOOK_{name}": text for name, text in texts.items()})


def refused(**texts: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(**texts)
    return caught.value.message


# ---- one by one ----

GOOD: list[tuple[str, str, Any]] = [
    ("TRIALS", "", ()),
    ("VALUE_SETS", "", ()),
    ("TIMEZONE", "UTC", ZoneInfo("UTC")),
    ("TIMEZONE", "Europe/Berlin", ZoneInfo("Europe/Berlin")),
    ("ULN", "{}", {}),
    ("ULN", '{"alt": {"high": 40, "unit": "U/L"}}', {"alt": {"high": 40, "unit": "U/L"}}),
    ("ENABLED_TRIALS", "", ()),
    ("ENABLED_TRIALS", "NCT02947685, NCT03709082", ("NCT02947685", "NCT03709082")),
    ("DRAFTS", "no", False),
    ("DRAFTS", "yes", True),
    ("RECRUITMENT", "any", "any"),
    ("RECRUITMENT", "open", "open"),
    ("AUTH", "jwt", "jwt"),
    ("AUTH", "none", "none"),
    ("CLIENTS", "{}", {}),
    ("CLIENTS", json.dumps({EHR: {"jwks": KEYS}}), {EHR: Client(EHR, KEYS)}),
    ("CLIENTS", json.dumps({EHR: {"jwks": KEYS, "tenants": ["a"]}}), {EHR: Client(EHR, KEYS, "", ("a",))}),
    ("CLIENTS", json.dumps({EHR: {"jwksUrl": f"{EHR}/keys"}}), {EHR: Client(EHR, {}, f"{EHR}/keys")}),
    ("CLIENTS", json.dumps({EHR: {"jwksUrl": f"{EHR}/keys/"}}), {EHR: Client(EHR, {}, f"{EHR}/keys")}),
    ("PUBLIC_URL", "", ""),
    ("PUBLIC_URL", "https://trials.example.org", "https://trials.example.org"),
    ("PUBLIC_URL", "https://trials.example.org:8443/base/", "https://trials.example.org:8443/base"),
    ("PUBLIC_URL", "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ("FHIR_ALLOWED", "", ()),
    ("FHIR_ALLOWED", f"{EHR}/fhir/", (f"{EHR}/fhir",)),
    ("FHIR_ALLOWED", f"{EHR}/fhir, http://lab/r4 https://b/r4", (f"{EHR}/fhir", "http://lab/r4", "https://b/r4")),
    ("FHIR_ALLOWED", f"{EHR}/fhir\n\thttp://[::1]:8080/r4\n", (f"{EHR}/fhir", "http://[::1]:8080/r4")),
    ("FHIR_ANONYMOUS", "yes", True),
    ("FHIR_ANONYMOUS", "no", False),
    ("CERTIFICATE_AUTHORITIES", "", ""),
    ("TIME_BUDGET_MS", "50", 50),
    ("TIME_BUDGET_MS", "60000", 60_000),
    ("MAX_BODY", "1024", 1024),
    ("MAX_BODY", "1073741824", 1 << 30),
    ("TIME_BUDGET_MS", "0050", 50),
    *(
        ("DATABASE_URL", text, text)
        for text in (
            *("sqlite:///trialhook.db", "sqlite:////var/lib/my data/trialhook.db", "sqlite+pysqlite:///a.db?timeout=5"),
            *("postgresql+psycopg://u:p@db/trialhook", "postgresql://db", "postgres://u@[::1]:5432/trialhook"),
            *("postgresql://u:p%40%2F@db:5432/trialhook?sslmode=require", "postgresql:///trialhook?host=/run/postgres"),
        )
    ),
    ("SECRET", "", ()),
    ("SECRET", "s" * MIN_SECRET, ("s" * MIN_SECRET,)),
    ("SECRET", f"{'n' * 40} {'o' * 32}", ("n" * 40, "o" * 32)),
    ("BACKEND_CLIENT_ID", "", ""),
    ("BACKEND_CLIENT_ID", "trialhook at the hospital", "trialhook at the hospital"),
    ("BACKEND_KEY", "", {}),
    ("BACKEND_KEY", json.dumps(KEYS), KEYS),
    ("BACKEND_KEY", json.dumps(KEYS["keys"][0]), KEYS["keys"][0]),
    ("BACKEND_SCOPES", "auto", "auto"),
    ("BACKEND_SCOPES", "system/Patient.rs  system/Observation.rs", "system/Patient.rs system/Observation.rs"),
    ("EXPLAIN_MINUTES", "1", 1),
    ("EXPLAIN_MINUTES", "1440", 1440),
    ("DECISION_LOG", "none", "none"),
    ("DECISION_LOG", "database", "database"),
    ("DECISION_LOG", "/tmp/decisions.ndjson", "/tmp/decisions.ndjson"),
    ("DECISION_KEY", "k" * MIN_SECRET, ("k" * MIN_SECRET,)),
    ("DECISION_INPUTS", "yes", True),
    ("DECISION_DAYS", "0", 0),
    ("DECISION_DAYS", "36500", 36500),
    ("AUDIT_EVENTS", "database", "database"),
    ("AUDIT_EVENTS", "/tmp/audit.ndjson", "/tmp/audit.ndjson"),
    ("AUDIT_EVENTS", "https://audit.example.org/fhir/", "https://audit.example.org/fhir"),
    ("AUDIT_TOKEN", "token~1", "token~1"),
    ("AUDIT_DAYS", "0", 0),
    ("AUDIT_DAYS", "36500", 36500),
    ("UNRECORDED", "answer", "answer"),
    ("CORS_ORIGINS", "", ()),
    ("CORS_ORIGINS", f"{EHR} http://localhost:3000", (EHR, "http://localhost:3000")),
    ("SMART_APP_URL", "", ""),
    ("SMART_APP_URL", "https://app.example.org/launch", "https://app.example.org/launch"),
    ("OTLP_ENDPOINT", "", ""),
    ("OTLP_ENDPOINT", "http://127.0.0.1:4318/", "http://127.0.0.1:4318"),
    ("LOG_LEVEL", "debug", "debug"),
    ("LOG_LEVEL", "error", "error"),
]
WRONG: list[tuple[str, str, str]] = [
    ("TRIALS", "/no/such/folder", "there is no folder /no/such/folder"),
    ("VALUE_SETS", "/no/such/folder", "there is no folder /no/such/folder"),
    *(("TIMEZONE", text, "a time zone such as") for text in ("", "Mars/Phobos", "+02:00", "../UTC", "/etc/localtime")),
    *(("ULN", text, "a JSON") for text in ("", "{", "[]", "no-such-file.json", '{"alt": 40}', '{"alt": 1} more')),
    *(("RECRUITMENT", text, "one of any, open was expected") for text in ("", "Open", "closed", "any,open")),
    *(("ENABLED_TRIALS", text, "ids of trials") for text in ("NCT1/NCT2", "trials/*", "[NCT1]")),
    *(("DRAFTS", text, "one of") for text in ("", "perhaps", "true")),
    *(("AUTH", text, "one of jwt, none was expected") for text in ("", "JWT", "basic", "None")),
    *(("CLIENTS", text, "a JSON file such as") for text in ("", "{", "[]", "no-such-file.json")),
    ("CLIENTS", json.dumps({EHR: {}}), "needs jwks or jwksUrl"),
    ("CLIENTS", json.dumps({EHR: {"jwks": KEYS, "jwksUrl": f"{EHR}/keys"}}), "needs jwks or jwksUrl, and not both"),
    ("CLIENTS", json.dumps({EHR: {"jwks": {"key": []}}}), "a JSON Web Key Set"),
    ("CLIENTS", json.dumps({EHR: {"jwks": KEYS, "tenant": "a"}}), "unknown field"),
    ("CLIENTS", json.dumps({EHR: {"jwks": KEYS, "tenants": "a"}}), "tenants"),
    ("CLIENTS", json.dumps({"the hospital": {"jwks": KEYS}}), "an address such as"),
    ("CLIENTS", json.dumps({EHR: {"jwksUrl": "keys.json"}}), "an address such as"),
    ("CLIENTS", json.dumps({EHR: {"jwksUrl": "https://[::1/keys"}}), "an address such as"),
    ("CLIENTS", json.dumps({EHR: {"jwks": "a\0b"}}), "a JSON file such as"),
    ("CLIENTS", "a\0b", "a JSON file such as"),
    ("CLIENTS", '{"a":' * 100_000, "a JSON file such as"),
    *(("TRIALS", text, "a list of folders") for text in ("a\0b", "a" * 5000)),
    *(("TIMEZONE", text, "a time zone such as") for text in ("a\0b", "a" * 5000, "Europe")),
    *(("ULN", text, "a JSON file such as") for text in ("a\0b", '{"alt": ' + "9" * 5000 + "}", '{"a":' * 100_000)),
    *(
        ("DATABASE_URL", text, "such as sqlite:////var/lib/trialhook/trialhook.db or postgresql://")
        for text in (
            *("", "nonsense", "sqlite", "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///?mode=memory"),
            *("sqlite:///file:a?mode=memory&uri=true", "sqlite://host/a.db", "mysql://u:p@db/x", "postgresql:"),
            *("postgresql://", "postgresql://u:p@db:port/x", "postgresql://u:p@[::1/x", "postgresql://db/x\n"),
            "postgresql+asyncpg://db/x",
        )
    ),
    *(
        (name, text, "an address such as")
        for name in ("PUBLIC_URL", "FHIR_ALLOWED", "SMART_APP_URL", "CORS_ORIGINS", "OTLP_ENDPOINT")
        for text in ("ehr.example.org", "ftp://ehr.example.org", "https://", f"{EHR}?a=1", f"{EHR}#a", "file:///etc")
    ),
    *(
        (name, f"https://{host}", "an address such as")
        for name in ("PUBLIC_URL", "FHIR_ALLOWED")
        for host in ("user@ehr.example.org", "user:pass@ehr.example.org", ":443", "ehr:0", "ehr:65536", "ehr:port")
    ),
    *(
        (name, f"https://{rest}", "an address such as")
        for name in ("PUBLIC_URL", "SMART_APP_URL", "FHIR_ALLOWED", "CORS_ORIGINS", "OTLP_ENDPOINT")
        for rest in ("[::1", "ehr/\x00", "ehr/\x1f", "ehr/\x7f", "ehr/\u00a0", "ehr/\u200b", "ehr/\u2028")
    ),
    *(
        (name, text, "an address such as")
        for name in ("PUBLIC_URL", "SMART_APP_URL", "OTLP_ENDPOINT")
        for text in (f"{EHR}/a b", f"{EHR}/a\tb", f"{EHR}/a\nb", f" {EHR}", f"{EHR}\n", f"{EHR} {EHR}")
    ),
    ("CORS_ORIGINS", f"{EHR}/path", "without a path"),
    ("CORS_ORIGINS", "*", "an address such as"),
    *(("CERTIFICATE_AUTHORITIES", text, "a PEM file of certificates") for text in ("none.pem", "/", "a\0b", __file__)),
    *(("FHIR_ANONYMOUS", text, "one of yes, no was expected") for text in ("", "true", "1", "Yes")),
    *(("TIME_BUDGET_MS", text, "a whole number from 50 to 60000") for text in ("49", "60001", "", "2s", "-50", "1e3")),
    *(("MAX_BODY", text, "a whole number from 1024 to 1073741824") for text in ("1023", "1073741825", "32MB", "²048")),
    ("MAX_BODY", "9" * 5000, "a whole number from 1024 to 1073741824"),
    *(("EXPLAIN_MINUTES", text, "a whole number from 1 to 1440") for text in ("0", "1441", "1.5", " 5", "٥")),
    *(("SECRET", text, "keys of at least 32") for text in ("s", "s" * (MIN_SECRET - 1), f"{'n' * 32} {'o' * 31}")),
    *(("BACKEND_CLIENT_ID", text, "a text without control characters") for text in ("a\0b", "a\nb", " a", "a ")),
    *(("BACKEND_KEY", text, "a JSON Web Key or a key set") for text in ("{", "{}", "[]", "a\0b", '{"a":' * 100_000)),
    *(("BACKEND_SCOPES", text, "auto, v1, v2 or scopes") for text in ("", "v3", "Patient.rs", "system/a user/b")),
    *(
        ("DECISION_LOG", text, "none, database or a file")
        for text in ("", "file", "/tmp", "/none/d.ndjson", "a\0.ndjson")
    ),
    *(("DECISION_KEY", text, f"at least {MIN_SECRET} characters") for text in ("k" * (MIN_SECRET - 1),)),
    *(("DECISION_INPUTS", text, "one of yes, no") for text in ("", "true")),
    *(("DECISION_DAYS", text, "from 0 to 36500") for text in ("-1", "36501", "1.5")),
    *(("AUDIT_EVENTS", text, "") for text in ("", "https://", "https://u:p@audit.example.org", "/none/a.ndjson")),
    *(("AUDIT_TOKEN", text, "a bearer token") for text in ("a b", "a\n", "é")),
    *(("AUDIT_DAYS", text, "from 0 to 36500") for text in ("-1", "36501")),
    *(("UNRECORDED", text, "one of refuse, answer") for text in ("", "yes")),
    *(("LOG_LEVEL", text, "one of debug, info, warning, error") for text in ("", "INFO", "trace")),
]


@pytest.mark.parametrize(("name", "text", "expected"), GOOD)
def test_a_good_value_is_read(name: str, text: str, expected: Any) -> None:
    assert getattr(read(**{name: text}), name.lower()) == expected


@pytest.mark.parametrize(("name", "text", "said"), WRONG)
def test_a_wrong_value_is_refused_with_its_name_and_what_was_expected(name: str, text: str, said: str) -> None:
    message = refused(**{name: text})
    assert message.startswith(f"TRIALHOOK_{name}: ")
    assert said in message
    assert "\n" not in message


def test_every_setting_has_a_good_case_and_every_checked_one_a_wrong_case() -> None:
    names = {setting.name for setting in SETTINGS}
    assert {name for name, *_ in GOOD} == names
    assert {name for name, *_ in WRONG} == names


def test_every_default_is_good_and_every_setting_explained() -> None:
    settings = load({})
    assert settings.values.keys() == {setting.name for setting in SETTINGS}
    for setting in SETTINGS:
        assert settings.texts[setting.name] == setting.default
        assert setting.expects
        assert setting.meaning
        assert setting.variable == f"TRIALHOOK_{setting.name}"
        assert not setting.name.endswith("_FILE")


def test_the_defaults_are_the_safe_ones() -> None:
    settings = load({})
    assert settings.auth == "jwt"
    assert settings.clients == {}
    assert settings.fhir_allowed == settings.cors_origins == ()
    assert settings.timezone == ZoneInfo("UTC")
    assert settings.recruitment == "any"


def test_a_name_that_is_no_setting_is_no_attribute() -> None:
    with pytest.raises(AttributeError):
        _ = load({}).no_such_setting


# ---- folders and files ----


def test_folders_are_separated_as_paths_are(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    text = os.pathsep.join(str(tmp_path / name) for name in ("a", "b"))
    assert read(TRIALS=text).trials == (tmp_path / "a", tmp_path / "b")
    assert "there is no folder" in refused(TRIALS=f"{text}{os.pathsep}{tmp_path / 'c'}")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    assert "there is no folder" in refused(VALUE_SETS=str(tmp_path / "a"))


def test_upper_limits_may_stand_in_a_file(tmp_path: Path) -> None:
    table = {"alt": {"high": "40", "unit": "U/L"}}
    path = tmp_path / "limits.json"
    path.write_text(json.dumps(table))
    assert read(ULN=str(path)).uln == table


def test_clients_may_stand_in_a_file_with_their_keys_beside_it(tmp_path: Path) -> None:
    (tmp_path / "ehr-keys.json").write_text(json.dumps(KEYS))
    (tmp_path / "clients.json").write_text(json.dumps({EHR: {"jwks": "ehr-keys.json"}}))
    assert read(CLIENTS=str(tmp_path / "clients.json")).clients == {EHR: Client(EHR, KEYS)}


def test_keys_that_are_not_there_are_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "clients.json").write_text(json.dumps({EHR: {"jwks": "ehr-keys.json"}}))
    assert refused(CLIENTS=str(tmp_path / "clients.json")).startswith("TRIALHOOK_CLIENTS: a JSON file such as")


# ---- *_FILE ----


def test_every_setting_may_stand_in_a_file(tmp_path: Path) -> None:
    for name, text, expected in GOOD:
        path = tmp_path / "setting"
        path.write_text(f"{text}\n", "utf-8")
        assert getattr(read(**{f"{name}_FILE": str(path)}), name.lower()) == expected


def test_a_setting_and_its_file_are_not_both_taken(tmp_path: Path) -> None:
    path = tmp_path / "setting"
    path.write_text("f" * 40)
    message = refused(SECRET="d" * 40, SECRET_FILE=str(path))
    assert message == "TRIALHOOK_SECRET: set either TRIALHOOK_SECRET or TRIALHOOK_SECRET_FILE, not both"


@pytest.mark.parametrize(("name", "said"), [("nowhere", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_named_by_its_setting(tmp_path: Path, name: str, said: str) -> None:
    message = refused(SECRET_FILE=str(tmp_path / name))
    assert message.startswith("TRIALHOOK_SECRET: the file named by TRIALHOOK_SECRET_FILE cannot be read")
    assert said in message


def test_a_wrong_value_in_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "setting"
    path.write_text("49")
    assert refused(TIME_BUDGET_MS_FILE=str(path)) == (
        "TRIALHOOK_TIME_BUDGET_MS: a whole number from 50 to 60000 was expected"
    )


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "setting"
    path.write_bytes(b"\xff\xfe" + b"s" * 40)
    message = refused(SECRET_FILE=str(path))
    assert message.startswith("TRIALHOOK_SECRET: ")
    assert "UTF-8 text was expected" in message
    assert "ssss" not in message


def test_a_name_of_a_file_that_no_file_can_have_is_refused() -> None:
    assert refused(SECRET_FILE="a\0b").startswith("TRIALHOOK_SECRET: TRIALHOOK_SECRET_FILE: the name of a file")


# ---- all mistakes at once, and none with a secret ----


def test_every_mistake_is_named_at_once() -> None:
    lines = refused(TIMEZONE="Mars", LOG_LEVEL="loud", MAX_BODY="1", SECRETS="x").split("\n")
    assert [line.partition(":")[0] for line in lines] == [
        "TRIALHOOK_SECRETS",
        "TRIALHOOK_TIMEZONE",
        "TRIALHOOK_MAX_BODY",
        "TRIALHOOK_LOG_LEVEL",
    ]


@pytest.mark.parametrize("name", ["TIME_ZONE", "timezone", "TIMEZONE_", "FILE", "_FILE", "TIMEZONE_FILE_FILE", ""])
def test_an_unknown_setting_of_the_prefix_is_refused_and_the_known_ones_listed(name: str) -> None:
    message = refused(**{name: "UTC"})
    assert message.startswith(f"TRIALHOOK_{name}: no such setting; known are TRIALHOOK_TRIALS, ")
    assert all(setting.variable in message for setting in SETTINGS)


def test_what_others_set_is_left_alone() -> None:
    assert load({"PATH": "/usr/bin", "TRIALHOOKS": "x", "trialhook_timezone": "Mars"}).values == load({}).values


SECRET = "correct-horse-battery"


def test_no_message_repeats_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "setting"
    path.write_text(SECRET)
    assert SECRET not in refused(SECRET=SECRET)
    assert SECRET not in refused(SECRET_FILE=str(path))
    assert SECRET not in refused(SECRET=SECRET, SECRET_FILE=str(path))
    assert SECRET not in refused(SECRET_KEY=SECRET)
    assert SECRET not in refused(DATABASE_URL=f"postgresql://u:{SECRET}@db/x", DATABASE_URL_FILE=str(path))
    assert SECRET not in refused(BACKEND_KEY=SECRET)
    assert SECRET not in refused(BACKEND_KEY=json.dumps({"d": SECRET}))
    assert SECRET not in refused(PUBLIC_URL=f"https://user:{SECRET}@ehr.example.org")
    assert SECRET not in refused(CLIENTS=json.dumps({EHR: {"jwks": {"key": [{"k": SECRET}]}}}))


@pytest.mark.parametrize("address", [f"postgresql://u:{SECRET}@db:port/x", f"mysql://u:{SECRET}@db/x", SECRET])
def test_a_wrong_database_address_is_not_repeated(address: str) -> None:
    assert SECRET not in refused(DATABASE_URL=address)


def test_settings_that_are_printed_show_no_secret_and_all_else() -> None:
    secret = f"{SECRET}-{'s' * MIN_SECRET}"
    given = read(
        SECRET=secret,
        DATABASE_URL=f"postgresql://u:{SECRET}@db/x",
        BACKEND_KEY=json.dumps({"kty": "EC", "d": SECRET}),
        DECISION_KEY=secret,
        AUDIT_TOKEN=SECRET,
        TIMEZONE="Europe/Berlin",
    )
    for shown in (repr(given), str(given), f"{given}"):
        assert SECRET not in shown
        assert "TIMEZONE='Europe/Berlin'" in shown
        assert all(f"{setting.name}=***" in shown for setting in SETTINGS if setting.secret)
    assert "SECRET=''" in repr(load({}))


def test_what_may_hold_a_password_is_marked_secret() -> None:
    names = {"AUDIT_TOKEN", "BACKEND_KEY", "DATABASE_URL", "DECISION_KEY", "SECRET"}
    assert {setting.name for setting in SETTINGS if setting.secret} == names


def test_the_environment_of_the_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("TRIALHOOK_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TRIALHOOK_LOG_LEVEL", "warning")
    assert load().log_level == "warning"
