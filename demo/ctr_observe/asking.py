"""HTTP with JSON, for servers on this machine."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

from ctr_observe.errors import ObserveError

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWER_S = 5.0
READY_S = 30.0
LOOK_EVERY_S = 0.05


def ask(url: str, parameters: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 -- JSON
    """Return what a URL answers.

    Raises:
        ObserveError: no answer, or one of failure.
    """
    query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
    try:
        with urllib.request.urlopen(f"{url}{query}", timeout=ANSWER_S) as answer:  # noqa: S310 -- our own servers
            return json.load(answer)
    except (OSError, ValueError) as error:
        raise ObserveError(f"{url} does not answer well: {error}") from None


def wait_until_ready(url: str) -> None:
    """Wait until a URL answers 200.

    Raises:
        ObserveError: it does not within READY_S.
    """
    end = time.monotonic() + READY_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=ANSWER_S):  # noqa: S310 -- our own servers
                return
        except OSError as error:
            if time.monotonic() > end:
                raise ObserveError(f"{url} is not ready after {READY_S:.0f} s: {error}") from None
            time.sleep(LOOK_EVERY_S)
