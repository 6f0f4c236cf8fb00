"""The engines that run a graph in this process, as the manifest and `--engine` name them."""

from __future__ import annotations

ONNX_RUNTIME = "onnxruntime"
OPENVINO = "openvino"
ONNX_RUNTIME_CUDA = "onnxruntime-cuda"
"""ONNX Runtime's float32 graph on a GPU of this machine, in the layout of the bundle's Triton
target of the same name. A wish, never a default; never run where this was written."""
