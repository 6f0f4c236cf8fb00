"""What kinds of product the generated catalogue knows, and how people ask for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProductType:
    """One kind of product.

    Attributes:
        name: what the kind is called here; never written to the log.
        department: one lower-case word; users have a favourite one.
        low_price, high_price: in dollars; prices are drawn log-uniformly between them.
        nouns: how titles name it.
        asks: how queries ask for it in other words; most share no word with any noun.
    """

    name: str
    department: str
    low_price: float
    high_price: float
    nouns: tuple[str, ...]
    asks: tuple[str, ...]

    @property
    def wordings(self) -> tuple[str, ...]:
        """How queries may name it: the `asks`, then the nouns of its titles in lower case."""
        return (*self.asks, *(noun.lower() for noun in self.nouns))


def kind(
    name: str, department: str, prices: tuple[float, float], nouns: str, asks: str
) -> ProductType:
    """Build a product type from one table row; `nouns` and `asks` are separated by `|`."""
    return ProductType(name, department, *prices, tuple(nouns.split("|")), tuple(asks.split("|")))
