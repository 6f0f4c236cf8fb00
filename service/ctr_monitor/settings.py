"""What one monitor is told. The command line is its only source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctr_monitor.alerts.grouping import GroupSettings
from ctr_monitor.around.windows import LookSettings
from ctr_monitor.schedule import ScheduleSettings
from ctr_monitor.traces.keeping import KeepSettings

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_monitor.around.prometheus import PrometheusSettings


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings.

    Attributes:
        store: the SQLite file.
        host, port: of the page, the webhook and OTLP over HTTP; port 0 takes a free one.
        otlp_grpc_port: of OTLP over gRPC; None: not served.
        job: Prometheus's job of the gateways.
        group: which alerts belong to one incident.
        report_deadline_s: for all of Prometheus's answers to one report.
        public_url: under which people reach the page; also a name that forms may come from.
        runbook_base: put before a runbook's path to make it a link; "" shows the path.
        user_header: header in which a proxy names the person that it let in; "" for none.
        port_file: where to write the ports once it serves; None for nowhere.
        grace_s: for what is under way at the stop.
    """

    store: Path
    prometheus: PrometheusSettings
    host: str = "127.0.0.1"
    port: int = 9400
    otlp_grpc_port: int | None = 4317
    job: str = "ctr-service"
    group: GroupSettings = field(default_factory=GroupSettings)
    report_deadline_s: float = 45.0
    public_url: str = ""
    runbook_base: str = ""
    user_header: str = ""
    slo: Path | None = None
    allow_list: Path | None = None
    port_file: Path | None = None
    grace_s: float = 10.0
    look: LookSettings = field(default_factory=LookSettings)
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    keep: KeepSettings = field(default_factory=KeepSettings)
