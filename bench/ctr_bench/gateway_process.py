"""The gateway under load: `ctr-service serve` in a process of its own."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctr_bench.child import running_child
from ctr_bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ctr_bench.child import Child

ZERO_COST = ("--engine", "scripted-zero-cost")
"""The engine without a model: what is left is the gateway itself."""
TIMED = ("--engine", "scripted-timed", "--scripted-run-s", "0.01", "--scripted-token-s", "0")
"""The engine whose runs take 10 ms each: the same schedule makes the same queue, whatever else the
machine does, so what differs is the gateway's own."""
NO_SCORE_CACHE = ("--score-cache-bytes", "0")
NO_CACHES = (*NO_SCORE_CACHE, "--token-cache-bytes", "0", "--item-cache-bytes", "0")


@dataclass(frozen=True, slots=True)
class GatewaySetup:
    """How to start it.

    Attributes:
        flags: of `ctr-service serve`, beside ports and log.
        core: the CPU that it stays on; None takes all.
        profile: write cProfile's figures to this file.
        variables: of its environment, beside this process's own.
    """

    bundle: Path
    flags: tuple[str, ...] = ()
    core: int | None = None
    profile: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def running_gateway(setup: GatewaySetup) -> Iterator[Child]:
    """Start a gateway, wait until health says SERVING, and stop it by SIGTERM.

    Raises:
        BenchError: it did not start, or did not stop with exit code 0; its log is kept.
    """
    profiler = () if setup.profile is None else ("-m", "cProfile", "-o", str(setup.profile))
    arguments = (
        *(*profiler, "-m", "ctr_service", "serve", "--bundle", str(setup.bundle)),
        *("--port", "0", "--metrics-port", "0", "--log-format", "json", *setup.flags),
    )
    with running_child(
        "gateway", arguments, core=setup.core, health=True, variables=setup.variables
    ) as child:
        yield child


def metrics_port_of(child: Child) -> int:
    """Return the port of /metrics, as the gateway's log says it.

    Raises:
        BenchError: the log has no event "serving".
    """
    for line in child.log_file.read_text().splitlines():
        if line.startswith("{") and (event := json.loads(line))["event"] == "serving":
            return int(event["metrics_port"])
    raise BenchError(f"the gateway's log {child.log_file} does not say that it serves")
