"""The API on a free port of 127.0.0.1, and the kubeconfig that leads kubectl to it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import yaml
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HOST = "127.0.0.1"
SHUTDOWN_S = 0.5
"""kubectl may still watch when the emulator ends."""


@contextlib.asynccontextmanager
async def serving(application: web.Application) -> AsyncIterator[int]:
    """Serve until the block ends; yields the port."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, 0)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def write_kubeconfig(path: Path, port: int, namespace: str) -> None:
    """Write a kubeconfig whose only context is the emulator and a namespace."""
    name = "rehearsal"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": f"http://{HOST}:{port}"}}],
        "users": [{"name": name, "user": {}}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}
        ],
        "current-context": name,
    }
    path.write_text(yaml.safe_dump(config))
