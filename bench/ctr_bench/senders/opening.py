"""Which sender a target wants: its scheme names the protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from ctr_bench.senders.base import Sender


def open_sender(target: str) -> AbstractAsyncContextManager[Sender]:
    """Connect to a target.

    Args:
        target: "host:port" is ctr.v1, "open-inference://host:port" Open Inference over gRPC, and
            "http://host:port/path" JSON over HTTP.

    Raises:
        ValueError: the scheme is another one.
    """
    # Imported here: each brings a library that a run with another protocol has no use for.
    scheme, found, _ = target.partition("://")
    if not found:
        from ctr_bench.senders.ctr_v1 import open_ctr_v1  # noqa: PLC0415 -- see above

        return open_ctr_v1(target)
    if scheme == "open-inference":
        from ctr_bench.senders.open_inference import open_open_inference  # noqa: PLC0415 -- see above

        return open_open_inference(target)
    if scheme == "http":
        from ctr_bench.senders.http_json import open_http_json  # noqa: PLC0415 -- see above

        return open_http_json(target)
    raise ValueError(f"{scheme}:// is none of open-inference://, http:// and plain host:port")
