"""Where a client's keys come from when it publishes them at an address: fetched within limits, and kept."""

import ipaddress
import math
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
import requests
import structlog
import urllib3

from service.auth.key_set import KeySet, KeySetError, SigningKey, read_key_set

MAX_BYTES = 256 * 1024
TIMEOUT_SECONDS = 3.0

FRESH_SECONDS = 600
STALE_SECONDS = 24 * 3600
UNKNOWN_KEY_SECONDS = 60
RETRY_SECONDS = 10

_log = structlog.get_logger(__name__)


def allowed_address(address: str) -> bool:
    """Keys come over https, or unencrypted from this machine alone: whoever can change them can be anyone."""
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def fetch_key_set(address: str, certificates: str = "") -> KeySet:
    """The key set at an address. KeySetError where it does not come, is too large, too slow, or no key set.

    `certificates` is a file of certificate authorities in place of the public ones.
    """
    if not allowed_address(address):
        raise KeySetError("an https address was expected")
    try:
        return read_key_set(msgspec.json.decode(_body(address, certificates)))
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as problem:
        raise KeySetError(f"the key set could not be fetched ({type(problem).__name__})") from None
    except (msgspec.MsgspecError, RecursionError):
        raise KeySetError("the key set is not JSON") from None


def _body(address: str, certificates: str) -> bytes:
    end = time.monotonic() + TIMEOUT_SECONDS
    body = bytearray()
    # A redirect could lead the request to a host that nobody registered.
    with requests.get(
        address,
        headers={"Accept": "application/jwk-set+json, application/json"},
        timeout=TIMEOUT_SECONDS,
        verify=certificates or True,
        allow_redirects=False,
        stream=True,
    ) as response:
        if response.status_code != requests.codes.ok:
            raise KeySetError(f"the address of the key set answered with status {response.status_code}")
        # read1 gives what has arrived, so that the limits also hold against a server that trickles.
        while chunk := response.raw.read1(65536, decode_content=True):
            body += chunk
            if len(body) > MAX_BYTES:
                raise KeySetError(f"the key set has more than {MAX_BYTES} bytes")
            if time.monotonic() > end:
                raise KeySetError(f"the key set took more than {TIMEOUT_SECONDS:g} seconds")
    return bytes(body)


class _Held(msgspec.Struct, frozen=True):
    keys: KeySet
    at: float


class PublishedKeys:
    """The keys at an address. Fetched when first needed, renewed after ten minutes and, at most once a minute, for
    a key id that is not among them; after failed renewals the last keys serve for a day. Safe between threads. `clock`
    is one that nobody sets: by a wall clock that jumped back, withdrawn keys would serve on and new ones not be found.
    """

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic, certificates: str = "") -> None:
        self._address = address
        self._certificates = certificates
        self._clock = clock
        self._fetching = threading.Lock()
        self._held: _Held | None = None
        self._failed = -math.inf
        self._asked_for_unknown = -math.inf

    def find(self, key_id: str) -> SigningKey | None:
        held = self._held
        if held is None or self._clock() - held.at >= FRESH_SECONDS:
            held = self._renewed(held)
        elif key_id not in held.keys.keys:
            held = self._asked_again(held)
        if held is None or self._clock() - held.at >= STALE_SECONDS:
            return None
        return held.keys.keys.get(key_id)

    def _renewed(self, seen: _Held | None) -> _Held | None:
        # Only callers that have no keys at all wait for another's fetch; the others go on with the old ones.
        if not self._fetching.acquire(blocking=seen is None):
            return seen
        try:
            if self._held is seen and self._clock() - self._failed >= RETRY_SECONDS:
                self._fetch()
            return self._held
        finally:
            self._fetching.release()

    def _asked_again(self, seen: _Held) -> _Held | None:
        with self._fetching:
            now = self._clock()
            if self._held is seen and now - self._asked_for_unknown >= UNKNOWN_KEY_SECONDS:
                self._asked_for_unknown = now
                self._fetch()
            return self._held

    def _fetch(self) -> None:
        try:
            self._held = _Held(fetch_key_set(self._address, self._certificates), self._clock())
        except KeySetError as problem:
            self._failed = self._clock()
            _log.warning("key-set-not-renewed", address=self._address, problem=problem.message)
