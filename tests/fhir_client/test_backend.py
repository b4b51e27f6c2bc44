"""Tokens of the service's own: what is signed, what is asked for, how long a token serves, and what ends a try."""

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
import responses
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from service.errors import SettingsError
from service.fhir_client import Backend, FhirServers, NotAuthorized, scopes
from service.fhir_client.keys import LIFETIME
from tests.fhir_client.conftest import BASE, soon

EC: dict[str, Any] = ECKey.generate_key("P-384", {"kid": "ec-1"}).as_dict(private=True)
RSA: dict[str, Any] = RSAKey.generate_key(2048, {"kid": "rsa-1"}).as_dict(private=True)
KEYS = KeySet.import_key_set({"keys": [EC, RSA]})  # type: ignore[typeddict-item]
CONFIGURATION = f"{BASE}/.well-known/smart-configuration"
TOKEN_URL = "https://ehr.example.org/auth/token"
TYPES = ("Observation", "Patient")
Servers = Callable[..., FhirServers]
Json = dict[str, Any]


def configured(mocked: responses.RequestsMock, **other: Any) -> None:
    mocked.get(CONFIGURATION, json={"token_endpoint": TOKEN_URL, "capabilities": ["permission-v2"]} | other)


def granted(token: str = "t1", **other: Any) -> Json:
    return {"access_token": token, "token_type": "Bearer", "expires_in": 300} | other


def form_of(call: responses.Call) -> dict[str, str]:
    body = call.request.body
    assert isinstance(body, bytes)
    return {name: values[0] for name, values in parse_qs(body.decode()).items()}


def posts(mocked: responses.RequestsMock) -> list[responses.Call]:
    return [call for call in mocked.calls if call.request.method == "POST"]  # type: ignore[union-attr, misc]


def backend(servers: FhirServers, keys: Json = EC, asked: str = "auto") -> Backend:
    return Backend(servers, "trialhook-1", keys, asked)


# ---- the assertion and the request


@pytest.mark.parametrize(("key", "algorithm"), [(EC, "ES384"), (RSA, "RS384")])
def test_the_assertion_says_who_for_whom_and_for_how_long(
    mocked: responses.RequestsMock, servers: Servers, key: Json, algorithm: str
) -> None:
    configured(mocked)
    mocked.post(TOKEN_URL, json=granted())
    assert backend(servers(), key).access(BASE, TYPES).token(soon()) == "t1"
    form = form_of(posts(mocked)[0])
    assert form["grant_type"] == "client_credentials"
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert form["scope"] == "system/Observation.rs system/Patient.rs"
    assert set(form) == {"grant_type", "client_assertion_type", "client_assertion", "scope"}
    made = jwt.decode(form["client_assertion"], KEYS, algorithms=[algorithm])
    assert made.header == {"alg": algorithm, "kid": key["kid"], "typ": "JWT"}
    claims = made.claims
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("trialhook-1", "trialhook-1", TOKEN_URL)
    now = time.time()
    assert now - 60 < claims["iat"] < now
    assert claims["exp"] - claims["iat"] <= 300
    assert now < claims["exp"] <= now + LIFETIME


def test_the_audience_is_the_token_url_in_the_servers_own_spelling(
    mocked: responses.RequestsMock, servers: Servers
) -> None:
    spelled = "HTTPS://EHR.example.org:443/auth/token"
    configured(mocked, token_endpoint=spelled)
    mocked.post(TOKEN_URL, json=granted())
    backend(servers()).access(BASE, TYPES).token(soon())
    made = jwt.decode(form_of(posts(mocked)[0])["client_assertion"], KEYS, algorithms=["ES384"])
    assert made.claims["aud"] == spelled


def test_each_attempt_has_an_assertion_of_its_own(mocked: responses.RequestsMock, servers: Servers) -> None:
    configured(mocked)
    mocked.post(TOKEN_URL, status=503)
    mocked.post(TOKEN_URL, body=requests.ConnectionError("reset"))
    mocked.post(TOKEN_URL, json=granted())
    assert backend(servers(retries=2)).access(BASE, TYPES).token(soon()) == "t1"
    used = [jwt.decode(form_of(call)["client_assertion"], KEYS, algorithms=["ES384"]) for call in posts(mocked)]
    assert len({made.claims["jti"] for made in used}) == 3


@pytest.mark.parametrize(
    ("supported", "algorithm"),
    [(None, "ES384"), (["RS384"], "RS384"), (["RS384", "ES384"], "ES384"), (["RS256", "ES384"], "ES384")],
)
def test_the_first_key_that_the_server_takes_is_used(
    mocked: responses.RequestsMock, servers: Servers, supported: list[str] | None, algorithm: str
) -> None:
    configured(mocked, token_endpoint_auth_signing_alg_values_supported=supported)
    mocked.post(TOKEN_URL, json=granted())
    backend(servers(), {"keys": [EC, RSA]}).access(BASE, TYPES).token(soon())
    head = jwt.decode(form_of(posts(mocked)[0])["client_assertion"], KEYS, algorithms=["ES384", "RS384"]).header
    assert head["alg"] == algorithm


# ---- scopes


def test_scopes_that_are_refused_are_asked_for_again_without_those_that_the_server_does_not_list(
    mocked: responses.RequestsMock, servers: Servers
) -> None:
    configured(mocked, scopes_supported=["system/*.rs", "system/Patient.rs", "system/Encounter.rs"])
    mocked.post(TOKEN_URL, json={"error": "invalid_scope"}, status=400)
    mocked.post(TOKEN_URL, json=granted(expires_in=0, scope="system/Patient.rs"))
    mocked.post(TOKEN_URL, json=granted("t2", scope="system/Patient.rs"))
    access = backend(servers()).access(BASE, TYPES)
    assert [access.token(soon()), access.token(soon())] == ["t1", "t2"]
    asked = [form_of(call)["scope"] for call in posts(mocked)]
    assert asked == ["system/Observation.rs system/Patient.rs", "system/Patient.rs", "system/Patient.rs"]
    assert access.not_granted == ("Observation",)


@pytest.mark.parametrize("supported", [[], ["system/*.rs"], ["system/Patient.rs", "system/Observation.read"]])
def test_scopes_that_are_refused_though_the_server_lists_them_or_lists_none_are_not_asked_for_again(
    mocked: responses.RequestsMock, servers: Servers, supported: list[str]
) -> None:
    configured(mocked, scopes_supported=supported)
    mocked.post(TOKEN_URL, json={"error": "invalid_scope"}, status=400)
    assert "invalid_scope" in refused(backend(servers())).message
    assert len(posts(mocked)) == 1


@pytest.mark.parametrize(
    ("capabilities", "supported", "version"),
    [
        (["permission-v2"], ["system/*.read"], "v2"),
        (["permission-v1", "permission-v2"], [], "v2"),
        (["permission-v1"], [], "v1"),
        ([], ["system/*.read"], "v1"),
        ([], ["system/*.read", "system/*.write", "openid", "launch"], "v1"),
        ([], ["system/*.read", "system/*.rs"], "v2"),
        ([], ["patient/*.read"], "v2"),
        ([], [], "v2"),
    ],
)
def test_the_version_of_scopes_is_the_servers(capabilities: list[str], supported: list[str], version: str) -> None:
    assert scopes.version(capabilities, supported) == version


@pytest.mark.parametrize(
    ("asked", "scope"),
    [
        ("auto", "system/Observation.read system/Patient.read"),
        ("v1", "system/Observation.read system/Patient.read"),
        ("v2", "system/Observation.rs system/Patient.rs"),
        ("system/*.read", "system/*.read"),
    ],
)
def test_what_the_setting_says_goes_before_what_the_server_says(
    mocked: responses.RequestsMock, servers: Servers, asked: str, scope: str
) -> None:
    configured(mocked, capabilities=["permission-v1"])
    mocked.post(TOKEN_URL, json=granted())
    backend(servers(), asked=asked).access(BASE, TYPES).token(soon())
    assert form_of(posts(mocked)[0])["scope"] == scope


@pytest.mark.parametrize(
    ("scope", "missing"),
    [
        ("system/Observation.rs system/Patient.rs", ()),
        ("system/*.rs", ()),
        ("system/*.read", ()),
        ("system/*.*", ()),
        ("system/*.cruds", ()),
        ("system/Observation.r system/Observation.s system/Patient.rs", ()),
        ("system/*.r system/Observation.s system/Patient.s", ()),
        ("system/Patient.rs", ("Observation",)),
        ("system/Observation.r system/Patient.rs", ("Observation",)),
        ("system/Observation.write system/Patient.rs", ("Observation",)),
        ("system/Observation.sr system/Patient.rs", ("Observation",)),
        ("system/Observation.rs?category=laboratory system/Patient.rs", ("Observation",)),
        ("patient/Observation.rs system/Patient.rs", ("Observation",)),
        ("", ("Observation", "Patient")),
    ],
)
def test_types_that_a_grant_does_not_stand_for_in_full_are_named(scope: str, missing: tuple[str, ...]) -> None:
    assert scopes.not_granted(TYPES, scope) == missing


@pytest.mark.parametrize(("given", "missing"), [({}, ()), ({"scope": "system/Patient.rs"}, ("Observation",))])
def test_a_narrower_grant_is_told_and_silence_grants_all(
    mocked: responses.RequestsMock, servers: Servers, given: Json, missing: tuple[str, ...]
) -> None:
    configured(mocked)
    mocked.post(TOKEN_URL, json=granted(**given))
    access = backend(servers()).access(BASE, TYPES)
    access.token(soon())
    assert access.not_granted == missing


# ---- how long a token serves


def test_a_token_serves_all_requests_for_the_same_types(mocked: responses.RequestsMock, servers: Servers) -> None:
    configured(mocked)
    mocked.post(TOKEN_URL, json=granted("t1"))
    mocked.post(TOKEN_URL, json=granted("t2"))
    made = backend(servers())
    tokens = [made.access(BASE, kinds).token(soon()) for kinds in (TYPES, tuple(reversed(TYPES)), TYPES)]
    assert tokens == ["t1", "t1", "t1"]
    assert made.access(BASE, ["Condition"]).token(soon()) == "t2"


@pytest.mark.parametrize(
    ("lifetime", "age", "tokens"),
    [
        (300, 239.0, 1),
        (300, 241.0, 2),
        ("300", 239.0, 1),
        (None, 239.0, 1),
        (None, 241.0, 2),
        (10, 7.5, 1),
        (10, 8.5, 2),
    ],
)
def test_a_token_is_renewed_a_margin_before_it_expires(
    mocked: responses.RequestsMock,
    servers: Servers,
    monkeypatch: pytest.MonkeyPatch,
    lifetime: int | str | None,
    age: float,
    tokens: int,
) -> None:
    configured(mocked)
    mocked.post(TOKEN_URL, json=granted(expires_in=lifetime))
    access = backend(servers()).access(BASE, TYPES)
    now = time.monotonic()
    monkeypatch.setattr("service.fhir_client.backend.time.monotonic", lambda: now)
    access.token(now + 1000)
    monkeypatch.setattr("service.fhir_client.backend.time.monotonic", lambda: now + age)
    access.token(now + age + 1000)
    assert len(posts(mocked)) == tokens


def test_threads_that_want_a_token_at_once_share_one(mocked: responses.RequestsMock, servers: Servers) -> None:
    configured(mocked)
    mocked.post(TOKEN_URL, json=granted())
    access, found = backend(servers()).access(BASE, TYPES), list[str]()
    threads = [threading.Thread(target=lambda: found.append(access.token(soon()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, len(posts(mocked))) == (["t1"] * 8, 1)


def test_a_refused_token_is_renewed_once_for_all_who_held_it(mocked: responses.RequestsMock, servers: Servers) -> None:
    configured(mocked)
    mocked.post(TOKEN_URL, json=granted("t1"))
    mocked.post(TOKEN_URL, json=granted("t2"))
    access = backend(servers()).access(BASE, TYPES)
    assert access.token(soon()) == "t1"
    assert [access.renewed("t1", soon()) for _ in range(3)] == ["t2"] * 3
    assert len(posts(mocked)) == 2


def test_a_search_refused_with_401_is_asked_again_with_another_token(
    mocked: responses.RequestsMock, servers: Servers
) -> None:
    configured(mocked)
    mocked.post(TOKEN_URL, json=granted("old"))
    mocked.post(TOKEN_URL, json=granted("new"))
    matcher = responses.matchers.header_matcher
    mocked.get(f"{BASE}/Patient/1", status=401, match=[matcher({"Authorization": "Bearer old"})])
    mocked.get(f"{BASE}/Patient/1", json={"resourceType": "Patient"}, match=[matcher({"Authorization": "Bearer new"})])
    own = servers()
    view = own.authorized(BASE, backend(own).access(BASE, ["Patient"]))
    assert view.at(BASE).read("Patient/1", soon()).complete


def test_a_token_that_is_refused_again_is_not_renewed_again(mocked: responses.RequestsMock, servers: Servers) -> None:
    configured(mocked)
    mocked.post(TOKEN_URL, json=granted("old"))
    mocked.post(TOKEN_URL, json=granted("new"))
    mocked.get(f"{BASE}/Patient/1", status=401)
    own = servers()
    answer = own.authorized(BASE, backend(own).access(BASE, ["Patient"])).at(BASE).read("Patient/1", soon())
    assert (answer.status, len(posts(mocked))) == (401, 2)


def test_only_the_server_that_the_access_is_for_is_asked_with_it(
    mocked: responses.RequestsMock, servers: Servers
) -> None:
    other = "https://lab.example.org/fhir"
    own = servers(BASE, other)
    mocked.get(f"{other}/Patient/1", json={"resourceType": "Patient"})
    view = own.authorized(BASE, backend(own).access(BASE, ["Patient"]))
    assert view.at(other).read("Patient/1", soon()).complete
    assert "Authorization" not in mocked.calls[0].request.headers


# ---- what ends a try


def refused(access_of: Backend) -> NotAuthorized:
    with pytest.raises(NotAuthorized) as caught:
        access_of.access(BASE, TYPES).token(soon())
    return caught.value


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        (400, "invalid_client", "TRIALHOOK_BACKEND_CLIENT_ID"),
        (401, "invalid_client", "TRIALHOOK_BACKEND_KEY"),
        (400, "invalid_scope", "TRIALHOOK_BACKEND_SCOPES"),
        (403, "access_denied", "answered access_denied"),
        (400, "Anna Example, born 1970", "answered 400"),
    ],
)
def test_what_the_server_refuses_for_good_is_asked_once(
    mocked: responses.RequestsMock, servers: Servers, status: int, error: str, told: str
) -> None:
    configured(mocked)
    mocked.post(TOKEN_URL, json={"error": error, "error_description": "Anna"}, status=status)
    made = backend(servers(retries=2))
    problems = [refused(made), refused(made)]
    assert [told in problem.message and "Anna" not in problem.message for problem in problems] == [True, True]
    assert (problems[0].temporary, len(posts(mocked))) == (False, 1)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_failing_token_endpoint_is_tried_again_now_and_later(
    mocked: responses.RequestsMock, servers: Servers, status: int
) -> None:
    configured(mocked)
    for _ in range(3):
        mocked.post(TOKEN_URL, json={"error": "server_error"}, status=status)
    mocked.post(TOKEN_URL, json=granted())
    made = backend(servers(retries=2))
    assert refused(made).temporary
    assert made.access(BASE, TYPES).token(soon()) == "t1"


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": "t1", "token_type": "mac"},
        {"access_token": "", "token_type": "bearer"},
        {"access_token": "a b", "token_type": "bearer"},
        {"token_type": "bearer"},
        [],
    ],
)
def test_an_answer_without_a_bearer_token_is_refused(
    mocked: responses.RequestsMock, servers: Servers, answer: Any
) -> None:
    configured(mocked)
    mocked.post(TOKEN_URL, json=answer)
    assert "no access token" in refused(backend(servers())).message


@pytest.mark.parametrize(
    ("configuration", "told"),
    [
        ({"token_endpoint_auth_methods_supported": ["client_secret_basic"]}, "private_key_jwt"),
        ({"token_endpoint_auth_signing_alg_values_supported": ["RS384"]}, "signatures"),
        ({"token_endpoint": None}, "cannot be read"),
        ({"token_endpoint": ""}, "names no token endpoint"),
        ({"token_endpoint": "https://evil.example.com/token"}, "host that the service may not call"),
        ({"token_endpoint": "http://ehr.example.org/token"}, "host that the service may not call"),
        ({"token_endpoint": "/auth/token"}, "cannot be called"),
    ],
)
def test_a_configuration_that_does_not_serve_is_refused(
    mocked: responses.RequestsMock, servers: Servers, configuration: Json, told: str
) -> None:
    configured(mocked, **configuration)
    assert told in refused(backend(servers())).message


@pytest.mark.parametrize("listed", ["https://login.example.org/oauth2", "https://login.example.org"])
def test_a_token_endpoint_elsewhere_serves_where_its_origin_is_listed(
    mocked: responses.RequestsMock, servers: Servers, listed: str
) -> None:
    configured(mocked, token_endpoint="https://login.example.org/oauth2/token")
    mocked.post("https://login.example.org/oauth2/token", json=granted())
    assert backend(servers(BASE, listed)).access(BASE, TYPES).token(soon()) == "t1"


def test_a_server_with_tls_gets_no_assertion_without(mocked: responses.RequestsMock, servers: Servers) -> None:
    configured(mocked, token_endpoint="http://login.example.org/token")
    assert "without TLS" in refused(backend(servers(BASE, "http://login.example.org"))).message


def test_the_assertion_follows_no_redirect(mocked: responses.RequestsMock, servers: Servers) -> None:
    configured(mocked)
    mocked.post(TOKEN_URL, status=307, headers={"Location": f"{BASE}/elsewhere"})
    assert "redirects a POST" in refused(backend(servers())).message
    assert len(posts(mocked)) == 1


def test_a_refusal_is_an_answer_to_those_who_search(mocked: responses.RequestsMock, servers: Servers) -> None:
    configured(mocked)
    mocked.post(TOKEN_URL, json={"error": "invalid_client"}, status=400)
    own = servers()
    server = own.authorized(BASE, backend(own).access(BASE, TYPES)).at(BASE)
    answers = server.ask_all({"a": "Patient/1", "b": "Observation?patient=1"}, soon())
    assert all("invalid_client" in answer.problem for answer in answers.values())


def test_neither_tokens_nor_assertions_nor_keys_are_logged_or_told(
    mocked: responses.RequestsMock, servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    configured(mocked)
    mocked.post(TOKEN_URL, json=granted("very-secret-token"))
    access = backend(servers()).access(BASE, TYPES)
    access.token(soon())
    assertion = form_of(posts(mocked)[0])["client_assertion"]
    for secret in ("very-secret-token", assertion, str(EC["d"])):
        assert secret not in caplog.text + repr(access)


# ---- keys


def _without(key: Json, *names: str) -> Json:
    return {name: value for name, value in key.items() if name not in names}


@pytest.mark.parametrize(
    "key",
    [
        {},
        {"keys": []},
        {"keys": "none"},
        {"keys": [None]},
        _without(EC, "d"),
        _without(EC, "kid"),
        EC | {"kid": 7},
        EC | {"alg": "ES256"},
        EC | {"x": "AAAA"},
        _without(RSA, "d", "p", "q", "dp", "dq", "qi"),
        {"keys": [EC, _without(RSA, "kid")]},
        ECKey.generate_key("P-256", {"kid": "k"}).as_dict(private=True),
        OctKey.generate_key(384, {"kid": "k"}).as_dict(private=True),
    ],
)
def test_a_key_that_cannot_sign_is_refused_at_the_start(servers: Servers, key: Json) -> None:
    with pytest.raises(SettingsError) as caught:
        backend(servers(), key)
    for secret in ("d", "x", "n"):
        assert str(EC.get(secret, RSA.get(secret))) not in caught.value.message


def test_a_client_without_an_id_is_refused(servers: Servers) -> None:
    with pytest.raises(SettingsError, match="BACKEND_CLIENT_ID"):
        Backend(servers(), "", EC)


def test_a_key_set_as_text_is_read(servers: Servers) -> None:
    assert backend(servers(), json.loads(json.dumps({"keys": [RSA, EC]}))).client_id == "trialhook-1"
