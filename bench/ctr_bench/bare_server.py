"""A bare grpc.aio server of bytes in, bytes out, until SIGTERM; for processes of the benches."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, TypeAlias

import grpc

from ctr_client.options import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
Method: TypeAlias = "Callable[[bytes, Context], Awaitable[bytes]]"


async def serve(service: str, name: str, method: Method, port_file: Path) -> None:
    """Serve one method on a free port, and say the port once it listens."""
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
        ]
    )
    handlers = {name: grpc.unary_unary_rpc_method_handler(method)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
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
