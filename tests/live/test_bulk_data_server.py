"""`trialhook screen --bulk` against SMART's public bulk data server, with the faults that it can be told to play: the
results are those of its files, or what is missing is told.

BULK_DATA_SERVER is the address of one that runs on loopback (`npm start` in smart-on-fhir/bulk-data-server, with
BASE_URL set to that address); its data are what it is loaded with. It blocks who asks too often for five minutes.
"""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from joserfc.jwk import ECKey

from tests.builders import as_json
from tests.live.servers import clean_environment

SERVER = os.environ.get("BULK_DATA_SERVER", "").rstrip("/")
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not SERVER, reason="BULK_DATA_SERVER names no SMART bulk data server to test with"),
]
KEY = ECKey.generate_key("P-384", {"kid": "test", "alg": "ES384"})


class Ran(NamedTuple):
    """What a screening gave."""

    code: int
    results: bytes
    errors: list[str]
    gaps: list[str]
    err: str


def base(**playing: Any) -> str:
    """The FHIR base URL at which the server plays what is named: `err`, `page`, `m`, `del`, `secure`."""
    played = base64.urlsafe_b64encode(as_json(playing)).decode().rstrip("=")
    return f"{SERVER}/{played}/fhir"


def client(**registered: Any) -> dict[str, str]:
    """Settings of a client registered with the server: `err`, and `dur`, the minutes that its tokens last."""
    keys = {"jwks": json.dumps({"keys": [KEY.as_dict(private=False)]})}
    answer = requests.post(f"{SERVER}/auth/register", data=keys | registered, timeout=60)
    answer.raise_for_status()
    key = json.dumps(KEY.as_dict(private=True))
    return {"TRIALHOOK_BACKEND_CLIENT_ID": answer.text, "TRIALHOOK_BACKEND_KEY": key}


def command(source: str, out: Path, *options: str) -> list[str]:
    given = ["--out", str(out), "--as-of", "2026-11-21", "--progress", "plain", *options]
    return [sys.executable, "-m", "service", "screen", source, *given]


def screened(source: str, out: Path, *options: str, **settings: str) -> Ran:
    own = clean_environment() | settings
    ran = subprocess.run(command(source, out, *options), capture_output=True, text=True, env=own, check=False)
    results, errors, summary = (out / name for name in ("results.ndjson", "errors.ndjson", "summary.json"))
    return Ran(
        ran.returncode,
        results.read_bytes() if results.exists() else b"",
        errors.read_text().splitlines() if errors.exists() else [],
        [gap["type"] for gap in json.loads(summary.read_text())["gaps"]] if summary.exists() else [],
        ran.stderr,
    )


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """An export that goes well, without tokens."""
    ran = screened(base(), tmp_path_factory.mktemp("expected") / "out", "--bulk")
    assert (ran.code, ran.errors) == (0, []), ran.err
    return ran


@pytest.mark.parametrize("level", ["patient", "system"])
def test_each_level(expected: Ran, tmp_path: Path, level: str) -> None:
    assert screened(base(), tmp_path / "out", "--bulk", "--level", level).results == expected.results


def test_tokens_without_settings_for_scopes(expected: Ran, tmp_path: Path) -> None:
    ran = screened(base(secure=1), tmp_path / "out", "--bulk", **client())
    assert (ran.code, ran.gaps, ran.results) == (0, expected.gaps, expected.results), ran.err


def test_a_transient_error_is_passed_over(expected: Ran, tmp_path: Path) -> None:
    ran = screened(base(err="transient_error"), tmp_path / "out", "--bulk")
    assert (ran.code, ran.results) == (0, expected.results), ran.err


def test_files_that_failed_are_told(tmp_path: Path) -> None:
    ran = screened(base(err="some_file_generation_failed"), tmp_path / "out", "--bulk")
    assert ran.code == 1
    assert any("error processing" in row for row in ran.errors)
    assert ran.gaps != []


@pytest.mark.parametrize(
    ("playing", "told"),
    [
        ({"err": "file_expired"}, "the server does not have the file any more"),
        ({"err": "file_generation_failed"}, "the server does not export: it answered 500"),
        ({"page": 1}, "the export failed: the server answered 413"),
    ],
)
def test_what_cannot_be_had_is_told(tmp_path: Path, playing: dict[str, Any], told: str) -> None:
    ran = screened(base(**playing), tmp_path / "out", "--bulk")
    assert (ran.code, ran.results) == (3, b"")
    assert told in ran.err


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("token_invalid_token", "invalid_client"),
        ("token_expired_registration_token", "invalid_grant"),
        ("token_invalid_scope", "invalid_scope"),
        ("invalid_jti", "invalid_grant"),
        ("request_invalid_token", "401"),
        ("request_expired_token", "401"),
    ],
)
def test_tokens_that_are_refused_are_told(tmp_path: Path, error: str, told: str) -> None:
    ran = screened(base(secure=1), tmp_path / "out", "--bulk", **client(err=error))
    assert (ran.code, ran.results) == (3, b"")
    assert told in ran.err


def test_killed_among_the_files_and_resumed_with_tokens_of_a_minute(expected: Ran, tmp_path: Path) -> None:
    source, out, settings = base(secure=1, page=1000), tmp_path / "out", client(dur=1)
    own = clean_environment() | settings
    with subprocess.Popen(command(source, out, "--bulk"), stderr=subprocess.DEVNULL, env=own) as process:
        until = time.monotonic() + 300
        while not list(out.glob("work/fetched/export*/0003.*")) and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    ran = screened(source, out, "--bulk", "--resume", **settings)
    assert (ran.code, ran.gaps, ran.results) == (0, expected.gaps, expected.results), ran.err
