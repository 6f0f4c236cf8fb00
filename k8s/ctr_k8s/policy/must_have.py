"""What a must-have is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ctr_k8s.policy.workload import Workload


@dataclass(frozen=True, slots=True)
class MustHave:
    """One line of the table.

    Attributes:
        id: short, for tests and messages.
        sentence: what must hold and why.
        lacks: yields what is missing in a workload, a phrase each; nothing when it holds.
        concerns: which workloads it is about.
    """

    id: str
    sentence: str
    lacks: Callable[[Workload], Iterable[str]]
    concerns: Callable[[Workload], bool] = lambda _: True


def unless(holds: object, phrase: str) -> tuple[str, ...]:
    """Return the phrase where something does not hold."""
    return () if holds else (phrase,)
