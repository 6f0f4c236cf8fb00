"""grpc.health.v1.Health/Check without the health package, which the base install does not hold.

Both messages have one small field, so they are written out here: the request is field 1 (a string),
the answer field 1 (an enum).
"""

from __future__ import annotations

CHECK = "/grpc.health.v1.Health/Check"
_TAG_STRING_1 = 0x0A
_TAG_ENUM_1 = 0x08
_MAX_NAME_BYTES = 127
_NAMES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
SERVING = "SERVING"


def encode_check(service: str) -> bytes:
    """Return a HealthCheckRequest; an empty name asks for the whole server.

    Raises:
        ValueError: the name has more than 127 bytes.
    """
    name = service.encode()
    if len(name) > _MAX_NAME_BYTES:
        raise ValueError(f"a service name has at most {_MAX_NAME_BYTES} bytes, not {len(name)}")
    return bytes((_TAG_STRING_1, len(name))) + name if name else b""


def decode_check(answer: bytes) -> str:
    """Return the status's name in a HealthCheckResponse; UNKNOWN for what we cannot read."""
    if len(answer) == len((_TAG_ENUM_1, 0)) and answer[0] == _TAG_ENUM_1:
        return _NAMES[answer[1]] if answer[1] < len(_NAMES) else _NAMES[0]
    return _NAMES[0]
