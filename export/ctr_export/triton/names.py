"""The names that exporter, checker and Triton share. No imports: `--help` reads them."""

from __future__ import annotations

TRITON_FOLDER = "triton"
"""Folder of a bundle that holds one model repository a target."""
MODEL_PREFIX = "ctr_"
"""A graph's name in Triton is this and its name in the bundle: `ctr_joint`."""
CONFIG_FILE = "config.pbtxt"
VERSION = "1"
"""Triton's versions are numbers, and a repository holds one; `MODEL_VERSION` says which it is."""
GRAPH_FILE = "model.onnx"
PLAN_FILE = "model.plan"
CODE_FILE = "model.py"
WARMUP_FOLDER = "warmup"

CPU = "cpu"
CUDA = "onnxruntime-cuda"
CUDA_TENSORRT = "onnxruntime-tensorrt"
TENSORRT = "tensorrt"

MODEL_VERSION = "ctr_model_version"
"""Parameter: the manifest's `model_version`."""
GRAPH_SHA256 = "ctr_graph_sha256"
"""Parameter: digest of the graph that is served, or that the plan is built from."""
PRECISION = "ctr_precision"
"""Parameter: the manifest's name of that graph, `fp32` for example."""
ENGINE = "ctr_engine"
"""Parameter: the manifest's engine of that graph."""
GRAPH = "ctr_graph"
"""Parameter: the graph's name in the manifest, `joint`."""
TARGET = "ctr_target"
"""Parameter: the key of `triton` in the manifest, where the layout is."""
THREADS = "ctr_threads"
"""Parameter of the CPU target: threads a session, read by its `model.py`."""
IDENTITY = (MODEL_VERSION, GRAPH_SHA256, PRECISION, ENGINE, GRAPH, TARGET)
"""Parameters that every config carries, and that the gateway compares with its bundle."""

GPU_BATCH_TOKENS = 8_192
"""Most padded tokens of a batch on a GPU. Not measured: no GPU was at hand."""
