"""Who may call, from which pages, and what browsers are told: each endpoint, with tokens honest and not."""

import json
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, RSAKey
from werkzeug.test import TestResponse

from service import settings
from service.errors import SettingsError
from service.store import StoreError
from service.web.parts import EXTENSION
from tests.auth.tokens import bearer, claims, ec, jwk, rsa, unsigned, with_hmac
from tests.builders import SINAI, Json, as_json, eligible
from tests.web.conftest import CALL, Serve, call_body, ended, made

ISSUER = "https://ehr.example.org"
PUBLIC = "https://trials.example.org/hooks"
BUNDLE = eligible(SINAI).bundle()
# method, path, body
PROTECTED: dict[str, tuple[str, str, Any]] = {
    "discovery": ("GET", "/cds-services", None),
    "call": ("POST", CALL, call_body()),
    "feedback": ("POST", f"{CALL}/feedback", {"feedback": []}),
    "summary": ("GET", "/feedback/summary", None),
    "evaluate": ("POST", "/evaluate", BUNDLE),
    "getClinicalTrial": ("POST", "/getClinicalTrial", BUNDLE),
    "match": (
        "POST",
        "/fhir/ResearchStudy/$match",
        {"resourceType": "Parameters", "parameter": [{"name": "patient", "resource": BUNDLE}]},
    ),
    "trials": ("GET", "/trials", None),
    "trial": ("GET", f"/trials/{SINAI}", None),
    "studies": ("GET", "/fhir/ResearchStudy", None),
    "study": ("GET", f"/fhir/ResearchStudy/{SINAI}", None),
}
OPEN = ("/healthz", "/readyz", "/metrics", "/openapi.yaml", "/docs", "/explain/none")
_ids = count()


def clients(*keys: Json, **more: Any) -> str:
    return json.dumps({ISSUER: {"jwks": {"keys": list(keys)}} | more})


def protected(**given: str) -> dict[str, str]:
    return {
        "AUTH": "jwt",
        "PUBLIC_URL": PUBLIC,
        "CLIENTS": clients(jwk(ec()), jwk(rsa())),
        "CORS_ORIGINS": "https://ehr.example.org https://sandbox.example.net:8443",
    } | given


def token(path: str, key: ECKey | RSAKey | None = None, **changed: Any) -> str:
    """A fresh token for an endpoint."""
    now = int(time.time())
    whole = {"aud": f"{PUBLIC}{path}", "iat": now, "exp": now + 300, "jti": f"id-{next(_ids)}"}
    return bearer(key or ec(), claims(**whole | changed))


def asked(client: FlaskClient, name: str, authorization: str | None = None, **headers: str) -> TestResponse:
    method, path, body = PROTECTED[name]
    more = {} if body is None else {"data": as_json(body), "content_type": "application/json"}
    given = headers if authorization is None else headers | {"Authorization": authorization}
    return client.open(path, method=method, headers=given, **more)


@pytest.fixture(scope="module")
def guarded_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    app = made(tmp_path_factory.mktemp("guarded"), **protected())
    yield app
    ended(app)


@pytest.fixture
def guarded(guarded_app: Flask) -> FlaskClient:
    return guarded_app.test_client()


# ---- tokens ----------------------------------------------------------------------------------------------------------


def test_every_route_that_is_not_open_is_protected(guarded_app: Flask) -> None:
    told = {path for _, path, _ in PROTECTED.values()}
    for rule in guarded_app.url_map.iter_rules():
        path = rule.rule.replace("<service_id>", "trial-match").replace("<trial_id>", SINAI).replace("<token>", "none")
        known = path in told or path in OPEN or path.startswith(("/docs/", "/static/"))
        assert known, f"{rule.rule} is neither protected nor open"


@pytest.mark.parametrize("name", PROTECTED)
@pytest.mark.parametrize("key", [ec(), rsa()], ids=["ES384", "RS384"])
def test_a_token_for_the_endpoint_opens_it(guarded: FlaskClient, name: str, key: ECKey | RSAKey) -> None:
    path = PROTECTED[name][1]
    assert asked(guarded, name, token(path, key)).status_code == 200


@pytest.mark.parametrize("name", PROTECTED)
def test_without_a_token_it_stays_closed(guarded: FlaskClient, name: str) -> None:
    answer = asked(guarded, name)
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", OPEN)
def test_what_holds_no_patients_data_needs_no_token(guarded: FlaskClient, path: str) -> None:
    assert guarded.get(path).status_code in (200, 404)


def stranger() -> ECKey:
    return ECKey.generate_key("P-384", {"kid": "ec"})


def now(seconds: int) -> int:
    return int(time.time()) + seconds


BAD: dict[str, Callable[[str], str]] = {
    "another endpoint": lambda path: token("/cds-services/other"),
    "the service but not the endpoint": lambda path: token(""),
    "the Host header's address": lambda path: token(path, aud=f"http://localhost{path}"),
    "http for https": lambda path: token(path, aud=f"http://trials.example.org/hooks{path}"),
    "no audience": lambda path: token(path, aud=None),
    "an unknown issuer": lambda path: token(path, iss="https://evil.example.org"),
    "no issuer": lambda path: token(path, iss=None),
    "expired": lambda path: token(path, iat=now(-600), exp=now(-300)),
    "of tomorrow": lambda path: token(path, iat=now(86400), exp=now(86700)),
    "too long a life": lambda path: token(path, exp=now(2 * 3600)),
    "no id": lambda path: token(path, jti=None),
    "another's key": lambda path: token(path, stranger()),
    "an unknown key": lambda path: token(path, ec("unknown")),
    "no algorithm": lambda path: unsigned(
        {"alg": "none", "kid": "ec", "typ": "JWT"}, claims(aud=f"{PUBLIC}{path}", iat=now(0), exp=now(300))
    ),
    "the public key as a password": lambda path: with_hmac(
        json.dumps(jwk(rsa())).encode(), claims(aud=f"{PUBLIC}{path}", iat=now(0), exp=now(300)), "rsa"
    ),
    "another scheme": lambda path: token(path).replace("Bearer", "Basic"),
    "two tokens": lambda path: f"{token(path)}, {token(path)}",
    "no token": lambda path: "Bearer ",
    "text": lambda path: "Bearer a.b.c",
    "very long": lambda path: "Bearer " + "a" * 20_000,
}


def test_every_refusal_is_the_same_answer(guarded: FlaskClient) -> None:
    _, path, _ = PROTECTED["call"]
    told = {}
    for claim, make in BAD.items():
        answer = asked(guarded, "call", make(path))
        assert answer.status_code == 401, claim
        told[claim] = (answer.get_data(), answer.headers["WWW-Authenticate"])
    assert set(told.values()) == {(asked(guarded, "call").get_data(), "Bearer")}


@pytest.mark.parametrize("claim", BAD)
@pytest.mark.parametrize("name", ["discovery", "feedback", "evaluate"])
def test_a_bad_token_opens_nothing(guarded: FlaskClient, name: str, claim: str) -> None:
    assert asked(guarded, name, BAD[claim](PROTECTED[name][1])).status_code == 401


def test_a_token_works_once(guarded: FlaskClient) -> None:
    once = token("/cds-services")
    assert [asked(guarded, "discovery", once).status_code for _ in range(3)] == [200, 401, 401]


def test_a_token_works_once_in_all_processes(serve: Serve) -> None:
    once = token("/cds-services")
    assert [asked(serve(**protected()), "discovery", once).status_code for _ in range(2)] == [200, 401]


def test_an_audience_in_a_list_a_default_port_and_a_slash_more_are_the_same(guarded: FlaskClient) -> None:
    for aud in (
        ["https://elsewhere.example.org", f"{PUBLIC}/cds-services"],
        "https://trials.example.org:443/hooks/cds-services",
        f"{PUBLIC}/cds-services/",
    ):
        assert asked(guarded, "discovery", token("/cds-services", aud=aud)).status_code == 200


def test_a_refused_token_is_not_used_up(guarded: FlaskClient) -> None:
    token_for_a_call = token(CALL)
    assert asked(guarded, "discovery", token_for_a_call).status_code == 401
    assert asked(guarded, "call", token_for_a_call).status_code == 200


def test_a_token_is_looked_at_before_the_body(guarded: FlaskClient) -> None:
    assert guarded.post(CALL, data=b"{", content_type="application/json").status_code == 401
    headers = {"Authorization": token(CALL)}
    assert guarded.post(CALL, data=b"{", content_type="application/json", headers=headers).status_code == 400


def test_a_clock_that_is_a_little_ahead_is_let_in(guarded: FlaskClient) -> None:
    ahead = token("/cds-services", iat=now(3), exp=now(303))
    assert asked(guarded, "discovery", ahead).status_code == 200


def test_where_tokens_cannot_be_remembered_nobody_passes(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve(**protected())

    def away(*_: object) -> bool:
        raise StoreError("the database at sqlite:///secret-place cannot be used")

    gate = client.application.extensions[EXTENSION].gate
    monkeypatch.setattr(gate, "_first_use", away)
    answer = asked(client, "call", token(CALL))
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert answer.headers["Retry-After"] == "5"
    assert "secret-place" not in answer.get_data(as_text=True)
    assert asked(client, "call", BAD["another's key"](CALL)).status_code == 401


def test_the_log_tells_who_called_or_why_not_and_no_token(serve: Serve, capfd: pytest.CaptureFixture[str]) -> None:
    client = serve(**protected(LOG_LEVEL="debug"))
    capfd.readouterr()
    good, bad = token("/cds-services", tenant="ward-7"), token("/cds-services", aud="https://elsewhere.example.org")
    asked(client, "discovery", good)
    asked(client, "discovery", bad)
    text = "".join(capfd.readouterr())
    passed, refused = (json.loads(line) for line in text.splitlines())
    assert (passed["status"], passed["issuer"], passed["tenant"], passed["key"]) == (200, ISSUER, "ward-7", "ec")
    assert passed["jti"].startswith("id-")
    assert (refused["status"], refused["refused"]) == (401, "the token is for another audience")
    for sent in (good, bad):
        assert not any(part in text for part in sent.removeprefix("Bearer ").split(".")[1:])


@pytest.mark.parametrize(
    ("jti", "logged"),
    [
        ("0b3c1f70-7d1c-4f0e-9a55-4c8f5d2f3b11", "0b3c1f70-7d1c-4f0e-9a55-4c8f5d2f3b11"),
        ("a" * 255, "a" * 64),
        ('x "y"\nµ{z}', "x??y????z?"),
    ],
)
def test_the_id_of_a_token_is_logged_as_an_id_and_no_longer(
    serve: Serve, capfd: pytest.CaptureFixture[str], jti: str, logged: str
) -> None:
    client = serve(**protected(LOG_LEVEL="info"))
    capfd.readouterr()
    assert asked(client, "discovery", token("/cds-services", jti=jti)).status_code == 200
    (line,) = "".join(capfd.readouterr()).splitlines()
    assert json.loads(line)["jti"] == logged


# ---- starting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["CLIENTS", "PUBLIC_URL"])
def test_a_protected_service_does_not_start_without_clients_and_its_address(tmp_path: Path, missing: str) -> None:
    given = protected()
    del given[missing]
    with pytest.raises(SettingsError, match=r"TRIALHOOK_CLIENTS.*TRIALHOOK_PUBLIC_URL"):
        made(tmp_path, **given)


def test_calls_are_protected_where_nothing_is_said() -> None:
    assert settings.load({}).auth == "jwt"


@pytest.mark.parametrize("keys", [[], [{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}], [jwk(ec("short", "P-256"))]],
    ids=["none", "a password", "a short curve"])  # fmt: skip
def test_a_protected_service_does_not_start_with_a_client_that_has_no_usable_key(
    tmp_path: Path, keys: list[Json]
) -> None:
    with pytest.raises(SettingsError, match=r"TRIALHOOK_CLIENTS: https://ehr\.example\.org"):
        made(tmp_path, **protected(CLIENTS=clients(*keys)))


# ---- pages of other origins ------------------------------------------------------------------------------------------

ORIGIN = "https://sandbox.example.net:8443"
STRANGERS = ["https://evil.example.org", "http://ehr.example.org", "https://ehr.example.org.evil.org",
    "https://sandbox.example.net", "null", "*", "https://ehr.example.org, https://evil.example.org"]  # fmt: skip


def preflight(client: FlaskClient, path: str, origin: str) -> TestResponse:
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    return client.options(path, headers=wanted | {"Origin": origin})


@pytest.mark.parametrize("name", PROTECTED)
def test_a_preflight_needs_no_token(guarded: FlaskClient, name: str) -> None:
    answer = preflight(guarded, PROTECTED[name][1], ORIGIN)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    methods = answer.headers["Access-Control-Allow-Methods"].replace(" ", "").split(",")
    headers = answer.headers["Access-Control-Allow-Headers"].lower().replace(" ", "").split(",")
    assert {"GET", "POST"} <= set(methods)
    assert {"authorization", "content-type", "accept"} <= set(headers)
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("name", PROTECTED)
def test_what_an_address_offers_may_be_asked_without_a_token(guarded: FlaskClient, name: str) -> None:
    """OPTIONS that is no preflight."""
    method, path, _ = PROTECTED[name]
    answer = guarded.options(path, headers={"Origin": ORIGIN})
    assert answer.status_code == 200
    assert method in answer.headers["Allow"].replace(" ", "").split(",")
    assert answer.get_data() == b""
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize("origin", STRANGERS)
def test_other_origins_are_allowed_nothing(guarded: FlaskClient, origin: str) -> None:
    for answer in (
        preflight(guarded, CALL, origin),
        asked(guarded, "discovery", token("/cds-services"), Origin=origin),
        asked(guarded, "discovery", Origin=origin),
    ):
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")]
        assert "Origin" in answer.headers["Vary"]


def test_without_an_origin_nothing_is_said_of_origins(guarded: FlaskClient) -> None:
    answer = asked(guarded, "discovery", token("/cds-services"))
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Origin" in answer.headers["Vary"]


def test_no_origin_is_allowed_where_none_is_set(shared: FlaskClient) -> None:
    answer = shared.get("/cds-services", headers={"Origin": ORIGIN})
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("status", [200, 400, 401, 404, 405, 412, 413, 415, 500])
def test_a_page_may_read_the_status_whatever_it_is(serve: Serve, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    client = serve(**protected(MAX_BODY="65536"))
    if status == 500:
        monkeypatch.setattr("service.screening.Screening.screen", lambda *_: 1 / 0)
    bodies = {400: b"{", 412: as_json(call_body(prefetch=None)), 413: b"x" * 65537}
    path = "/cds-services/none" if status == 404 else "/evaluate" if status == 405 else CALL
    headers = {"Origin": ORIGIN} | ({} if status == 401 else {"Authorization": token(path)})
    answer = client.open(
        path,
        method="PUT" if status == 405 else "POST",
        data=bodies.get(status, as_json(call_body())),
        content_type="text/plain" if status == 415 else "application/json",
        headers=headers,
    )
    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Origin" in answer.headers["Vary"]


# ---- what browsers are told ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/cds-services", "/trials", "/docs", "/explain/none", "/nope", "/healthz", "/metrics",
    "/static/trialhook.css"])  # fmt: skip
def test_browsers_are_told_not_to_guess_and_not_to_tell(shared: FlaskClient, path: str) -> None:
    answer = shared.get(path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"]
    answer.close()


@pytest.mark.parametrize("name", ["call", "evaluate", "getClinicalTrial", "match"])
def test_answers_about_patients_are_not_kept(shared: FlaskClient, name: str) -> None:
    assert asked(shared, name).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/docs", "/explain/none"])
def test_pages_load_nothing_from_elsewhere_and_are_framed_only_where_allowed(
    shared: FlaskClient, guarded: FlaskClient, path: str
) -> None:
    own = directives(shared.get(path))
    assert own["default-src"] == ["'self'"]
    assert own["object-src"] == own["base-uri"] == ["'none'"]
    assert own["form-action"] == own["frame-ancestors"] == ["'self'"]
    framed = directives(guarded.get(path))
    assert framed["frame-ancestors"] == ["'self'", "https://ehr.example.org", ORIGIN]
    assert not any("unsafe-eval" in said or "*" in said for said in own.values())
    assert "'unsafe-inline'" not in own["default-src"] + own.get("script-src", [])


def directives(answer: TestResponse) -> dict[str, list[str]]:
    assert answer.mimetype == "text/html"
    parts = [part.split() for part in answer.headers["Content-Security-Policy"].split(";") if part.strip()]
    assert len({part[0] for part in parts}) == len(parts)
    return {name: said for name, *said in parts}


def test_https_is_asked_for_where_the_service_is_reached_by_it(shared: FlaskClient, guarded: FlaskClient) -> None:
    assert "max-age" in guarded.get("/healthz").headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in shared.get("/healthz").headers


def test_every_answer_has_an_id_and_keeps_the_callers(shared: FlaskClient) -> None:
    own = [shared.get("/healthz").headers["X-Request-Id"] for _ in range(2)]
    assert own[0] != own[1]
    given = "0f8fad5b-d9cb-469f-a165-70867728950e"
    assert shared.get("/nope", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given
    for wrong in ("short", "Wilhelmina-Zebrowska", "a" * 65, "with blank in it", "<script>alert</script>", "é" * 10):
        kept = shared.get("/healthz", headers={"X-Request-Id": wrong}).headers["X-Request-Id"]
        assert kept != wrong


def test_the_server_behind_is_not_named(shared: FlaskClient) -> None:
    assert "Server" not in shared.get("/healthz").headers
