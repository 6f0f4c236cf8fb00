"""Claims about docs/recipes/triton-gpu.yaml, which no cluster has run: it names what there is."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from ctr_export.commands.tensorrt import tensorrt
from ctr_export.triton.accelerators import CACHE_FOLDER
from ctr_export.triton.names import TENSORRT, TRITON_FOLDER

RECIPE = Path(__file__).parents[4] / "docs" / "recipes" / "triton-gpu.yaml"
GRPC = 8001


@pytest.fixture(scope="module")
def documents() -> dict[str, Any]:
    """Kind -> document."""
    yaml = importlib.import_module("yaml")  # ships no types
    return {one["kind"]: one for one in yaml.safe_load_all(RECIPE.read_text(encoding="utf-8"))}


def test_the_pod_serves_a_repository_that_a_bundle_has(documents: dict[str, Any]) -> None:
    """The folder of the plan's target, and the cache where the other target's config looks."""
    pod = documents["Deployment"]["spec"]["template"]["spec"]
    (triton,) = pod["containers"]
    assert f"--model-repository=/bundle/{TRITON_FOLDER}/{TENSORRT}" in triton["args"]
    mounts = {mount["mountPath"]: mount for mount in triton["volumeMounts"]}
    assert mounts.keys() == {"/bundle", CACHE_FOLDER}
    assert mounts["/bundle"]["readOnly"] is True
    assert {mount["name"] for mount in mounts.values()} == {one["name"] for one in pod["volumes"]}


def test_the_init_container_asks_whether_the_plan_fits(documents: dict[str, Any]) -> None:
    """By a command that exists, on a GPU, with the same bundle."""
    (asks,) = documents["Deployment"]["spec"]["template"]["spec"]["initContainers"]
    assert asks["command"] == ["ctr-export", tensorrt.name, "/bundle", "--check"]
    assert "--check" in {option for one in tensorrt.params for option in one.opts}
    assert asks["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_the_gateway_sees_every_pod(documents: dict[str, Any]) -> None:
    """A Service with an address of its own would hide who answered."""
    service, deployment = documents["Service"]["spec"], documents["Deployment"]["spec"]
    assert service["clusterIP"] == "None"
    assert service["selector"] == deployment["template"]["metadata"]["labels"]
    (triton,) = deployment["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in triton["ports"]}
    assert ports["grpc"] == GRPC == service["ports"][0]["port"]
    for probe in ("startupProbe", "readinessProbe"):
        assert triton[probe]["httpGet"] == {"path": "/v2/health/ready", "port": "http"}
