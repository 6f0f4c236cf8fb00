"""`ctr-monitor note`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from ctr_monitor.commands.stores import opened, store_option

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("id_", metavar="ID", type=click.IntRange(1))
@store_option
@click.option("--note", "text", required=True, help="What it was, and what helped; - reads stdin.")
@click.option("--by", required=True, envvar=["CTR_MONITOR_NOTE_BY", "USER"], help="Who says so.")
@click.option("--cause", default="", help="Key of the cause, as `show --json` names suspects.")
@click.option("--minutes", type=float, help="Minutes to resolve; else from first alert to end.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def note(  # noqa: PLR0913, PLR0917 -- one a flag
    id_: int,
    store: Path,
    text: str,
    by: str,
    cause: str,
    minutes: float | None,
    *,
    as_json: bool,
) -> None:
    """Write down what was learnt of incident ID. The next report like it shows the note.

    \b
    Examples:
      ctr-monitor note 12 --store monitor.sqlite --note "Redis was out of memory; raised maxmemory"
      ctr-monitor note 12 --store monitor.sqlite --note - --cause redis_lost --minutes 25 < note.txt
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    from ctr_monitor.clock import SystemWallClock  # noqa: PLC0415 -- not for --help
    from ctr_monitor.store.incidents import IncidentStore  # noqa: PLC0415 -- not for --help
    from ctr_monitor.web.forms import resolution_from  # noqa: PLC0415 -- not for --help

    if text == "-":
        text = sys.stdin.read()
    with opened(store) as database:
        resolution = resolution_from(
            {"note": text, "by": by, "cause": cause, "minutes": minutes},
            SystemWallClock().now_ms(),
        )
        IncidentStore(database).resolve_with(id_, resolution)
    if as_json:
        click.echo(json.dumps(resolution.model_dump(mode="json"), indent=2))
    else:
        click.echo(f"kept with incident {id_}")
