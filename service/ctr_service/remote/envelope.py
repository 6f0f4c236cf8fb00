"""What a value looks like on the remote side: it repeats its key, so that it can be checked.

    version   1 byte
    key       16 bytes, BLAKE2b of the whole key
    crc32     4 bytes, over version, key digest and payload
    payload   the rest

A client that mixes up two answers (CVE-2023-28858 and -28859) then yields a miss, never another
key's data. The crc is there for values cut short or overwritten; it is no protection from malice.
"""

from __future__ import annotations

import struct
import zlib
from hashlib import blake2b

VERSION = 1
KEY_DIGEST_BYTES = 16
_HEADER = struct.Struct(f">B{KEY_DIGEST_BYTES}sI")
_CRC_BYTES = 4
HEADER_BYTES = _HEADER.size


def wrap(key: bytes, payload: bytes) -> bytes:
    """Return the envelope of a key's payload."""
    digest = blake2b(key, digest_size=KEY_DIGEST_BYTES).digest()
    return _HEADER.pack(VERSION, digest, _crc(digest, payload)) + payload


def unwrap(key: bytes, envelope: bytes) -> bytes | None:
    """Return the payload; None when the envelope is not whole, or is another key's."""
    if len(envelope) < HEADER_BYTES:
        return None
    version, digest, crc = _HEADER.unpack_from(envelope)
    if version != VERSION or digest != blake2b(key, digest_size=KEY_DIGEST_BYTES).digest():
        return None
    payload = envelope[HEADER_BYTES:]
    return payload if crc == _crc(digest, payload) else None


def _crc(digest: bytes, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(digest, VERSION))
