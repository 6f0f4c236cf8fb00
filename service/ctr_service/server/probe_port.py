"""A second port with health alone, in clear, for probes that cannot speak TLS."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import grpc

from ctr_service.server.listen import listen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ctr_service.server.health import HealthBoard


def open_probe_port(
    health: HealthBoard, host: str, port: int | None, *, share_port: bool
) -> contextlib.AbstractAsyncContextManager[object]:
    """Bind the port; health is answered there for the length of the context.

    A server of its own, because gRPC offers every method of a server on each of its ports, and
    searches must not come in beside TLS.

    Args:
        health: what is told.
        host: a name or an address.
        port: None listens nowhere.
        share_port: other workers listen there too, and the supervisor holds it for them.

    Raises:
        SettingsError: the address cannot be listened on.
    """
    if port is None:
        return contextlib.nullcontext()
    server = grpc.aio.server(options=(("grpc.so_reuseport", int(share_port)),))
    server.add_generic_rpc_handlers((health.handler(),))
    listen(server, host, port, share_port=share_port, flag="--health-port")
    return _answering(server)


@contextlib.asynccontextmanager
async def _answering(server: grpc.aio.Server) -> AsyncIterator[None]:
    await server.start()
    try:
        yield
    finally:
        await server.stop(None)
