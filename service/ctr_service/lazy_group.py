"""A group of commands, each in a module of its own that is imported when it is asked for.

So `--help` answers at once: it waits for no numpy, no gRPC and no torch. Every command line that
stands on the gateway's install uses it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


class LazyGroup(click.Group):
    """Imports `<package>.<name>` on first use and takes its attribute `<name>` as the command.

    A dash in a command's name is an underscore in Python.
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 -- click's own arguments, passed on as they are
        package: str,
        lines: Mapping[str, str],
        **kwargs: Any,  # noqa: ANN401 -- the same
    ) -> None:
        """Take the list of commands, so that listing them needs none of their modules.

        Args:
            args: of `click.Group`.
            package: full name of the package that holds a module a command.
            lines: name -> the line in the list of commands, in the order of the list.
            kwargs: of `click.Group`.
        """
        super().__init__(*args, **kwargs)
        self._package = package
        self._lines = lines

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Return the names in the order of the list."""
        return list(self._lines)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click's signature
        """Import a command; None when there is none of that name."""
        if cmd_name not in self._lines:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"{self._package}.{name}")
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- click's signature
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._lines.items()))
