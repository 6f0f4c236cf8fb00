"""The gateway's histogram bounds as code, so that it reads no YAML when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctr_alerts.slo import Slo

TEMPLATE = '''"""Upper bounds of the duration histogram's buckets, in milliseconds.

Generated from k8s/alerts/slo.yaml by `make alerts`. Edits are lost.
"""

DURATION_BOUNDS_MS: tuple[float, ...] = (
{lines}
)
"""Each latency objective is one of them, so that the share below it is counted exactly."""
'''


def bounds_module(slo: Slo) -> str:
    """Return the text of `ctr_service/telemetry/bounds.py`."""
    lines = "\n".join(f"    {float(bound)!r}," for bound in slo.duration_bounds_ms)
    return TEMPLATE.format(lines=lines)
