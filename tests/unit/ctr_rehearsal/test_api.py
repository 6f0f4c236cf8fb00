"""The API as the real kubectl uses it, without a controller."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ctr_rehearsal.api.kinds import DEPLOYMENT, NAMESPACE, NODE, PDB, POD
from ctr_rehearsal.api.server import Api
from ctr_rehearsal.api.serving import serving, write_kubeconfig
from ctr_rehearsal.api.store import Store
from ctr_rehearsal.errors import ApiError
from tests.support.rehearsal import require_kubernetes_tools

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ctr_rehearsal.objects import Object

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1", env: [{name: A, value: "1"}]}]}
"""


class Kubectl:
    """kubectl against an API of its own."""

    def __init__(self, folder: Path, store: Store, api: Api) -> None:
        self.folder = folder
        self.store = store
        self.api = api

    async def __call__(self, *arguments: str, code: int = 0) -> str:
        """Run it and return what it says."""
        process = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).parent / "kubectl"), *arguments),
            env={
                **os.environ,
                "KUBECONFIG": str(self.folder / "kubeconfig"),
                "HOME": str(self.folder),
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == code, said.decode()
        return said.decode()

    def web(self) -> Object:
        """The Deployment now."""
        return self.store.get(DEPLOYMENT, "ctr", "web")


@pytest.fixture
async def kubectl(tmp_path: Path) -> AsyncIterator[Kubectl]:
    """An API with a namespace, and a manifest beside it."""
    require_kubernetes_tools()
    store = Store()
    store.create(NAMESPACE, {"metadata": {"name": "ctr"}})
    (tmp_path / "web.yaml").write_text(MANIFEST)
    api = Api(store, lambda *_: "")
    async with serving(api.application()) as port:
        write_kubeconfig(tmp_path / "kubeconfig", port, "ctr")
        yield Kubectl(tmp_path, store, api)


async def test_apply_diff_and_set_merge_as_kubectl_expects(kubectl: Kubectl) -> None:
    """An apply takes back its own fields alone: what `set env` added stays."""
    file = str(kubectl.folder / "web.yaml")
    assert "created" in await kubectl("apply", "-f", file)
    assert "unchanged" in await kubectl("apply", "-f", file)
    await kubectl("set", "image", "deployment/web", "web=web:2")
    await kubectl("set", "env", "deployment/web", "B=2")
    assert "-        image: web:2\n+        image: web:1" in await kubectl(
        "diff", "-f", file, code=1
    )
    await kubectl("apply", "-f", file)
    [container] = kubectl.web()["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "web:1"
    assert [one["name"] for one in container["env"]] == ["A", "B"]


async def test_server_side_apply_conflicts_until_forced(kubectl: Kubectl) -> None:
    """The refusal tells who owns the field, and takes it with --force-conflicts."""
    file = str(kubectl.folder / "web.yaml")
    await kubectl("apply", "--server-side", "-f", file)
    await kubectl("scale", "deployment/web", "--replicas=5")
    assert ".spec.replicas" in await kubectl("apply", "--server-side", "-f", file, code=1)
    await kubectl("apply", "--server-side", "--force-conflicts", "-f", file)
    assert kubectl.web()["spec"]["replicas"] == 2


async def test_a_dry_run_changes_nothing(kubectl: Kubectl) -> None:
    """--dry-run=server answers as if it had."""
    await kubectl("apply", "--dry-run=server", "-f", str(kubectl.folder / "web.yaml"))
    with pytest.raises(ApiError, match="not found"):
        kubectl.web()


async def test_a_watch_sees_what_happens_after_its_list(kubectl: Kubectl) -> None:
    """`kubectl wait` hears of a deletion that comes while it watches."""
    await kubectl("apply", "-f", str(kubectl.folder / "web.yaml"))
    kubectl.api.watched.clear()
    waiting = asyncio.create_task(
        kubectl("wait", "--for=delete", "deployment/web", "--timeout=20s")
    )
    await kubectl.api.watched.wait()
    await kubectl("delete", "deployment/web", "--wait=false")
    assert "condition met" in await waiting


async def test_an_eviction_over_budget_is_refused(kubectl: Kubectl) -> None:
    """429 and the budget's name, which kubectl drain waits for."""
    store = kubectl.store
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    pod = {
        "metadata": {"name": "p", "namespace": "ctr", "labels": {"app": "web"}},
        "spec": {"nodeName": "n", "terminationGracePeriodSeconds": 1, "containers": []},
        "status": ready,
    }
    store.create(POD, pod)
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    store.create(PDB, {"metadata": {"name": "b", "namespace": "ctr"}, "spec": budget})
    store.create(NODE, {"metadata": {"name": "n"}, "spec": {}})
    said = await kubectl("drain", "n", "--force", "--timeout=1s", code=1)
    assert "disruption budget" in said
    assert "deletionTimestamp" not in store.get(POD, "ctr", "p")["metadata"]
