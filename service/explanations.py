"""Explanations behind the links on cards: sealed, kept for minutes, and opened only by the link itself.

The link holds no patient's data and the database opens nothing: what is kept can be read only with both, and with
the service's secret. Sealing and storing happen in the background; the call that makes the link does not wait.
"""

import contextlib
import hashlib
import hmac
import queue
import secrets as randomness
import threading
import time
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Protocol

import msgspec
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from service import metrics
from service.store import SealedRow
from service.store.forks import renew_in_child

QUEUE_LENGTH = 256
GATHERING_SECONDS = 0.1  # a transaction costs more than what it writes
WAIT_SECONDS = 1.0
WRITING_SECONDS = 10  # so long after its making a row may still be on its way
POLL_SECONDS = 0.05
CLOCK_DIFFERENCE_SECONDS = 60  # between instances

_EXPIRES_BYTES, _RANDOM_BYTES, _MAC_BYTES = 5, 16, 16
_TOKEN_BYTES = _EXPIRES_BYTES + _RANDOM_BYTES + _MAC_BYTES
_TOKEN_CHARACTERS = -(-_TOKEN_BYTES * 4 // 3)

_log = structlog.get_logger(__name__)


class NotOpened(Enum):
    """Why a link shows nothing: its time is over, or nothing is known of it (forged, lost, altered)."""

    EXPIRED = "expired"
    UNKNOWN = "unknown"


class Shelf(Protocol):
    """The part of the store that is needed here."""

    def keep_explanations(self, rows: Sequence[SealedRow]) -> None: ...

    def explanation(self, name: bytes, now: int) -> bytes | None: ...


class _Ticket(msgspec.Struct, frozen=True):
    """What a token says: when it ends (seconds since 1970), and the random part that no one else knows."""

    expires: int
    random: bytes

    @property
    def head(self) -> bytes:
        return self.expires.to_bytes(_EXPIRES_BYTES, "big") + self.random

    @property
    def name(self) -> bytes:
        """The row's name: tells nothing of the random part."""
        return hashlib.sha256(b"trialhook explanation " + self.head).digest()


class _Keys(msgspec.Struct, frozen=True):
    """What one secret is used for: the proof on tokens, and the start of every explanation's own key."""

    proof: bytes
    seal: bytes

    def mac(self, ticket: _Ticket) -> bytes:
        return hmac.digest(self.proof, ticket.head, "sha256")[:_MAC_BYTES]

    def cipher(self, ticket: _Ticket) -> tuple[AESGCM, bytes]:
        """A key and nonce that serve this explanation alone."""
        derived = _derive(self.seal, b"trialhook explanation key", 44, salt=ticket.head)
        return AESGCM(derived[:32]), derived[32:]


def _derive(secret: bytes, purpose: bytes, length: int, salt: bytes | None = None) -> bytes:
    return HKDF(SHA256(), length, salt, purpose).derive(secret)


def _keys(secret: bytes) -> _Keys:
    return _Keys(_derive(secret, b"trialhook token proof", 32), _derive(secret, b"trialhook seal", 32))


class _Waiting(msgspec.Struct, frozen=True):
    ticket: _Ticket
    payload: bytes


class Explanations:
    """Seals explanations under the first secret and opens them under any. Without a secret it makes one for itself:
    made before the workers are forked, it is shared by them. `lost` counts what could not be kept in this process.
    """

    def __init__(
        self, store: Shelf, secrets: Sequence[str], minutes: int, clock: Callable[[], float] = time.time
    ) -> None:
        texts = [secret.encode() for secret in secrets] or [randomness.token_bytes(32)]
        self._store = store
        self._keys = [_keys(text) for text in texts]
        self._seconds = minutes * 60
        self._clock = clock
        self.lost = 0
        self._start_anew()
        renew_in_child(self._start_anew)

    def seal(self, payload: bytes) -> str:
        """The URL-safe token of an explanation, which is kept soon after; never waits and never fails."""
        ticket = _Ticket(int(self._clock()) + self._seconds, randomness.token_bytes(_RANDOM_BYTES))
        self._enqueue(_Waiting(ticket, payload))
        return urlsafe_b64encode(ticket.head + self._keys[0].mac(ticket)).rstrip(b"=").decode()

    def open(self, token: str) -> bytes | NotOpened:
        """The explanation of a token, or why there is none. Waits up to a second for one that was just made.

        The database is asked only for tokens that were made here and are not over; it raises StoreError.
        """
        ticket, keys = self._read(token)
        if ticket is None or keys is None:
            return NotOpened.UNKNOWN
        # one that was made by a clock ahead of ours would last longer than links do
        if not 0 < ticket.expires - self._clock() <= self._seconds + CLOCK_DIFFERENCE_SECONDS:
            return NotOpened.EXPIRED
        sealed = self._fetch(ticket)
        return NotOpened.UNKNOWN if sealed is None else _unsealed(keys, ticket, sealed)

    def flush(self, seconds: float = 5.0) -> bool:
        """Wait until everything sealed before is kept or lost; False where that takes longer."""
        done = threading.Event()
        with self._lock:
            if self._thread is None:
                return True
        try:
            self._queue.put(done, timeout=seconds)
        except queue.Full:
            return False
        self._hurry.set()
        return done.wait(seconds)

    def _start_anew(self) -> None:
        """A forked process has neither its parent's thread nor a use for what that thread still has to write."""
        self._lock = threading.Lock()
        self._queue: queue.Queue[_Waiting | threading.Event] = queue.Queue(QUEUE_LENGTH)
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None

    def _enqueue(self, waiting: _Waiting) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, name="explanations", daemon=True)
                self._thread.start()
        try:
            self._queue.put_nowait(waiting)
        except queue.Full:
            self._lose(1)
            metrics.store_failed("explanations")

    def _write(self) -> None:
        waiting, hurry = self._queue, self._hurry
        while True:
            batch = _batch(waiting, hurry)
            self._keep([item for item in batch if isinstance(item, _Waiting)])
            for item in batch:
                if isinstance(item, threading.Event):
                    item.set()

    def _keep(self, batch: list[_Waiting]) -> None:
        try:
            self._store.keep_explanations([self._sealed(item) for item in batch])
        except Exception as problem:  # noqa: BLE001 - the thread's edge: the next batch must have its chance
            self._lose(len(batch))
            metrics.store_failed("explanations")
            _log.warning("explanations-lost", number=len(batch), problem=type(problem).__name__)

    def _sealed(self, item: _Waiting) -> SealedRow:
        cipher, nonce = self._keys[0].cipher(item.ticket)
        sealed = cipher.encrypt(nonce, zlib.compress(item.payload, 1), item.ticket.head)
        return SealedRow(item.ticket.name, sealed, item.ticket.expires)

    def _lose(self, number: int) -> None:
        with self._lock:
            self.lost += number

    def _read(self, token: str) -> tuple[_Ticket | None, _Keys | None]:
        """The ticket of a token and the keys that prove it was made here."""
        raw = _decoded(token)
        if raw is None:
            return None, None
        ticket = _Ticket(int.from_bytes(raw[:_EXPIRES_BYTES], "big"), raw[_EXPIRES_BYTES:-_MAC_BYTES])
        for keys in self._keys:
            if hmac.compare_digest(keys.mac(ticket), raw[-_MAC_BYTES:]):
                return ticket, keys
        return None, None

    def _fetch(self, ticket: _Ticket) -> bytes | None:
        now = self._clock()
        just_made = now < ticket.expires - self._seconds + WRITING_SECONDS
        end = time.monotonic() + (WAIT_SECONDS if just_made else 0)
        while (sealed := self._store.explanation(ticket.name, int(now))) is None and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
        return sealed


def _batch(
    waiting: "queue.Queue[_Waiting | threading.Event]", hurry: threading.Event
) -> list[_Waiting | threading.Event]:
    """What comes within a moment of the first; at once where somebody waits for it."""
    batch = [waiting.get()]
    hurry.wait(GATHERING_SECONDS)
    hurry.clear()
    with contextlib.suppress(queue.Empty):
        while len(batch) < QUEUE_LENGTH:
            batch.append(waiting.get_nowait())
    return batch


def _decoded(token: str) -> bytes | None:
    if len(token) != _TOKEN_CHARACTERS or not token.isascii():
        return None
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return None
    # A decoder passes over foreign characters and spare bits; only the one true spelling is taken.
    return raw if urlsafe_b64encode(raw).rstrip(b"=").decode() == token else None


def _unsealed(keys: _Keys, ticket: _Ticket, sealed: bytes) -> bytes | NotOpened:
    cipher, nonce = keys.cipher(ticket)
    try:
        return zlib.decompress(cipher.decrypt(nonce, sealed, ticket.head))
    except InvalidTag:
        return NotOpened.UNKNOWN
