"""Tokens of the service's own by SMART Backend Services: a signed statement of who it is, for a short-lived token.

Tokens stay in memory, one for each server and set of resource types, and are renewed before they expire.
"""

import re
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from service.errors import SettingsError
from service.fhir_client import scopes
from service.fhir_client.access import NotAuthorized
from service.fhir_client.addresses import Address, NotAllowed
from service.fhir_client.answers import Failure
from service.fhir_client.channel import Request, Retry
from service.fhir_client.keys import SigningKey, chosen, signing_keys
from service.fhir_client.remote import Remote, Reply
from service.fhir_client.servers import JSON, FhirServers

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PATIENCE = 60.0  # seconds for a token, whatever the deadline of what it is for
DEFAULT_LIFETIME = 300.0
MARGIN = 60.0
_FORM = {"Accept": JSON, "Content-Type": "application/x-www-form-urlencoded"}
_CODE = re.compile(r"[a-z_]{1,40}")
_TOKEN = re.compile(r"[\x21-\x7e]+")
_HINTS = {
    "invalid_client": "the server does not know the client id or its public key (TRIALHOOK_BACKEND_CLIENT_ID, "
    "TRIALHOOK_BACKEND_KEY), or takes the registration for expired, or this machine's clock is wrong",
    "invalid_grant": "the server does not take the client's registration, its key or this machine's clock",
    "invalid_scope": "the server does not grant these scopes (TRIALHOOK_BACKEND_SCOPES)",
    "unauthorized_client": "the client is not registered for backend services",
}


class Configuration(msgspec.Struct, frozen=True):
    """What is read of `.well-known/smart-configuration`."""

    token_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] | None = None
    token_endpoint_auth_signing_alg_values_supported: tuple[str, ...] | None = None
    scopes_supported: tuple[str, ...] | None = None
    capabilities: tuple[str, ...] | None = None


class _Granted(msgspec.Struct):
    access_token: str
    token_type: str
    expires_in: float | None = None
    scope: str | None = None


class _OAuthError(msgspec.Struct):
    error: str = ""


class _Endpoint(msgspec.Struct, frozen=True):
    """Where and how one server gives tokens; `url` is in its own spelling, which the audience has to repeat. `narrower`
    are those of the scopes that the server lists, for one that refuses all of them for the sake of one."""

    url: str
    address: Address
    remote: Remote
    key: SigningKey
    scope: str
    narrower: str = ""


class Backend:
    """The service as a client of authorization servers: its id and private keys (a JWK or JWK set).

    `asked` is `auto` (the version of scopes that each server speaks), `v1`, `v2`, or the scopes themselves.
    SettingsError where a key cannot sign. Safe to use from many threads.
    """

    def __init__(self, servers: FhirServers, client_id: str, keys: Mapping[str, Any], asked: str = scopes.AUTO) -> None:
        if not client_id:
            raise SettingsError("a backend client needs its client id (TRIALHOOK_BACKEND_CLIENT_ID)")
        self.client_id = client_id
        self._servers = servers
        self._keys = signing_keys(keys)
        self._asked = asked
        self._known: dict[tuple[str, tuple[str, ...]], BackendAccess] = {}
        self._lock = threading.Lock()

    def access(self, base: str, types: Iterable[str]) -> "BackendAccess":
        """Access to the resource types of one server; the same object, and so the same token, each time."""
        kinds = tuple(sorted(set(types)))
        with self._lock:
            return self._known.setdefault((base, kinds), BackendAccess(self, base, kinds))

    def endpoint(self, base: str, types: Collection[str], deadline: float) -> _Endpoint:
        """What a server's SMART configuration says. NotAuthorized where no token can be had by it."""
        found = self._discover(base, deadline)
        if "private_key_jwt" not in (found.token_endpoint_auth_methods_supported or ("private_key_jwt",)):
            raise NotAuthorized("the server gives no tokens to clients that sign (private_key_jwt)")
        supported = found.token_endpoint_auth_signing_alg_values_supported or ()
        key = chosen(self._keys, supported)
        if key is None:
            raise NotAuthorized("the server takes signatures of none of the keys; SMART asks for RS384 or ES384")
        try:
            address = self._servers.token_endpoint(base, found.token_endpoint)
        except NotAllowed as problem:
            raise NotAuthorized(problem.message) from None
        scope, narrower = self._scopes(types, found)
        return _Endpoint(found.token_endpoint, address, self._servers.remote(base), key, scope, narrower)

    def _discover(self, base: str, deadline: float) -> Configuration:
        answer = self._servers.at(base).smart_configuration(deadline)
        if not answer.complete:
            raise NotAuthorized(f"the server's SMART configuration: {answer.problem}", temporary=answer.temporary)
        try:
            found = msgspec.json.decode(answer.pages[0], type=Configuration)
        except msgspec.DecodeError:
            raise NotAuthorized("the server's SMART configuration cannot be read") from None
        if not found.token_endpoint:
            raise NotAuthorized("the server's SMART configuration names no token endpoint")
        return found

    def _scopes(self, types: Collection[str], found: Configuration) -> tuple[str, str]:
        """The scopes to ask for, and those to ask for where the server refuses these; none if there are no others."""
        if self._asked not in (scopes.AUTO, scopes.V1, scopes.V2):
            return self._asked, ""
        supported = found.scopes_supported or ()
        spoken = self._asked
        if spoken == scopes.AUTO:
            spoken = scopes.version(found.capabilities or (), supported)
        wanted, listed = scopes.wanted(types, spoken), scopes.wanted(scopes.listed(types, supported), spoken)
        return wanted, "" if listed == wanted else listed


class BackendAccess:
    """Tokens for some resource types of one server: `access.Access`. One token is asked for at a time."""

    def __init__(self, backend: Backend, base: str, types: tuple[str, ...]) -> None:
        self._backend = backend
        self._base = base
        self._types = types
        self._endpoint: _Endpoint | None = None
        self._token = ""
        self._until = 0.0
        self._missing: set[str] = set()
        self._refusal: NotAuthorized | None = None
        self._lock = threading.Lock()

    @property
    def not_granted(self) -> tuple[str, ...]:
        return tuple(sorted(self._missing))

    def token(self, deadline: float) -> str:
        with self._lock:
            if not self._token or time.monotonic() >= self._until:
                self._obtain(deadline)
            return self._token

    def renewed(self, refused: str, deadline: float) -> str:
        with self._lock:
            # another thread may have renewed it while this one waited
            if self._token == refused:
                self._obtain(deadline)
            return self._token

    def _obtain(self, deadline: float) -> None:
        """A new token. What the server refused for good is not asked for again."""
        self._token = ""
        if self._refusal is not None:
            raise NotAuthorized(self._refusal.message)
        try:
            self._accept(min(time.monotonic() + PATIENCE, deadline))
        except NotAuthorized as refusal:
            self._refusal = None if refusal.temporary else refusal
            raise

    def _accept(self, until: float) -> None:
        if self._endpoint is None:
            self._endpoint = self._backend.endpoint(self._base, self._types, until)
        endpoint, asked_at = self._endpoint, time.monotonic()
        reply = self._ask(endpoint, until)
        if endpoint.narrower and _error(reply) == "invalid_scope":
            endpoint = self._endpoint = msgspec.structs.replace(endpoint, scope=endpoint.narrower, narrower="")
            reply = self._ask(endpoint, until)
        granted = _granted(reply)
        lifetime = DEFAULT_LIFETIME if granted.expires_in is None else max(granted.expires_in, 0.0)
        self._until = asked_at + lifetime - min(MARGIN, lifetime / 5)
        # a server that does not say what it grants grants what was asked for (RFC 6749 section 5.1)
        scope = endpoint.scope if granted.scope is None else granted.scope
        self._missing |= set(scopes.not_granted(self._types, scope))
        self._token = granted.access_token

    def _ask(self, endpoint: _Endpoint, until: float) -> Reply:
        """The token endpoint's answer; each attempt has an assertion of its own, for they are taken only once."""

        def attempt() -> Reply:
            reply = endpoint.remote.ask_once(self._request(endpoint), until)
            if reply.status == 429 or reply.status >= 500:
                raise Retry(Failure(f"the token endpoint answered {reply.status}", temporary=True), reply.wait)
            return reply

        try:
            return endpoint.remote.retrying(attempt, until)
        except Failure as failure:
            raise NotAuthorized(f"no access token: {failure.problem}", temporary=failure.temporary) from None

    def _request(self, endpoint: _Endpoint) -> Request:
        form = {
            "grant_type": "client_credentials",
            "scope": endpoint.scope,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": endpoint.key.assertion(self._backend.client_id, endpoint.url),
        }
        return Request("POST", endpoint.address, _FORM, body=urlencode(form).encode())


def _granted(reply: Reply) -> _Granted:
    """The token of an answer. NotAuthorized where there is none; the server's own words are not repeated, since they
    may quote the assertion."""
    if reply.status not in (200, 201):
        raise NotAuthorized(f"no access token: {_refused(reply)}")
    try:
        granted = msgspec.json.decode(reply.body, type=_Granted, strict=False)
    except msgspec.DecodeError:
        raise NotAuthorized("no access token: the token endpoint's answer cannot be read") from None
    if granted.token_type.lower() != "bearer" or not _TOKEN.fullmatch(granted.access_token):
        raise NotAuthorized("no access token: the token endpoint gave one that is no bearer token")
    return granted


def _error(reply: Reply) -> str:
    """The OAuth error code of an answer, empty where it names none."""
    try:
        code = msgspec.json.decode(reply.body, type=_OAuthError).error
    except msgspec.DecodeError:
        return ""
    return code if _CODE.fullmatch(code) else ""


def _refused(reply: Reply) -> str:
    code = _error(reply)
    if not code:
        return f"the token endpoint answered {reply.status}"
    hint = _HINTS.get(code)
    return f"the token endpoint answered {code}" + (f": {hint}" if hint else "")
