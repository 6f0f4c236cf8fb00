"""What all commands share: the target, the deadline, and sentences for failed calls."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ctr_client.errors import PredictionError

_CommandT = TypeVar("_CommandT", bound="Callable[..., Any]")

_HANDSHAKE = "handshake"
"""In gRPC's own words when TLS fails."""

target_option = click.option(
    "--target",
    default="127.0.0.1:8500",
    show_default=True,
    metavar="HOST:PORT",
    help="Where the gateway listens; any gRPC target, such as dns:///search.ctr:8500.",
)


def deadline_option(default_ms: int) -> Callable[[_CommandT], _CommandT]:
    """Return the `--deadline-ms` option with a default."""
    return click.option(
        "--deadline-ms",
        type=click.IntRange(min=1),
        default=default_ms,
        show_default=True,
        help="Give up after this long; the server plans its work by it.",
    )


@contextlib.contextmanager
def sentences(target: str) -> Iterator[None]:
    """Turn a failed call into one sentence and what to do; exit code 1."""
    from ctr_client.errors import PredictionError  # noqa: PLC0415 -- loads gRPC; --help needs none

    try:
        yield
    except PredictionError as error:
        raise click.ClickException(_sentence(error, target)) from None


def _sentence(error: PredictionError, target: str) -> str:
    from ctr_client import errors  # noqa: PLC0415 -- loads gRPC; --help needs none

    if isinstance(error, errors.AccessError):
        return (
            f"the server at {target} lets this call not in: {error}. Name the token's file with "
            "--token-file or its variable with --token-env."
        )
    if isinstance(error, errors.UnavailableError):
        return _unavailable(error, target)
    if isinstance(error, errors.DeadlineError):
        return f"{target} gave no answer in time: {error}. Allow more with --deadline-ms."
    if isinstance(error, errors.OverloadedError):
        wait = error.details.retry_after_s
        hint = "" if wait is None else f" Try again in {wait:.2g} s."
        return f"the server at {target} is overloaded: {error}.{hint}"
    if isinstance(error, errors.RequestRefusedError | errors.ModelNotFoundError):
        return f"the server refused the request: {error}."
    return f"the server at {target} failed: {error} ({error.code.name})."


def _unavailable(error: PredictionError, target: str) -> str:
    if error.reason:
        return f"the server at {target} cannot score now: {error}."
    if _HANDSHAKE in str(error).lower():
        return (
            f"TLS with the server at {target} failed. Check --tls-ca, --tls-server-name and, where "
            "it asks for one, the own certificate."
        )
    return (
        f"no server answers at {target}. Start one with `ctr-service serve --bundle DIR`, "
        "or name another with --target; a server with TLS answers to --tls or --tls-ca alone."
    )
