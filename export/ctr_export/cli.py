"""`ctr-export`: the exporter's command line. A command's module is loaded when it is asked for."""

from __future__ import annotations

import importlib

import click

COMMANDS = {
    "build": "Turn a checkpoint into a bundle: export, measure, judge, calibrate.",
    "inspect": "Verify a bundle's digests and print what it is.",
    "triton-check": "Check a bundle's Triton configs against its graphs.",
    "tensorrt": "Build a bundle's TensorRT plan, on the machine with the GPU.",
}
"""Name -> the line in the list of commands, so that the list needs no command's module."""


class LazyGroup(click.Group):
    """Imports `ctr_export.commands.<name>` on first use: `--help` needs no torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Return the names in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click's signature
        """Load one command."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"ctr_export.commands.{name}")
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- click's signature
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ctr-serve")
def main() -> None:
    """Turn a checkpoint of `ctr-train` into a bundle that `ctr-service` serves.

    \b
    Examples:
      ctr-export build build/demo/checkpoint --out build/demo/bundle
      ctr-export inspect build/demo/bundle
      ctr-export triton-check build/demo/bundle
      ctr-export tensorrt build/demo/bundle --dry-run
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
