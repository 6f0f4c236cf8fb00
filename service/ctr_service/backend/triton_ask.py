"""Asking Triton which model it serves, before anything is decided."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from ctr_service.backend.triton_channel import TritonChannels
from ctr_service.backend.triton_check import IDENTITY, MODEL_VERSION, parameter
from ctr_service.backend.triton_faults import TritonFault
from ctr_service.backend.triton_options import ASK_S, SEEK_S
from ctr_service.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from ctr_service.backend.triton_channel import Tls
    from ctr_service.backend.triton_targets import Resolve, Target


async def ask_triton(  # noqa: PLR0913 -- collaborators arrive by argument
    targets: Sequence[Target],
    model: str,
    *,
    model_version: str,
    tls: Tls | None,
    patience_s: float,
    sleep: Callable[[float], Awaitable[None]],
    resolve: Resolve,
) -> Mapping[str, str]:
    """Return what the config of a model says of itself, by parameter.

    While a fleet is rolled over, servers differ: one that serves `model_version` is preferred.

    Args:
        targets: where servers are; they may be starting.
        model: Triton's name of it.
        model_version: the bundle's.
        tls: None speaks in the clear.
        patience_s: how long to ask.
        sleep: between two rounds.
        resolve: target -> addresses.

    Raises:
        SettingsError: none answered in time.
    """
    why = "not asked"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            while True:
                found, why = await _round(targets, model, tls, resolve)
                if found:
                    fitting = (one for one in found if one[MODEL_VERSION] == model_version)
                    return next(fitting, found[0])
                await sleep(SEEK_S)
    raise SettingsError(
        f"no Triton server told about the model {model} within {patience_s:g} s ({why}); "
        "start it, correct --triton, or allow more time with --triton-wait-s"
    )


async def _round(
    targets: Sequence[Target], model: str, tls: Tls | None, resolve: Resolve
) -> tuple[list[Mapping[str, str]], str]:
    """Ask every server once; return what was told, and why others told nothing."""
    asking: list[tuple[str, str]] = []
    reasons: list[str] = []
    for target in targets:
        try:
            asking += [(address, target.host) for address in await resolve(target)]
        except OSError as error:
            reasons.append(f"{target}: the name cannot be resolved ({error})")
    told = await asyncio.gather(*(_ask(address, host, model, tls) for address, host in asking))
    found = [one for one in told if not isinstance(one, str)]
    return found, "; ".join((*reasons, *(one for one in told if isinstance(one, str))))


async def _ask(address: str, host: str, model: str, tls: Tls | None) -> Mapping[str, str] | str:
    channels = TritonChannels(address, host=host, connections=1, tls=tls, lost=lambda: None)
    try:
        (served,) = await channels.ask(model, ASK_S)
    except TritonFault as fault:
        return f"{address}: {fault}"
    finally:
        await channels.close()
    return {name: parameter(served.config, name) for name in IDENTITY}
