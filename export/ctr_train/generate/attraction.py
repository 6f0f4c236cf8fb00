"""P(click | examined): what a click model trained on the log should find again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_train.generate.queries import NO_WISH
from ctr_train.generate.users import SEGMENTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctr_train.generate.catalogue import Catalogue
    from ctr_train.generate.queries import Query
    from ctr_train.generate.users import User


@dataclass(frozen=True, slots=True)
class AttractionModel:
    """attraction = base(kind) x wish x price x favourite, all factors <= 1.

    Attributes:
        right_kind: base of a product of the kind that the query means.
        same_department, elsewhere: base of any other product.
        wish_missed: factor of a product whose colour or size is not the one asked for.
        price_slope: a saver's factor falls from 1 to 1 - price_slope as the price rises from the
            catalogue's lowest to its highest; a premium user's factor rises likewise.
        other_department: factor outside the user's favourite department.
    """

    right_kind: float = 0.97
    same_department: float = 0.02
    elsewhere: float = 0.01
    wish_missed: float = 0.75
    price_slope: float = 0.25
    other_department: float = 0.95

    def of(
        self, query: Query, user: User, catalogue: Catalogue, items: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return P(click | examined), float [items], for the items of one search."""
        right = catalogue.kind[items] == query.kind
        department = catalogue.department[items]
        home = catalogue.department[catalogue.kind == query.kind][0]
        base = np.where(department == home, self.same_department, self.elsewhere)
        base = np.where(right, self.right_kind, base)
        return (
            base
            * self._wish(query, catalogue, items)
            * self._price(user, catalogue.price_rank[items])
            * np.where(department == user.favourite, 1.0, self.other_department)
        )

    def _wish(
        self, query: Query, catalogue: Catalogue, items: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        missed = np.zeros(len(items), dtype=bool)
        if query.colour != NO_WISH:
            missed |= catalogue.colour[items] != query.colour
        if query.size != NO_WISH:
            missed |= catalogue.size[items] != query.size
        return np.where(missed, self.wish_missed, 1.0)

    def _price(self, user: User, price_rank: NDArray[np.float64]) -> NDArray[np.float64]:
        """Savers mind a high price, premium users a low one; regular users stand between."""
        segment = SEGMENTS[user.segment]
        if segment == "regular":
            return np.full(len(price_rank), 1 - self.price_slope / 2)
        distance = price_rank if segment == "saver" else 1 - price_rank
        return 1 - self.price_slope * distance
