"""BYTES tensors of Open Inference, in both of their forms, checked before anything is trusted.

Raw form: for each element 4 bytes of little-endian length, then the element. The other form is
`contents.bytes_contents`.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from ctr_service.errors import RequestInvalidError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LENGTH = struct.Struct("<I")


def unpack_bytes(raw: bytes, count: int, field: str) -> Sequence[bytes]:
    """Read the elements of a raw BYTES tensor.

    Args:
        raw: of `raw_input_contents`.
        count: elements, as the tensor's shape says.
        field: the tensor's place in the request, for the error.

    Raises:
        RequestInvalidError: a length points past the end, or there are more or fewer elements.
    """
    elements: list[bytes] = []
    at, end = 0, len(raw)
    while at < end:
        start = at + _LENGTH.size
        if start > end:
            raise _cut_short(field, end)
        at = start + int(_LENGTH.unpack_from(raw, at)[0])
        if at > end:
            raise _cut_short(field, end)
        elements.append(raw[start:at])
        if len(elements) > count:
            break
    check_count(elements, count, field)
    return elements


def check_count(elements: Sequence[bytes], count: int, field: str) -> None:
    """Compare the number of elements with the shape.

    Raises:
        RequestInvalidError: they differ.
    """
    if len(elements) != count:
        more = "more than that" if len(elements) > count else f"{len(elements)}"
        raise RequestInvalidError(
            f"{field} has {more} elements; its shape says {count}",
            metadata={"field": field, "limit": str(count), "size": str(len(elements))},
        )


def pack_bytes(elements: Iterable[bytes]) -> bytes:
    """Write a raw BYTES tensor."""
    return b"".join(_LENGTH.pack(len(element)) + element for element in elements)


def _cut_short(field: str, size_bytes: int) -> RequestInvalidError:
    return RequestInvalidError(
        f"{field} is no BYTES tensor: an element's length points past its {size_bytes} bytes "
        "(each element is 4 bytes of little-endian length, then the element)",
        metadata={"field": field, "size": str(size_bytes)},
    )
