"""One search before it is bytes, and what a workload must know of the model to make one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from ctr_client import messages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctr_client.messages import Item

    Features: TypeAlias = Mapping[str, str | float | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Search:
    """A query, a user and the items to score, as plain values; priority as ctr.v1 numbers it."""

    query: str
    items: Sequence[Item]
    user: Features = field(default_factory=dict)
    context: Features = field(default_factory=dict)
    user_id: str = ""
    priority: int = 0

    def serialise(self, request_id: str = "", *, model: str = "") -> bytes:
        """Return the bytes of a PredictClicksRequest; a `model` makes others refuse it."""
        message = messages.search(
            self.query,
            self.items,
            user_id=self.user_id,
            user=self.user,
            context=self.context,
            request_id=request_id,
        )
        message.priority = self.priority  # type: ignore[assignment]  # -- a number of the enum
        if model:
            message.model.name = model
        return message.SerializeToString()


class Lengths(Protocol):
    """How long texts are for one model; `ctr_bench.bound.rows.RowMaker` knows a bundle's."""

    query_tokens: int
    """The template's budget of a query."""
    title_tokens: int
    """The template's budget of a title."""

    def tokens(self, text: str) -> int:
        """Return the tokens of a text by itself."""
        ...

    def row_tokens(self, search: Search) -> Sequence[int]:
        """Return the tokens of each pair's row, special tokens and features included."""
        ...


@dataclass(frozen=True, slots=True)
class FeatureNames:
    """The features that the model knows, by entity; each name with its kind.

    Attributes:
        item, user, context: name -> "number", "text" or "texts".
    """

    item: Mapping[str, str] = field(default_factory=dict)
    user: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)
