"""The generated shop: a few thousand products with titles as a shop would write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_train.generate.kinds_camping_music import CAMPING_AND_MUSIC
from ctr_train.generate.kinds_devices_office import DEVICES_AND_OFFICE
from ctr_train.generate.kinds_garden_fitness import GARDEN_AND_FITNESS
from ctr_train.generate.kinds_kitchen_bedroom import KITCHEN_AND_BEDROOM
from ctr_train.generate.kinds_lounge_bathroom import LOUNGE_AND_BATHROOM
from ctr_train.generate.kinds_pets_kids import PETS_AND_KIDS
from ctr_train.generate.wording import BRANDS, COLOURS, ENDINGS, SIZES

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from ctr_train.generate.product_type import ProductType

KINDS = (
    *KITCHEN_AND_BEDROOM,
    *LOUNGE_AND_BATHROOM,
    *GARDEN_AND_FITNESS,
    *CAMPING_AND_MUSIC,
    *DEVICES_AND_OFFICE,
    *PETS_AND_KIDS,
)
DEPARTMENTS = tuple(sorted({kind.department for kind in KINDS}))
NO_SIZE = -1
SIZELESS_SHARE = 0.34
PATTERNS = (
    "{brand} {size}{noun}, {colour}{ending}",
    "{brand} {size}{noun} - {colour}{ending}",
    "{colour} {size}{noun} by {brand}{ending}",
)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All products, one entry an item in every array.

    Attributes:
        titles: [items].
        kind, department: int [items], indices into KINDS and DEPARTMENTS.
        noun: int [items], which of its kind's nouns the title uses.
        colour, size: int [items], indices into COLOURS and SIZES; NO_SIZE where none is stated.
        price: float [items], dollars, two decimals.
        price_rank: float [items] in [0, 1]: the share of products that cost less.
    """

    titles: tuple[str, ...]
    kind: NDArray[np.int64]
    department: NDArray[np.int64]
    noun: NDArray[np.int64]
    colour: NDArray[np.int64]
    size: NDArray[np.int64]
    price: NDArray[np.float64]
    price_rank: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.titles)


def build_catalogue(rng: Generator, *, items_a_kind: int) -> Catalogue:
    """Draw `items_a_kind` products of each kind."""
    kind = np.repeat(np.arange(len(KINDS)), items_a_kind)
    count = len(kind)
    noun = rng.integers(0, 1 << 30, count) % np.array([len(k.nouns) for k in KINDS])[kind]
    colour = rng.integers(0, len(COLOURS), count)
    size = np.where(rng.random(count) < SIZELESS_SHARE, NO_SIZE, rng.integers(0, len(SIZES), count))
    price = _prices(rng, kind)
    draws = rng.random((count, 4))
    titles = tuple(
        _title(KINDS[kind[i]], int(noun[i]), int(colour[i]), int(size[i]), draws[i])
        for i in range(count)
    )
    department = np.array([DEPARTMENTS.index(k.department) for k in KINDS])[kind]
    price_rank = np.searchsorted(np.sort(price), price) / count
    return Catalogue(titles, kind, department, noun, colour, size, price, price_rank)


def _prices(rng: Generator, kind: NDArray[np.int64]) -> NDArray[np.float64]:
    """Draw prices in whole cents, log-uniform within each kind's range."""
    low, high = np.log([(k.low_price, k.high_price) for k in KINDS])[kind].T
    price: NDArray[np.float64] = np.round(np.exp(low + (high - low) * rng.random(len(kind))), 2)
    return price


def _title(kind: ProductType, noun: int, colour: int, size: int, draws: NDArray[np.float64]) -> str:
    """Write one title; `draws` are four uniform numbers that pick the words."""
    sizes = "" if size == NO_SIZE else _pick(SIZES[size].in_titles, draws[0]) + " "
    return _pick(PATTERNS, draws[1]).format(
        brand=_pick(BRANDS, draws[2]),
        size=sizes,
        noun=kind.nouns[noun],
        colour=_pick(COLOURS[colour].in_titles, draws[0] * 7 % 1),
        ending=_pick(ENDINGS, draws[3]),
    )


def _pick(options: tuple[str, ...], draw: float) -> str:
    return options[int(draw * len(options))]
