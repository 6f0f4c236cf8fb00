"""What `k8s/images` says: each Dockerfile's stages, and each lock's entries."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dockerfile_parse import DockerfileParser

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "k8s" / "images"
EXTRAS = {
    "gateway": frozenset({"service", "openvino"}),
    "monitor": frozenset({"monitor"}),
    "exporter": frozenset({"export"}),
}
"""Image -> the extras of pyproject.toml that it installs."""
_ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)")
_HASH = re.compile(r"^ +--hash=sha256:[0-9a-f]{64}\b")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One of a Dockerfile: its name in capitals, and the rest of its logical line."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One build stage, from its FROM on."""

    name: str
    base: str
    instructions: tuple[Instruction, ...]

    def values(self, name: str) -> list[str]:
        """The values of all instructions of a name."""
        return [one.value for one in self.instructions if one.name == name]

    def words(self, name: str) -> list[str]:
        """The words of the only instruction of a name, which must be in exec form."""
        (value,) = self.values(name)
        words = json.loads(value)
        assert isinstance(words, list)
        return [str(word) for word in words]


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """One image."""

    head: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    environment: dict[str, str]
    """Of the last stage."""
    labels: dict[str, str]
    """The same."""

    def stage(self, name: str) -> Stage:
        """The stage of a name."""
        return next(stage for stage in self.stages if stage.name == name)


def dockerfile(image: str) -> Dockerfile:
    """Read an image's Dockerfile."""
    text = (IMAGES / image / "Dockerfile").read_text()
    parser = DockerfileParser(fileobj=io.StringIO(text))
    told = [
        Instruction(one["instruction"], one["value"])
        for one in parser.structure
        if one["instruction"] != "COMMENT"
    ]
    starts = [index for index, one in enumerate(told) if one.name == "FROM"]
    stages = []
    for start, end in zip(starts, [*starts[1:], len(told)], strict=True):
        base, _, name = told[start].value.partition(" AS ")
        stages.append(Stage(name, base, tuple(told[start:end])))
    return Dockerfile(
        tuple(told[: starts[0]]), tuple(stages), dict(parser.envs), dict(parser.labels)
    )


@dataclass(frozen=True, slots=True)
class Locked:
    """One entry of a lock."""

    name: str
    version: str
    hashes: int


def lock(folder: str) -> dict[str, Locked]:
    """Read `k8s/images/<folder>/requirements.txt`: canonical name -> entry."""
    return {entry.name: entry for entry in _entries(IMAGES / folder / "requirements.txt")}


def canonical(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _entries(path: Path) -> Iterator[Locked]:
    name, version, hashes = "", "", 0
    for line in path.read_text().splitlines():
        if match := _ENTRY.match(line):
            if name:
                yield Locked(name, version, hashes)
            name, version, hashes = canonical(match["name"]), match["version"], 0
        elif _HASH.match(line):
            hashes += 1
        else:
            assert line.startswith("#"), f"{path}: {line}"
    yield Locked(name, version, hashes)
