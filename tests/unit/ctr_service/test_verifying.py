"""What `model verify` finds: all that is wrong at once, and whether the bundle would serve."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ctr_service.bundle.bundle import MANIFEST_FILE, TOKENIZER_FILE, load_bundle, write_manifest
from ctr_service.bundle.files import sha256_of
from ctr_service.bundle.manifest import JOINT_GRAPH, Manifest
from ctr_service.plan import Wishes
from ctr_service.verifying import Level, Verified, verify_bundle
from tests.support.tiny_bundle import GRAPH_FILE, make_tiny_bundle, make_tiny_graph

if TYPE_CHECKING:
    from pathlib import Path

ANY = Wishes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A complete bundle that the test may change."""
    return make_tiny_bundle(tmp_path / "tiny")


def verified(folder: Path, wishes: Wishes = ANY, cpus: int = 2) -> Verified:
    """The bundle, looked at on the machine where it was made."""
    return verify_bundle(folder, wishes, cpus=cpus, cpu="tests")


def told(found: Verified, level: Level) -> list[tuple[str, str]]:
    """Check and subject of the findings of a level."""
    return [(one.check, one.subject) for one in found.findings if one.level is level]


def rewritten(folder: Path, **update: Any) -> None:  # noqa: ANN401 -- any field of the manifest
    """Seal the folder anew with other words in its manifest."""
    content = load_bundle(folder).manifest.model_dump(mode="json") | update
    write_manifest(folder, Manifest.model_validate(content))


def test_a_whole_bundle_serves(folder: Path) -> None:
    """Manifest, files, tokenizer, graph and machine are all found well."""
    found = verified(folder)
    assert found.serves
    assert [check for check, _ in told(found, Level.OK)] == [
        *("manifest", "files", "tokenizer", "graph", "machine")
    ]
    assert len(found.findings) == 5


def test_every_broken_file_is_told(folder: Path) -> None:
    """A changed graph and a missing tokenizer are both named, and nothing of them is loaded."""
    (folder / GRAPH_FILE).write_bytes(b"something else")
    (folder / TOKENIZER_FILE).unlink()
    found = verified(folder)
    assert not found.serves
    assert told(found, Level.WRONG) == [
        ("files", TOKENIZER_FILE),
        ("files", GRAPH_FILE),
        ("graph", "joint/onnxruntime/fp32"),
    ]


def test_a_changed_manifest_ends_the_look(folder: Path) -> None:
    """A manifest that its digest does not match is not believed in anything."""
    path = folder / MANIFEST_FILE
    path.write_text(path.read_text().replace('"t1"', '"t2"'))
    found = verified(folder)
    assert not found.serves
    assert found.manifest is None
    assert told(found, Level.WRONG) == [("manifest", "")]
    assert not verified(folder / "absent").serves


def test_a_graph_that_does_not_load_is_wrong(folder: Path) -> None:
    """A file whose digest is right and that is no graph is found by loading it."""
    (folder / GRAPH_FILE).write_bytes(b"no graph")
    content = json.loads((folder / MANIFEST_FILE).read_text())
    content["graphs"][JOINT_GRAPH]["onnxruntime"]["fp32"]["sha256"] = sha256_of(folder / GRAPH_FILE)
    write_manifest(folder, Manifest.model_validate(content))
    found = verified(folder)
    assert told(found, Level.WRONG) == [("graph", "joint/onnxruntime/fp32")]
    assert not found.serves


def test_a_foreign_signature_is_wrong(folder: Path) -> None:
    """A graph that says it takes other tensors is refused before it is loaded."""
    graphs = load_bundle(folder).manifest.model_dump(mode="json")["graphs"]
    graphs[JOINT_GRAPH]["onnxruntime"]["fp32"]["inputs"][0]["dtype"] = "int64"
    rewritten(folder, graphs=graphs)
    (wrong,) = [one for one in verified(folder).findings if one.level is Level.WRONG]
    assert wrong.check == "graph"
    assert "int64" in wrong.said


def test_a_graph_of_an_unknown_engine_is_wrong_only_where_it_serves(folder: Path) -> None:
    """Another engine's graph is a note beside one that serves, and a fault when it is wished."""
    content = load_bundle(folder).manifest.model_dump(mode="json")
    engines = content["graphs"][JOINT_GRAPH]
    rewritten(
        folder,
        graphs={JOINT_GRAPH: engines | {"tomorrow": {"fp32": engines["onnxruntime"]["fp32"]}}},
    )
    found = verified(folder)
    assert found.serves
    assert told(found, Level.NOTE) == [("graph", "joint/tomorrow/fp32")]
    assert not verified(folder, Wishes(engine="tomorrow")).serves


def test_wishes_that_the_bundle_cannot_meet_are_wrong(folder: Path) -> None:
    """A precision that the bundle has not would not serve."""
    found = verified(folder, Wishes(precision="bf16"))
    assert not found.serves
    assert found.plan is None


def test_another_processor_and_fewer_cpus_are_notes(folder: Path) -> None:
    """Both are told, with what would run; neither keeps the bundle from serving."""
    found = verify_bundle(folder, ANY, cpus=1, cpu="another")
    assert found.serves
    said = [one.said for one in found.findings if one.level is Level.NOTE]
    assert len(said) == 2
    assert "another" in said[0]
    assert "1 sessions of 1" in said[1]


def test_stray_files_are_a_note(folder: Path) -> None:
    """What the manifest does not name is told, since nobody checks it."""
    make_tiny_graph(folder / "graphs" / "old.onnx", 8)
    found = verified(folder)
    assert found.serves
    (note,) = [one for one in found.findings if one.level is Level.NOTE]
    assert "graphs/old.onnx" in note.said


def test_a_template_beyond_the_vocabulary_is_wrong(folder: Path) -> None:
    """A special token that the tokenizer does not have is found."""
    template = load_bundle(folder).manifest.template.model_copy(update={"sep_id": 5000})
    rewritten(folder, template=template.model_dump(mode="json"))
    assert told(verified(folder), Level.WRONG) == [("tokenizer", "")]
