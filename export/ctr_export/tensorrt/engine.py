"""TensorRT itself, with torch for memory on the GPU. NOT YET RUN ON A GPU.

Written against TensorRT 10's Python reference (`IBuilderConfig`, `OnnxParser`,
`IExecutionContext`). Small on purpose: what it is given and what it gives is tested elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorrt as trt
import torch

from ctr_export.errors import MachineError, PlanRefusedError
from ctr_export.triton.profiles import input_shapes
from ctr_service.backend.base import INPUT_IDS, LOGITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from ctr_export.tensorrt.machine import Gpu
    from ctr_export.tensorrt.recipe import Recipe


class TensorRtMaker:
    """Implements `PlanMaker` on one GPU."""

    def __init__(self, device: int, gpu: Gpu) -> None:
        """Take a GPU.

        Args:
            device: its number.
            gpu: what the driver says it is.

        Raises:
            MachineError: CUDA counts the GPUs in another order than the driver.
        """
        found = torch.cuda.get_device_name(device)
        if found != gpu.name:
            raise MachineError(
                f"GPU {device} is {gpu.name} to the driver and {found} to CUDA; set "
                "CUDA_DEVICE_ORDER=PCI_BUS_ID and unset CUDA_VISIBLE_DEVICES"
            )
        self._device = torch.device("cuda", device)
        self._logger = trt.Logger(trt.Logger.WARNING)

    def build(self, recipe: Recipe) -> bytes:
        """See `PlanMaker.build`."""
        with torch.cuda.device(self._device):
            builder = trt.Builder(self._logger)
            network = builder.create_network(0)
            parser = trt.OnnxParser(network, self._logger)
            if not parser.parse_from_file(str(recipe.graph)):
                reasons = "; ".join(parser.get_error(i).desc() for i in range(parser.num_errors))
                raise PlanRefusedError(f"TensorRT cannot read {recipe.graph.name}: {reasons}")
            config = self._configure(builder, network, recipe)
            plan = builder.build_serialized_network(network, config)
            if plan is None:
                raise PlanRefusedError(
                    "TensorRT built no plan; its own messages above say why (GPU memory, usually: "
                    "lower the batch tokens, or free the GPU)"
                )
            recipe.timing_cache.parent.mkdir(parents=True, exist_ok=True)
            recipe.timing_cache.write_bytes(bytes(config.get_timing_cache().serialize()))
            return bytes(plan)

    def open(self, plan: bytes, recipe: Recipe) -> TensorRtPlan:
        """See `PlanMaker.open`."""
        with torch.cuda.device(self._device):
            engine = trt.Runtime(self._logger).deserialize_cuda_engine(plan)
            if engine is None:
                raise PlanRefusedError("TensorRT cannot load the plan that it built")
            return TensorRtPlan(engine, recipe, self._device)

    def _configure(self, builder: Any, network: Any, recipe: Recipe) -> Any:  # noqa: ANN401 -- TensorRT ships no types
        config = builder.create_builder_config()
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, recipe.workspace_bytes)
        config.set_flag(trt.BuilderFlag.FP16)
        config.set_flag(trt.BuilderFlag.OBEY_PRECISION_CONSTRAINTS)
        _keep_exact(network, recipe)
        known = recipe.timing_cache.read_bytes() if recipe.timing_cache.is_file() else b""
        config.set_timing_cache(config.create_timing_cache(known), False)
        for profile in recipe.profiles:
            bounds = [input_shapes(at) for at in (profile.least, profile.best, profile.most)]
            wanted = builder.create_optimization_profile()
            for name in bounds[0]:
                wanted.set_shape(name, *(shapes[name] for shapes in bounds))
            config.add_optimization_profile(wanted)
        return config


def _keep_exact(network: Any, recipe: Recipe) -> None:  # noqa: ANN401 -- TensorRT ships no types
    """Hold the recipe's layers in FP32; the parser may make several layers of a node, numbered.

    Raises:
        PlanRefusedError: the parser renamed one, which would run in FP16 and overflow.
    """
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    for name in recipe.exact_layers:
        found = [one for one in layers if one.name == name or one.name.startswith(f"{name}_")]
        if not found:
            raise PlanRefusedError(
                f"TensorRT has no layer {name}, which must stay in FP32: this version names layers "
                "otherwise; serve the target onnxruntime-tensorrt, and report its version"
            )
        for layer in found:
            layer.precision = trt.float32


class TensorRtPlan:
    """Implements `OpenPlan`."""

    def __init__(self, engine: Any, recipe: Recipe, device: torch.device) -> None:  # noqa: ANN401 -- TensorRT ships no types
        """Take a loaded engine; each profile has a context of its own, as in Triton."""
        self._profiles = recipe.profiles
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # -- torch leaves it without types
        self._engine = engine
        self._contexts = []
        for index in range(len(recipe.profiles)):
            context = engine.create_execution_context()
            context.set_optimization_profile_async(index, self._stream.cuda_stream)
            self._contexts.append(context)
        self._stream.synchronize()

    def run(self, tensors: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float32]:
        """See `OpenPlan.run`."""
        rows, length = tensors[INPUT_IDS].shape
        context = self._contexts[self._profile_of(length)]
        with torch.cuda.stream(self._stream):
            held = {name: torch.from_numpy(a).to(self._device) for name, a in tensors.items()}
            logits = torch.empty(rows, dtype=torch.float32, device=self._device)
            for name, tensor in held.items():
                if not context.set_input_shape(name, tuple(tensor.shape)):
                    raise PlanRefusedError(f"the plan takes no {name} of {tuple(tensor.shape)}")
                context.set_tensor_address(name, tensor.data_ptr())
            context.set_tensor_address(LOGITS, logits.data_ptr())
            if not context.execute_async_v3(self._stream.cuda_stream):
                raise PlanRefusedError(f"the plan failed on a batch of {rows} x {length}")
        self._stream.synchronize()
        result: NDArray[np.float32] = logits.cpu().numpy()
        return result

    def close(self) -> None:
        """Free the GPU's memory."""
        self._contexts.clear()
        self._engine = None

    def _profile_of(self, length: int) -> int:
        for index, profile in enumerate(self._profiles):
            if profile.least[1] <= length <= profile.most[1]:
                return index
        raise PlanRefusedError(f"no profile of the plan holds rows of {length} tokens")
