"""A bare grpc.aio server of bytes in, bytes out, until SIGTERM; for processes of the benches."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, TypeAlias

import grpc

from ctr_client.options import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
Method: TypeAlias = "Callable[[bytes, Context], Awaitable[bytes]]"


async def serve(service: str, name: str, method: Method, port_file: Path) -> None:
    """Serve one method on a free port, and say the port once it listens."""
    await serve_methods({service: {name: method}}, port_file)


async def serve_methods(
    services: Mapping[str, Mapping[str, Method]], port_file: Path | None, *, port: int = 0
) -> None:
    """Serve methods by service and name; port 0 is a free one. Say the port once it listens."""
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
        ]
    )
    for service, methods in services.items():
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if port_file is not None:
        write_port(port_file, bound)
    await stop.wait()
    await server.stop(1.0)


def write_port(port_file: Path, port: int) -> None:
    """Say the port, by a rename, so that a reader never sees half of it."""
    aside = port_file.with_suffix(".new")
    aside.write_text(f"{port}\n")
    aside.rename(port_file)
