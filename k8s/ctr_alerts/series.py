"""Input series of promtool's tests: counters that go at a pace, gauges that stand at a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Series:
    """One input series.

    Attributes:
        selector: name and labels.
        values: in promtool's notation, one a step.
    """

    selector: str
    values: str


@dataclass(frozen=True, slots=True)
class Phase:
    """Some steps in a row.

    Attributes:
        steps: how many.
        value: a counter's growth a step, or a gauge's value.
    """

    steps: int
    value: float


def counter(selector: str, *phases: Phase) -> Series:
    """A counter that begins at 0 and grows by each phase's value a step."""
    parts = ["0"]
    now = 0.0
    for phase in phases:
        if phase.steps:
            first = now + phase.value
            parts.append(_run(first, phase.value, phase.steps))
            now += phase.value * phase.steps
    return Series(selector, " ".join(parts))


def gauge(selector: str, *phases: Phase) -> Series:
    """A gauge that stands at each phase's value."""
    values = [_run(phase.value, 0, phase.steps) for phase in phases if phase.steps]
    return Series(selector, " ".join(values))


def absent_after(series: Series, steps: int) -> Series:
    """The same series, which then goes away for so many steps, as a target does that is gone."""
    return Series(series.selector, f"{series.values} stale _x{steps}")


def labels(metric: str, **values: str) -> str:
    """Write a series' name and labels."""
    inside = ",".join(f'{name}="{value}"' for name, value in values.items())
    return f"{metric}{{{inside}}}"


def _run(first: float, growth: float, steps: int) -> str:
    """Write `steps` samples; promtool counts the repeats after the first."""
    return f"{first:.10g}{growth:+.10g}x{steps - 1}"
