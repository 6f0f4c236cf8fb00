"""`ctr-service model`: which model serves where, and whether a bundle would."""

from __future__ import annotations

import click

from ctr_service.lazy_group import LazyGroup

COMMANDS = {
    "serving": "Tell which version serves at each address.",
    "verify": "Tell whether a bundle is whole and would serve here.",
    "diff": "Tell what differs between two bundles, and whether scores do.",
}
"""As in `ctr_service.cli`."""


@click.group(cls=LazyGroup, package="ctr_service.commands.models", lines=COMMANDS)
def model() -> None:
    """Look at models before, during and after a roll-out.

    \b
    Examples, in the order of a roll-out:
      ctr-service model verify /models/new
      ctr-service model diff /models/old /models/new
      ctr-service model serving gateways.search:8500 --every-address --expect w3f2a91c0d4e5
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
