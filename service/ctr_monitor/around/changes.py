"""What became different around the onset: series that came, went or moved a step. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_monitor.model import Change

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ctr_monitor.model import Line, Panel

RECENT_S = 1800
"""A change this long before the onset may still be its cause."""
SHORT = 12
"""Digits of a digest that a person compares."""


def find_changes(
    panels: Mapping[str, Panel], *, from_ms: int, onset_ms: int, until_ms: int
) -> tuple[Change, ...]:
    """Return the changes from `RECENT_S` before the onset to `until_ms`, oldest first."""
    start_ms = max(from_ms, onset_ms - RECENT_S * 1000)
    found = [
        *_models(panels.get("models"), from_ms, until_ms),
        *_steps(panels.get("replicas_up"), "replicas", "gateways scraped"),
        *_steps(panels.get("serving"), "replicas", "workers serving"),
        *_steps(panels.get("triton_ready"), "replicas", "Triton servers ready"),
        *_steps(panels.get("queue_limit_tokens"), "config", "limit of the queue, tokens"),
        *_restarts(panels.get("restarts")),
    ]
    recent = (change for change in found if start_ms <= change.at_ms <= until_ms)
    return tuple(sorted(recent, key=lambda change: (change.at_ms, change.kind, change.text)))


def _models(panel: Panel | None, from_ms: int, until_ms: int) -> Iterator[Change]:
    """A model that appears after the first sample, or disappears before the last one."""
    if panel is None:
        return
    stamps = sorted({at for line in panel.lines for at, v in line.points if v is not None})
    if not stamps:
        return
    for line in panel.lines:
        name = _model_name(line)
        seen = [at for at, v in line.points if v is not None]
        if not seen:
            continue
        if stamps[0] < seen[0] and from_ms < seen[0]:
            yield Change(kind="model", at_ms=seen[0], text=f"model {name} appeared")
        gone = [at for at in stamps if at > seen[-1]]
        if gone and gone[0] <= until_ms:
            yield Change(kind="model", at_ms=gone[0], text=f"model {name} went away")


def _model_name(line: Line) -> str:
    labels = line.labels
    digest = labels.get("manifest_sha256", "")[:SHORT]
    parts = (labels.get("version", "?"), labels.get("graph", ""), digest and f"manifest {digest}")
    return ", ".join(part for part in parts if part)


def _steps(panel: Panel | None, kind: str, what: str) -> Iterator[Change]:
    """A value that differs from the one before; a gap is a value that went away."""
    for line in panel.lines if panel is not None else ():
        last: float | None = None
        known = False
        for at_ms, value in line.points:
            if known and value != last:
                text = f"{what}: {_number(last)} to {_number(value)}"
                yield Change(kind=kind, at_ms=at_ms, text=text)
            known = known or value is not None
            last = value


def _restarts(panel: Panel | None) -> Iterator[Change]:
    for line in panel.lines if panel is not None else ():
        last = 0.0
        for at_ms, value in line.points:
            if value is not None and value >= 1 and last < 1:
                yield Change(kind="restart", at_ms=at_ms, text="a process of a gateway started")
            last = value or 0.0


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"
