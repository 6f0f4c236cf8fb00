"""`ctr-bench`: measure the gateway. A command's module is loaded when it is asked for."""

from __future__ import annotations

import click

from ctr_service.lazy_group import LazyGroup

COMMANDS = {
    "run": "Load a server, open or closed loop, and keep every request.",
    "selftest": "Prove the harness on servers of known behaviour.",
    "plan": "Replicas, cost and thresholds for a forecast, from goodput that is measured.",
    "compare": "Two targets in turn: ratios with intervals, or no difference.",
    "sweep": "The highest rate at which a gateway keeps an SLO, with its verdict.",
    "serving": "Goodput at the SLO against the raw bound of this machine.",
    "gateway": "What the gateway itself costs, against a bare echo.",
    "overload": "Goodput, refusals and memory at up to 3 times capacity.",
    "redis": "p99 with a Redis that is healthy, dead and slow, against none.",
    "telemetry": "The gateway with full telemetry against without.",
    "triton": "Gateway and Triton against Triton's own dynamic batcher.",
    "peers": "The gateway against other servers on the same graph.",
    "soak": "A long run at a part of capacity: errors, memory, latency.",
    "report": "One HTML page of what the benches measured.",
}
"""Name -> the line in the list of commands."""


@click.group(
    cls=LazyGroup,
    package="ctr_bench.commands",
    lines=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="ctr-serve")
def main() -> None:
    """Measure the gateway on this machine. Results go to build/bench/, as JSON.

    \b
    Examples:
      ctr-bench run --target 127.0.0.1:8500 --rate 50 --seconds 60 --slo p99=100ms
      ctr-bench sweep --slo p99=100ms
      ctr-bench compare 127.0.0.1:8500 127.0.0.1:8501 --rate 20
      ctr-bench plan --forecast peak=3000 --slo p99=100ms --price 0.35
      ctr-bench serving
      ctr-bench gateway --seconds 5 --repeats 1
      ctr-bench gateway --profile
      ctr-bench report
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
