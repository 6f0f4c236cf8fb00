"""What must be settled before PyTorch and Transformers are imported, and just after."""

from __future__ import annotations

import logging
import os

ENVIRONMENT = {
    # Models are read from disk only: no command of ours asks a hub.
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    # Tokenising happens before training; its threads would only fight PyTorch's.
    "TOKENIZERS_PARALLELISM": "true",
}
PREFERENCES = {
    # OpenMP's threads spin while they wait for one another. Where another process wants a core,
    # that spinning made a training step nine times slower (4.5 against 41 rows/s, two cores).
    "OMP_WAIT_POLICY": "PASSIVE",
}


def set_environment() -> None:
    """Set the libraries' variables; call it before they are imported.

    A preference gives way to what the user has set.
    """
    os.environ.update(ENVIRONMENT)
    for name, value in PREFERENCES.items():
        os.environ.setdefault(name, value)


def settle_libraries(threads: int) -> None:
    """Set PyTorch's threads and silence Transformers' own bars and notes.

    Args:
        threads: of PyTorch; 0 for one a usable core.
    """
    import torch  # noqa: PLC0415 -- set_environment must run first
    import transformers  # noqa: PLC0415 -- set_environment must run first

    from ctr_train.precision import usable_cores  # noqa: PLC0415 -- it imports torch

    torch.set_num_threads(threads or usable_cores())
    transformers.logging.set_verbosity(logging.ERROR)
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # -- untyped there
