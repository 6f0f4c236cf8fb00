"""The command behind `make observe`."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctr_alerts import layout
from ctr_alerts.errors import AlertsError
from ctr_observe.errors import ObserveError
from ctr_observe.interrupting import signals_raise

if TYPE_CHECKING:
    from ctr_observe.observing import Places


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--bundle",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/demo/bundle"),
    show_default=True,
    help="What the gateway serves.",
)
@click.option(
    "--slo",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=layout.SOURCE,
    show_default=True,
    help="The file of objectives.",
)
@click.option(
    "--window-scale",
    default=0.05,
    show_default=True,
    type=click.FloatRange(min=0.0001, max=1.0),
    help="Shorten every window of the alerts: at 0.05 an hour is three minutes.",
)
@click.option(
    "--searches-per-s",
    default=5.0,
    show_default=True,
    type=click.FloatRange(min=0.0, max=1000.0),
    help="Traffic to send to the gateway; 0 for none.",
)
@click.option(
    "--monitor-port",
    default=9400,
    show_default=True,
    type=click.IntRange(min=0, max=65_535),
    help="Of the monitor's page; 0 takes a free one.",
)
def main(
    bundle: Path, slo: Path, window_scale: float, searches_per_s: float, monitor_port: int
) -> None:
    """Run Prometheus, Alertmanager, the monitor and a gateway with some traffic, until Ctrl-C.

    All on this machine and in a folder of their own, which goes with them. Needs Debian's packages
    prometheus and prometheus-alertmanager.

    \b
    Examples:
      python -m ctr_observe
      python -m ctr_observe --bundle /models/ctr --window-scale 0.01
    """  # noqa: D301 -- \\b is click's mark for text that it must not rewrap
    # Imported here so that --help does not wait for the client and the benches.
    from ctr_observe.observing import ObservePlan, observing  # noqa: PLC0415 -- see above

    plan = ObservePlan(bundle, slo, window_scale, searches_per_s, monitor_port)
    click.echo("starting Prometheus, Alertmanager, the monitor and the gateway ...", err=True)
    with tempfile.TemporaryDirectory(prefix="ctr-observe-") as folder:
        try:
            with signals_raise(), observing(plan, Path(folder)) as places:
                click.echo(_told(places))
                signal.pause()
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
        except (ObserveError, AlertsError) as error:
            raise click.ClickException(str(error)) from error


def _told(places: Places) -> str:
    return "\n".join(
        (
            f"monitor       {places.monitor}",
            f"Prometheus    {places.prometheus}",
            f"Alertmanager  {places.alertmanager}",
            f"gateway       {places.gateway}, metrics {places.metrics}",
            "Ctrl-C stops all of it.",
        )
    )
