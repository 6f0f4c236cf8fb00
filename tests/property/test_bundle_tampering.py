"""Claims about bundles that are not what they were: none is ever loaded."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ctr_export.commands.inspect import inspect
from ctr_service.bundle.bundle import DIGEST_FILE, MANIFEST_FILE, TOKENIZER_FILE, load_bundle
from ctr_service.errors import BundleError
from tests.support.openvino_variants import IR_FILE, WEIGHTS_FILE, add_openvino
from tests.support.tiny_bundle import GRAPH_FILE, make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = (MANIFEST_FILE, DIGEST_FILE, TOKENIZER_FILE, GRAPH_FILE, IR_FILE, WEIGHTS_FILE)
DIGEST_DIGITS = 64
"""What follows the digest in its file is a file name for `sha256sum -c`, which decides nothing."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete bundle, one graph of it in two files, that no test changes."""
    folder = make_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")
    (folder / IR_FILE).write_text("<net/>")
    (folder / WEIGHTS_FILE).write_bytes(b"weights")
    add_openvino(folder, "int8-static", files=(IR_FILE, WEIGHTS_FILE))
    return folder


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    shutil.copytree(bundle, tmp_path / "copy")
    return tmp_path / "copy"


def _spoilt(bundle: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(shutil.copytree(bundle, Path(folder) / "copy"))


@given(data=st.data(), name=st.sampled_from(FILES), bit=st.integers(0, 7))
def test_one_flipped_bit_anywhere_is_refused(
    bundle: Path, data: st.DataObject, name: str, bit: int
) -> None:
    """Whichever bit of whichever file is flipped, the bundle does not load."""
    size = (bundle / name).stat().st_size
    last = DIGEST_DIGITS - 1 if name == DIGEST_FILE else size - 1
    offset = data.draw(st.integers(0, last), label="offset")
    for copy in _spoilt(bundle):
        raw = bytearray((copy / name).read_bytes())
        raw[offset] ^= 1 << bit
        (copy / name).write_bytes(raw)
        with pytest.raises(BundleError):
            load_bundle(copy)


@given(data=st.data(), name=st.sampled_from(FILES))
def test_a_truncated_file_is_refused(bundle: Path, data: st.DataObject, name: str) -> None:
    """A file cut anywhere, as by a full disk, makes the bundle unreadable."""
    size = (bundle / name).stat().st_size
    last = DIGEST_DIGITS - 1 if name == DIGEST_FILE else size - 1
    keep = data.draw(st.integers(0, last), label="kept bytes")
    for copy in _spoilt(bundle):
        (copy / name).write_bytes((copy / name).read_bytes()[:keep])
        with pytest.raises(BundleError):
            load_bundle(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    """A half-written bundle is refused with the name of what is missing, exit code 1."""
    (copy / name).unlink()
    result = CliRunner().invoke(inspect, [str(copy)])
    assert result.exit_code == 1
    assert Path(name).name in result.stderr
    assert "missing" in result.stderr


def test_a_changed_file_is_named(copy: Path) -> None:
    """The reason names the file that was changed."""
    with (copy / GRAPH_FILE).open("ab") as file:
        file.write(b"x")
    result = CliRunner().invoke(inspect, [str(copy), "--json"])
    assert result.exit_code == 1
    assert GRAPH_FILE in result.stderr
    assert "was changed or cut" in result.stderr
    assert result.stdout == ""


def test_a_newer_schema_is_refused_with_both_versions(copy: Path) -> None:
    """A bundle of a later release, digests and all, says which release it needs."""
    content = json.loads((copy / MANIFEST_FILE).read_text())
    raw = json.dumps(content | {"schema_version": 2, "surprise": True}).encode()
    (copy / MANIFEST_FILE).write_bytes(raw)
    digest = hashlib.sha256(raw).hexdigest()
    (copy / DIGEST_FILE).write_text(f"{digest}  {MANIFEST_FILE}\n")
    result = CliRunner().invoke(inspect, [str(copy)])
    assert result.exit_code == 1
    assert "schema version 2; this program reads 1" in result.stderr


def test_no_bundle_at_all_is_refused(tmp_path: Path) -> None:
    """A folder that does not exist is named, with what to do."""
    result = CliRunner().invoke(inspect, [str(tmp_path / "none")])
    assert result.exit_code == 1
    assert "ctr-export build" in result.stderr
