"""The private keys with which the service proves to authorization servers who it is (RFC 7523, SMART asymmetric)."""

import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey, import_key

from service.errors import SettingsError

LIFETIME = 240  # seconds; 300 are allowed, and clocks differ
SKEW = 5
MIN_RSA_BITS = 2048
_EXPECTED = "a private JWK, or a JWK set of them, was expected: RSA for RS384 or EC on P-384 for ES384, with a kid"


class SigningKey(msgspec.Struct, frozen=True):
    """A private key, its id and the one algorithm that it is used with."""

    id: str
    algorithm: str
    key: RSAKey | ECKey

    def assertion(self, client_id: str, audience: str) -> str:
        """A signed statement of who the client is, for one token URL and one use."""
        now = int(time.time())
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "iat": now - SKEW,
            "exp": now + LIFETIME,
            "jti": uuid.uuid4().hex,
        }
        header = {"alg": self.algorithm, "kid": self.id, "typ": "JWT"}
        return jwt.encode(header, claims, self.key, algorithms=[self.algorithm])


def signing_keys(given: Mapping[str, Any]) -> tuple[SigningKey, ...]:
    """The keys of a JWK or JWK set. SettingsError where one cannot sign; nothing of a key is repeated."""
    members = given.get("keys", [given])
    if not isinstance(members, list) or not members or not all(isinstance(member, dict) for member in members):
        raise SettingsError(f"TRIALHOOK_BACKEND_KEY: {_EXPECTED}")
    return tuple(_signing_key(member, number) for number, member in enumerate(members, 1))


def chosen(keys: Sequence[SigningKey], supported: Collection[str]) -> SigningKey | None:
    """The first key whose algorithm a server supports; the first of all where it does not say which."""
    return next((key for key in keys if not supported or key.algorithm in supported), None)


def _signing_key(member: dict[str, Any], number: int) -> SigningKey:
    try:
        key = import_key(member)
        kid = member.get("kid")
        if not isinstance(kid, str) or not kid or not isinstance(key, RSAKey | ECKey):
            raise ValueError("no kid, or another type of key")
        made = SigningKey(kid, _algorithm(key, member), key)
        made.assertion("trial", "https://example.org")
    except (JoseError, ValueError, TypeError, KeyError):
        raise SettingsError(f"TRIALHOOK_BACKEND_KEY: key {number} cannot sign; {_EXPECTED}") from None
    return made


def _algorithm(key: RSAKey | ECKey, member: Mapping[str, Any]) -> str:
    algorithm = "RS384" if isinstance(key, RSAKey) else "ES384"
    if member.get("alg", algorithm) != algorithm or not key.is_private:
        raise ValueError("a public key, or one for another algorithm")
    if isinstance(key, RSAKey) and key.raw_value.key_size < MIN_RSA_BITS:
        raise ValueError("an RSA key that is too short")
    if isinstance(key, ECKey) and key.curve_name != "P-384":
        raise ValueError("another curve")
    return algorithm
