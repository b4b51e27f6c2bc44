"""Keys and tokens of invented CDS clients, honest and not."""

import base64
import hashlib
import hmac
import json
from functools import cache
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from service.setting_values import Client

NOW = 1_800_000_000.0
ISSUER = "https://ehr.example.org"
AUDIENCE = "https://trials.example.org/cds-services/trial-match"

ALGORITHMS = ["ES256", "ES384", "ES512", "RS256", "RS384", "PS384"]


@cache
def ec(name: str = "ec", curve: str = "P-384") -> ECKey:
    return ECKey.generate_key(curve, {"kid": name})


@cache
def rsa(name: str = "rsa", bits: int = 2048) -> RSAKey:
    return RSAKey.generate_key(bits, {"kid": name})


def jwk(key: ECKey | RSAKey, **changed: Any) -> dict[str, Any]:
    """The public part, as a client would publish it."""
    return {**key.as_dict(private=False), "use": "sig", **changed}


def client(*keys: dict[str, Any], tenants: tuple[str, ...] = ()) -> Client:
    return Client(ISSUER, {"keys": list(keys)}, "", tenants)


def claims(**changed: Any) -> dict[str, Any]:
    """Claims that pass; a change to None leaves the claim out."""
    whole = {"iss": ISSUER, "aud": AUDIENCE, "iat": int(NOW), "exp": int(NOW) + 300, "jti": "one", **changed}
    return {name: value for name, value in whole.items() if value is not None}


def bearer(key: ECKey | RSAKey, said: dict[str, Any], alg: str = "", **header: Any) -> str:
    """An Authorization header with a token signed by the key, by default under the key's own id."""
    algorithm = alg or {"RSA": "RS384", "EC": "ES384"}[key.key_type]
    protected = {"alg": algorithm, "kid": key.kid, "typ": "JWT", **header}
    protected = {name: value for name, value in protected.items() if value is not None}
    registry = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    registry.max_header_length = 8192
    return "Bearer " + jws.serialize_compact(protected, json.dumps(said), key, registry=registry)


def unsigned(header: object, said: object, signature: bytes = b"") -> str:
    return "Bearer " + ".".join(segment(part) for part in (json.dumps(header), json.dumps(said), signature))


def with_hmac(secret: bytes, said: dict[str, Any], kid: str) -> str:
    """A token "signed" by HMAC with something that is public."""
    header = {"alg": "HS384", "kid": kid, "typ": "JWT"}
    text = f"{segment(json.dumps(header))}.{segment(json.dumps(said))}"
    return f"Bearer {text}.{segment(hmac.digest(secret, text.encode(), hashlib.sha384))}"


def segment(content: str | bytes) -> str:
    raw = content.encode() if isinstance(content, str) else content
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
