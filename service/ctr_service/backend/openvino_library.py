"""Loading the OpenVINO library: when an engine of it is asked for, and without its telemetry."""

from __future__ import annotations

import functools
import importlib
import sys
from typing import TYPE_CHECKING, Any, cast

from ctr_service.errors import EngineUnavailableError

if TYPE_CHECKING:
    from types import ModuleType

    import openvino

TELEMETRY = "openvino_telemetry"


def load_openvino() -> ModuleType:
    """Import OpenVINO.

    Raises:
        EngineUnavailableError: it is not installed, or does not load here.
    """
    silence_telemetry()
    try:
        return importlib.import_module("openvino")
    except ImportError as error:
        raise EngineUnavailableError(
            f"OpenVINO cannot be loaded ({error}): pip install 'ctr-serve[openvino]'"
        ) from error


@functools.cache
def openvino_core() -> openvino.Core:
    """Return the process's one core, which is never freed.

    The CPU's plugin gives the thread that loads it another stack for signals, as large as AMX's
    registers need (`sigaltstack`), and frees that memory with itself, on whatever thread that
    happens. A signal to the first thread then ended the process with a segmentation fault.

    Raises:
        EngineUnavailableError: as `load_openvino` says.
    """
    return load_openvino().Core()


def silence_telemetry() -> None:
    """Keep OpenVINO and NNCF from telling Google Analytics that they were imported.

    They do so unless a file in the home folder says no, and write an identifier there. Both take a
    package that cannot be imported for one that is not installed, and then send nothing.
    """
    # None makes Python raise ImportError for the name (importlib, "The import system", 5.3.1).
    cast("dict[str, Any]", sys.modules).setdefault(TELEMETRY, None)
