"""The payload codec of aircall-dsr: AES-256-GCM in the wire format of Temporal's encryption samples.

It encrypts with the key of the key file that encrypts now, and decrypts with the key that a payload names. It never passes on a
payload that was not encrypted, and puts no key material into an error.
"""

import json
import os
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

ENCODING = b"binary/encrypted"
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16


class DsrError(Exception):
    """What went wrong, as `code: what happened. What to do.`"""


@dataclass(frozen=True)
class Key:
    id: str
    begins: datetime
    cipher: AESGCM


class EncryptionCodec(PayloadCodec):
    def __init__(self, keys: Sequence[Key]) -> None:
        """Takes at least one key."""
        self._keys = sorted(keys, key=lambda key: key.begins)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._decrypt(payload) for payload in payloads]

    def _primary(self) -> Key:
        """The last key whose time has come. On a machine whose clock is before all of them, the first."""
        now = datetime.now(UTC)
        return next((key for key in reversed(self._keys) if key.begins <= now), self._keys[0])

    def _encrypt(self, payload: Payload) -> Payload:
        primary = self._primary()
        nonce = os.urandom(NONCE_BYTES)
        sealed = primary.cipher.encrypt(nonce, payload.SerializeToString(), None)
        return Payload(
            metadata={"encoding": ENCODING, "encryption-key-id": primary.id.encode()},
            data=nonce + sealed,
        )

    def _decrypt(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            raise DsrError("payload-broken: a payload is not encrypted. Ask who started the request without the key.")
        key_id = payload.metadata.get("encryption-key-id", b"").decode()
        cipher = next((key.cipher for key in self._keys if key.id == key_id), None)
        if cipher is None:
            raise DsrError(f"unknown-key: key {key_id!r} is not in the key file. Export it again.")
        broken = DsrError(f"payload-broken: a payload does not fit key {key_id!r}. Export the key file again.")
        if len(payload.data) < NONCE_BYTES + TAG_BYTES:
            raise broken
        nonce, sealed = payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:]
        try:
            return Payload.FromString(cipher.decrypt(nonce, sealed, None))
        except InvalidTag:
            raise broken from None


def load_codec(path: str) -> EncryptionCodec:
    try:
        text = Path(path).read_text()
    except OSError:
        raise DsrError("keys-missing: the key file cannot be read. Set AIRCALL_DSR_KEYS to its path.") from None
    try:
        keys = [key_of(entry) for entry in json.loads(text)["keys"]]
        if keys:
            return EncryptionCodec(keys)
    except (ValueError, KeyError, TypeError):
        pass  # told below: a parser's error could quote key material
    raise DsrError(
        "keys-malformed: the file named by AIRCALL_DSR_KEYS is no key file of aircall-dsr. Export it again."
    )


def key_of(entry: dict[str, str]) -> Key:
    payload = b64decode(entry["payload"], validate=True)
    begins = datetime.fromisoformat(entry["from"])
    if len(payload) != KEY_BYTES or begins.tzinfo is None:
        raise ValueError("no key")
    return Key(entry["id"], begins, AESGCM(payload))
