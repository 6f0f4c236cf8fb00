"""The domain's values, free of wire formats: what flows from the servicer to the backend.

Shapes and units: token ids are int32; a row is one (request, candidate) pair as token ids; a batch
is rows padded on the right to one bucket; times end in `_ns`; deadlines are absolute on the
injected clock.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from ctr_service.errors import Reason

    IntArray: TypeAlias = NDArray[np.int32]
    FloatArray: TypeAlias = NDArray[np.float32]

_Tuple = TypeVar("_Tuple", bound=tuple[object, ...])

FeatureValue: TypeAlias = float | int | str | tuple[str, ...]


def maker(kind: type[_Tuple]) -> Callable[[tuple[object, ...]], _Tuple]:
    """Return what makes a named tuple of a tuple of its fields, all of them, in order.

    For those of which one is made for every candidate served: it runs in C, where the class's own
    constructor is Python and takes thrice as long.
    """
    return partial(tuple.__new__, kind)


class Priority(enum.Enum):
    """The order in which waiting requests are served."""

    __hash__ = object.__hash__  # Enum's own is Python code; a member is one object

    INTERACTIVE = "interactive"
    BULK = "bulk"


class Status(enum.Enum):
    """How a prediction came about; names equal the wire's PredictionStatus."""

    __hash__ = object.__hash__  # Enum's own is Python code; a member is one object

    SCORED = "scored"
    FALLBACK = "fallback"
    INVALID = "invalid"


class Source(enum.Enum):
    """Where a probability comes from; names equal the wire's PredictionSource."""

    __hash__ = object.__hash__  # Enum's own is Python code; a member is one object

    MODEL = "model"
    CACHE = "cache"
    COALESCED = "coalesced"
    STALE = "stale"
    PRIOR = "prior"
    BASE_RATE = "base_rate"


@dataclass(frozen=True, slots=True)
class ItemError:
    """Why one item is not scored: the reason, and a sentence that names field, limit and size."""

    reason: Reason
    detail: str


NO_FEATURES: Mapping[str, FeatureValue] = MappingProxyType({})


class RenderedItem(NamedTuple):
    """One item's features as the model reads them.

    Attributes:
        text: the item's segment.
        defaulted: qualified names of features whose default was used.
        unknown: names that the model does not know, as they were sent.
    """

    text: str
    defaulted: tuple[str, ...]
    unknown: tuple[str, ...]


class Candidate(NamedTuple):
    """One item of the list; a tuple, like `Prediction`: one is made for every candidate served.

    Attributes:
        error: set when the item was refused before it was rendered.
        defaulted: qualified names of what the feature store did not have.
        rendered: the features' text, where it is known already.
    """

    item_id: str
    title: str
    item_version: str = ""
    features: Mapping[str, FeatureValue] = NO_FEATURES
    prior_score: float | None = None
    rank: int | None = None
    error: ItemError | None = None
    defaulted: tuple[str, ...] = ()
    rendered: RenderedItem | None = None


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One search to score. `deadline_ns` is absolute on the injected clock."""

    request_id: str
    query: str
    candidates: tuple[Candidate, ...]
    deadline_ns: int
    user_id: str = ""
    user_features: Mapping[str, FeatureValue] = field(default_factory=dict)
    context_features: Mapping[str, FeatureValue] = field(default_factory=dict)
    priority: Priority = Priority.INTERACTIVE


class Row(NamedTuple):
    """One (request, candidate) pair as the model sees it.

    Bytes, because a row is joined from its texts' ids and then padded into a batch, both of which
    bytes do ten times as fast as small arrays.

    Attributes:
        packed: int32 [length] in machine order: `[CLS] first [SEP] rest [SEP]`, unpadded.
        length: in tokens.
        first_length: tokens up to and including the first `[SEP]`; they get token type 0.
    """

    packed: bytes
    length: int
    first_length: int

    @classmethod
    def of(cls, ids: IntArray, first_length: int) -> Row:
        """Make a row of an int32 array [length]."""
        return cls(ids.tobytes(), len(ids), first_length)

    @property
    def ids(self) -> IntArray:
        """The token ids, int32 [length], read-only."""
        return np.frombuffer(self.packed, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows padded on the right to one length; the graph's inputs.

    Attributes:
        ids: int32 [rows, bucket].
        lengths: int32 [rows], the unpadded lengths.
        first_lengths: int32 [rows].
    """

    ids: IntArray
    lengths: IntArray
    first_lengths: IntArray

    @property
    def padded_tokens(self) -> int:
        """Tokens that the backend computes: rows x bucket."""
        return int(self.ids.size)


class Prediction(NamedTuple):
    """The answer for one candidate. `click_probability` is None when the status is INVALID."""

    item_id: str
    status: Status
    click_probability: float | None = None
    source: Source | None = None
    defaulted_features: tuple[str, ...] = ()
    error: ItemError | None = None


@dataclass(frozen=True, slots=True)
class StageTimings:
    """Where the time of one request went, in nanoseconds."""

    total_ns: int
    features_ns: int
    tokens_ns: int
    queue_ns: int
    compute_ns: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer for one search: one prediction a candidate, in the request's order.

    Attributes:
        row_tokens: tokens of the rows, padding left out; a caller's rate is charged with them.
    """

    predictions: tuple[Prediction, ...]
    timings: StageTimings
    degraded: bool
    truncated_texts: int = 0
    ignored_features: tuple[str, ...] = ()
    row_tokens: int = 0
