"""`ctr-service model serving`."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from typing import TYPE_CHECKING

import click

from ctr_client.commands.common import deadline_option
from ctr_client.commands.connection import connect_options
from ctr_service.commands.models.columns import columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctr_client.commands.connection import Connection
    from ctr_client.serving import Served

HEAD = ("ADDRESS", "HEALTH", "MODEL", "VERSION", "GRAPH", "MANIFEST", "")
DIGITS = 12
"""Of a digest; enough to tell bundles apart. --json has all 64."""


@click.command()
@click.argument("addresses", nargs=-1, required=True, metavar="HOST:PORT...")
@click.option(
    "--every-address",
    is_flag=True,
    help="Ask each address behind a HOST, such as every pod behind a headless Service.",
)
@click.option("--expect", metavar="VERSION", help="Fail unless this version serves everywhere.")
@connect_options
@deadline_option(1000)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def serving(  # noqa: PLR0913 -- click passes every option as an argument
    addresses: tuple[str, ...],
    connect: Callable[[str], Connection],
    deadline_ms: int,
    expect: str | None,
    *,
    every_address: bool,
    as_json: bool,
) -> None:
    """Tell which model version serves at each HOST:PORT, asked all at once.

    Exit code 0 says that every address is SERVING and told its model, and with --expect that it is
    that version; 1 that one is dead, drains, refuses or serves another. Two bundles of one version
    differ in MANIFEST.

    \b
    Examples:
      ctr-service model serving 10.0.0.7:8500 10.0.0.8:8500
      ctr-service model serving gateways.search:8500 --every-address --expect w3f2a91c0d4e5
      ctr-service model serving ctr.example:8500 --tls-ca ca.pem --token-file token --json
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    from ctr_client.serving import addresses_of, ask_all  # noqa: PLC0415 -- loads gRPC

    for address in addresses:
        if not address.rpartition(":")[0] or not address.rpartition(":")[2].isdigit():
            raise click.UsageError(f"{address} is no HOST:PORT, such as 127.0.0.1:8500")
    asked = list(addresses)
    if every_address:
        # A name that nobody knows stays, so that it is told as dead rather than left out.
        asked = [found for one in addresses for found in addresses_of(one) or [one]]
    served = ask_all(asked, lambda address: connect(address).open(), deadline_s=deadline_ms / 1000)
    as_wanted = all(one.well and expect in {None, one.version} for one in served)
    if as_json:
        found = [dataclasses.asdict(one) | {"well": one.well} for one in served]
        click.echo(json.dumps({"as_wanted": as_wanted, "addresses": found}, indent=2))
    else:
        click.echo(columns([HEAD, *map(_row, served)]))
        click.echo(_summary(served, expect))
    if not as_wanted:
        raise SystemExit(1)


def _row(served: Served) -> tuple[str, ...]:
    return (
        served.address,
        served.health or "-",
        served.model or "-",
        served.version or "-",
        served.graph or "-",
        (served.manifest_sha256 or "-")[:DIGITS],
        served.problem or "",
    )


def _summary(served: Sequence[Served], expect: str | None) -> str:
    versions = Counter(one.version for one in served if one.version is not None)
    told = [f"{version} at {count}" for version, count in sorted(versions.items())]
    amiss = sum(not one.well for one in served)
    parts = [f"{len(served)} asked", *told, *([f"{amiss} not well"] if amiss else [])]
    if expect is not None:
        others = sum(one.version != expect for one in served)
        parts.append(f"{others} without {expect}" if others else f"{expect} everywhere")
    return ", ".join(parts)
