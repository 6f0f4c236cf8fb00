"""What each install brings."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata

import pytest
from packaging.requirements import Requirement

OFFLINE_ONLY = {"torch", "transformers", "pandas", "scikit-learn", "peft", "accelerate"}
BASE = {"click", "googleapis-common-protos", "grpcio", "protobuf", "typing-extensions"}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _closure(name: str, extras: frozenset[str]) -> set[str]:
    """Every distribution that an install of `name[extras]` brings, itself left out."""
    found: set[str] = set()
    waiting = [(name, extras)]
    visited: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        current = waiting.pop()
        if current in visited:
            continue
        visited.add(current)
        for line in metadata.requires(current[0]) or []:
            requirement = Requirement(line)
            marker = requirement.marker
            wanted = current[1] or frozenset({""})
            if marker and not any(marker.evaluate({"extra": extra}) for extra in wanted):
                continue
            found.add(_canonical(requirement.name))
            waiting.append((_canonical(requirement.name), frozenset(requirement.extras)))
    return found - {_canonical(name)}


def test_the_gateway_installs_no_offline_package() -> None:
    """The extra `service` brings neither torch nor transformers, not even indirectly."""
    assert not _closure("ctr-serve", frozenset({"service"})) & OFFLINE_ONLY


def test_the_base_install_is_the_wire_and_the_client() -> None:
    """The base install brings grpcio, protobuf, the error messages and click, nothing else."""
    assert _closure("ctr-serve", frozenset()) == BASE


def test_the_second_engine_is_its_runtime_alone() -> None:
    """The extra `openvino` brings no quantizer into the gateway; `export` brings both."""
    gateway = _closure("ctr-serve", frozenset({"openvino"}))
    assert "openvino" in gateway
    assert "nncf" not in gateway | _closure("ctr-serve", frozenset({"service"}))
    assert {"openvino", "nncf"} <= _closure("ctr-serve", frozenset({"export"}))


def test_the_monitor_installs_nothing_of_the_gateway() -> None:
    """The extra `monitor` brings no engine, no tokenizer and no offline package."""
    brought = _closure("ctr-serve", frozenset({"monitor"}))
    assert {"aiohttp", "opentelemetry-proto"} <= brought
    assert not brought & (OFFLINE_ONLY | {"onnxruntime", "tokenizers", "tritonclient", "redis"})


def test_the_gateway_loads_no_engine_before_one_is_asked_for() -> None:
    """Importing the composition loads neither engine's library: only the one that serves is."""
    code = (
        "import sys, ctr_service.app; "
        "print([m for m in ('onnxruntime', 'openvino') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_the_export_extra_brings_torch() -> None:
    """The walk over requirements really follows them: `export` does bring torch."""
    assert _closure("ctr-serve", frozenset({"export"})) >= OFFLINE_ONLY


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("ctr_service.app", ("torch", "transformers", "pandas", "sklearn", "ctr_train")),
        ("ctr_service.server.assembly", ("tritonclient",)),
        ("ctr_monitor.app", ("onnxruntime", "matplotlib", "ctr_service.settings", "ctr_train")),
        ("ctr_monitor.cli", ("aiohttp", "grpc", "pydantic", "sqlite3")),
        ("ctr_client.cli", ("numpy", "pydantic", "rich", "onnxruntime", "ctr_service")),
    ],
)
def test_importing_pulls_in_no_foreign_area(module: str, forbidden: tuple[str, ...]) -> None:
    """Importing the gateway loads no offline package, the client none of the gateway's."""
    code = f"import sys, {module}; print([m for m in {forbidden!r} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
