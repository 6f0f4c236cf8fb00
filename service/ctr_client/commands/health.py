"""`ctr-client health`."""

from __future__ import annotations

import click

from ctr_client.commands.common import deadline_option, sentences
from ctr_client.commands.connection import Connection, connection_options


@click.command()
@connection_options
@deadline_option(1000)
@click.option(
    "--service", default="", help="Ask for one gRPC service; the whole server by default."
)
def health(connection: Connection, deadline_ms: int, service: str) -> None:
    """Print SERVING and exit 0, or print what it is instead and exit 1.

    \b
    Example, in a readiness script:
      until ctr-client health; do sleep 1; done
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    from ctr_client.health import SERVING  # noqa: PLC0415 -- beside the client

    with sentences(connection.target), connection.open() as client:
        status = client.health(service, deadline_s=deadline_ms / 1000)
    click.echo(status)
    if status != SERVING:
        raise SystemExit(1)
