"""The peer's model repository: the bundle's CPU target with Triton's dynamic batcher at work."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from ctr_bench.errors import BenchError

if TYPE_CHECKING:
    from pathlib import Path

MODEL, CONFIG = "ctr_joint", "config.pbtxt"
PEER_ROWS = 32
"""Most rows of a joined batch: two lists of 16. More is slower on a CPU."""
PEER_QUEUE = 64


def cpu_repository(bundle: Path) -> Path:
    """Return the repository that the gateway's Triton serves.

    Raises:
        BenchError: the bundle has none.
    """
    folder = bundle / "triton" / "cpu"
    if not folder.is_dir():
        raise BenchError(
            f"{bundle} has no triton/cpu: it is older than this release; export it again"
        )
    return folder


def write_peer_repository(source: Path, folder: Path, *, delay_us: int) -> Path:
    """Copy a repository, and let Triton join requests.

    Args:
        source: the bundle's.
        folder: where to.
        delay_us: how long Triton may wait for more requests.
    """
    shutil.copytree(source, folder, copy_function=_link_or_copy)
    path = folder / MODEL / CONFIG
    config = text_format.Parse(path.read_text(), model_config_pb2.ModelConfig())
    config.max_batch_size = PEER_ROWS
    batching = config.dynamic_batching
    del batching.preferred_batch_size[:]
    batching.max_queue_delay_microseconds = delay_us
    batching.default_queue_policy.max_queue_size = PEER_QUEUE
    del config.model_warmup[:]
    path.unlink()  # it is a second name of the bundle's own file
    path.write_text(text_format.MessageToString(config))
    return folder


def _link_or_copy(source: str, to: str) -> None:
    try:
        os.link(source, to)
    except OSError:
        shutil.copyfile(source, to)
