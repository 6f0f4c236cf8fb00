"""One search -> the distinct rows that must be scored, and which candidate each one answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_service.bundle.features import Entity
from ctr_service.errors import RequestInvalidError
from ctr_service.limits import WIRE_LIMITS
from ctr_service.types import ItemError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.bundle.template import Renderer, Segments
    from ctr_service.types import Candidate, SearchRequest

IGNORED_NAME_CHARACTERS = 64
"""An unknown feature's name is the caller's text: it is repeated, but not without bound."""


@dataclass(frozen=True, slots=True)
class RenderedSearch:
    """A search as segments.

    Attributes:
        segments: the distinct rows, best-ranked first.
        row_of: for each candidate the index of its row; None when the candidate is invalid.
        errors: candidate's index -> why it is invalid.
        defaulted: for each candidate the qualified names of features whose default was used.
        ignored_features: qualified names that the model does not know, sorted, cut to the limits.
    """

    segments: list[Segments]
    row_of: list[int | None]
    errors: dict[int, ItemError]
    defaulted: list[tuple[str, ...]]
    ignored_features: tuple[str, ...]


def render_search(renderer: Renderer, request: SearchRequest) -> RenderedSearch:
    """Render what the candidates share once, then each candidate; equal rows become one.

    Raises:
        RequestInvalidError: a feature of the user or the context has the wrong type or is not
            finite. A candidate's own feature makes that candidate invalid, and no more.
    """
    shared = renderer.request(request.query, request.user_features, request.context_features)
    join, shared_defaulted = renderer.joiner(shared), shared.defaulted
    candidates = request.candidates
    rows: dict[Segments, int] = {}
    row_of: list[int | None] = [None] * len(candidates)
    defaulted: list[tuple[str, ...]] = [shared_defaulted] * len(candidates)
    errors: dict[int, ItemError] = {}
    for index in _by_rank(candidates):
        candidate = candidates[index]
        if candidate.error is not None:
            errors[index] = candidate.error
            continue
        try:
            text, missing = renderer.item_features(candidate.features)
        except RequestInvalidError as error:
            errors[index] = _item_error(error, index)
            continue
        row_of[index] = rows.setdefault(join(candidate.title, text), len(rows))
        if missing or candidate.defaulted:
            defaulted[index] = candidate.defaulted + missing + shared_defaulted
    return RenderedSearch(list(rows), row_of, errors, defaulted, _ignored(renderer, request))


def _by_rank(candidates: Sequence[Candidate]) -> Sequence[int]:
    """Order the candidates by the caller's rank; one without a rank counts by its place."""
    if all(candidate.rank is None for candidate in candidates):
        return range(len(candidates))
    return sorted(
        range(len(candidates)),
        key=lambda i: rank if (rank := candidates[i].rank) is not None else i + 1,
    )


def _item_error(error: RequestInvalidError, index: int) -> ItemError:
    """Name the feature by its path in the request; the renderer knows it as `item.price`."""
    field = error.metadata.get("field", "")
    path = f"candidates[{index}].features[{field.removeprefix('item.')}]"
    return ItemError(error.reason, str(error).replace(f"feature {field}", path, 1))


def _ignored(renderer: Renderer, request: SearchRequest) -> tuple[str, ...]:
    # Items mostly name the same features: their names are joined as sets, not one by one.
    item_names = set().union(*{frozenset(c.features) for c in request.candidates if c.features})
    names = {
        name[:IGNORED_NAME_CHARACTERS]
        for entity, given in (
            (Entity.ITEM, item_names),
            (Entity.USER, request.user_features.keys()),
            (Entity.CONTEXT, request.context_features.keys()),
        )
        if given
        for name in renderer.unknown(entity, given)
    }
    return tuple(sorted(names)[: WIRE_LIMITS.ignored_features])
