"""`ctr-bench`: measure the gateway. A command's module is loaded when it is asked for."""

from __future__ import annotations

import importlib

import click

COMMANDS = {
    "serving": "Goodput at the SLO against the raw bound of this machine.",
    "gateway": "What the gateway itself costs, against a bare echo.",
    "overload": "Goodput, refusals and memory at up to 3 times capacity.",
    "triton": "Gateway and Triton against Triton's own dynamic batcher.",
    "soak": "A long run at a part of capacity: errors, memory, latency.",
}
"""Name -> the line in the list of commands."""


class LazyGroup(click.Group):
    """Imports `ctr_bench.commands.<name>` on first use: `--help` needs no numpy and no gRPC."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Return the names in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click's signature
        """Load one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"ctr_bench.commands.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- click's signature
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ctr-serve")
def main() -> None:
    """Measure the gateway on this machine. Results go to build/bench/, as JSON.

    \b
    Examples:
      ctr-bench serving
      ctr-bench gateway --seconds 5 --repeats 1
      ctr-bench gateway --profile
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
