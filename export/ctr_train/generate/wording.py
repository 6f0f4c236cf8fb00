"""Words of titles and queries that are not the product itself: brands, colours, sizes, fillers."""

from __future__ import annotations

from dataclasses import dataclass

BRANDS = (
    "Northfell", "Brightway", "Oakline", "Lumina", "Kestrel", "Solano", "Pinecrest", "Fernwood",
    "Halden", "Marlow", "Redstone", "Bluebay", "Vista", "Copperfield", "Stellar", "Greyson",
    "Willow", "Falcon", "Orchard", "Summit", "Harper", "Delta", "Monarch", "Juniper",
)  # fmt: skip

ENDINGS = ("", "", "", "", "", "", " (2-Pack)", " 2nd Gen")
"""What shops add to titles. It says nothing; the empty one is the commonest."""

FILLERS = (
    "{}", "{}", "{}", "best {}", "{} online", "buy {}", "{} deals", "need {}", "{} reviews",
    "looking for {}", "good {}", "{} for sale",
)  # fmt: skip
"""What people type around the thing they want. It says nothing; bare queries are the commonest."""

STOP_WORDS = frozenset(
    {
        *("a", "an", "and", "at", "by", "for", "from", "how", "i", "in", "into"),
        *("is", "it", "like", "me", "my", "not", "of", "off", "on", "or", "out"),
        *("so", "the", "this", "to", "up", "what", "where", "while", "who", "with", "without"),
    }
)


@dataclass(frozen=True, slots=True)
class Trait:
    """One value of a property that a query may ask for.

    Attributes:
        in_titles: how titles say it.
        in_queries: how queries say it, as a pattern around the thing asked for.
    """

    in_titles: tuple[str, ...]
    in_queries: tuple[str, ...]


COLOURS = (
    Trait(("Red",), ("{} in red", "red {}")),
    Trait(("Blue",), ("{} in blue", "blue {}")),
    Trait(("Green",), ("{} in green", "green {}")),
    Trait(("Black",), ("{} in black", "black {}")),
    Trait(("White",), ("{} in white", "white {}")),
    Trait(("Yellow",), ("{} in yellow", "yellow {}")),
)

SIZES = (
    Trait(("Small", "Compact"), ("small {}", "little {}")),
    Trait(("Large", "Big"), ("large {}", "big {}")),
)
