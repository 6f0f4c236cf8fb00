"""A Collector that does as told: `python -m ctr_bench.otlp_sink MODE --port-file FILE`.

It takes OTLP over gRPC and keeps nothing: what it costs a gateway to export is what is measured.
"""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click
import grpc
import uvloop

from ctr_bench.echo import write_port

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ctr_bench.echo import Context

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


MODES: dict[str, Callable[[bytes, Context], Awaitable[bytes]]] = {
    "answering": answering,
    "slow": slow,
    "hanging": hanging,
    "refusing": refusing,
}


async def serve(mode: str, port_file: Path) -> None:
    """Serve until SIGTERM."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handlers = {"Export": grpc.unary_unary_rpc_method_handler(MODES[mode])}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    write_port(port_file, port)
    await stop.wait()
    await server.stop(0)


@click.command()
@click.argument("mode", type=click.Choice(list(MODES)))
@click.option("--port-file", type=click.Path(path_type=Path), required=True)
def main(mode: str, port_file: Path) -> None:
    """Be a Collector of this kind."""
    uvloop.run(serve(mode, port_file))


if __name__ == "__main__":
    main()
