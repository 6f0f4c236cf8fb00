"""`ctr-monitor export`."""

from __future__ import annotations

from pathlib import Path

import click

from ctr_monitor.commands.stores import opened, store_option


@click.command()
@store_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A file for JSON lines, or a folder for Markdown. JSON lines go to stdout without it.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("json", "markdown")),
    default="json",
    help="json: one incident a line. markdown: one file an incident, and --out is needed.",
)
def export(store: Path, out: Path | None, form: str) -> None:
    """Write all incidents out, oldest first, with reports, notes and times to resolve.

    \b
    Examples:
      ctr-monitor export --store monitor.sqlite > incidents.jsonl
      ctr-monitor export --store monitor.sqlite --format markdown --out incidents/
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    from ctr_monitor.commands.reading import view_of  # noqa: PLC0415 -- not for --help
    from ctr_monitor.report.markdown import markdown  # noqa: PLC0415 -- not for --help
    from ctr_monitor.store.incidents import IncidentStore  # noqa: PLC0415 -- not for --help

    if form == "markdown" and out is None:
        raise click.UsageError("--format markdown needs --out FOLDER")
    with opened(store) as database:
        every = IncidentStore(database).every()
        if out is None:
            for incident in every:
                click.echo(incident.model_dump_json())
            return
        try:
            if form == "json":
                lines = (incident.model_dump_json() + "\n" for incident in every)
                _write(out, "".join(lines))
                return
            out.mkdir(parents=True, exist_ok=True)
            for incident in every:
                text = markdown(view_of(database, incident.id))
                _write(out / f"incident-{incident.id}.md", text)
        except OSError as error:
            raise click.ClickException(f"{out} cannot be written: {error.strerror}") from None


def _write(path: Path, text: str) -> None:
    aside = path.with_name(path.name + ".new")
    aside.write_text(text, "utf-8")
    aside.replace(path)
