"""A bearer token read strictly, before anything in it is believed. Nobody's signature is checked here."""

import base64
import re
from typing import Annotated, Any

import msgspec

from service.errors import TrialhookError

MAX_CHARACTERS = 8192

_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([\w-]+)\.([\w-]+)\.([\w-]+)", re.ASCII)

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_Seconds = int | float


class Unauthorized(TrialhookError):
    """The call is refused. The message is for the log alone, never for the caller, and quotes nothing of the token."""

    code = "unauthorized"


class Header(msgspec.Struct, frozen=True):
    """The JOSE header as far as it counts: keys or places of keys that a token brings along are not even read."""

    alg: str
    kid: _Name
    typ: str | None = None
    crit: Any = msgspec.UNSET
    b64: Any = msgspec.UNSET


class Claims(msgspec.Struct, frozen=True):
    """The claims of a CDS client (CDS Hooks 2.0, Trusting CDS Clients); times are seconds since 1970 in UTC."""

    iss: _Name
    aud: str | list[str]
    exp: _Seconds
    iat: _Seconds
    jti: _Name
    nbf: _Seconds | None = None
    tenant: str | None = None

    @property
    def audiences(self) -> list[str]:
        return [self.aud] if isinstance(self.aud, str) else self.aud


class Token(msgspec.Struct, frozen=True):
    """What a token says, and its text for the check of the signature."""

    text: str
    header: Header
    claims: Claims


def read_token(authorization: str | None) -> Token:
    """The one bearer token of an Authorization header. Unauthorized where it is not exactly that."""
    header, claims, signature = _segments(authorization)
    try:
        token = Token(
            f"{header}.{claims}.{signature}",
            msgspec.json.decode(_decoded(header), type=Header),
            msgspec.json.decode(_decoded(claims), type=Claims),
        )
    except (ValueError, RecursionError):  # msgspec's own errors are ValueErrors
        raise Unauthorized("the header or the claims of the token are not of the required form") from None
    _check_header(token.header)
    return token


def _segments(authorization: str | None) -> tuple[str, str, str]:
    if not authorization:
        raise Unauthorized("no Authorization header")
    if len(authorization) > MAX_CHARACTERS:
        raise Unauthorized(f"the Authorization header has more than {MAX_CHARACTERS} characters")
    # Several headers reach a WSGI application joined by a comma, which the pattern has no place for.
    found = _BEARER.fullmatch(authorization)
    if found is None:
        raise Unauthorized("the Authorization header is not one Bearer token in three parts")
    return found[1], found[2], found[3]


def _decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _check_header(header: Header) -> None:
    if header.typ is not None and header.typ.upper() != "JWT":
        raise Unauthorized("the type of the token is not JWT")
    # RFC 7515 section 4.1.11: an extension that must be understood and is not makes the token invalid.
    if header.crit is not msgspec.UNSET or header.b64 is not msgspec.UNSET:
        raise Unauthorized("the token asks for extensions of the signature format")
