"""A pod's volumes as folders of this machine. Those of ConfigMaps and Secrets follow their object.

A change arrives as a kubelet brings it: all files of a volume at once, by the exchange of one link.
"""

from __future__ import annotations

import itertools
import shutil
from typing import TYPE_CHECKING

from ctr_rehearsal.errors import unsupported
from ctr_rehearsal.kubelet.variables import ConfigMissingError, data_of
from ctr_rehearsal.objects import namespace_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ctr_rehearsal.api.store import Store
    from ctr_rehearsal.kubelet.images import Registry
    from ctr_rehearsal.objects import Object

LINK = "..data"


class Volumes:
    """The volumes of one pod."""

    def __init__(self, store: Store, registry: Registry, pod: Object, folder: Path) -> None:
        self._store = store
        self._registry = registry
        self._pod = pod
        self._folder = folder
        self._written: dict[str, Mapping[str, bytes]] = {}
        self._rounds = itertools.count()

    def make(self) -> None:
        """Make all folders.

        Raises:
            ConfigMissingError, ImageNotFoundError: what a volume needs is not there.
            ApiError: a kind of volume that the emulator does not support.
        """
        for volume in self._pod["spec"].get("volumes") or ():
            place = self._place(volume["name"])
            if "emptyDir" in volume:
                place.mkdir(parents=True, exist_ok=True)
            elif "image" in volume:
                self._link_image(volume["image"]["reference"], place)
            elif "configMap" in volume or "secret" in volume:
                self._write(volume)
            else:
                kinds = ", ".join(key for key in volume if key != "name")
                raise unsupported(f"volumes of kind {kinds}")

    def refresh(self) -> None:
        """Bring changed ConfigMaps and Secrets into the pod; a missing one leaves what is there."""
        for volume in self._pod["spec"].get("volumes") or ():
            if "configMap" in volume or "secret" in volume:
                try:
                    self._write(volume)
                except ConfigMissingError:
                    continue

    def mounts(self, container: Object) -> dict[str, Path]:
        """Return a container's mounts: path in it -> folder of this machine."""
        return {
            mount["mountPath"].rstrip("/"): self._place(mount["name"]) / mount.get("subPath", "")
            for mount in container.get("volumeMounts") or ()
        }

    def _place(self, name: str) -> Path:
        return self._folder / name

    def _link_image(self, reference: str, place: Path) -> None:
        """Show an image's files: its root is what is mounted."""
        place.mkdir(parents=True, exist_ok=True)
        for path, source in self._registry.pull(reference).files.items():
            link = place / path.strip("/")
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(source.resolve())

    def _write(self, volume: Object) -> None:
        kind = "secret" if "secret" in volume else "configMap"
        source = volume[kind]
        name = source["secretName"] if kind == "secret" else source["name"]
        data = data_of(self._store, kind, namespace_of(self._pod), name)
        if data is None and not source.get("optional"):
            raise ConfigMissingError(f'{kind.lower()} "{name}" not found')
        items = source.get("items")
        files = data or {}
        if items:
            files = {item["path"]: files[item["key"]] for item in items if item["key"] in files}
        if self._written.get(volume["name"]) == files:
            return
        place = self._place(volume["name"])
        fresh = place / f"..{next(self._rounds)}"
        fresh.mkdir(parents=True)
        for path, content in files.items():
            (fresh / path).write_bytes(content)
        link = place / LINK
        old = link.readlink() if link.is_symlink() else None
        aside = place / "..data_new"
        aside.symlink_to(fresh.name)
        aside.replace(link)
        for path in files:
            if not (place / path).is_symlink():
                (place / path).symlink_to(f"{LINK}/{path}")
        if old is not None:
            shutil.rmtree(place / old, ignore_errors=True)
        self._written[volume["name"]] = files
