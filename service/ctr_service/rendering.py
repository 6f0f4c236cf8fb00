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
    from collections.abc import Set as AbstractSet

    from ctr_service.bundle.template import RenderedPart, Renderer, Segments
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
    candidates = request.candidates
    defaulted: list[tuple[str, ...]] = [shared.defaulted] * len(candidates)
    if (plain := _plain_rows(renderer, shared, candidates)) is not None:
        ignored = _ignored(renderer, request, frozenset())
        return RenderedSearch(plain, list(range(len(plain))), {}, defaulted, ignored)
    row_of: list[int | None] = [None] * len(candidates)
    errors: dict[int, ItemError] = {}
    strangers: set[str] = set()
    good: list[int] = []
    titles: list[str] = []
    texts: list[str] = []
    for index in _by_rank(candidates):
        _, title, _, features, _, _, refused, not_stored, rendered = candidates[index]
        if refused is not None:
            errors[index] = refused
            continue
        try:
            text, missing, unknown = rendered or renderer.item_features(features)
        except RequestInvalidError as error:
            errors[index] = _item_error(error, index)
            continue
        good.append(index)
        titles.append(title)
        texts.append(text)
        if missing or not_stored:
            defaulted[index] = not_stored + missing + shared.defaulted
        if unknown:
            strangers.update(unknown)
    rows: dict[Segments, int] = {}
    for index, segments in zip(good, renderer.rows(shared, titles, texts), strict=True):
        row_of[index] = rows.setdefault(segments, len(rows))
    ignored = _ignored(renderer, request, strangers)
    return RenderedSearch(list(rows), row_of, errors, defaulted, ignored)


def _plain_rows(
    renderer: Renderer, shared: RenderedPart, candidates: Sequence[Candidate]
) -> list[Segments] | None:
    """Return a row a candidate, or None where one of them needs a closer look.

    Nearly every search is plain: candidates in the caller's order, rendered before, all different,
    none broken, nothing defaulted or unknown. So they are looked at by column, which C does.
    """
    _, titles, _, _, _, ranks, refused, not_stored, rendered = zip(*candidates, strict=True)
    if any(refused) or any(not_stored) or not all(rendered) or not _in_order(ranks):
        return None
    texts, missing, unknown = zip(*rendered, strict=True)
    if any(missing) or any(unknown):
        return None
    rows = list(dict.fromkeys(renderer.rows(shared, titles, texts)))
    return rows if len(rows) == len(candidates) else None


def _in_order(ranks: Sequence[int | None]) -> bool:
    return not any(ranks) or ranks == tuple(range(1, len(ranks) + 1))


def _by_rank(candidates: Sequence[Candidate]) -> Sequence[int]:
    """Order the candidates by the caller's rank; one without a rank counts by its place."""
    ranks = [candidate.rank for candidate in candidates]
    if not any(ranks):  # None each: a rank is at least 1
        return range(len(candidates))
    return sorted(range(len(candidates)), key=lambda i: ranks[i] or i + 1)


def _item_error(error: RequestInvalidError, index: int) -> ItemError:
    """Name the feature by its path in the request; the renderer knows it as `item.price`."""
    field = error.metadata.get("field", "")
    path = f"candidates[{index}].features[{field.removeprefix('item.')}]"
    return ItemError(error.reason, str(error).replace(f"feature {field}", path, 1))


def _ignored(
    renderer: Renderer, request: SearchRequest, of_items: AbstractSet[str]
) -> tuple[str, ...]:
    names = {
        f"{entity.value}.{name}"[:IGNORED_NAME_CHARACTERS]
        for entity, strangers in (
            (Entity.ITEM, of_items),
            (Entity.USER, request.user_features.keys() - renderer.known(Entity.USER)),
            (Entity.CONTEXT, request.context_features.keys() - renderer.known(Entity.CONTEXT)),
        )
        for name in strangers
    }
    return tuple(sorted(names)[: WIRE_LIMITS.ignored_features]) if names else ()
