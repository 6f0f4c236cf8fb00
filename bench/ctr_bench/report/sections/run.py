"""A run: its figures, its rows as plots, and what makes it mean less than it seems."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.figures import percentile_ms
from ctr_bench.report import tables
from ctr_bench.report.artefacts import Run, parsed
from ctr_bench.report.plots.latency import by_percentile, histogram
from ctr_bench.report.plots.stages import stages_plot
from ctr_bench.report.plots.time_line import time_line_plot
from ctr_bench.report.rows import read_rows
from ctr_bench.report.statistics import STAGES, judged_ms, stage_bands, stalls, time_line
from ctr_bench.report.units import milliseconds, number, seconds, share
from ctr_bench.report.view import Banner, Section, Table
from ctr_bench.run_folder import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from ctr_bench.report.rows import Groups, Rows

ENOUGH_FOR_P99 = 459
"""With fewer requests even a run without a late one says nothing of p99 at 99 % confidence:
0.99 ** 458 is above 0.01."""
MAX_GROUPS = 20


def run_section(key: str, content: dict[str, Any], path: Path) -> Section:
    """Read a run's rows and describe it.

    Raises:
        BenchError: run.json or its rows are absent or malformed.
    """
    run = parsed(Run, content, path)
    rows = read_rows(path.parent / ROWS, run.figures.requests)
    slo_ms = run.slo.limit_ms if run.slo else None
    made = _drawn(key, rows, slo_ms) if len(rows) else ([], {}, [])
    plots, data, more = made
    return Section(
        kind="run",
        key=key,
        title=run.name,
        source=path,
        lead=_lead(run),
        answer=_answer(run),
        banners=list(_banners(run, rows)),
        glance=_glance(run),
        plots=plots,
        tables=[*more, *_tables(run, content)],
        raw=[path.parent / ROWS],
        command=shlex.join(run.command),
        date=run.started,
        fingerprint=run.fingerprint,
        data={"figures": content["figures"], **data},
    )


def _drawn(
    key: str, rows: Rows, slo_ms: float | None
) -> tuple[list[Any], dict[str, Any], list[Table]]:
    line, found = time_line(rows, slo_ms), stalls(rows, slo_ms)
    judged = judged_ms(rows)
    bands = stage_bands(rows)
    plots = [
        time_line_plot(f"{key}-time-line", line, found, slo_ms),
        by_percentile(f"{key}-percentiles", judged, slo_ms),
        histogram(f"{key}-histogram", judged, slo_ms),
    ]
    if bands:
        plots.append(stages_plot(f"{key}-stages", bands))
    data = {
        "time_line": {
            name: value if isinstance(value, int) else _listed(value)
            for name, value in asdict(line).items()
        },
        "stalls": [asdict(stall) for stall in found],
        "stages": [
            {
                "from_percent": band.from_percent,
                "to_percent": band.to_percent,
                "requests": band.requests,
                **{
                    name.replace(" ", "_") + "_ms": value
                    for name, value in zip(STAGES, band.stages_ms, strict=True)
                },
            }
            for band in bands
        ],
    }
    groups = (("priority", rows.priority), ("caller", rows.caller), ("model", rows.model_version))
    more = [_grouped(name, column, judged, slo_ms) for name, column in groups]
    return plots, data, [table for table in more if table is not None]


def _listed(values: Any) -> list[float | None]:  # noqa: ANN401 -- an array of floats
    return [round(value, 3) if np.isfinite(value) else None for value in values.tolist()]


def _lead(run: Run) -> str:
    loop = "Closed loop" if run.loop == "closed" else "Open loop"
    kind = run.arrivals.get("kind")
    words = [loop + (f", {kind} arrivals" if kind and run.loop == "open" else "")]
    if run.offered_requests_s is not None:
        words.append(f"{number(run.offered_requests_s)} requests/s offered")
    words.append(f"over {seconds(run.seconds)}")
    return (
        f"{', '.join(words)}, {run.protocol} to {run.target}, "
        f"begun {run.started:%Y-%m-%d %H:%M:%S %Z}".rstrip()
        + "."
    )


def _answer(run: Run) -> str:
    figures, slo = run.figures, run.slo
    if not run.valid or run.loop == "closed":
        return ""
    rate = f"{number(run.offered_requests_s)} requests/s" if run.offered_requests_s else "the load"
    if slo is None:
        kept = f"p99 is {milliseconds(figures.p99_ms)}"
    else:
        value_ms = getattr(figures, f"{slo.name.replace('.', '')}_ms", None)
        within = value_ms is not None and value_ms <= slo.limit_ms
        kept = (
            f"{slo.name} is {milliseconds(value_ms)}, "
            f"{'within' if within else 'beyond'} the SLO of {milliseconds(slo.limit_ms)}"
        )
    good = f"{share(figures.good_share)} of the answers good" if figures.good_share else "none good"
    return f"{run.name}: at {rate} {kept}, {good}."


def _banners(run: Run, rows: Rows) -> Iterator[Banner]:
    if not run.valid:
        why = "; ".join(run.invalid_reasons) or "no reason was recorded"
        yield Banner("bad", f"INVALID, do not use these figures: {why}.")
    if run.partial:
        yield Banner(
            "bad", "PARTIAL: the run was stopped before its end; the figures are of what ran."
        )
    if run.loop == "closed":
        yield Banner(
            "warn",
            "Closed loop: callers wait for answers, so a slow server is asked less and its stalls "
            "are hidden. Read the throughput; the latencies say nothing of a load from outside.",
        )
    if not len(rows):
        yield Banner("warn", "No request was recorded, so there is nothing to plot.")
    elif len(rows) < ENOUGH_FOR_P99:
        yield Banner(
            "warn",
            f"{len(rows):,} requests are too few to say anything of p99: at 99 % confidence that "
            f"takes {ENOUGH_FOR_P99} without a late one.",
        )
    if len(rows.model_version.names) > 1:
        versions = ", ".join(rows.model_version.names)
        yield Banner("warn", f"Answers came from several model versions: {versions}.")


def _glance(run: Run) -> list[tuple[str, str]]:
    figures = run.figures
    pairs = [
        ("offered", f"{number(figures.offered_pairs_s)} pairs/s"),
        ("goodput", f"{number(figures.goodput_pairs_s)} pairs/s"),
        ("p50", milliseconds(figures.p50_ms)),
        ("p99", milliseconds(figures.p99_ms)),
        ("good answers", share(figures.good_share)),
        ("requests", f"{figures.requests:,}"),
    ]
    if run.slo:
        pairs.insert(0, (f"SLO, {run.slo.name}", milliseconds(run.slo.limit_ms)))
    return pairs


def _tables(run: Run, content: dict[str, Any]) -> list[Table]:
    figures = run.figures
    percentiles = (
        *(("p50", figures.p50_ms), ("p90", figures.p90_ms), ("p99", figures.p99_ms)),
        *(("p99.9", figures.p999_ms), ("slowest", figures.max_ms)),
    )
    latency = [(name, milliseconds(value)) for name, value in percentiles]
    amounts = [
        ("offered", f"{number(figures.offered_pairs_s)} pairs/s"),
        ("goodput", f"{number(figures.goodput_pairs_s)} pairs/s"),
        ("goodput", f"{number(figures.goodput_requests_s)} requests/s"),
        ("good answers", share(figures.good_share)),
        ("degraded answers", share(figures.degraded_share)),
        ("generator sent late, p99", milliseconds(figures.send_lag_p99_ms)),
        ("generator's CPU share", share(figures.generator_cpu_share)),
    ]
    total = max(1, figures.requests)
    codes = [(name, f"{count:,}", share(count / total)) for name, count in figures.codes.items()]
    setting = {
        name: content[name]
        for name in ("target", "protocol", "loop", "arrivals", "workload", "deadline_ms", "server")
        if content.get(name)
    }
    found = [
        Table("Latency from the scheduled time", ("", "all requests"), latency),
        Table("Amounts", ("", "value"), amounts),
        Table("Outcomes", ("gRPC code", "requests", "share"), codes) if codes else None,
        tables.facts("Setting", setting),
    ]
    return [table for table in found if table is not None]


def _grouped(name: str, groups: Groups, judged: Any, slo_ms: float | None) -> Table | None:  # noqa: ANN401 -- an array of floats
    if not 1 < len(groups.names) <= MAX_GROUPS:
        return None
    rows = []
    for index, group in enumerate(groups.names):
        part = judged[groups.index == index]
        in_time = np.isfinite(part) if slo_ms is None else part <= slo_ms
        rows.append(
            (
                group,
                f"{len(part):,}",
                share(float(in_time.mean())),
                milliseconds(percentile_ms(part, 50)),
                milliseconds(percentile_ms(part, 99)),
            )
        )
    ordered = sorted(rows, key=lambda row: row[0])
    return Table(f"By {name}", (name, "requests", "good in time", "p50", "p99"), ordered)
