"""The wire's limits in one typed place; `proto/ctr/v1/prediction.proto` states the same numbers."""

from __future__ import annotations

from dataclasses import dataclass

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may hold. A character is a Unicode code point.

    Attributes:
        candidates: the longest list.
        query_characters: the longest query.
        title_characters: the longest title of an item.
        feature_characters: the longest text of a feature.
        feature_values: most texts in one feature.
        features: most features of one entity.
        id_characters: the longest request, user, item or version id, or model name.
        ignored_features: how many unknown feature names an answer lists.
        message_bytes: the largest message.
        deadline_ns: the longest deadline; a longer one is cut to it.
    """

    candidates: int = 1_000
    query_characters: int = 256
    title_characters: int = 1_024
    feature_characters: int = 256
    feature_values: int = 64
    features: int = 64
    id_characters: int = 128
    ignored_features: int = 16
    message_bytes: int = 4 * 1024 * 1024
    deadline_ns: int = 10 * NS_PER_S


WIRE_LIMITS = Limits()
"""The limits that the contract promises."""
