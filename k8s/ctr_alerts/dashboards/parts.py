"""What a dashboard is made of: rows of graphs, each some queries with one unit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders.common import GraphThresholdsStyleConfig, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DatasourceVariable,
    Row,
    ThresholdsConfig,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.timeseries import Panel as TimeSeries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    GraphTresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

DATASOURCE = DataSourceRef("prometheus", "${datasource}")
RATE = "$__rate_interval"
"""Grafana's own: never shorter than four scrapes."""
COLUMNS = 24
HEIGHT = 8
REFS = "ABCDEFGHIJ"
_LINE = GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.LINE)


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL and how its series are called."""

    expr: str
    legend: str
    exemplars: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """One panel.

    Attributes:
        meaning: what to read from it; shown behind the panel's (i).
        unit: as Grafana calls it: s, ms, percentunit, bytes, reqps, short.
        limit: drawn as a line, where there is one.
    """

    title: str
    meaning: str
    unit: str
    queries: tuple[Query, ...]
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A row of graphs side by side."""

    title: str
    graphs: tuple[Graph, ...]


def dashboard_json(uid: str, title: str, meaning: str, sections: Sequence[Section]) -> str:
    """Return a dashboard as the JSON that Grafana imports and provisions."""
    builder = (
        Dashboard(title)
        .uid(uid)
        .description(meaning)
        .tags(["ctr"])
        .readonly()
        .time("now-3h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    for section in sections:
        builder = builder.with_row(Row(section.title))
        for graph in section.graphs:
            builder = builder.with_panel(_panel(graph, COLUMNS // len(section.graphs)))
    return json.dumps(builder.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def _panel(graph: Graph, columns: int) -> TimeSeries:
    legend = (
        VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(show_legend=True)
    )
    panel = (
        TimeSeries()
        .title(graph.title)
        .description(graph.meaning)
        .datasource(DATASOURCE)
        .unit(graph.unit)
        .min(0)
        .height(HEIGHT)
        .span(columns)
        .legend(legend)
    )
    if graph.limit is not None:
        panel = panel.thresholds(_line_at(graph.limit)).thresholds_style(_LINE)
    for ref, query in zip(REFS, graph.queries, strict=False):
        target = Dataquery().ref_id(ref).expr(query.expr).legend_format(query.legend).range()
        panel = panel.with_target(target.exemplar(query.exemplars).datasource(DATASOURCE))
    return panel


def _line_at(value: float) -> ThresholdsConfig:
    steps = [Threshold(None, "transparent"), Threshold(value, "red")]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
