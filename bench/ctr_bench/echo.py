"""The bare echo: `python -m ctr_bench.echo RESPONSE_FILE --port-file FILE`.

A uvloop grpc.aio server that takes a request's bytes and answers fixed bytes: what the transport
alone costs on this machine, for messages of the very size and content that the gateway handles.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import uvloop

from ctr_bench.bare_server import serve
from ctr_client.options import SERVICE

if TYPE_CHECKING:
    from ctr_bench.bare_server import Context


@click.command()
@click.argument("response_file", type=click.Path(exists=True, path_type=Path))
@click.option("--port-file", type=click.Path(path_type=Path), required=True)
def main(response_file: Path, port_file: Path) -> None:
    """Echo the bytes of a file."""
    response = response_file.read_bytes()

    async def answer(_: bytes, __: Context) -> bytes:
        return response

    uvloop.run(serve(SERVICE, "PredictClicks", answer, port_file))


if __name__ == "__main__":
    main()
