"""`python -m tests.support.faulty_gateway`: a whole gateway whose engine fails by tokens.

A batch with the title "9" fails; one with the title "8" raises an error that quotes its caller.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from ctr_service.backend.base import INPUT_IDS
from ctr_service.backend.scripted import ScriptedBackend
from ctr_service.errors import BackendFailedError
from ctr_service.scoring import Engine
from tests.support.gateway_command import gateway_command, no_warm_up
from tests.support.tiny_bundle import ALPHABET, SPECIAL_TOKENS

if TYPE_CHECKING:
    from ctr_service.backend.scripted import ScriptedRun
    from ctr_service.engine_order import EngineOrder

FAILS, QUOTES = "9", "8"
QUOTED = "CTR_TEST_QUOTED"
"""Variable of the text that the engine's error quotes."""


def id_of(character: str) -> int:
    """The token id of a text of one character."""
    return len(SPECIAL_TOKENS) + ALPHABET.index(character)


async def fail(run: ScriptedRun) -> None:
    """Fail as the rows' tokens say."""
    ids = run.tensors[INPUT_IDS]
    if np.isin(ids, [id_of(QUOTES)]).any():
        raise KeyError(os.environ[QUOTED])
    if np.isin(ids, [id_of(FAILS)]).any():
        raise BackendFailedError("the engine broke")


def open_faulty(order: EngineOrder) -> Engine:
    """A backend that fails by tokens."""
    return Engine(ScriptedBackend(slots=2, clock=order.clock, script=fail), no_warm_up)


if __name__ == "__main__":
    gateway_command(open_faulty)()
