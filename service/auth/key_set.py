"""A JSON Web Key Set read into the keys that may sign a client's calls, with what is wrong about the others."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.util import base64_to_int

from service.errors import TrialhookError

SigningKey = RSAKey | ECKey

ALGORITHMS: Mapping[str, str] = {"RSA": "RS384", "EC": "ES384"}
MIN_RSA_BITS = 2048


class KeySetError(TrialhookError):
    """A key set cannot be had or cannot be used at all."""

    code = "invalid-key-set"


class KeySet(msgspec.Struct, frozen=True):
    """The usable keys by their ids, a sentence about every key that is not used, and those of the sentences that tell
    of a key which must be considered lost."""

    keys: Mapping[str, SigningKey]
    problems: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


class _LostKey(ValueError):
    """A part of it is here that its owner alone may have."""


class _Jwk(msgspec.Struct, frozen=True):
    """The members of RFC 7517 and 7518 that decide whether a key is usable here."""

    kty: str
    kid: str = ""
    use: str = "sig"
    alg: str = ""
    key_ops: list[str] | None = None
    n: str = ""
    e: str = ""
    crv: str = ""
    x: str = ""
    y: str = ""
    d: Any = None
    k: Any = None


def read_key_set(document: object) -> KeySet:
    """The keys of a parsed JSON document. KeySetError where it is no key set, or names two keys alike."""
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise KeySetError("a JSON Web Key Set with a list `keys` was expected")
    _check_ids(entries)
    keys: dict[str, SigningKey] = {}
    problems: list[str] = []
    lost: list[str] = []
    for place, entry in enumerate(entries, 1):
        try:
            jwk = msgspec.convert(entry, _Jwk)
            keys[jwk.kid] = _signing_key(jwk)
        except (JoseError, ValueError, TypeError) as problem:
            problems.append(f"key {place} is not used: {problem}")
            lost += problems[-1:] if isinstance(problem, _LostKey) else []
    return KeySet(keys, tuple(problems), tuple(lost))


def _check_ids(entries: list[Any]) -> None:
    ids = [entry.get("kid") for entry in entries if isinstance(entry, dict)]
    counts = Counter(kid for kid in ids if isinstance(kid, str))
    if any(count > 1 for count in counts.values()):
        raise KeySetError("several keys of the set have the same `kid`")


def _signing_key(jwk: _Jwk) -> SigningKey:
    _check_purpose(jwk)
    if jwk.kty == "RSA":
        # Measured before the import, which would only warn.
        if base64_to_int(jwk.n).bit_length() < MIN_RSA_BITS:
            raise ValueError(f"an RSA key of at least {MIN_RSA_BITS} bits was expected")
        return RSAKey.import_key({"kty": "RSA", "n": jwk.n, "e": jwk.e})
    return ECKey.import_key({"kty": "EC", "crv": jwk.crv, "x": jwk.x, "y": jwk.y})


def _check_purpose(jwk: _Jwk) -> None:
    if jwk.d is not None or jwk.k is not None:
        raise _LostKey("it holds a private or secret part, which must be considered lost; make a new key")
    if jwk.kty not in ALGORITHMS or (jwk.kty == "EC" and jwk.crv != "P-384"):
        raise ValueError("an RSA key (RS384) or an EC key on P-384 (ES384) was expected")
    if not jwk.kid:
        raise ValueError("it has no `kid`")
    if jwk.use != "sig" or jwk.alg not in ("", ALGORITHMS[jwk.kty]):
        raise ValueError(f"it is not meant for signatures by {ALGORITHMS[jwk.kty]}")
    if jwk.key_ops is not None and "verify" not in jwk.key_ops:
        raise ValueError("its `key_ops` do not allow to verify")
