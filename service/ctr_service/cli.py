"""`ctr-service`: the gateway's command line. A command's module is loaded when it is asked for."""

from __future__ import annotations

import importlib

import click

COMMANDS = {
    "serve": "Serve a bundle over gRPC until SIGTERM.",
    "check": "Validate settings and bundle, score one row, and exit.",
    "features": "Load titles and features by id, and look at them.",
    "token": "Make a bearer token for a caller.",
}
"""Name -> the line in the list of commands, so that the list needs no command's module."""


class LazyGroup(click.Group):
    """Imports `ctr_service.commands.<name>` on first use: `--help` needs no numpy and no gRPC."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Return the names in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click's signature
        """Load one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"ctr_service.commands.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- click's signature
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ctr-serve")
def main() -> None:
    """Serve click-through predictions of a bundle over gRPC.

    \b
    Examples:
      ctr-service check --bundle build/demo/bundle
      ctr-service serve --bundle build/demo/bundle
      CTR_PORT=9000 ctr-service serve --config gateway.toml
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
