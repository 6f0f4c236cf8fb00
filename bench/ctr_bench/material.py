"""What a bundle's servers are asked: searches of its lengths and features, as many as are wanted.

A score that is cached costs no model, so a search that shall cost one must never have been sent:
its query carries a number of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctr_bench.goodput import Traffic
from ctr_bench.workload import SearchMaker, Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from ctr_bench.bound.rows import RowMaker
    from ctr_bench.catalogue import Catalogue
    from ctr_bench.searches import Search

BASES = 400
"""Searches that are drawn in full; the others are these under another query."""
SEARCHES = 6_000
"""Distinct searches of a measurement; a longer one sends them again, from the first."""


@dataclass(frozen=True, slots=True)
class Material:
    """Searches to vary.

    Attributes:
        bases: at least one.
        pair_tokens: mean length of a pair's row.
        facts: of the bundle and of the searches, for results.
    """

    bases: Sequence[Search]
    pair_tokens: float
    facts: dict[str, object]

    @property
    def manifest_sha256(self) -> str:
        """The digest of the bundle."""
        return str(self.facts["bundle_sha256"])

    def unseen(self, count: int, first: int = 0) -> Traffic:
        """Return searches number `first` and on; no number's search has the query of another's."""
        return Traffic.of([self._numbered(number) for number in range(first, first + count)])

    def mixed(self, seen: np.ndarray, first: int = 0) -> Traffic:
        """Return a search for each flag: one of the bases as it is, or one never sent.

        Args:
            seen: bool [requests]; the bases themselves must have been sent before.
            first: number of the first search that was never sent.
        """
        return Traffic.of(
            [
                self.bases[index % len(self.bases)] if known else self._numbered(first + index)
                for index, known in enumerate(seen.tolist())
            ]
        )

    def _numbered(self, number: int) -> Search:
        base = self.bases[number % len(self.bases)]
        words = base.query.split()
        return replace(base, query=" ".join([*words[:-1], f"{number:x}"]))


def make_material(
    rows: RowMaker, catalogue: Catalogue, candidates: int, seed: int, bases: int = BASES
) -> Material:
    """Draw searches for a bundle.

    Args:
        rows: of the bundle.
        catalogue: of titles.
        candidates: items a list.
        seed: of the draw.
        bases: how many are drawn in full.
    """
    searches = SearchMaker(catalogue.titles, rows, Shape(candidates, rows.features), seed).distinct(
        bases
    )
    lengths = [length for search in searches[:BASES] for length in rows.row_tokens(search)]
    pair_tokens = sum(lengths) / len(lengths)
    manifest = rows.bundle.manifest
    return Material(
        searches,
        pair_tokens,
        {
            "bundle": str(rows.bundle.folder),
            "bundle_sha256": rows.bundle.manifest_sha256,
            "model_version": manifest.model_version,
            "catalogue": catalogue.source,
            "candidates": candidates,
            "pair_tokens_mean": round(pair_tokens, 1),
        },
    )
