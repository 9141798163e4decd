"""The payload codec of aircall-dsr: AES-256-GCM in the wire format of Temporal's encryption samples.

It encrypts with the primary key of the key file and decrypts with the key that a payload names. It never passes on a
payload that was not encrypted, and puts no key material into an error.
"""

import json
import os
from base64 import b64decode
from collections.abc import Mapping, Sequence
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


class EncryptionCodec(PayloadCodec):
    def __init__(self, primary: str, ciphers: Mapping[str, AESGCM]) -> None:
        self._primary = primary
        self._ciphers = ciphers

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._decrypt(payload) for payload in payloads]

    def _encrypt(self, payload: Payload) -> Payload:
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._primary].encrypt(nonce, payload.SerializeToString(), None)
        return Payload(
            metadata={"encoding": ENCODING, "encryption-key-id": self._primary.encode()},
            data=nonce + sealed,
        )

    def _decrypt(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            raise DsrError("payload-broken: a payload is not encrypted. Ask who started the request without the key.")
        key_id = payload.metadata.get("encryption-key-id", b"").decode()
        if key_id not in self._ciphers:
            raise DsrError(f"unknown-key: key {key_id!r} is not in the key file. Use the key file of the worker.")
        broken = DsrError(f"payload-broken: a payload does not fit key {key_id!r}. Use the key file of the worker.")
        if len(payload.data) < NONCE_BYTES + TAG_BYTES:
            raise broken
        nonce, sealed = payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:]
        try:
            return Payload.FromString(self._ciphers[key_id].decrypt(nonce, sealed, None))
        except InvalidTag:
            raise broken from None


def load_codec(path: str) -> EncryptionCodec:
    try:
        text = Path(path).read_text()
    except OSError:
        raise DsrError("keys-missing: the key file cannot be read. Set AIRCALL_DSR_KEYS to its path.") from None
    try:
        file = json.loads(text)
        keys = {entry["id"]: b64decode(entry["key"], validate=True) for entry in file["keys"]}
        if file["primary"] in keys and all(len(key) == KEY_BYTES for key in keys.values()):
            return EncryptionCodec(file["primary"], {key_id: AESGCM(key) for key_id, key in keys.items()})
    except (ValueError, KeyError, TypeError):
        pass  # told below: a parser's error could quote key material
    raise DsrError(
        "keys-malformed: the file named by AIRCALL_DSR_KEYS is no key file of aircall-dsr. Restore it from a backup."
    )
