"""Steps that are skipped when nothing they depend on has changed."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ctr_demo.errors import DemoError
from ctr_service.bundle.files import sha256_of, write_text_aside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from ctr_service.clock import Clock


@dataclass(frozen=True, slots=True)
class Step:
    """One command and what it depends on.

    Attributes:
        name: also the name of its stamp.
        command: argument vector; the first is the program.
        inputs: files and folders that it reads.
        packages: importable packages whose source it runs.
        output: the file or folder that it makes; made whole or not at all by the command itself.
    """

    name: str
    command: tuple[str, ...]
    inputs: tuple[Path, ...]
    packages: tuple[str, ...]
    output: Path


class StepRunner:
    """Runs steps and keeps a stamp of what each one saw."""

    def __init__(self, stamps: Path, console: Console, clock: Clock) -> None:
        self._stamps = stamps
        self._console = console
        self._clock = clock
        self.seconds: dict[str, float] = {}

    def run(self, step: Step) -> bool:
        """Run a step unless its stamp matches; return whether it ran.

        Raises:
            DemoError: the command failed.
        """
        stamp = self._stamps / f"{step.name}.json"
        key = fingerprint(step)
        if step.output.exists() and _read_key(stamp) == key:
            self._console.print(f"[dim]{step.name}: unchanged, reused {step.output}[/dim]")
            self.seconds[step.name] = 0.0
            return False
        stamp.unlink(missing_ok=True)
        self._console.rule(f"{step.name}", align="left")
        self._console.print(f"$ {' '.join(step.command)}", style="dim", soft_wrap=True)
        started_ns = self._clock.now_ns()
        code = subprocess.run(step.command, check=False).returncode  # noqa: S603 -- our own commands
        if code != 0:
            raise DemoError(f"{step.name} failed with exit code {code}; its message stands above")
        self.seconds[step.name] = (self._clock.now_ns() - started_ns) / 1e9
        write_text_aside(stamp, json.dumps({"key": key}))
        return True


def fingerprint(step: Step) -> str:
    """Return a digest of a step's command, inputs and code."""
    digest = hashlib.sha256(json.dumps(step.command).encode())
    for path in _files((*step.inputs, *map(_package_folder, step.packages))):
        digest.update(str(path.name).encode())
        digest.update(sha256_of(path).encode())
    return digest.hexdigest()


def _files(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
            found.extend(sorted(inside))
        elif path.exists():
            found.append(path)
    return found


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise DemoError(f"package {package} is not installed; run `make setup`")
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin


def _read_key(stamp: Path) -> str | None:
    try:
        key = json.loads(stamp.read_text(encoding="utf-8"))["key"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return str(key)
