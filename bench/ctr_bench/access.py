"""TLS and token of a run, as ctr-client's options say it, handed to the generators as JSON.

A token itself is never among them: its file or its variable is named, and read by the generator.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ctr_bench.errors import BenchError
from ctr_client.commands.connection import Connection
from ctr_client.security import PLAIN, SecurityError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_bench.job import Job
    from ctr_client.security import Security

_FILES = ("tls_ca", "tls_certificate", "tls_private_key", "token_file")


def access_of(connection: Connection) -> Mapping[str, str | bool | None]:
    """Return a connection's fields as JSON has them, without the target."""
    fields = asdict(connection)
    del fields["target"]
    return {name: str(v) if isinstance(v, Path) else v for name, v in fields.items()}


def security_of(job: Job) -> Security:
    """Read what a job names.

    Raises:
        BenchError: a file or variable cannot be used.
    """
    if not job.access:
        return PLAIN
    fields = {
        name: Path(value) if name in _FILES and isinstance(value, str) else value
        for name, value in job.access.items()
    }
    try:
        return Connection(target=job.target, **fields).security()  # type: ignore[arg-type]  # -- `access_of` wrote the fields' own types
    except SecurityError as error:
        raise BenchError(str(error)) from None
