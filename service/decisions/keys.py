"""What a secret key of the decision log is used for: hashes that nobody without it can guess, and sealed inputs.

Each purpose has a key of its own (HKDF, RFC 5869); entries name the key by an id, so that keys can be rotated.
"""

import hmac
import secrets as randomness
import zlib
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12


def _derived(secret: str, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, None, f"trialhook decision {purpose}".encode()).derive(secret.encode())


class Key:
    """One key. Hashes are HMAC-SHA256 in hexadecimal; the three kinds cannot be told to be of the same text."""

    def __init__(self, secret: str) -> None:
        self.id = _derived(secret, "key id")[:8].hex()
        self._hashes = {purpose: _derived(secret, purpose) for purpose in ("patient", "input", "answer")}
        self._seal = AESGCM(_derived(secret, "seal"))

    def patient(self, reference: str) -> str:
        return self._hash("patient", reference.encode())

    def input(self, text: bytes) -> str:
        return self._hash("input", text)

    def answer(self, text: bytes) -> str:
        return self._hash("answer", text)

    def sealed(self, name: str, text: bytes) -> bytes:
        """An input that only this key opens, and only under its name."""
        nonce = randomness.token_bytes(_NONCE_BYTES)
        return nonce + self._seal.encrypt(nonce, zlib.compress(text, 1), name.encode())

    def opened(self, name: str, sealed: bytes) -> bytes | None:
        """The input of a name; None where this key did not seal it, or it was altered."""
        try:
            return zlib.decompress(self._seal.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode()))
        except (InvalidTag, ValueError, zlib.error):
            return None

    def _hash(self, purpose: str, text: bytes) -> str:
        return hmac.digest(self._hashes[purpose], text, "sha256").hex()


class Keys:
    """The keys of an installation, the newest first: entries are written with it, and read with any."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = [Key(secret) for secret in secrets]

    @property
    def newest(self) -> Key:
        return self._keys[0]

    def __getitem__(self, identifier: str) -> Key:
        """KeyError where no key has the id."""
        for key in self._keys:
            if key.id == identifier:
                return key
        raise KeyError(identifier)

    def pseudonyms(self, reference: str) -> frozenset[str]:
        """A patient as the entries of any key name them."""
        return frozenset(key.patient(reference) for key in self._keys)
