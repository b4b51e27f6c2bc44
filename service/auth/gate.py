"""The gate before every call of a CDS client: its token is checked in the order that tells the least to a stranger.

CDS Hooks 2.0, section Trusting CDS Clients: issuer, audience, times, tenant, signature, and last that it is the
first use. Nothing is stored or fetched for a caller whose issuer is not listed.
"""

import math
import time
from collections.abc import Callable, Collection, Mapping

import msgspec
from joserfc import jws
from joserfc.errors import JoseError

from service.auth import audience
from service.auth.key_set import ALGORITHMS, KeySetError, SigningKey, read_key_set
from service.auth.key_source import PublishedKeys
from service.auth.token import MAX_CHARACTERS, Claims, Token, Unauthorized, read_token
from service.setting_values import Client

LEEWAY_SECONDS = 5  # clients round to whole seconds, and clocks differ
MAX_LIFETIME_SECONDS = 3600

KeyFinder = Callable[[str], SigningKey | None]


class Caller(msgspec.Struct, frozen=True):
    """A client whose token was checked. `tenant` is empty where the token names none."""

    issuer: str
    tenant: str
    key_id: str
    token_id: str


class _Registry(jws.JWSRegistry):
    """RS384 and ES384, whatever the token asks for; header members without meaning here are passed over."""

    max_header_length = MAX_CHARACTERS

    def __init__(self) -> None:
        super().__init__(algorithms=tuple(ALGORITHMS.values()), strict_check_header=False)


_REGISTRY = _Registry()


class Gate:
    """Checks tokens of the listed clients.

    `first_use(issuer, token_id, expires)` must be true once, for all processes together, until `expires` (seconds
    since 1970); what it raises goes to the caller of `check`, so that nobody passes while it cannot be asked.
    """

    def __init__(
        self,
        clients: Mapping[str, Client],
        first_use: Callable[[str, str, int], bool],
        *,
        clock: Callable[[], float] = time.time,
        certificates: str = "",
    ) -> None:
        self._clients = clients
        self._first_use = first_use
        self._clock = clock
        self._finders = {issuer: _key_finder(client, certificates) for issuer, client in clients.items()}

    def check(self, authorization: str | None, audiences: Collection[str]) -> Caller:
        """The caller that the Authorization header proves, for one of the audiences. Unauthorized otherwise."""
        token = read_token(authorization)
        claims = token.claims
        if claims.iss not in self._clients:
            raise Unauthorized("the issuer is not listed")
        if not audience.names_one_of(claims.audiences, audiences):
            raise Unauthorized("the token is for another audience")
        _check_times(claims, self._clock())
        _check_tenant(claims, self._clients[claims.iss].tenants)
        self._check_signature(token)
        # A token is let in until its end and the leeway; so long its id must be remembered.
        if not self._first_use(claims.iss, claims.jti, math.ceil(claims.exp) + LEEWAY_SECONDS):
            raise Unauthorized("the token was used before")
        return Caller(claims.iss, claims.tenant or "", token.header.kid, claims.jti)

    def _check_signature(self, token: Token) -> None:
        key = self._finders[token.claims.iss](token.header.kid)
        if key is None:
            raise Unauthorized("the client has no usable key of this id")
        # The key's type fixes the algorithm; the token may only agree.
        if token.header.alg != ALGORITHMS[key.key_type]:
            raise Unauthorized("the algorithm is not the one of the key")
        try:
            jws.deserialize_compact(token.text, key, registry=_REGISTRY)
        except (JoseError, ValueError, RecursionError):
            raise Unauthorized("the signature is wrong") from None


def _check_times(claims: Claims, now: float) -> None:
    if claims.exp <= now - LEEWAY_SECONDS:
        raise Unauthorized("the token has expired")
    if max(claims.iat, claims.nbf or 0) > now + LEEWAY_SECONDS:
        raise Unauthorized("the token is not valid yet")
    if not 0 <= claims.exp - claims.iat <= MAX_LIFETIME_SECONDS:
        raise Unauthorized(f"the token does not end within {MAX_LIFETIME_SECONDS} seconds of its beginning")


def _check_tenant(claims: Claims, tenants: Collection[str]) -> None:
    if tenants and claims.tenant not in tenants:
        raise Unauthorized("the tenant is not listed for the issuer")


def _key_finder(client: Client, certificates: str) -> KeyFinder:
    if client.key_set_url:
        return PublishedKeys(client.key_set_url, certificates=certificates).find
    try:
        return read_key_set(client.key_set).keys.get
    except KeySetError:  # told by check_clients; the client's calls are refused
        return _no_key


def _no_key(key_id: str) -> SigningKey | None:
    return None
