"""Light load: one caller at a time, in turn with the bare session, and a bare echo."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ctr_bench.ask import ask
from ctr_bench.child import running_child
from ctr_bench.figures import percentile_ms
from ctr_bench.goodput import saturate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_bench.bound.bare import BareList
    from ctr_bench.child import Child
    from ctr_bench.goodput import Traffic

TURNS = 3
GATEWAY_S, ECHO_S = 2.0, 2.0


def light_load_ratio(gateway: Child, traffic: Traffic, bare: BareList) -> Mapping[str, float]:
    """Return the p50 of one caller, and its ratio to what session and transport take alone.

    Args:
        gateway: without caches.
        traffic: lists like those whose bare time is taken.
        bare: one list on the bare session.
    """
    bare_ms: list[float] = []
    served_ms: list[float] = []
    for turn in range(TURNS):
        bare_ms.append(bare.sample() * 1e3)
        part = traffic.from_request(turn * len(traffic.messages) // TURNS)
        _, served = saturate(gateway.target, part, callers=1, seconds=GATEWAY_S)
        served_ms.append(percentile_ms(served.records.latency_ms, 50))
    with tempfile.TemporaryDirectory(prefix="ctr-bench-") as folder:
        response = Path(folder) / "response"
        response.write_bytes(ask(gateway.target, traffic.messages[:1])[0])
        with running_child("echo", ("-m", "ctr_bench.echo", str(response))) as echo:
            _, echoed = saturate(echo.target, traffic, callers=1, seconds=ECHO_S)
    echo_ms = percentile_ms(echoed.records.latency_ms, 50)
    bare_list_ms, light_p50_ms = statistics.fmean(bare_ms), statistics.fmean(served_ms)
    return {
        "bare_list_ms": bare_list_ms,
        "light_p50_ms": light_p50_ms,
        "light_echo_p50_ms": echo_ms,
        "light_p50_ratio": light_p50_ms / (bare_list_ms + echo_ms),
    }
