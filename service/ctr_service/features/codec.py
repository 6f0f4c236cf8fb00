"""A stored entity <-> compact bytes: the same in a local file, in Redis, and for sizing the cache.

    version   1 byte
    flags     1 byte: bit 0 says that there is a title
    title     text, if any
    version   text
    count     uint16, then that many of: name (text), kind (1 byte), value

    text      uint32 of bytes, then UTF-8
    kinds     0 float64 | 1 int64 | 2 text | 3 uint16 and that many texts

Numbers are big-endian.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from ctr_service.features.store import StoredEntity

if TYPE_CHECKING:
    from ctr_service.types import FeatureValue

VERSION = 1
_HAS_TITLE = 1
_FLOAT, _INT, _TEXT, _TEXTS = range(4)
_U8, _U16, _U32 = struct.Struct(">B"), struct.Struct(">H"), struct.Struct(">I")
_F64, _I64 = struct.Struct(">d"), struct.Struct(">q")


class CodecError(ValueError):
    """The bytes are no stored entity of this version."""


def encode(entity: StoredEntity) -> bytes:
    """Return an entity's bytes.

    Raises:
        ValueError: an integer is wider than 64 bits, or there are more than 65,535 features.
    """
    parts = [_U8.pack(VERSION), _U8.pack(_HAS_TITLE if entity.title is not None else 0)]
    if entity.title is not None:
        parts += _text(entity.title)
    parts += _text(entity.version)
    try:
        parts.append(_U16.pack(len(entity.features)))
        for name, value in entity.features.items():
            parts += _text(name)
            parts += _value(value)
    except struct.error:
        raise ValueError(
            "a feature does not fit: integers have 64 bits, lists and entities 65,535 values"
        ) from None
    return b"".join(parts)


def decode(raw: bytes) -> StoredEntity:
    """Return the entity.

    Raises:
        CodecError: the bytes are none.
    """
    reader = _Reader(raw)
    try:
        if reader.number(_U8) != VERSION:
            raise CodecError("another version")
        title = reader.text() if reader.number(_U8) & _HAS_TITLE else None
        version = reader.text()
        features = {reader.text(): reader.value() for _ in range(reader.number(_U16))}
    except (struct.error, UnicodeDecodeError, IndexError):
        raise CodecError("cut short, or not UTF-8") from None
    if not reader.at_end:
        raise CodecError("bytes are left over")
    return StoredEntity(title, version, features)


def _text(text: str) -> list[bytes]:
    raw = text.encode()
    return [_U32.pack(len(raw)), raw]


def _value(value: FeatureValue) -> list[bytes]:
    if isinstance(value, float):
        return [_U8.pack(_FLOAT), _F64.pack(value)]
    if isinstance(value, int):
        return [_U8.pack(_INT), _I64.pack(value)]
    if isinstance(value, str):
        return [_U8.pack(_TEXT), *_text(value)]
    parts = [_U8.pack(_TEXTS), _U16.pack(len(value))]
    for text in value:
        parts += _text(text)
    return parts


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._raw)

    def number(self, kind: struct.Struct) -> int:
        (number,) = kind.unpack_from(self._raw, self._at)
        self._at += kind.size
        return int(number)

    def text(self) -> str:
        size = self.number(_U32)
        end = self._at + size
        if end > len(self._raw):
            raise CodecError("cut short")
        text = self._raw[self._at : end].decode()
        self._at = end
        return text

    def value(self) -> FeatureValue:
        kind = self.number(_U8)
        if kind == _FLOAT:
            (number,) = _F64.unpack_from(self._raw, self._at)
            self._at += _F64.size
            return float(number)
        if kind == _INT:
            return self.number(_I64)
        if kind == _TEXT:
            return self.text()
        if kind == _TEXTS:
            return tuple(self.text() for _ in range(self.number(_U16)))
        raise CodecError("an unknown kind of value")
