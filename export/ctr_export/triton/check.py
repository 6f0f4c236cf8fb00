"""The check of a bundle's `triton/`: each config parsed by Triton's own message, against its graph.

It reads the files as they are, so it also judges what somebody changed by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from ctr_export.errors import TritonConfigError
from ctr_export.triton import names
from ctr_export.triton.check_engine import check_engine
from ctr_export.triton.check_queue import check_queue
from ctr_export.triton.check_tensors import check_tensors
from ctr_export.triton.check_warmup import check_warmup
from ctr_export.triton.config import BACKENDS
from ctr_export.triton.graph_io import GraphIO, read_graph_io
from ctr_export.triton.shapes import end_shapes, full_rows, most_rows
from ctr_export.triton.violation import Violation, is_not

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctr_service.bundle.manifest import Manifest, TritonTarget


def check_repositories(folder: Path, manifest: Manifest) -> None:
    """Check every target of a bundle.

    Args:
        folder: the bundle, staged or finished.
        manifest: what it says of itself.

    Raises:
        TritonConfigError: names each field that is wrong.
    """
    graphs: dict[str, GraphIO] = {}
    wrong: dict[str, tuple[Violation, ...]] = {}
    for name, target in manifest.triton.items():
        file = manifest.variant(target.graph, target.engine, target.precision).file
        if file not in graphs:
            graphs[file] = read_graph_io(folder / file)
        found = tuple(check_target(folder, manifest, name, graphs[file]))
        if found:
            wrong[f"{target.folder}/{target.model}/{names.CONFIG_FILE}"] = found
    if wrong:
        raise TritonConfigError(wrong)


def check_target(
    folder: Path, manifest: Manifest, name: str, graph: GraphIO
) -> Iterator[Violation]:
    """Yield what is wrong with one target; see `check_repositories`."""
    target = manifest.triton[name]
    model = folder / target.folder / target.model
    try:
        text = (model / names.CONFIG_FILE).read_text(encoding="utf-8")
        config: pb.ModelConfig = text_format.Parse(text, pb.ModelConfig())
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        yield Violation(names.CONFIG_FILE, f"Triton could not read it: {error}")
        return
    yield from _check_model(name, config, target)
    yield from _check_identity(name, config, manifest)
    yield from check_tensors(config, graph)
    yield from check_queue(config)
    yield from check_engine(name, config, target)
    yield from _check_shapes(name, target)
    yield from check_warmup(config, target, model)
    yield from _check_version_folder(name, folder, manifest)


def _check_model(name: str, config: pb.ModelConfig, target: TritonTarget) -> Iterator[Violation]:
    if config.name != target.model:
        yield Violation("name", is_not(config.name or "missing", f"{target.model}, its folder's"))
    if config.backend != BACKENDS.get(name):
        yield Violation("backend", is_not(config.backend or "missing", BACKENDS.get(name)))
    if config.max_batch_size != most_rows(target.layout):
        wanted = f"{most_rows(target.layout)}, the rows of the largest batch"
        yield Violation("max_batch_size", is_not(config.max_batch_size, wanted))
    versions = list(config.version_policy.specific.versions)
    if versions != [int(names.VERSION)]:
        wanted = f"[{names.VERSION}], the one that is here"
        yield Violation("version_policy.specific.versions", is_not(versions, wanted))


def _check_identity(name: str, config: pb.ModelConfig, manifest: Manifest) -> Iterator[Violation]:
    target = manifest.triton[name]
    wanted = {
        names.MODEL_VERSION: manifest.model_version,
        names.GRAPH_SHA256: manifest.variant(target.graph, target.engine, target.precision).sha256,
        names.PRECISION: target.precision,
        names.ENGINE: target.engine,
        names.GRAPH: target.graph,
        names.TARGET: name,
    }
    for key, value in wanted.items():
        found = config.parameters[key].string_value if key in config.parameters else "missing"
        if found != value:
            yield Violation(f"parameters[{key}]", is_not(found, f"the manifest's {value}"))


def _check_shapes(name: str, target: TritonTarget) -> Iterator[Violation]:
    """Hold the manifest's shapes, by which warm-up and CUDA graphs are judged, to its layout."""
    where = f"manifest.triton[{name}].shapes"
    for rows, bucket in sorted(set(end_shapes(target.layout)) - set(target.shapes)):
        yield Violation(where, f"{rows}x{bucket} is missing, which the layout's batches have")
    for rows, bucket in target.shapes:
        buckets = target.layout.buckets_tokens
        if bucket not in buckets or not 1 <= rows <= full_rows(target.layout, bucket):
            yield Violation(where, f"{rows}x{bucket} is no batch of the layout")


def _check_version_folder(name: str, folder: Path, manifest: Manifest) -> Iterator[Violation]:
    target = manifest.triton[name]
    version = folder / target.folder / target.model / names.VERSION
    if not version.is_dir():
        yield Violation(names.VERSION, "the version's folder is missing")
        return
    present = {path.name for path in version.iterdir()}
    wanted = {names.GRAPH_FILE}
    if name == names.CPU:
        wanted.add(names.CODE_FILE)
    if name == names.TENSORRT:
        wanted = {names.PLAN_FILE} if target.plan else set()
    for file in sorted(wanted - present):
        yield Violation(f"{names.VERSION}/{file}", "it is missing")
    for file in sorted(present - wanted):
        yield Violation(f"{names.VERSION}/{file}", "the manifest does not know of it")
