"""The environment of a container, from its spec."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from ctr_rehearsal.api.kinds import CONFIG_MAP, SECRET
from ctr_rehearsal.errors import unsupported
from ctr_rehearsal.kubelet.rewriting import LOOPBACK
from ctr_rehearsal.objects import at, name_of, namespace_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_rehearsal.api.store import Store
    from ctr_rehearsal.objects import Object

_REFERENCE = re.compile(r"\$\((?P<name>[A-Za-z_][\w.-]*)\)")


class ConfigMissingError(Exception):
    """A ConfigMap, a Secret or a key of one that a container needs is not there."""


def data_of(store: Store, kind: str, namespace: str, name: str) -> dict[str, bytes] | None:
    """Return the data of a ConfigMap or a Secret; None when it is not there."""
    thing = store.find(SECRET if kind == "secret" else CONFIG_MAP, namespace, name)
    if thing is None:
        return None
    plain = thing.get("stringData" if kind == "secret" else "data") or {}
    data = {key: str(value).encode() for key, value in plain.items()}
    coded = thing.get("data" if kind == "secret" else "binaryData") or {}
    return data | {key: base64.b64decode(value) for key, value in coded.items()}


def variables_of(store: Store, pod: Object, container: Object) -> dict[str, str]:
    """Return a container's variables, before hosts, ports and paths are rewritten.

    Raises:
        ConfigMissingError: names what is not there.
        ApiError: a source that the emulator does not support.
    """
    found: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        kind = "secret" if "secretRef" in source else "configMap"
        reference = source[f"{kind}Ref"]
        data = _needed(store, pod, kind, reference)
        prefix = source.get("prefix", "")
        found |= {f"{prefix}{key}": value.decode() for key, value in data.items()}
    for variable in container.get("env") or ():
        value = variable.get("value", "")
        if source := variable.get("valueFrom"):
            value = _from(store, pod, source)
        if value is not None:
            found[variable["name"]] = expanded(value, found)
    return found


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Return a text with `$(NAME)` replaced where there is such a variable."""
    return _REFERENCE.sub(lambda found: variables.get(found["name"], found[0]), text)


def _from(store: Store, pod: Object, source: Object) -> str | None:
    if reference := source.get("fieldRef"):
        return _field(pod, reference["fieldPath"])
    for kind in ("secret", "configMap"):
        if reference := source.get(f"{kind}KeyRef"):
            data = _needed(store, pod, kind, reference)
            if reference["key"] in data:
                return data[reference["key"]].decode()
            if reference.get("optional"):
                return None
            raise ConfigMissingError(f"{kind} {reference['name']} has no key {reference['key']}")
    raise unsupported(f"a variable from {', '.join(source)}")


def _field(pod: Object, path: str) -> str:
    if path in ("status.podIP", "status.hostIP"):
        return LOOPBACK
    if found := re.match(r"^metadata\.(labels|annotations)\['(.+)'\]$", path):
        return str((pod["metadata"].get(found[1]) or {}).get(found[2], ""))
    return str(at(pod, path, ""))


def _needed(store: Store, pod: Object, kind: str, reference: Object) -> dict[str, bytes]:
    data = data_of(store, kind, namespace_of(pod), reference["name"])
    if data is None and not reference.get("optional"):
        raise ConfigMissingError(
            f'{kind.lower()} "{reference["name"]}" of pod {name_of(pod)} not found'
        )
    return data or {}
