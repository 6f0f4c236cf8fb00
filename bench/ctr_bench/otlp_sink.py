"""A Collector that does as told: `python -m ctr_bench.otlp_sink MODE --port-file FILE`.

It takes OTLP over gRPC and keeps nothing: what it costs a gateway to export is what is measured.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click
import grpc
import uvloop

from ctr_bench.bare_server import serve

if TYPE_CHECKING:
    from ctr_bench.bare_server import Context, Method

SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"
TAKEN = b""
"""An ExportTraceServiceResponse without partial success has no bytes."""
SLOW_S = 2.0


async def answering(_: bytes, __: Context) -> bytes:
    """Take spans at once."""
    return TAKEN


async def slow(_: bytes, __: Context) -> bytes:
    """Take them after a while."""
    await asyncio.sleep(SLOW_S)
    return TAKEN


async def hanging(_: bytes, __: Context) -> bytes:
    """Never answer."""
    await asyncio.Event().wait()
    return TAKEN


async def refusing(_: bytes, context: Context) -> bytes:
    """Refuse, as an overloaded Collector does."""
    return await context.abort(grpc.StatusCode.UNAVAILABLE, "as told")


MODES: dict[str, Method] = {
    "answering": answering,
    "slow": slow,
    "hanging": hanging,
    "refusing": refusing,
}


@click.command()
@click.argument("mode", type=click.Choice(list(MODES)))
@click.option("--port-file", type=click.Path(path_type=Path), required=True)
def main(mode: str, port_file: Path) -> None:
    """Be a Collector of this kind."""
    uvloop.run(serve(SERVICE, "Export", MODES[mode], port_file))


if __name__ == "__main__":
    main()
