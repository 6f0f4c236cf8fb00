"""The tensors of the Open Inference service: one table for decoding, metadata and configuration."""

from __future__ import annotations

from dataclasses import dataclass

ONE, MANY = 1, -1
"""A tensor's only dimension: one element, or one for each candidate."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input or output.

    Attributes:
        datatype: in the protocol's words: BYTES, FP32.
        size: ONE or MANY.
        optional: an input that may be left out.
        listed: metadata and configuration name it.
    """

    name: str
    datatype: str
    size: int
    optional: bool = False
    listed: bool = True


QUERY = Tensor("query", "BYTES", ONE)
TITLE = Tensor("title", "BYTES", MANY)
FEATURES = Tensor("features", "BYTES", MANY, optional=True)
ITEM_ID = Tensor("item_id", "BYTES", MANY, optional=True, listed=False)
"""Not listed, because load tools fill every listed input, and their invented ids repeat."""
INPUTS = (QUERY, TITLE, FEATURES, ITEM_ID)
LISTED_INPUTS = tuple(tensor for tensor in INPUTS if tensor.listed)

CLICK_PROBABILITY = Tensor("click_probability", "FP32", MANY)
STATUS = Tensor("status", "BYTES", MANY)
REASON = Tensor("reason", "BYTES", MANY)
OUTPUTS = (CLICK_PROBABILITY, STATUS, REASON)
"""All of them are sent when a request names none, as the protocol says."""
