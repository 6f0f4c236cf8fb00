"""Claims about the pods on GPUs, which no cluster has run: they name what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ctr_export.commands.tensorrt import tensorrt
from ctr_export.triton.accelerators import CACHE_FOLDER
from ctr_export.triton.names import TENSORRT, TRITON_FOLDER
from ctr_k8s.policy.verdict import workloads
from tests.support.k8s_renderings import renderings, workload_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_k8s.policy.workload import Workload

GRPC = 8001


def pool() -> Workload:
    """Triton as a pool of its own."""
    return workload_of(renderings()["gpu"], "Deployment/triton")


def sidecar() -> Workload:
    """A gateway with Triton in its pod."""
    return next(
        one
        for documents in renderings().values()
        for one in workloads(documents)
        if one.is_gateway and any(two["name"] == "triton" for two in one.init_containers)
    )


def triton_of(workload: Workload) -> Mapping[str, Any]:
    """The container that runs tritonserver."""
    return next(one for one in workload.all_containers if one["name"] == "triton")


@pytest.mark.parametrize("workload", [pool(), sidecar()], ids=["pool", "sidecar"])
def test_triton_serves_a_repository_that_a_bundle_has(workload: Workload) -> None:
    """The folder of the plan's target, and the cache where the other target's config looks."""
    triton = triton_of(workload)
    assert f"--model-repository=/model/bundle/{TRITON_FOLDER}/{TENSORRT}" in triton["args"]
    mounts = {mount["mountPath"]: mount for mount in triton["volumeMounts"]}
    assert {"/model", CACHE_FOLDER} <= mounts.keys()
    assert mounts["/model"]["readOnly"] is True


@pytest.mark.parametrize("workload", [pool(), sidecar()], ids=["pool", "sidecar"])
def test_triton_is_ready_after_its_warm_up(workload: Workload) -> None:
    """The start waits for readiness, which Triton says strictly."""
    triton = triton_of(workload)
    assert triton["startupProbe"]["httpGet"]["path"] == "/v2/health/ready"
    assert triton["livenessProbe"]["httpGet"]["path"] == "/v2/health/live"
    assert "--strict-readiness=true" in triton["args"]


def test_the_pool_asks_first_whether_the_plan_fits() -> None:
    """By a command that exists, on a GPU, with the same bundle."""
    asks = next(one for one in pool().init_containers if one["name"] == "plan-fits")
    assert asks["command"] == ["ctr-export", tensorrt.name, "/model/bundle", "--check"]
    assert "--check" in {option for one in tensorrt.params for option in one.opts}
    assert asks["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_the_gateway_sees_every_pod_of_the_pool() -> None:
    """A Service with an address of its own would hide who answered."""
    workload = pool()
    service = workload.named("Service", "triton")
    assert service is not None
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"app": "triton"}
    ports = {port["name"]: port["containerPort"] for port in triton_of(workload)["ports"]}
    assert ports["grpc"] == GRPC == service["spec"]["ports"][0]["port"]
    gateway = workload_of(renderings()["gpu"], "Deployment/ctr-service")
    assert gateway.environment()["CTR_TRITON"] == f"triton:{GRPC}"


def test_the_sidecar_listens_to_its_gateway_alone() -> None:
    """Its gRPC is on the pod's loopback, where the gateway asks."""
    workload = sidecar()
    assert "--grpc-address=127.0.0.1" in triton_of(workload)["args"]
    assert workload.environment()["CTR_TRITON"] == f"127.0.0.1:{GRPC}"
    assert triton_of(workload)["restartPolicy"] == "Always"


def test_the_job_builds_onto_the_volume_that_pods_read() -> None:
    """Gateway and Triton mount, read-only, the claim that the Job writes."""
    documents = renderings()["gpu"]
    job = workload_of(documents, "Job/tensorrt-build")
    (claim,) = [
        volume["persistentVolumeClaim"]["claimName"]
        for volume in job.pod["volumes"]
        if "persistentVolumeClaim" in volume
    ]
    for name in ("Deployment/triton", "Deployment/ctr-service"):
        (model,) = [
            one for one in workload_of(documents, name).pod["volumes"] if "model" in one["name"]
        ]
        assert model["persistentVolumeClaim"] == {"claimName": claim, "readOnly": True}
    (mount,) = [one for one in job.main["volumeMounts"] if one["name"] == "engines"]
    assert f"{mount['mountPath']}/bundle" == job.main["command"][2]
