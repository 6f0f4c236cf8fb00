"""The frontend's trace context goes along where there is one."""

from __future__ import annotations

import subprocess
import sys

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from ctr_client.propagation import with_context

IDS = SpanContext(0xABC, 0x12, is_remote=False, trace_flags=TraceFlags(1))


def test_inside_a_span_the_header_is_added() -> None:
    """Beside what the call sends already."""
    with trace.use_span(NonRecordingSpan(IDS)):
        metadata = with_context((("authorization", "Bearer x"),))
    assert metadata == (
        ("authorization", "Bearer x"),
        ("traceparent", f"00-{0xABC:032x}-{0x12:016x}-01"),
    )


def test_outside_nothing_is() -> None:
    """What the call sends stays as it is."""
    assert with_context(None) is None
    assert with_context((("a", "b"),)) == (("a", "b"),)


def test_a_frontend_without_opentelemetry_sends_nothing_more() -> None:
    """The import that fails is no error, and is not tried again and again."""
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from ctr_client.propagation import with_context\n"
        "print(with_context((('a', 'b'),)), with_context(None))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(('a', 'b'),) None"
