"""All combinations, rendered into build/k8s."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from ctr_k8s.documents import parse
from ctr_k8s.kustomize import render

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ctr_k8s.combinations import Combination
    from ctr_k8s.documents import Document

RENDERED = "rendered.yaml"
AT_ONCE = 2
"""kubectl takes a quarter of a second of CPU and as much of waiting."""


class Rendering(NamedTuple):
    """One combination, rendered."""

    combination: Combination
    documents: Sequence[Document]


def render_all(
    combinations: Sequence[Combination], manifests: Path, build: Path
) -> tuple[Rendering, ...]:
    """Render all, and leave each below `build` as NAME/rendered.yaml.

    Raises:
        ManifestError: kubectl refused one; what was rendered before it stays.
    """

    def one(combination: Combination) -> Rendering:
        folder = build / combination.name
        text = render(combination, manifests, folder)
        (folder / RENDERED).write_text(text, encoding="utf-8")
        return Rendering(combination, parse(text))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(one, combinations))
