"""Claims of `ctr_service.bundle.bundle` and `.manifest`; tampering has its own property tests."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from ctr_service.bundle.bundle import (
    DIGEST_FILE,
    MANIFEST_FILE,
    TOKENIZER_FILE,
    load_bundle,
    write_manifest,
)
from ctr_service.bundle.files import sha256_of
from ctr_service.bundle.manifest import JOINT_GRAPH, Manifest
from ctr_service.errors import BundleError
from tests.support.tiny_bundle import GRAPH_FILE, make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A complete bundle that the test may change."""
    return make_tiny_bundle(tmp_path / "tiny")


@pytest.fixture
def content(folder: Path) -> dict[str, Any]:
    """Its manifest as JSON."""
    return load_bundle(folder).manifest.model_dump(mode="json")


def test_a_bundle_knows_its_parts(folder: Path) -> None:
    """What it names is there, and the manifest's digest identifies it."""
    bundle = load_bundle(folder)
    default = bundle.manifest.default
    variant = bundle.manifest.variant(default.graph, default.engine, default.precision)
    assert bundle.path_of(variant) == folder / GRAPH_FILE
    assert sha256_of(bundle.tokenizer_path) == bundle.manifest.tokenizer_sha256
    assert bundle.manifest_sha256 == sha256_of(folder / MANIFEST_FILE)
    with pytest.raises(KeyError):
        bundle.manifest.variant(JOINT_GRAPH, "openvino", "bf16")


def test_the_digest_file_is_what_sha256sum_reads(folder: Path) -> None:
    """`sha256sum -c manifest.json.sha256` checks the manifest."""
    digest = sha256_of(folder / MANIFEST_FILE)
    assert (folder / DIGEST_FILE).read_text() == f"{digest}  {MANIFEST_FILE}\n"


def test_a_manifest_written_again_is_the_same(folder: Path) -> None:
    """Reading and writing lose nothing."""
    before = (folder / MANIFEST_FILE).read_bytes()
    write_manifest(folder, load_bundle(folder).manifest)
    assert (folder / MANIFEST_FILE).read_bytes() == before


def test_a_bundle_knows_its_age(folder: Path) -> None:
    """From the manifest; one of before it was noted, from when its manifest was put here."""
    bundle = load_bundle(folder)
    assert bundle.created_s == (folder / MANIFEST_FILE).stat().st_mtime
    write_manifest(folder, bundle.manifest.model_copy(update={"created_unix_s": 5}))
    assert load_bundle(folder).created_s == 5.0


@pytest.mark.parametrize("name", [MANIFEST_FILE, DIGEST_FILE, TOKENIZER_FILE, GRAPH_FILE])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    """An incomplete bundle is refused by the file that it lacks."""
    (folder / name).unlink()
    with pytest.raises(BundleError, match=name.rpartition("/")[2]):
        load_bundle(folder)


@pytest.mark.parametrize("name", [TOKENIZER_FILE, GRAPH_FILE])
def test_a_changed_file_is_named(folder: Path, name: str) -> None:
    """One byte more and the bundle does not load."""
    with (folder / name).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(BundleError, match=r"does not match the manifest"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"{", "is no JSON"),
        (b"[]", "schema version None"),
        (b'{"schema_version": 2}', "schema version 2; this program reads 1"),
        (b'{"schema_version": 1}', "model_name: Field required"),
    ],
)
def test_a_manifest_that_is_none_is_refused_in_a_sentence(
    folder: Path, raw: bytes, sentence: str
) -> None:
    """Even when its digest is right: no JSON, no object, another schema, fields missing."""
    (folder / MANIFEST_FILE).write_bytes(raw)
    (folder / DIGEST_FILE).write_text(hashlib.sha256(raw).hexdigest())
    with pytest.raises(BundleError, match=sentence):
        load_bundle(folder)


def test_a_file_outside_the_bundle_is_refused(folder: Path, content: dict[str, Any]) -> None:
    """A manifest may not point at the rest of the disk."""
    shutil.copy(folder / GRAPH_FILE, folder.parent / "elsewhere.onnx")
    content["graphs"][JOINT_GRAPH]["onnxruntime"]["fp32"]["file"] = "../elsewhere.onnx"
    write_manifest(folder, Manifest.model_validate(content))
    with pytest.raises(BundleError, match="outside the bundle"):
        load_bundle(folder)


def test_a_folder_that_is_none_says_what_to_do(tmp_path: Path) -> None:
    """The error names the command that builds a bundle."""
    with pytest.raises(BundleError, match="ctr-export build"):
        load_bundle(tmp_path / "absent")


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (("default", "precision"), "int8", "names no graph"),
        (("layout", "buckets_tokens"), [64, 32], "rise strictly"),
        (("layout", "buckets_tokens"), [8, 16], "template's longest row"),
        (("layout", "max_batch_tokens"), 100, "one row of the largest bucket"),
        (("model_name",), "two words", "model_name"),
        (("tokenizer_sha256",), "abc", "tokenizer_sha256"),
        (("base_rate",), 1.5, "base_rate"),
        (("surprise",), 1, "surprise"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(
    content: dict[str, Any], path: tuple[str, ...], value: object, sentence: str
) -> None:
    """Each rule is checked when the manifest is made, by the exporter as by the gateway."""
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ValidationError, match=sentence):
        Manifest.model_validate(content)
