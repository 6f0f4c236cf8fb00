"""What a target serves, asked before anything is measured there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from ctr_bench.errors import BenchError
from ctr_client.client import PredictionClient
from ctr_client.errors import PredictionError

if TYPE_CHECKING:
    from ctr.v1 import prediction_pb2 as pb

DEADLINE_S = 5.0


def ask_model(target: str, manifest_sha256: str = "") -> pb.GetModelResponse:
    """Ask a target for its model.

    Args:
        target: "host:port", or any gRPC target.
        manifest_sha256: of the bundle that it should serve; empty is whichever.

    Raises:
        BenchError: nobody answers, it does not speak ctr.v1, or it serves another bundle.
    """
    try:
        with PredictionClient(target) as client:
            model = client.get_model(deadline_s=DEADLINE_S)
    except PredictionError as error:
        if error.code is grpc.StatusCode.UNIMPLEMENTED:
            raise BenchError(f"{target} answers, but does not speak ctr.v1") from None
        raise BenchError(
            f"{target} does not answer ({error.code.name}); is a gateway listening there?"
        ) from None
    if manifest_sha256 and model.manifest_sha256 != manifest_sha256:
        raise BenchError(
            f"{target} serves model {model.version} of a bundle {model.manifest_sha256[:12]}, and "
            f"--bundle is {manifest_sha256[:12]}: name the bundle that it serves"
        )
    return model
