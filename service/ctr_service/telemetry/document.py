"""`python -m ctr_service.telemetry.document FILE`: the catalogue as a page for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctr_service.bundle.files import write_text_aside
from ctr_service.telemetry.names import AREAS, Kind, Metric, metrics_process, span_metrics, spans
from ctr_service.telemetry.names.log_keys import LOG_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEAD = """# Telemetry

Generated from `service/ctr_service/telemetry/names` by `make telemetry-docs`. Do not edit.

Nothing here holds what a caller sent: no query, title, feature value, user, item or request id."""
SUFFIXES = {Kind.COUNTER: "_total", Kind.INFO: "_info"}
SPAN_METRICS_TEXT = """Counted for every server span before sampling, under the names of the
`span_metrics` connector of the OpenTelemetry Collector. A label whose attribute a span has not is
left out. Buckets carry exemplars (`trace_id`, `span_id`) of traces that were exported; ask for
OpenMetrics to see them. `le` is written as OpenMetrics wants it: `100.0`."""


def page() -> str:
    """Return the page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield HEAD
    yield from _section("Spans", "")
    yield from _table(
        ("span", "kind", "parent", "links to", "meaning"),
        (
            (
                _code(span.name),
                span.kind.value,
                _codes(span.parents) or ("the caller's" if span in spans.SERVER_SPANS else "root"),
                _codes(span.links),
                span.meaning,
            )
            for span in spans.SPANS
        ),
    )
    yield from _section("Attributes", "")
    seen = dict.fromkeys(attribute for span in spans.SPANS for attribute in span.attributes)
    yield from _table(
        ("attribute", "type", "of", "meaning"),
        (
            (
                _code(one.name),
                one.type.value,
                ", ".join(dict.fromkeys(_owner(s) for s in spans.SPANS if one in s.attributes)),
                one.meaning,
            )
            for one in seen
        ),
    )
    yield from _section("Resource", "")
    yield from _table(
        ("attribute", "meaning"), ((_code(one.name), one.meaning) for one in spans.RESOURCE)
    )
    yield from _section("Metrics of spans", SPAN_METRICS_TEXT)
    yield from _metrics(span_metrics.SPAN_METRICS)
    for area, module in AREAS.items():
        yield from _section(f"Metrics: {area}", "")
        own = [value for value in vars(module).values() if isinstance(value, Metric)]
        yield from _metrics(own)
    yield from _section("Metrics of the system", "")
    yield from _metrics(metrics_process.PROCESS_METRICS)
    yield from _section(
        "Keys of log lines", "JSON lines on stderr. The value of any other key is withheld."
    )
    yield from _table(("key", "meaning"), ((_code(k), text) for k, text in LOG_KEYS.items()))


def _owner(span: spans.Span) -> str:
    return "server spans" if span in spans.SERVER_SPANS else _code(span.name)


def _metrics(metrics: Iterable[Metric]) -> Iterator[str]:
    return _table(
        ("metric", "kind", "unit", "labels", "meaning"),
        (
            (
                _code(f"{one.name}{SUFFIXES.get(one.kind, '')}"),
                one.kind.value,
                one.unit,
                _codes(one.labels),
                one.meaning,
            )
            for one in metrics
        ),
    )


def _section(title: str, text: str) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    if text:
        yield from (text, "")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _code(name: str) -> str:
    return f"`{name}`"


def _codes(names: Iterable[str]) -> str:
    return ", ".join(map(_code, names))


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; fail when FILE is not up to date.")
def main(file: Path, *, check: bool) -> None:
    """Write the page of all spans, metrics and log keys to FILE."""
    if not check:
        write_text_aside(file, page())
    elif not file.is_file() or file.read_text() != page():
        raise click.ClickException(
            f"{file} is not what the catalogue says; run make telemetry-docs"
        )


if __name__ == "__main__":
    main()
