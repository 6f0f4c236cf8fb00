"""Which combinations there are."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_k8s.combinations import covering_rows, load_table, pairs_of
from ctr_k8s.errors import ManifestError
from tests.support.k8s_renderings import MANIFESTS, TABLE, renderings

if TYPE_CHECKING:
    from pathlib import Path


@given(st.lists(st.integers(1, 4), min_size=2, max_size=6))
def test_every_pair_of_choices_is_in_a_row(sizes: list[int]) -> None:
    """Rows hold one choice an axis, and all pairs of choices of two axes between them."""
    rows = covering_rows(sizes)
    assert all(0 <= choice < size for row in rows for choice, size in zip(row, sizes, strict=True))
    wanted = {
        ((one, a), (other, b))
        for one, other in itertools.combinations(range(len(sizes)), 2)
        for a in range(sizes[one])
        for b in range(sizes[other])
    }
    assert {pair for row in rows for pair in pairs_of(row)} == wanted


def test_every_component_is_in_a_mix() -> None:
    """No component is left out of what is rendered."""
    used = {name for one in load_table(TABLE).combinations() for name in one.components}
    there = {path.parent.name for path in MANIFESTS.glob("components/*/kustomization.yaml")}
    assert used == there


def test_every_overlay_is_rendered() -> None:
    """Each overlay is a combination, alone."""
    alone = {one.resource for one in load_table(TABLE).combinations() if not one.components}
    there = {f"overlays/{path.parent.name}" for path in MANIFESTS.glob("overlays/*/kust*.yaml")}
    assert alone == there


def test_names_are_unique() -> None:
    """No rendering overwrites another."""
    names = [one.name for one in load_table(TABLE).combinations()]
    assert len(set(names)) == len(names) == len(renderings())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("always: []\naxes: {}\noverlays: [{nam: x}]", r"overlays\.0\.name"),
        ("always: {", "no YAML"),
        ("always: []\naxes: {}\noverlays: []\nmore: 1", "more"),
    ],
)
def test_a_wrong_table_is_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    """The file and the field are named."""
    table = tmp_path / "combinations.yaml"
    table.write_text(text)
    with pytest.raises(ManifestError, match=words):
        load_table(table)


def test_a_missing_table_says_where_to_run(tmp_path: Path) -> None:
    """Outside of the repository's root the command says so."""
    with pytest.raises(ManifestError, match="repository's root"):
        load_table(tmp_path / "none.yaml")


@pytest.mark.parametrize("folder", sorted(MANIFESTS.glob("components/*")), ids=lambda one: one.name)
def test_every_component_has_its_line_in_the_index(folder: Path) -> None:
    """k8s/README.md says what each component is for."""
    assert f"| `{folder.name}` |" in (MANIFESTS / "README.md").read_text(encoding="utf-8")
