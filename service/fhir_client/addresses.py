"""Addresses in one spelling, so that what may be called is decided on what will be called; and what a caller may ask.

Anything that two readers of an address could take differently (credentials, backslashes, encoded separators) is
refused rather than repaired. Messages never repeat the address: it may name a patient.
"""

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import quote, urljoin, urlsplit

import msgspec

from service.errors import SettingsError, TrialhookError

DEFAULT_PORTS = {"http": 80, "https": 443}
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# an encoded slash, backslash, percent sign or control character is decoded by some servers before they route
_SECOND_READING = re.compile(r"%(?:2F|5C|25|[01][0-9A-F]|7F)")
_REFERENCE = re.compile(r"([A-Za-z]+)(?:/([A-Za-z0-9\-.]{1,64}))?(?:\?(.*))?")


class NotAllowed(TrialhookError):
    """The service may not call this FHIR server, or not in this way."""

    code = "fhir-server-not-allowed"


class Address(msgspec.Struct, frozen=True):
    """An absolute http(s) address: host in lower case (IPv6 without brackets), port always set, path without dot
    segments, escapes in one spelling; no credentials, no fragment."""

    scheme: str
    host: str
    port: int
    path: str
    query: str = ""

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path or '/'}" + (f"?{self.query}" if self.query else "")

    def covers(self, other: "Address") -> bool:
        """Whether the other address is this one or lies under it, whole path segments compared."""
        own = self.path.rstrip("/")
        return self.origin == other.origin and (other.path == own or other.path.startswith(f"{own}/"))

    def under(self, path: str, query: str = "") -> "Address":
        return Address(*self.origin, f"{self.path.rstrip('/')}/{path}", query)


class Within(msgspec.Struct, frozen=True):
    """What of the addresses that a server names may be followed."""

    base: Address

    def redirect(self, location: str, current: Address) -> Address:
        """Where a redirect leads; it counts from what was asked (RFC 9110 section 10.2.2). ValueError where it leads
        out of bounds, or nowhere."""
        if not location:
            raise ValueError("a redirect without an address")
        return self._joined(current.url, location)

    def trusts(self, address: Address) -> bool:
        """Whether the server's token may go to an address."""
        return address.origin == self.base.origin

    def _joined(self, start: str, link: str) -> Address:
        address = parse(urljoin(start, link))
        if not self._holds(address):
            raise ValueError("leads away from the server, to an address that is not listed")
        return address

    def _holds(self, address: Address) -> bool:
        raise NotImplementedError


class Bounds(Within, frozen=True):
    """A server's base, and the listed address that it lies under: its links and redirects may lead there, and nowhere
    else."""

    listed: Address

    def page(self, link: str, current: Address) -> Address:
        """Where the link of a page leads. A relative one counts from the base, one that begins with `?` from the page
        itself. ValueError where it leads out of bounds."""
        return self._joined(current.url if link.startswith("?") else self.base.under("").url, link)

    def _holds(self, address: Address) -> bool:
        return self.listed.covers(address)


class Reach(Within, frozen=True):
    """Where the jobs and files of a server's asynchronous operations may lie: anywhere on its own origin (servers keep
    them beside their FHIR base as often as under it), and under every listed address. Its token stays on its origin."""

    listed: tuple[Address, ...]

    def at(self, link: str) -> Address:
        """Where a link of the server leads; a relative one counts from the base. ValueError where it may not."""
        return self._joined(self.base.under("").url, link)

    def _holds(self, address: Address) -> bool:
        return address.origin == self.base.origin or any(listed.covers(address) for listed in self.listed)


class Question(msgspec.Struct, frozen=True):
    """A read (`searching` false) or a search, and the resource type that it is of."""

    address: Address
    resource_type: str
    searching: bool


def parse(text: str) -> Address:
    """The address in its one spelling. ValueError where it is none, or could be read in two ways."""
    if _CONTROL.search(text) or "\\" in text or text != text.strip():
        raise ValueError("control characters, blanks or backslashes in an address")
    try:
        parts = urlsplit(text)
        scheme, port = parts.scheme.lower(), parts.port
    except ValueError:
        raise ValueError("not an address") from None
    if scheme not in DEFAULT_PORTS or not parts.hostname or port == 0:
        raise ValueError("not an http or https address")
    if "@" in parts.netloc:
        raise ValueError("credentials in an address")
    return Address(
        scheme, _host(parts.hostname), port or DEFAULT_PORTS[scheme], _path(parts.path), encoded(parts.query)
    )


def parse_base(text: str) -> Address:
    """The address of a server: without a query, a fragment or a slash at its end. ValueError as for `parse`."""
    address = parse(text)
    if "?" in text or "#" in text:
        raise ValueError("a query or a fragment in the address of a server")
    return msgspec.structs.replace(address, path=address.path.rstrip("/"))


def parse_allowed(listed: Sequence[str]) -> tuple[Address, ...]:
    """The listed addresses. SettingsError names the place of a wrong one."""
    found = []
    for number, text in enumerate(listed, 1):
        try:
            found.append(parse_base(text))
        except ValueError as problem:
            raise SettingsError(f"allowed FHIR server {number}: {problem}") from None
    return tuple(found)


def in_clear_text(listed: Sequence[str]) -> list[str]:
    """A sentence for each listed server that is asked without TLS and is not this machine. SettingsError as above."""
    exposed = dict.fromkeys(a.origin for a in parse_allowed(listed) if a.scheme == "http" and not _is_loopback(a.host))
    return [
        f"TRIALHOOK_FHIR_ALLOWED: {Address(*origin, '').url} is http: tokens and patients' data go there in clear text"
        for origin in exposed
    ]


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bounds_of(base: Address, allowed: Sequence[Address]) -> Bounds:
    """A base within the widest listed address that covers it. NotAllowed where none does."""
    covering = [address for address in allowed if address.covers(base)]
    if not covering:
        raise NotAllowed("this FHIR server is not among those that the service may call")
    return Bounds(base, min(covering, key=lambda address: len(address.path)))


def question(base: Address, text: str) -> Question:
    """What a relative read (`Patient/1`) or search (`Observation?patient=1`) asks of a server. ValueError for anything
    else: an absolute address, a way up, a version, an operation."""
    match = _REFERENCE.fullmatch(text)
    if match is None or ".." in (match[2] or "") or match[2] == "." or _CONTROL.search(text):
        raise ValueError("not a relative FHIR read or search")
    kind, identity, query = match[1], match[2], encoded(match[3] or "")
    return Question(base.under(f"{kind}/{identity}" if identity else kind, query), kind, identity is None)


def encoded(query: str) -> str:
    """A query as it goes over the wire; escapes that stand in it are kept. ValueError for lone surrogates."""
    return quote(_NO_ESCAPE.sub("%25", query), safe="%/?:@!$&'()*+,;=-._~")


def ip_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host literally is; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _host(text: str) -> str:
    if ":" in text:
        if "%" in text:
            raise ValueError("an IPv6 zone in an address")
        try:
            return ipaddress.IPv6Address(text).compressed
        except ValueError:
            raise ValueError("not an IPv6 address") from None
    host = text.lower().removesuffix(".")
    if not _HOST.fullmatch(host):
        raise ValueError("a host name in ASCII was expected (an international one in its xn-- form)")
    return host


def _path(text: str) -> str:
    if _NO_ESCAPE.search(text):
        raise ValueError("a wrong escape in an address")
    path = _ESCAPE.sub(_one_spelling, quote(text, safe="%/:@!$&'()*+,;=-._~"))
    if _SECOND_READING.search(path):
        raise ValueError("an encoded separator in an address")
    return _without_dots(path)


def _one_spelling(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()


def _without_dots(path: str) -> str:
    """RFC 3986 section 5.2.4; `..;x`, which some servers take for a way up, is refused."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if ";" in segment and segment.partition(";")[0] in (".", ".."):
            raise ValueError("a hidden way up in an address")
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in (".", ".."):
        kept.append("")
    return "".join(f"/{segment}" for segment in kept)
