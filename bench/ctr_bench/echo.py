"""The bare echo: `python -m ctr_bench.echo RESPONSE_FILE --port-file FILE`.

A uvloop grpc.aio server that takes a request's bytes and answers fixed bytes: what the transport
alone costs on this machine, for messages of the very size and content that the gateway handles.
"""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TypeAlias

import click
import grpc
import uvloop

from ctr_client.options import MAX_MESSAGE_BYTES, SERVICE

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"


async def serve(response: bytes, port_file: Path) -> None:
    """Answer every PredictClicks with `response` until SIGTERM."""

    async def answer(_: bytes, __: Context) -> bytes:
        return response

    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
        ]
    )
    handlers = {"PredictClicks": grpc.unary_unary_rpc_method_handler(answer)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    write_port(port_file, port)
    await stop.wait()
    await server.stop(1.0)


def write_port(port_file: Path, port: int) -> None:
    """Say the port, by a rename, so that a reader never sees half of it."""
    aside = port_file.with_suffix(".new")
    aside.write_text(f"{port}\n")
    aside.rename(port_file)


@click.command()
@click.argument("response_file", type=click.Path(exists=True, path_type=Path))
@click.option("--port-file", type=click.Path(path_type=Path), required=True)
def main(response_file: Path, port_file: Path) -> None:
    """Echo the bytes of a file."""
    uvloop.run(serve(response_file.read_bytes(), port_file))


if __name__ == "__main__":
    main()
