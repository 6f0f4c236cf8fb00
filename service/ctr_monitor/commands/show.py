"""`ctr-monitor show`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from ctr_monitor.commands.stores import opened, store_option

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("id_", metavar="ID", type=click.IntRange(1))
@store_option
@click.option("--runbook-base", default="", help="Put before a runbook's path to make it a link.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def show(id_: int, store: Path, runbook_base: str, *, as_json: bool) -> None:
    """Print incident ID as Markdown: what fired, suspected causes, changes, traces, notes.

    \b
    Examples:
      ctr-monitor show 12 --store monitor.sqlite
      ctr-monitor show 12 --store monitor.sqlite --json | jq .report.suspects
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    from ctr_monitor.commands.reading import view_of  # noqa: PLC0415 -- not for --help
    from ctr_monitor.report.markdown import markdown  # noqa: PLC0415 -- not for --help

    with opened(store) as database:
        view = view_of(database, id_, runbook_base)
    if as_json:
        click.echo(json.dumps(view.incident.model_dump(mode="json"), indent=2))
    else:
        click.echo(markdown(view), nl=False)
