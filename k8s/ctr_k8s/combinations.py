"""Which combinations there are: the overlays, and mixes that put every pair of choices together."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ctr_k8s.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    Row = tuple[int, ...]
    Pair = tuple[tuple[int, int], tuple[int, int]]


class Combination(NamedTuple):
    """What one rendering is made of.

    Attributes:
        name: of its folder below build/k8s.
        resource: `base` or `overlays/NAME`, from k8s.
        components: names of folders below k8s/components, in the order of their application.
    """

    name: str
    resource: str
    components: tuple[str, ...]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Overlay(_Strict):
    """An overlay as it is, or with components on top."""

    name: str
    with_: tuple[str, ...] = Field(default=(), alias="with")


class Table(_Strict):
    """k8s/combinations.yaml.

    Attributes:
        always: components of every mix.
        axes: name -> choices, each a list of components; order is the order of application.
        overlays: what is deployed.
    """

    always: tuple[str, ...]
    axes: dict[str, tuple[tuple[str, ...], ...]]
    overlays: tuple[Overlay, ...]

    def combinations(self) -> tuple[Combination, ...]:
        """Return all of them; names are unique."""
        rows = covering_rows([len(choices) for choices in self.axes.values()])
        mixes = (
            Combination(f"mix-{number:02d}", "base", self._components(row))
            for number, row in enumerate(rows, start=1)
        )
        overlays = (
            Combination("-".join((one.name, *one.with_)), f"overlays/{one.name}", one.with_)
            for one in self.overlays
        )
        return (*overlays, *mixes)

    def _components(self, row: Row) -> tuple[str, ...]:
        chosen = (choices[choice] for choices, choice in zip(self.axes.values(), row, strict=True))
        return (*self.always, *itertools.chain.from_iterable(chosen))


def load_table(path: Path) -> Table:
    """Read the table.

    Raises:
        ManifestError: it is missing or wrong; names the field.
    """
    try:
        return Table.model_validate(yaml.safe_load(path.read_text()))
    except OSError as error:
        raise ManifestError(
            f"{path}: {error.strerror}; run this in the repository's root"
        ) from None
    except yaml.YAMLError as error:
        raise ManifestError(f"{path}: no YAML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise ManifestError(f"{path}: {where}: {first['msg']}") from None


def covering_rows(sizes: Sequence[int]) -> tuple[Row, ...]:
    """Return rows of choices so that each pair of choices of two axes is in one of them.

    Greedy: each row takes an open pair, then for each other axis the choice that closes most open
    pairs with what the row already has. The same input gives the same rows.

    Args:
        sizes: choices of each axis, at least 1 each, two axes or more.
    """
    open_pairs = dict.fromkeys(_all_pairs(sizes))
    rows: list[Row] = []
    while open_pairs:
        first, second = next(iter(open_pairs))
        chosen = dict((first, second))
        for axis in sorted(range(len(sizes)), key=lambda axis: -sizes[axis]):
            if axis not in chosen:
                chosen[axis] = _best_choice(axis, sizes[axis], chosen, open_pairs)
        row = tuple(chosen[axis] for axis in range(len(sizes)))
        for pair in pairs_of(row):
            open_pairs.pop(pair, None)
        rows.append(row)
    return tuple(rows)


def pairs_of(row: Row) -> Iterable[Pair]:
    """Yield the pairs of (axis, choice) that a row has, the lower axis first."""
    return itertools.combinations(enumerate(row), 2)


def _all_pairs(sizes: Sequence[int]) -> Iterable[Pair]:
    choices = [[(axis, choice) for choice in range(size)] for axis, size in enumerate(sizes)]
    for one, other in itertools.combinations(choices, 2):
        yield from itertools.product(one, other)


def _best_choice(
    axis: int, size: int, chosen: Mapping[int, int], open_pairs: Mapping[Pair, None]
) -> int:
    def closed(choice: int) -> int:
        mine = (axis, choice)
        return sum((min(mine, other), max(mine, other)) in open_pairs for other in chosen.items())

    return max(range(size), key=closed)
