"""The peer of `ctr-bench triton`: Triton's own batcher on the bundle's repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from ctr_bench.bound.triton_repository import CONFIG, MODEL, cpu_repository, write_peer_repository
from ctr_bench.errors import BenchError
from ctr_service.bundle.bundle import load_bundle
from tests.support.tiny_bundle import make_tiny_bundle
from tests.support.triton_repository import make_triton_bundle

if TYPE_CHECKING:
    from pathlib import Path


def read(repository: Path) -> model_config_pb2.ModelConfig:
    """Read a repository's config."""
    text = (repository / MODEL / CONFIG).read_text()
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def test_the_peer_joins_requests_and_the_bundle_stays_as_it_is(tmp_path: Path) -> None:
    """Same graph, same code; the bundle's files are linked, and none of them is written to."""
    bundle = make_triton_bundle(tmp_path / "bundle")
    source = cpu_repository(bundle)
    peer = read(write_peer_repository(source, tmp_path / "peer", delay_us=2_000))
    assert not peer.dynamic_batching.preferred_batch_size
    assert peer.dynamic_batching.max_queue_delay_microseconds == 2_000
    assert list(read(source).dynamic_batching.preferred_batch_size) == [1]
    load_bundle(bundle)  # it checks every digest
    graph = "1/model.onnx"
    assert (tmp_path / "peer" / MODEL / graph).samefile(source / MODEL / graph)


def test_a_bundle_without_a_repository_is_a_sentence(tmp_path: Path) -> None:
    """A bundle of an older release says what to do."""
    with pytest.raises(BenchError, match="export it again"):
        cpu_repository(make_tiny_bundle(tmp_path / "bundle"))
