"""A span as the monitor keeps it, and a trace of them. Plain data with a JSON form."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SERVER, CLIENT, INTERNAL = "server", "client", "internal"
BATCH = "ctr.batch"
Value = str | int | float | bool
MAX_SPANS = 64
"""Of one trace; a request has about six."""


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """One span. Times are nanoseconds since 1970.

    Attributes:
        parent_id: "" for a root.
        failed: its status is ERROR.
        attributes: whitelisted ones alone.
        links: trace ids that it links to.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    start_ns: int
    end_ns: int
    failed: bool = False
    attributes: Mapping[str, Value] = field(default_factory=dict)
    links: tuple[str, ...] = ()

    @property
    def duration_ms(self) -> float:
        """End less start; a clock that went back gives 0."""
        return max(0, self.end_ns - self.start_ns) / 1e6


@dataclass(frozen=True, slots=True)
class Trace:
    """The spans known of a trace, by start."""

    trace_id: str
    spans: tuple[SpanRecord, ...]

    @property
    def main(self) -> SpanRecord:
        """The gateway's server span; without one the root, or the earliest span."""
        servers = [span for span in self.spans if span.kind == SERVER]
        roots = [span for span in self.spans if not span.parent_id]
        return (servers or roots or list(self.spans))[0]

    @property
    def failed(self) -> bool:
        """Whether any span has the status ERROR."""
        return any(span.failed for span in self.spans)

    @property
    def refused(self) -> bool:
        """Whether the call was refused without a fault of the server."""
        facts = self.main.attributes
        return bool(facts.get("ctr.shed")) or "ctr.reason" in facts

    @property
    def start_ns(self) -> int:
        """The earliest start."""
        return min(span.start_ns for span in self.spans)

    @property
    def end_ns(self) -> int:
        """The latest end."""
        return max(span.end_ns for span in self.spans)

    @property
    def links(self) -> tuple[str, ...]:
        """Traces that it links to, each once."""
        return tuple(dict.fromkeys(link for span in self.spans for link in span.links))

    def stages(self) -> tuple[SpanRecord, ...]:
        """What the main span consists of: its children, else every span but itself."""
        main = self.main
        children = tuple(span for span in self.spans if span.parent_id == main.span_id)
        return children or tuple(span for span in self.spans if span is not main)


def joined(trace_id: str, known: Iterable[SpanRecord], new: Iterable[SpanRecord]) -> Trace:
    """Return a trace of both; a span sent twice counts once, and `MAX_SPANS` are kept."""
    spans = {span.span_id: span for span in (*known, *new)}
    # The server's span is what all else hangs on: it stays when there are too many.
    ordered = sorted(spans.values(), key=lambda s: (s.kind != SERVER, s.start_ns))[:MAX_SPANS]
    return Trace(trace_id, tuple(sorted(ordered, key=lambda s: (s.start_ns, s.span_id))))


def by_trace(spans: Iterable[SpanRecord]) -> dict[str, list[SpanRecord]]:
    """Return the spans of each trace."""
    found: dict[str, list[SpanRecord]] = {}
    for span in spans:
        found.setdefault(span.trace_id, []).append(span)
    return found


def to_json(spans: Sequence[SpanRecord]) -> str:
    """Return what is stored."""
    return json.dumps([asdict(span) for span in spans], separators=(",", ":"))


def from_json(text: str) -> tuple[SpanRecord, ...]:
    """Return what was stored."""
    return tuple(
        SpanRecord(**{**fields, "links": tuple(fields["links"])}) for fields in json.loads(text)
    )
