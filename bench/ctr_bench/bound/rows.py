"""Searches as the model's rows, by the very code that serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_bench.errors import BenchError
from ctr_bench.searches import FeatureNames
from ctr_service.bundle.bundle import load_bundle
from ctr_service.bundle.features import Entity
from ctr_service.bundle.template import Renderer, SegmentName
from ctr_service.bundle.token_cache import TokenCache
from ctr_service.bundle.tokens import RowBuilder, load_tokenizer
from ctr_service.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ctr_bench.searches import Search
    from ctr_client.messages import PlainValue
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.types import FeatureValue, Row

CACHE_BYTES = 64 * 1024 * 1024


def open_bundle(folder: Path) -> Bundle:
    """Read the bundle to measure.

    Raises:
        BenchError: there is none, or it is not whole; says how to make one.
    """
    if not folder.is_dir():
        raise BenchError(f"{folder} is no bundle; make one with `make demo`, or name another")
    try:
        return load_bundle(folder)
    except BundleError as error:
        raise BenchError(str(error)) from None


def _values(features: Mapping[str, PlainValue]) -> dict[str, FeatureValue]:
    """Return the client's values as the service's: several texts are a tuple there."""
    return {
        name: value if isinstance(value, (str, int, float)) else tuple(value)
        for name, value in features.items()
    }


class RowMaker:
    """Makes rows of searches. Implements `Lengths`."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        manifest, template = bundle.manifest, bundle.manifest.template
        self._tokenizer = load_tokenizer(bundle.tokenizer_path)
        self._renderer = Renderer(template, manifest.features)
        self._rows = RowBuilder(self._tokenizer, template, TokenCache(CACHE_BYTES))
        budgets = {segment.name: segment.max_tokens for segment in template.segments}
        self.query_tokens = budgets[SegmentName.QUERY]
        self.title_tokens = budgets.get(SegmentName.TITLE, 0)
        self.features = FeatureNames(
            *(
                {spec.name: spec.type.value for spec in manifest.features.of(entity)}
                for entity in (Entity.ITEM, Entity.USER, Entity.CONTEXT)
            )
        )

    def tokens(self, text: str) -> int:
        """Return the tokens of a text by itself."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def row_tokens(self, search: Search) -> list[int]:
        """Return the tokens of each pair's row."""
        return [row.length for row in self.rows(search)]

    def rows(self, search: Search) -> list[Row]:
        """Return one row a pair, in the list's order."""
        shared = self._renderer.request(search.query, search.user, search.context)
        segments = [
            self._renderer.row(shared, self._renderer.item(item.title, _values(item.features)))
            for item in search.items
        ]
        return self._rows.build(segments).rows

    def lists(self, searches: Iterable[Search]) -> list[list[Row]]:
        """Return the rows of each search."""
        return [self.rows(search) for search in searches]
