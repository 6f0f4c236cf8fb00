"""Reading a bundle: nothing is used before every digest was checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_service.bundle.manifest import SCHEMA_VERSION, Manifest
from ctr_service.bundle.seal import Seal
from ctr_service.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctr_service.bundle.manifest import GraphVariant

MANIFEST_FILE = "manifest.json"
DIGEST_FILE = "manifest.json.sha256"
"""In `sha256sum` format, so that `sha256sum -c` checks the manifest too."""
TOKENIZER_FILE = "tokenizer.json"
SEAL = Seal(
    kind="bundle",
    list_file=MANIFEST_FILE,
    list_name="the manifest",
    digest_file=DIGEST_FILE,
    schema_version=SCHEMA_VERSION,
    command="ctr-export build",
    error=BundleError,
)


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

    @property
    def created_s(self) -> float:
        """When it was built, in seconds since 1970; of old bundles, when they were put here."""
        if self.manifest.created_unix_s is not None:
            return float(self.manifest.created_unix_s)
        return (self.folder / MANIFEST_FILE).stat().st_mtime

    def path_of(self, variant: GraphVariant) -> Path:
        """Where a graph lies."""
        return self.folder / variant.file


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle and check every digest.

    Raises:
        BundleError: absent, incomplete, tampered with, or of another schema version.
    """
    raw = SEAL.read(folder)
    manifest = SEAL.parse(raw, Manifest)
    SEAL.check(folder, digests_of(manifest))
    return Bundle(folder, manifest, hashlib.sha256(raw).hexdigest())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest and its digest; call it last, into a staged folder."""
    SEAL.write(folder, manifest)


def digests_of(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Yield name and digest of every file that the manifest names."""
    yield TOKENIZER_FILE, manifest.tokenizer_sha256
    for engines in manifest.graphs.values():
        for precisions in engines.values():
            for variant in precisions.values():
                yield variant.file, variant.sha256
                yield from variant.extra_files.items()
    for target in manifest.triton.values():
        yield from target.files.items()
