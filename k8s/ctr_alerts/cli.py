"""`ctr-alerts`: rules, tests, dashboards and routes from the file of objectives."""

from __future__ import annotations

from pathlib import Path

import click

from ctr_alerts import layout
from ctr_alerts.errors import AlertsError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ctr-serve")
def main() -> None:
    """Make alerts from k8s/alerts/slo.yaml.

    \b
    Examples:
      ctr-alerts generate                        # what `make alerts` does
      ctr-alerts check                           # what `make lint` does
      ctr-alerts generate --window-scale 0.01 --out build/drill
    """  # noqa: D301 -- \\b is click's mark for text that it must not rewrap


@main.command()
@click.option(
    "--slo",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=layout.SOURCE,
    show_default=True,
    help="The file of objectives.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write rules and Alertmanager's configuration here, and nothing else.  "
    "[default: the repository's own generated files, all of them]",
)
@click.option(
    "--window-scale",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0.0001, max=1.0),
    help="Shorten every window, patience and interval by this factor, for drills; needs --out.",
)
def generate(slo: Path, out: Path | None, window_scale: float) -> None:
    """Write what follows from the objectives. Files that would not change are left alone.

    \b
    With --window-scale 0.01 the window of an hour is 36 s; intervals stay at 1 s and windows at
    4 s at least. Names and labels keep the nominal windows.
    """  # noqa: D301 -- \\b is click's mark for text that it must not rewrap
    # Imported here so that --help does not wait for Grafana's builders.
    from ctr_alerts.files import remove_stray, write_all  # noqa: PLC0415 -- see above
    from ctr_alerts.loading import load_slo  # noqa: PLC0415 -- see above
    from ctr_alerts.rendering import committed, running  # noqa: PLC0415 -- see above

    if out is None and window_scale != 1.0:
        raise click.UsageError("--window-scale needs --out: shortened rules are for no production")
    try:
        source = load_slo(slo)
    except AlertsError as error:
        raise click.ClickException(str(error)) from error
    if out is not None:
        texts, root = running(source, window_scale), out
        removed: tuple[Path, ...] = ()
    else:
        texts, root = committed(source), Path()
        removed = remove_stray(texts, root)
    written = write_all(texts, root)
    for path in written:
        click.echo(f"wrote {root / path}")
    for path in removed:
        click.echo(f"removed {path}")
    click.echo(f"{len(texts) - len(written)} of {len(texts)} files were up to date")


@main.command()
def check() -> None:
    """Fail when generated files differ from their source, or an alert lacks a runbook or a test."""
    from ctr_alerts.completeness import gaps  # noqa: PLC0415 -- as in generate
    from ctr_alerts.files import drift  # noqa: PLC0415 -- as in generate
    from ctr_alerts.loading import load_slo  # noqa: PLC0415 -- as in generate
    from ctr_alerts.rendering import committed  # noqa: PLC0415 -- as in generate

    try:
        drifted = drift(committed(load_slo(layout.SOURCE)), Path())
    except AlertsError as error:
        raise click.ClickException(str(error)) from error
    if drifted:
        raise click.ClickException("; ".join(drifted) + ": run `make alerts` and commit")
    if missing := gaps(Path()):
        raise click.ClickException("\n".join(missing))
    click.echo("alerts are what their source says, each with a runbook and tests")
