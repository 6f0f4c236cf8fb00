"""What results of probes say of a container, and how long a crashed one waits. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

FIRST_WAIT_S, LAST_WAIT_S = 10.0, 300.0
"""Of a kubelet: 10 s after the first crash, doubling to five minutes."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Of one probe."""

    success: int
    failure: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one probe has said so far.

    Attributes:
        passing: its standing verdict; None before the first threshold was reached.
        last: its latest result.
        in_a_row: how often that came in a row.
    """

    passing: bool | None = None
    last: bool | None = None
    in_a_row: int = 0

    def after(self, result: bool, thresholds: Thresholds) -> Verdict:  # noqa: FBT001 -- a result
        """Return the verdict after one more result."""
        in_a_row = self.in_a_row + 1 if result is self.last else 1
        counted = replace(self, last=result, in_a_row=in_a_row)
        if in_a_row >= (thresholds.success if result else thresholds.failure):
            return replace(counted, passing=result)
        return counted


def restart_wait_s(crashes: int) -> float:
    """Return how long a container waits after so many crashes in a row, unscaled.

    The first restart is at once.
    """
    if crashes <= 1:
        return 0.0
    return min(LAST_WAIT_S, FIRST_WAIT_S * 2.0 ** (crashes - 2))
