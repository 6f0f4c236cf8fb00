"""Faults of a gateway's engine that a test switches while the gateway runs: a file between them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with the engine.

    Attributes:
        delay_s: each batch takes so much longer.
        fails: each batch fails.
    """

    delay_s: float = 0.0
    fails: bool = False


WELL = Faults()


class FaultsFile:
    """Written by the test, read by the gateway at each batch."""

    def __init__(self, path: Path) -> None:
        """Take where it is, or will be."""
        self.path = path

    def write(self, faults: Faults) -> None:
        """Switch them; from the next batch on they hold."""
        aside = self.path.with_suffix(".new")
        aside.write_text(json.dumps(asdict(faults)))
        aside.replace(self.path)

    def read(self) -> Faults:
        """Return those that hold now."""
        return Faults(**json.loads(self.path.read_text()))
