"""Light load: one caller at a time, against the bare session and a bare echo."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ctr_bench.ask import ask
from ctr_bench.child import running_child
from ctr_bench.figures import percentile_ms
from ctr_bench.goodput import saturate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_bench.child import Child
    from ctr_bench.goodput import Traffic

GATEWAY_S, ECHO_S = 5.0, 2.0


def light_load_ratio(gateway: Child, traffic: Traffic, bare_list_s: float) -> Mapping[str, float]:
    """Return the p50 of one caller, and its ratio to what session and transport take alone.

    Args:
        gateway: without caches.
        traffic: the lists whose bare time is known.
        bare_list_s: one such list on the bare session.
    """
    _, served = saturate(gateway.target, traffic, callers=1, seconds=GATEWAY_S)
    with tempfile.TemporaryDirectory(prefix="ctr-bench-") as folder:
        response = Path(folder) / "response"
        response.write_bytes(ask(gateway.target, traffic.messages[:1])[0])
        with running_child("echo", ("-m", "ctr_bench.echo", str(response))) as echo:
            _, echoed = saturate(echo.target, traffic, callers=1, seconds=ECHO_S)
    served_ms = percentile_ms(served.records.latency_ms, 50)
    echo_ms = percentile_ms(echoed.records.latency_ms, 50)
    return {
        "light_p50_ms": served_ms,
        "light_echo_p50_ms": echo_ms,
        "light_p50_ratio": served_ms / (bare_list_s * 1e3 + echo_ms),
    }
