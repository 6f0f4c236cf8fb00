"""The scripted target in Open Inference: what a run, and what perf_analyzer, asks for."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tritonclient.grpc import model_config_pb2, service_pb2

from ctr_bench.open_inference import SCORED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_bench.bare_server import Context, Method
    from ctr_bench.scripted_target import ScriptedTarget

NAME, VERSION = "scripted", "1"
SERVICE = "inference.GRPCInferenceService"
_INPUTS = (("query", 1), ("title", -1))
_OUTPUTS = (("click_probability", "FP32"), ("status", "BYTES"))


def infer_methods(target: ScriptedTarget) -> Mapping[str, Mapping[str, Method]]:
    """Return the service's methods by name."""
    infer = _Infer(target)
    return {
        SERVICE: {
            "ModelInfer": infer.model_infer,
            "ModelMetadata": infer.model_metadata,
            "ModelConfig": infer.model_config,
            "ModelReady": infer.model_ready,
            "ServerLive": infer.server_live,
            "ServerReady": infer.server_ready,
            "ServerMetadata": infer.server_metadata,
            "ModelStatistics": infer.model_statistics,
        }
    }


class _Infer:
    def __init__(self, target: ScriptedTarget) -> None:
        self._target = target

    async def model_infer(self, raw: bytes, context: Context) -> bytes:
        request = service_pb2.ModelInferRequest.FromString(raw)
        rows = next((t.shape[0] for t in request.inputs if t.name == "title"), 1)
        await self._target.ctr_of(request.id, context)
        response = service_pb2.ModelInferResponse(
            model_name=NAME, model_version=VERSION, id=request.id
        )
        for name, datatype in _OUTPUTS:
            response.outputs.add(name=name, datatype=datatype, shape=[rows])
        response.raw_output_contents.append(struct.pack(f"<{rows}f", *[0.1] * rows))
        response.raw_output_contents.append((struct.pack("<I", len(SCORED)) + SCORED) * rows)
        return bytes(response.SerializeToString())

    async def model_metadata(self, _: bytes, __: Context) -> bytes:
        kind = service_pb2.ModelMetadataResponse.TensorMetadata
        return bytes(
            service_pb2.ModelMetadataResponse(
                name=NAME,
                versions=[VERSION],
                platform="scripted",
                inputs=[kind(name=n, datatype="BYTES", shape=[size]) for n, size in _INPUTS],
                outputs=[kind(name=n, datatype=t, shape=[-1]) for n, t in _OUTPUTS],
            ).SerializeToString()
        )

    async def model_config(self, _: bytes, __: Context) -> bytes:
        kinds = {"FP32": model_config_pb2.TYPE_FP32, "BYTES": model_config_pb2.TYPE_STRING}
        config = model_config_pb2.ModelConfig(
            name=NAME,
            platform="scripted",
            backend="scripted",
            input=[
                model_config_pb2.ModelInput(
                    name=n, data_type=model_config_pb2.TYPE_STRING, dims=[size]
                )
                for n, size in _INPUTS
            ],
            output=[
                model_config_pb2.ModelOutput(name=n, data_type=kinds[t], dims=[-1])
                for n, t in _OUTPUTS
            ],
        )
        return bytes(service_pb2.ModelConfigResponse(config=config).SerializeToString())

    async def model_ready(self, _: bytes, __: Context) -> bytes:
        return bytes(service_pb2.ModelReadyResponse(ready=True).SerializeToString())

    async def server_live(self, _: bytes, __: Context) -> bytes:
        return bytes(service_pb2.ServerLiveResponse(live=True).SerializeToString())

    async def server_ready(self, _: bytes, __: Context) -> bytes:
        return bytes(service_pb2.ServerReadyResponse(ready=True).SerializeToString())

    async def server_metadata(self, _: bytes, __: Context) -> bytes:
        return bytes(
            service_pb2.ServerMetadataResponse(name=NAME, version=VERSION).SerializeToString()
        )

    async def model_statistics(self, _: bytes, __: Context) -> bytes:
        statistics = service_pb2.ModelStatistics(name=NAME, version=VERSION)
        return bytes(
            service_pb2.ModelStatisticsResponse(model_stats=[statistics]).SerializeToString()
        )
