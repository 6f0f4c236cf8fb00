"""One thing that is wrong with a config."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong, and where.

    Attributes:
        field: path of the field in the config, for example `input[lengths].data_type`.
        sentence: what it is, and what it must be.
    """

    field: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.field}: {self.sentence}"


def is_not(found: object, wanted: object) -> str:
    """Return the usual sentence."""
    return f"it is {found}, and must be {wanted}"
