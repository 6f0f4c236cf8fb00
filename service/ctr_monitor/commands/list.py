"""`ctr-monitor list`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from ctr_monitor.commands.stores import opened, store_option

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_monitor.model import Incident


@click.command("list")
@click.argument("words", nargs=-1)
@store_option
@click.option("--limit", default=50, type=click.IntRange(1, 10_000), help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def list_(words: tuple[str, ...], store: Path, limit: int, *, as_json: bool) -> None:
    """List incidents, newest first; with WORDS those that hold them all.

    WORDS are looked for in names of alerts, labels, suspected causes, changes, trace ids and notes.

    \b
    Examples:
      ctr-monitor list --store monitor.sqlite
      ctr-monitor list --store monitor.sqlite redis page
      ctr-monitor list --store monitor.sqlite --json --limit 5
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    from ctr_monitor.store.incidents import IncidentStore  # noqa: PLC0415 -- not for --help

    with opened(store) as database:
        found = IncidentStore(database).search(" ".join(words), limit=limit)
    if as_json:
        click.echo(json.dumps([incident.model_dump(mode="json") for incident in found], indent=2))
        return
    for incident in found:
        click.echo(_line(incident))
    if not found:
        click.echo("no incident" + (" holds all of these words" if words else " on record"))


def _line(incident: Incident) -> str:
    from ctr_monitor.report.view import clock_time  # noqa: PLC0415 -- not for --help

    minutes = incident.minutes_to_resolve
    took = "" if minutes is None else f"{minutes:g} min"
    suspect = incident.suspect_keys[0] if incident.suspect_keys else "-"
    return (
        f"{incident.id:>5}  {clock_time(incident.started_ms)}  {incident.state:<8}  {took:>9}  "
        f"{suspect:<18}  {incident.title}"
    )


globals()["list"] = list_  # the group takes a module's attribute of the command's name
