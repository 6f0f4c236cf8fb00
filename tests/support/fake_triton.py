"""A gRPC server that talks like Triton and does what a test says, when the test says it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, TypeAlias

import grpc
import numpy as np
from tritonclient.grpc import model_config_pb2, service_pb2, service_pb2_grpc

from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS, LOGITS
from ctr_service.backend.scripted import scripted_logits
from tests.support.triton_world import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from numpy.typing import NDArray

    Context: TypeAlias = grpc.aio.ServicerContext[
        service_pb2.ModelInferRequest, service_pb2.ModelInferResponse
    ]
    Behave: TypeAlias = Callable[[service_pb2.ModelInferRequest, Context], Awaitable[None]]

_DTYPES = {"INT32": np.int32}


def make_config(
    parameters: Mapping[str, str] = PARAMETERS, *, instances: int = 2
) -> model_config_pb2.ModelConfig:
    """Return the config of a model that fits `EXPECTED`."""
    pb = model_config_pb2
    scalar = {"dims": [1], "reshape": pb.ModelTensorReshape()}
    config = pb.ModelConfig(name="ctr_joint", max_batch_size=64)
    config.input.add(name=INPUT_IDS, data_type=pb.TYPE_INT32, dims=[-1])
    config.input.add(name=LENGTHS, data_type=pb.TYPE_INT32, **scalar)
    config.input.add(name=FIRST_LENGTHS, data_type=pb.TYPE_INT32, **scalar)
    config.output.add(name=LOGITS, data_type=pb.TYPE_FP32, **scalar)
    config.instance_group.add(count=instances, kind=pb.ModelInstanceGroup.KIND_CPU)
    for name, value in parameters.items():
        config.parameters[name].string_value = value
    return config


class FakeTriton(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # -- untyped
    """One server.

    Attributes:
        config, versions: what it says that it serves; None in place of the config unloads it.
        behave: awaited in each inference: it may wait, or abort the call.
        version_of_answers: what answers say; None is the version asked for.
        requests, deadlines_s, callers: of the inferences that arrived; a caller is a connection.
        cancelled: inferences that their caller gave up.
        vanished: until it is set, questions are not answered.
    """

    def __init__(self, config: model_config_pb2.ModelConfig | None = None) -> None:
        self.config: model_config_pb2.ModelConfig | None = config or make_config()
        self.versions = ["1"]
        self.behave: Behave | None = None
        self.version_of_answers: str | None = None
        self.requests: list[service_pb2.ModelInferRequest] = []
        self.deadlines_s: list[float] = []
        self.callers: list[str] = []
        self.cancelled = 0
        self.vanished: asyncio.Event | None = None
        self.port = 0
        self._server: grpc.aio.Server | None = None

    @property
    def target(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    async def start(self, credentials: grpc.ServerCredentials | None = None) -> None:
        """Listen, on the same port as before; with credentials over TLS."""
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self, self._server)
        address = f"127.0.0.1:{self.port}"
        if credentials is None:
            self.port = self._server.add_insecure_port(address)
        else:
            self.port = self._server.add_secure_port(address, credentials)
        await self._server.start()

    async def kill(self) -> None:
        """Break every connection."""
        if self._server is not None:
            await self._server.stop(None)
            self._server = None

    async def ModelConfig(  # noqa: N802 -- gRPC's name
        self, _: service_pb2.ModelConfigRequest, context: Context
    ) -> service_pb2.ModelConfigResponse:
        """Say what it serves."""
        if self.vanished is not None:
            await self.vanished.wait()
        if self.config is None:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "model has no available versions")
        return service_pb2.ModelConfigResponse(config=self.config)

    async def ModelMetadata(  # noqa: N802 -- gRPC's name
        self, request: service_pb2.ModelMetadataRequest, _: Context
    ) -> service_pb2.ModelMetadataResponse:
        """Say which versions are ready."""
        return service_pb2.ModelMetadataResponse(name=request.name, versions=self.versions)

    async def ModelInfer(  # noqa: N802 -- gRPC's name
        self, request: service_pb2.ModelInferRequest, context: Context
    ) -> service_pb2.ModelInferResponse:
        """Answer with a function of each row's own tokens."""
        self.requests.append(request)
        self.deadlines_s.append(context.time_remaining() or 0.0)
        self.callers.append(context.peer())
        if self.behave is not None:
            try:
                await self.behave(request, context)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        arrays = arrays_of(request)
        logits = scripted_logits(arrays[INPUT_IDS], arrays[LENGTHS], arrays[FIRST_LENGTHS])
        answer = service_pb2.ModelInferResponse(
            model_name=request.model_name,
            model_version=self.version_of_answers or request.model_version,
        )
        answer.outputs.add(name=LOGITS, datatype="FP32", shape=[len(logits), 1])
        answer.raw_output_contents.append(logits.tobytes())
        return answer


def arrays_of(request: service_pb2.ModelInferRequest) -> dict[str, NDArray[np.int32]]:
    """Return what a request carries, without the dimension that the wire adds."""
    found: dict[str, NDArray[np.int32]] = {}
    for tensor, raw in zip(request.inputs, request.raw_input_contents, strict=True):
        array = np.frombuffer(raw, _DTYPES[tensor.datatype]).reshape(tuple(tensor.shape))
        found[tensor.name] = array if tensor.name == INPUT_IDS else array[:, 0]
    return found


@contextlib.asynccontextmanager
async def fake_triton(
    config: model_config_pb2.ModelConfig | None = None,
) -> AsyncIterator[FakeTriton]:
    """A server for the length of a block."""
    server = FakeTriton(config)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()
