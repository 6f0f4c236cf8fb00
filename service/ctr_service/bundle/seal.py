"""Sealed folders: one JSON file lists every digest, and its own digest lies beside it.

A bundle and a checkpoint are both sealed this way, so both are verified by the same code: nothing
of either is used before every digest was checked.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from ctr_service.bundle.files import sha256_of, write_text_aside

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_ListT = TypeVar("_ListT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Seal:
    """How one kind of folder is sealed, and the words for what is wrong with one.

    Attributes:
        kind: what such a folder is called in a sentence.
        list_file: the JSON file that holds the digests.
        list_name: what that file is called in a sentence.
        digest_file: holds the list's own digest, in `sha256sum` format.
        schema_version: of the list; no other is read.
        command: makes such a folder.
        error: raised with the sentence.
    """

    kind: str
    list_file: str
    list_name: str
    digest_file: str
    schema_version: int
    command: str
    error: type[Exception]

    def read(self, folder: Path) -> bytes:
        """Return the list as it lies there, checked against its own digest.

        Raises:
            error: absent, incomplete or changed.
        """
        if not folder.is_dir():
            raise self.error(f"{folder} is no folder; make a {self.kind} with `{self.command}`")
        try:
            raw = (folder / self.list_file).read_bytes()
            expected = (folder / self.digest_file).read_bytes()
        except FileNotFoundError as error:
            raise self.error(
                f"{folder} is no complete {self.kind}: {error.filename} is missing; "
                f"make it again with `{self.command}`"
            ) from error
        if expected.split()[:1] != [hashlib.sha256(raw).hexdigest().encode()]:
            raise self.error(
                f"{folder / self.list_file} does not match {self.digest_file}: it was changed"
            )
        return raw

    def parse(self, raw: bytes, model: type[_ListT]) -> _ListT:
        """Return the list's content.

        Raises:
            error: no JSON, of another schema version, or not what the model wants.
        """
        try:
            content = json.loads(raw)
        except ValueError as error:
            raise self.error(f"{self.list_file} is no JSON: {error}") from error
        version = content.get("schema_version") if isinstance(content, dict) else None
        if version != self.schema_version:
            raise self.error(
                f"{self.list_file} has schema version {version}; this program reads "
                f"{self.schema_version}. Use the release that wrote the {self.kind}, or make it "
                f"again with `{self.command}`"
            )
        try:
            return model.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise self.error(f"{self.list_file}: {where}: {first['msg']}") from error

    def check(self, folder: Path, digests: Iterable[tuple[str, str]]) -> None:
        """Compare files with their digests. A file of several names is read once.

        Args:
            folder: the sealed one.
            digests: (name with `/`, hex sha256) of each file.

        Raises:
            error: a file lies outside the folder, is missing or was changed.
        """
        known: dict[tuple[int, int], str] = {}
        for name, expected_sha256 in digests:
            path = (folder / name).resolve()
            if not path.is_relative_to(folder.resolve()):
                raise self.error(
                    f"{self.list_file} names {name}, which lies outside the {self.kind}"
                )
            if not path.is_file():
                raise self.error(
                    f"{folder} is incomplete: {name} is missing; make the {self.kind} again with "
                    f"`{self.command}`"
                )
            status = path.stat()
            file = (status.st_dev, status.st_ino)
            if file not in known:
                known[file] = sha256_of(path)
            if known[file] != expected_sha256:
                raise self.error(
                    f"{folder / name} does not match {self.list_name}: it was changed or cut"
                )

    def write(self, folder: Path, content: BaseModel) -> None:
        """Write the list and its digest; call it last, into a staged folder."""
        raw = json.dumps(content.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
        digest = hashlib.sha256(raw.encode()).hexdigest()
        write_text_aside(folder / self.list_file, raw)
        write_text_aside(folder / self.digest_file, f"{digest}  {self.list_file}\n")
