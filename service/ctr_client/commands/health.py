"""`ctr-client health`."""

from __future__ import annotations

import click

from ctr_client.commands.common import deadline_option, sentences, target_option


@click.command()
@target_option
@deadline_option(1000)
@click.option(
    "--service", default="", help="Ask for one gRPC service; the whole server by default."
)
def health(target: str, deadline_ms: int, service: str) -> None:
    """Print SERVING and exit 0, or print what it is instead and exit 1.

    \b
    Example, in a readiness script:
      until ctr-client health; do sleep 1; done
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    from ctr_client.client import PredictionClient  # noqa: PLC0415 -- loads gRPC; --help needs none
    from ctr_client.health import SERVING  # noqa: PLC0415 -- beside the client

    with sentences(target), PredictionClient(target) as client:
        status = client.health(service, deadline_s=deadline_ms / 1000)
    click.echo(status)
    if status != SERVING:
        raise SystemExit(1)
