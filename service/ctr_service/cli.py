"""`ctr-service`: the gateway's command line. A command's module is loaded when it is asked for."""

from __future__ import annotations

import click

from ctr_service.lazy_group import LazyGroup

COMMANDS = {
    "serve": "Serve a bundle over gRPC until SIGTERM.",
    "check": "Validate settings and bundle, score one row, and exit.",
    "model": "Tell which model serves where; verify and compare bundles.",
    "features": "Load titles and features by id, and look at them.",
    "token": "Make a bearer token for a caller.",
}
"""Name -> the line in the list of commands, so that the list needs no command's module."""


@click.group(
    cls=LazyGroup,
    package="ctr_service.commands",
    lines=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="ctr-serve")
def main() -> None:
    """Serve click-through predictions of a bundle over gRPC.

    \b
    Examples:
      ctr-service check --bundle build/demo/bundle
      ctr-service serve --bundle build/demo/bundle
      CTR_PORT=9000 ctr-service serve --config gateway.toml
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
