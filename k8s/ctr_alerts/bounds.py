"""The gateway's histogram bounds as code, so that it reads no YAML when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctr_alerts.slo import Slo

A_LINE = 10
TITLE = "Bounds of the histograms of spans, in milliseconds; each latency objective is one of them."
TEMPLATE = '''"""{title}

Generated from k8s/alerts/slo.yaml. Do not edit.
"""

from __future__ import annotations

DURATION_BOUNDS_MS = (
{lines}
)
'''


def bounds_module(slo: Slo) -> str:
    """Return the text of `ctr_service/telemetry/bounds.py`."""
    bounds = [f"{bound:.12g}" for bound in slo.duration_bounds_ms]
    lines = [bounds[start : start + A_LINE] for start in range(0, len(bounds), A_LINE)]
    rows = "\n".join(f"    *({_tuple(line)})," for line in lines)
    return TEMPLATE.format(title=TITLE, lines=rows)


def _tuple(values: list[str]) -> str:
    return ", ".join(values) if len(values) > 1 else f"{values[0]},"
