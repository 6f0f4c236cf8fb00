"""Reading a bundle: nothing is used before every digest was checked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ctr_service.bundle.files import sha256_of, write_text_aside
from ctr_service.bundle.manifest import SCHEMA_VERSION, Manifest
from ctr_service.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctr_service.bundle.manifest import GraphVariant

MANIFEST_FILE = "manifest.json"
DIGEST_FILE = "manifest.json.sha256"
"""In `sha256sum` format, so that `sha256sum -c` checks the manifest too."""
TOKENIZER_FILE = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle.

    Attributes:
        manifest_sha256: identifies everything in it, since the manifest holds all other digests.
    """

    folder: Path
    manifest: Manifest
    manifest_sha256: str

    @property
    def tokenizer_path(self) -> Path:
        """Where the tokenizer lies."""
        return self.folder / TOKENIZER_FILE

    def path_of(self, variant: GraphVariant) -> Path:
        """Where a graph lies."""
        return self.folder / variant.file


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle and check every digest.

    Raises:
        BundleError: absent, incomplete, tampered with, or of another schema version.
    """
    raw = _read_manifest_bytes(folder)
    manifest = _parse_manifest(raw)
    digests: dict[tuple[int, int], str] = {}
    for name, expected in _named_files(manifest):
        _check_file(folder, name, expected, digests)
    return Bundle(folder, manifest, hashlib.sha256(raw).hexdigest())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest and its digest; call it last, into a staged folder."""
    raw = json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
    digest = hashlib.sha256(raw.encode()).hexdigest()
    write_text_aside(folder / MANIFEST_FILE, raw)
    write_text_aside(folder / DIGEST_FILE, f"{digest}  {MANIFEST_FILE}\n")


def _read_manifest_bytes(folder: Path) -> bytes:
    if not folder.is_dir():
        raise BundleError(f"{folder} is no folder; build a bundle with `ctr-export build`")
    try:
        raw = (folder / MANIFEST_FILE).read_bytes()
        expected = (folder / DIGEST_FILE).read_bytes()
    except FileNotFoundError as error:
        raise BundleError(
            f"{folder} is no complete bundle: {error.filename} is missing; "
            "build it again with `ctr-export build`"
        ) from error
    if expected.split()[:1] != [hashlib.sha256(raw).hexdigest().encode()]:
        raise BundleError(f"{folder / MANIFEST_FILE} does not match {DIGEST_FILE}: it was changed")
    return raw


def _parse_manifest(raw: bytes) -> Manifest:
    try:
        content = json.loads(raw)
    except ValueError as error:
        raise BundleError(f"{MANIFEST_FILE} is no JSON: {error}") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise BundleError(
            f"{MANIFEST_FILE} has schema version {version}; this program reads {SCHEMA_VERSION}. "
            "Use the release that wrote the bundle, or export it again"
        )
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"{MANIFEST_FILE}: {where}: {first['msg']}") from error


def _named_files(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Yield path inside the bundle and digest of every file that the manifest names."""
    yield TOKENIZER_FILE, manifest.tokenizer_sha256
    for engines in manifest.graphs.values():
        for precisions in engines.values():
            for variant in precisions.values():
                yield variant.file, variant.sha256
    for target in manifest.triton.values():
        yield from target.files.items()


def _check_file(
    folder: Path, name: str, expected_sha256: str, digests: dict[tuple[int, int], str]
) -> None:
    """Check one file.

    Args:
        folder: the bundle.
        name: path inside it.
        expected_sha256: what the manifest says.
        digests: (device, inode) -> digest of what was read before. `triton/` holds hard links to
            the graphs: each is read once.
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise BundleError(f"{MANIFEST_FILE} names {name}, which lies outside the bundle")
    if not path.is_file():
        raise BundleError(f"{folder} is incomplete: {name} is missing")
    status = path.stat()
    key = (status.st_dev, status.st_ino)
    if key not in digests:
        digests[key] = sha256_of(path)
    if digests[key] != expected_sha256:
        raise BundleError(f"{folder / name} does not match the manifest: it was changed or cut")
