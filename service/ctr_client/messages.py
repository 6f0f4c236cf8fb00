"""Plain Python values -> messages of the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from ctr.v1 import prediction_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PlainValue: TypeAlias = "float | int | str | Sequence[str]"
"""The value of a feature: a number, a text, or several texts."""


@dataclass(frozen=True, slots=True)
class Item:
    """One candidate of a search; see `ctr.v1.Candidate` for the limits."""

    item_id: str
    title: str = ""
    item_version: str = ""
    features: Mapping[str, PlainValue] = field(default_factory=dict)
    prior_score: float | None = None
    rank: int | None = None


def feature_value(value: PlainValue) -> prediction_pb2.FeatureValue:
    """Wrap one value.

    Raises:
        TypeError: it is neither a number, a text nor a sequence of texts.
    """
    if isinstance(value, str):
        return prediction_pb2.FeatureValue(text=value)
    if isinstance(value, bool):
        raise TypeError("a feature is a number, a text or texts; send 0 or 1 for a truth value")
    if isinstance(value, int):
        return prediction_pb2.FeatureValue(integer=value)
    if isinstance(value, float):
        return prediction_pb2.FeatureValue(number=value)
    return prediction_pb2.FeatureValue(texts=prediction_pb2.TextList(values=value))


def candidate(item: Item) -> prediction_pb2.Candidate:
    """Wrap one item."""
    return prediction_pb2.Candidate(
        item_id=item.item_id,
        item_version=item.item_version,
        title=item.title,
        features={name: feature_value(value) for name, value in item.features.items()},
        prior_score=item.prior_score,
        rank=item.rank,
    )


def search(  # noqa: PLR0913 -- one keyword a field of the message
    query: str,
    items: Iterable[Item],
    *,
    user_id: str = "",
    user: Mapping[str, PlainValue] | None = None,
    context: Mapping[str, PlainValue] | None = None,
    request_id: str = "",
) -> prediction_pb2.PredictClicksRequest:
    """Build one request.

    Args:
        query: what the user typed.
        items: the candidates, 1 to 1,000.
        user_id: who searched; may be empty.
        user: features of the user by name.
        context: features of the situation by name.
        request_id: joins feedback later; the server makes one when it is empty.
    """
    return prediction_pb2.PredictClicksRequest(
        request_id=request_id,
        query=query,
        user=prediction_pb2.User(
            user_id=user_id,
            features={name: feature_value(value) for name, value in (user or {}).items()},
        ),
        context_features={name: feature_value(value) for name, value in (context or {}).items()},
        candidates=[candidate(item) for item in items],
    )
