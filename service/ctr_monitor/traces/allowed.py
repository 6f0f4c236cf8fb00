"""What of a span is kept. By contract no user's text arrives; this holds even if it does.

Only names and attributes of the gateway's own catalogue pass, and strings only in the form of an
identifier: no spaces, bounded. Events, status messages, trace state and baggage are never read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctr_monitor.traces.spans import Value

SPAN_ATTRIBUTES = frozenset(
    {
        "rpc.system.name",
        "rpc.method",
        "rpc.status_code",
        "error.type",
        "ctr.reason",
        "ctr.candidates",
        "ctr.degraded",
        "ctr.model.version",
        "ctr.graph",
        "ctr.caller",
        "ctr.shed",
        "ctr.batches",
        "ctr.batch.rows",
        "ctr.batch.tokens",
        "ctr.batch.bucket_tokens",
        "ctr.batch.failed_rows",
        "ctr.backend",
    }
)
RESOURCE_ATTRIBUTES = frozenset({"service.name", "service.instance.id", "service.version"})
TEXT = re.compile(r"[\w.:/+\-\[\]]{1,128}", re.ASCII)
SPAN_NAME = re.compile(
    r"ctr\.[a-z_.]{1,40}"  # a stage
    r"|[a-z][\w.]{0,80}\.[A-Z]\w{0,40}/[A-Z]\w{0,40}"  # package.Service/Method
    r"|grpc\.health\.v1\.Health/[A-Z]\w{0,20}",
    re.ASCII,
)
OTHER_NAME = "other"


def allowed_name(name: str) -> str:
    """Return the name of a stage or an RPC as it is, and any other as "other"."""
    return name if SPAN_NAME.fullmatch(name) else OTHER_NAME


def allowed_value(value: Value) -> Value | None:
    """Return numbers and booleans as they are, a string that is an identifier, else None."""
    if isinstance(value, str):
        return value if TEXT.fullmatch(value) else None
    return value
