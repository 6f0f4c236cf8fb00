"""`ctr-service check`."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import click

from ctr_service.commands.settings_options import settings_from, settings_options
from ctr_service.errors import CtrError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@click.command()
@settings_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def check(config: Path | None, *, as_json: bool, **flags: object) -> None:
    """Validate settings and bundle, load the model, score one row, and exit.

    Every digest of the bundle is checked. Exit code 0 says that `serve` with the same settings will
    serve, as far as this machine can tell without opening a port; 1 comes with the reason.

    \b
    Examples:
      ctr-service check --bundle build/demo/bundle
      ctr-service check --config gateway.toml --json
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    from ctr_service.checking import check_gateway  # noqa: PLC0415 -- loads the engine

    try:
        found = asyncio.run(check_gateway(settings_from(config, flags)))
    except CtrError as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(found, indent=2) if as_json else _text(found))


def _text(found: Mapping[str, object]) -> str:
    width = max(len(name) for name in found)
    return "\n".join(
        f"{name.replace('_', ' '):<{width}}  {_plain(value)}" for name, value in found.items()
    )


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(part) for part in value) or "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
