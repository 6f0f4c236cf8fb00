"""`ctr-monitor serve`."""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from ctr_monitor.errors import MonitorError
from ctr_monitor.logs import LogFormat, configure_logs

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from ctr_monitor.settings import Settings

FILE = click.Path(path_type=Path, dir_okay=False)
JOB = re.compile(r"[\w.:/-]{1,100}", re.ASCII)
MIB = 1024 * 1024


def _address(_: click.Context, __: click.Parameter, value: str) -> tuple[str, int]:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65_535:  # noqa: PLR2004 -- ports
        raise click.BadParameter("HOST:PORT, such as 127.0.0.1:9400")
    return host.strip("[]"), int(port)


def _url(_: click.Context, __: click.Parameter, value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise click.BadParameter("a URL that begins with http:// or https://")
    return value.rstrip("/")


def _job(_: click.Context, __: click.Parameter, value: str) -> str:
    if not JOB.fullmatch(value):
        raise click.BadParameter("letters, digits and . : / - _")
    return value


@click.command()
@click.option("--store", type=FILE, required=True, help="SQLite file; made when absent.")
@click.option("--prometheus", callback=_url, required=True, help="URL of Prometheus.")
@click.option(
    "--listen",
    default="127.0.0.1:9400",
    callback=_address,
    help="Where the page, the webhook and OTLP over HTTP are.",
)
@click.option(
    "--otlp-grpc",
    default=4317,
    type=click.IntRange(-1, 65_535),
    help="Port of OTLP over gRPC; 0 takes a free one, -1 serves none.",
)
@click.option("--job", default="ctr-service", callback=_job, help="Prometheus's job of gateways.")
@click.option("--slo", type=FILE, help="k8s/alerts/slo.yaml: budgets, so that burn is shown.")
@click.option("--allow-list", type=FILE, help="TOML of remedies that may run; none without it.")
@click.option("--public-url", default="", callback=_url, help="Where people reach the page.")
@click.option("--runbook-base", default="", callback=_url, help="URL before a runbook's path.")
@click.option("--user-header", default="", help="Header in which a proxy names the person.")
@click.option("--reopen-within-s", default=1800.0, help="Firing again this soon reopens.")
@click.option("--join-within-s", default=600.0, help="Alerts that begin this close are one.")
@click.option("--window-s", default=1800, help="How far to look for alerts without a window.")
@click.option("--rate-s", default=60, help="Least rate window; at least four scrapes.")
@click.option("--look-again-s", default=(60.0, 240.0), multiple=True, help="While it fires.")
@click.option(
    "--window-scale",
    default=1.0,
    type=click.FloatRange(min=0.0001, max=1.0),
    help="Of rules that `ctr-alerts generate --window-scale` shortened: shortens the windows that "
    "labels name, and the five flags before this one, alike.",
)
@click.option("--retry-s", default=5.0, help="First retry when Prometheus does not answer.")
@click.option("--query-deadline-s", default=10.0, help="For one query of Prometheus.")
@click.option("--report-deadline-s", default=45.0, help="For all queries of one report.")
@click.option("--slow-ms", default=100.0, help="From this on a trace is kept as slow.")
@click.option("--max-traces", default=5000, type=click.IntRange(10), help="Traces kept.")
@click.option("--max-trace-mib", default=64, type=click.IntRange(1), help="Their size at most.")
@click.option("--grace-s", default=10.0, help="For what is under way at the stop.")
@click.option("--port-file", type=FILE, help="JSON with the ports, written when it serves.")
@click.option(
    "--log-level", default="info", type=click.Choice(("debug", "info", "warning", "error"))
)
@click.option("--log-format", default="auto", type=click.Choice(get_args(LogFormat)))
def serve(log_level: str, log_format: LogFormat, **flags: object) -> None:
    """Take alerts and traces, investigate, and serve the page, until SIGTERM or SIGINT.

    Alertmanager's webhook goes to http://HOST:PORT/api/v1/alerts, traces to OTLP's gRPC port or to
    http://HOST:PORT/v1/traces. The page is http://HOST:PORT/. Prometheus may be down: incidents are
    written all the same and completed when it is back.

    \b
    Examples:
      ctr-monitor serve --store monitor.sqlite --prometheus http://127.0.0.1:9090
      ctr-monitor serve --store /data/monitor.sqlite --prometheus http://prometheus:9090 \\
        --listen 0.0.0.0:9400 --slo k8s/alerts/slo.yaml --allow-list remedies.toml
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    log = configure_logs(log_level, log_format)
    try:
        asyncio.run(_serve(_settings(flags), log))
    except MonitorError as error:
        raise click.ClickException(str(error)) from None


def _settings(flags: dict[str, object]) -> Settings:
    from ctr_monitor.commands.flags import settings_from  # noqa: PLC0415 -- not for --help

    return settings_from(flags)


async def _serve(settings: Settings, log: FilteringBoundLogger) -> None:
    from ctr_monitor.app import Monitor  # noqa: PLC0415 -- not for --help
    from ctr_monitor.clock import SystemWallClock  # noqa: PLC0415 -- not for --help

    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    monitor = Monitor(settings, clock=SystemWallClock(), log=log)
    await monitor.start()
    await asked.wait()
    log.info("stopping")
    await monitor.stop()
