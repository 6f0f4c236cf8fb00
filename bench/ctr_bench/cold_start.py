"""How long a new gateway takes until it serves, and what memory it holds then."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctr_bench.ask import ask
from ctr_bench.gateway_process import running_gateway

if TYPE_CHECKING:
    from ctr_bench.gateway_process import GatewaySetup
    from ctr_bench.material import Material
    from ctr_bench.progress import Progress

STARTS = 2
"""The first one may read files that the next one finds in memory."""


@dataclass(slots=True)
class Start:
    """A gateway's cold start.

    Attributes:
        serving_s: from the start of the process to SERVING, one a start.
        answer_s: to the first answer.
        rss_bytes: memory once it serves, the most of all starts.
    """

    serving_s: list[float] = field(default_factory=list)
    answer_s: list[float] = field(default_factory=list)
    rss_bytes: int = 0


def measure_start(setup: GatewaySetup, material: Material, progress: Progress) -> Start:
    """Start a gateway a few times.

    Raises:
        BenchError: it did not start, or did not stop well.
    """
    found = Start()
    for number in range(STARTS):
        began_s = time.monotonic()
        with running_gateway(setup) as gateway:
            found.serving_s.append(time.monotonic() - began_s)
            ask(gateway.target, material.unseen(1, number).messages)
            found.answer_s.append(time.monotonic() - began_s)
            found.rss_bytes = max(found.rss_bytes, gateway.rss_bytes())
        progress.say(f"start {number + 1} of {STARTS}: serving after {found.serving_s[-1]:.1f} s")
    return found
