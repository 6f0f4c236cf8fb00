"""What a target serves, asked before anything is measured there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_bench.errors import BenchError
from ctr_bench.preflight import get_model

if TYPE_CHECKING:
    from ctr.v1 import prediction_pb2 as pb


def ask_model(target: str, manifest_sha256: str = "") -> pb.GetModelResponse:
    """Ask a target for its model.

    Args:
        target: "host:port", or any gRPC target.
        manifest_sha256: of the bundle that it should serve; empty is whichever.

    Raises:
        BenchError: nothing serves there, it does not speak ctr.v1, or it serves another bundle.
    """
    model = get_model(target)
    if manifest_sha256 and model.manifest_sha256 != manifest_sha256:
        raise BenchError(
            f"{target} serves model {model.version} of a bundle {model.manifest_sha256[:12]}, and "
            f"--bundle is {manifest_sha256[:12]}: name the bundle that it serves"
        )
    return model
