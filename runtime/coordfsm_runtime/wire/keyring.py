"""The cluster's keys: one seals, all of them open, so that keys rotate without a moment in which nodes cannot talk.

To rotate: add the new key everywhere, make it primary everywhere, remove the old one everywhere.

Each process seals under a key of its own for each run, derived from the cluster key and a random session id: the
sequence number is then a safe nonce, since no two processes ever seal under the same derived key.
"""

import base64
import binascii
import hashlib
import secrets
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

KEY_BYTES = 32
KEY_ID_BYTES = 4
SESSION_BYTES = 16


class Keyring:
    """Cluster keys, the primary first.

    Args:
        keys: 32 bytes each; the first is the primary.

    Raises:
        ValueError: no key, a key of another length, or the same key twice.
    """

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        if not keys:
            raise ValueError("a keyring needs at least one key")
        for key in keys:
            if len(key) != KEY_BYTES:
                raise ValueError(f"a key of {len(key)} bytes, expected {KEY_BYTES}")
        if len(set(keys)) != len(keys):
            raise ValueError("the same key twice in one keyring")
        self._keys = {key_id(key): key for key in keys}
        self._primary = key_id(keys[0])
        # The derived ciphers: one a peer's session. A stranger's session ids can only push others out of the cache.
        self._ciphers = lru_cache(maxsize=8_192)(self._derive)

    @property
    def primary(self) -> bytes:
        """The id of the key that seals."""
        return self._primary

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of all keys, hexadecimal, the primary first. Ids do not give keys away."""
        return tuple(sorted((identity.hex() for identity in self._keys), key=lambda text: text != self._primary.hex()))

    def knows(self, identity: bytes) -> bool:
        return identity in self._keys

    def cipher(self, identity: bytes, session: bytes) -> ChaCha20Poly1305:
        """The cipher of one session under one key, which `knows` must hold."""
        return self._ciphers(identity, session)

    def _derive(self, identity: bytes, session: bytes) -> ChaCha20Poly1305:
        derived = hashlib.blake2b(session, key=self._keys[identity], digest_size=KEY_BYTES, person=b"coordfsm-session")
        return ChaCha20Poly1305(derived.digest())


def key_id(key: bytes) -> bytes:
    """A short public name of a key: it tells which key sealed a datagram and does not give the key away."""
    return hashlib.blake2b(b"", key=key, digest_size=KEY_ID_BYTES, person=b"coordfsm-keyid").digest()


def new_key() -> str:
    """A fresh cluster key as text."""
    return format_key(secrets.token_bytes(KEY_BYTES))


def format_key(key: bytes) -> str:
    return base64.b64encode(key).decode()


def parse_key(text: str) -> bytes:
    """The bytes of a key given as base64.

    Raises:
        ValueError: not base64 of 32 bytes. The text is not repeated: it may be a key mistyped.
    """
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"{len(key)} bytes, expected {KEY_BYTES}")
    return key
