"""`ctr-client`: talk to a running gateway from a shell."""

from __future__ import annotations

import click

from ctr_client.commands.health import health
from ctr_client.commands.model import model
from ctr_client.commands.score import score


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ctr-serve")
def main() -> None:
    """Talk to a running gateway (`ctr-service serve`).

    \b
    Examples:
      ctr-client health
      ctr-client model
      ctr-client score --query "thermal mug" --items items.csv
      ctr-client model --target ctr.example:8500 --tls-ca ca.pem --token-file token
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap


main.add_command(score)
main.add_command(model)
main.add_command(health)
