"""Which past incidents were like this one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ctr_monitor.model import Incident

SHOWN = 3
LEAST = 0.3
SUSPECT_WEIGHTS = (3.0, 1.5, 0.75)
"""Of the first, second and third suspect."""
ALERT_WEIGHT = 1.0
CAUSE_WEIGHT = 4.0
"""Of a cause that a person confirmed: it stands where a first suspect would."""
LABELS = ("caller", "ctr_model_version", "instance", "job")
LABEL_WEIGHT = 0.25


@dataclass(frozen=True, slots=True)
class Alike:
    """A past incident, and how alike it is (0 to 1)."""

    incident: Incident
    likeness: float


def seen_before(incident: Incident, past: Iterable[Incident]) -> list[Alike]:
    """Return the most similar earlier incidents, at most `SHOWN`; those with a note first.

    Likeness is a weighted Jaccard index over suspects, alerts and a few labels.
    """
    own = traits(incident)
    found = [
        Alike(other, round(likeness(own, traits(other)), 2))
        for other in past
        if other.id < incident.id
    ]
    alike = [each for each in found if each.likeness >= LEAST]
    alike.sort(
        key=lambda each: (-each.likeness, each.incident.resolution is None, -each.incident.id)
    )
    return sorted(
        alike[:SHOWN], key=lambda each: (each.incident.resolution is None, -each.likeness)
    )


def traits(incident: Incident) -> dict[str, float]:
    """Return what an incident is known by, with weights."""
    found: dict[str, float] = {}
    for weight, key in zip(SUSPECT_WEIGHTS, incident.suspect_keys, strict=False):
        found[f"suspect {key}"] = weight
    resolution = incident.resolution
    if resolution is not None and resolution.cause:
        found[f"suspect {resolution.cause}"] = CAUSE_WEIGHT
    for alert in incident.alerts:
        found[f"alert {alert.name}"] = ALERT_WEIGHT
        for name in LABELS:
            if value := alert.labels.get(name):
                found[f"{name} {value}"] = LABEL_WEIGHT
    return found


def likeness(one: dict[str, float], other: dict[str, float]) -> float:
    """Return the weighted Jaccard index of two sets of traits; 0 when both are empty."""
    names = one.keys() | other.keys()
    shared = sum(min(one.get(n, 0.0), other.get(n, 0.0)) for n in names)
    whole = sum(max(one.get(n, 0.0), other.get(n, 0.0)) for n in names)
    return shared / whole if whole else 0.0
