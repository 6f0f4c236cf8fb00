"""Servers of one graph beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from ctr_bench.report import tables
from ctr_bench.report.artefacts import Read, parsed
from ctr_bench.report.plots.peers import Bar, peers_plot
from ctr_bench.report.sections.figures import APART
from ctr_bench.report.units import milliseconds, moment, number
from ctr_bench.report.view import Banner, Section, Table

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

OURS = ("gateway", "ctr-serve", "ctr-service")


class Target(Read):
    """One server's figures; a server that held no rate has no latencies."""

    goodput_pairs_s: float = Field(ge=0)
    bound_ratio: float = Field(ge=0)
    p50_ms: float | None
    p99_ms: float | None
    rss_mb: float | None
    saturated_ratio: float | None = None


class Peers(Read):
    """`peers.json`; a target that always failed has no figures, and a reason in `failed`."""

    targets: dict[str, Target] = Field(min_length=1)
    failed: dict[str, str] = Field(default_factory=dict)
    fingerprint: dict[str, object] = Field(default_factory=dict)

    @field_validator("targets", mode="before")
    @classmethod
    def _measured(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {name: figures for name, figures in value.items() if figures}


def peers_section(key: str, content: dict[str, Any], path: Path) -> Section:
    """Describe the comparison with peers.

    Raises:
        BenchError: a field is absent or malformed.
    """
    peers = parsed(Peers, content, path)
    ordered = sorted(peers.targets.items(), key=lambda item: item[1].bound_ratio, reverse=True)
    bars = [
        Bar(name, target.bound_ratio, target.goodput_pairs_s, target.saturated_ratio, name in OURS)
        for name, target in ordered
    ]
    rows = [
        (
            name,
            f"{number(target.goodput_pairs_s)} pairs/s",
            f"{target.bound_ratio:.2f}",
            milliseconds(target.p50_ms) if target.goodput_pairs_s else "–",  # noqa: RUF001 -- the dash of an empty cell
            milliseconds(target.p99_ms) if target.goodput_pairs_s else "–",  # noqa: RUF001 -- the same
            f"{number(target.rss_mb)} MB",
        )
        for name, target in ordered
    ]
    columns = ("server", "goodput", "of the bound", "p50", "p99", "memory")
    own = (*APART, "targets", "failed")
    shown = {name: value for name, value in content.items() if name not in own}
    figures = tables.medians(shown)
    date = moment(content.get("date"))
    return Section(
        kind="peers",
        key=key,
        title="Servers of the same graph",
        source=path,
        lead=_lead(bars) + (f" Measured {date}." if date else ""),
        answer=_lead(bars),
        banners=_banners(bars, peers, partial=bool(content.get("partial"))),
        plots=[peers_plot(f"{key}-bars", bars)],
        tables=[
            Table("Servers", columns, rows),
            *([figures] if figures else []),
            *tables.unknown(tables.others(shown)),
        ],
        fingerprint=peers.fingerprint,
        data={"targets": content["targets"]},
    )


def _lead(bars: list[Bar]) -> str:
    ours = next((bar for bar in bars if bar.ours), None)
    best = next((bar for bar in bars if not bar.ours), None)
    if ours is None or best is None or not best.ratio:
        return ""
    ratio = ours.ratio / best.ratio
    how = "ahead of" if ratio > 1 else "behind"
    return (
        f"Our gateway holds {ours.ratio:.2f} of the raw bound, {how} the best peer, {best.name}, "
        f"with {best.ratio:.2f}: {ratio:.2f} times its goodput at the same SLO."
    )


def _banners(bars: list[Bar], peers: Peers, *, partial: bool) -> list[Banner]:
    found = []
    if partial:
        found.append(Banner("bad", "PARTIAL: the bench was stopped before its end."))
    if none := [bar.name for bar in bars if not bar.pairs_s]:
        found.append(Banner("warn", f"No rate that was tried held the SLO for {', '.join(none)}."))
    found += [
        Banner("warn", f"{name} could not be measured in a repeat: {why}")
        for name, why in peers.failed.items()
    ]
    return found
