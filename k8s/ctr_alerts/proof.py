"""What promtool shall show of an alert: that it fires, and that it keeps silent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctr_alerts.duration import Duration
    from ctr_alerts.rule import Alert
    from ctr_alerts.series import Series


@dataclass(frozen=True, slots=True)
class Proof:
    """One claim about one alert.

    Attributes:
        claim: a sentence.
        series: what Prometheus sees.
        step: between two samples.
        every: between two evaluations of the rules.
        at: when the claim is looked at; a whole number of evaluations.
        fires: how many alerts fire then; 0 is silence.
    """

    claim: str
    series: tuple[Series, ...]
    step: Duration
    every: Duration
    at: Duration
    fires: int


@dataclass(frozen=True, slots=True)
class Proven:
    """An alert with its proofs: at least one of firing and one of silence."""

    alert: Alert
    proofs: tuple[Proof, ...]
