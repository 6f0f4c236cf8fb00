"""What a selftest claims, what it measured, and whether that holds. Pure."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Claim:
    """One figure and its limit.

    Attributes:
        text: the limit in words.
    """

    name: str
    measured: float
    expected: float
    text: str
    holds: bool

    def as_json(self) -> dict[str, object]:
        """Return it as a file has it; what is endless or was not measured is null."""
        values = {"measured": self.measured, "expected": self.expected}
        finite = {n: v if abs(v) < float("inf") else None for n, v in values.items()}
        return {"name": self.name, **finite, "limit": self.text, "holds": self.holds}


def near(name: str, measured: float, expected: float, share: float) -> Claim:
    """Claim that a figure is within a share of what it must be; NaN never is."""
    holds = abs(measured - expected) <= share * abs(expected)
    return Claim(name, measured, expected, f"within {share:.0%}", bool(holds))


def bound(name: str, measured: float, sign: str, limit: float) -> Claim:
    """Claim that a figure is `<=`, `>=` or `==` a limit."""
    return Claim(name, measured, limit, sign, bool(_SIGNS[sign](measured, limit)))


@dataclass(frozen=True, slots=True)
class Check:
    """What one server, or one other harness, proves.

    Attributes:
        absent: why it could not be made; empty where it was.
    """

    name: str
    claims: tuple[Claim, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    absent: str = ""

    @property
    def holds(self) -> bool:
        """Whether every claim does; an absent check claims nothing."""
        return all(claim.holds for claim in self.claims)

    def as_json(self) -> dict[str, object]:
        """Return it as a file has it."""
        return {
            "name": self.name,
            "holds": self.holds if not self.absent else None,
            "absent": self.absent or None,
            "claims": [claim.as_json() for claim in self.claims],
            **self.facts,
        }
