"""Creating, changing and deleting objects as requests ask for it, dry runs included."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from ctr_rehearsal.api.applying import APPLY, UPDATE, Manager, applied, updated
from ctr_rehearsal.api.defaults import unchanged_where_fixed, with_defaults
from ctr_rehearsal.api.kinds import NAMESPACE, POD
from ctr_rehearsal.api.patches import APPLY as APPLY_PATCH
from ctr_rehearsal.api.patches import patched
from ctr_rehearsal.errors import ApiError, not_found, unsupported
from ctr_rehearsal.objects import name_of

if TYPE_CHECKING:
    from ctr_rehearsal.api.kinds import Kind
    from ctr_rehearsal.api.store import Store
    from ctr_rehearsal.objects import Object


@dataclass(frozen=True, slots=True)
class Options:
    """What a request's query says.

    Attributes:
        manager: the field manager.
        dry_run: compute the answer and keep nothing.
        force: of a server-side apply.
    """

    manager: str = "unknown"
    dry_run: bool = False
    force: bool = False


class Writes:
    """All changes that come from outside."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, kind: Kind, namespace: str, thing: Object, options: Options) -> Object:
        """Add an object.

        Raises:
            ApiError: it is there, its namespace is not, or it is not sound.
        """
        thing = self._placed(kind, namespace, thing)
        thing = updated(None, thing, self._manager(options, UPDATE))
        return self._create(kind, thing, options)

    def replace(self, kind: Kind, namespace: str, thing: Object, options: Options) -> Object:
        """Exchange an object.

        Raises:
            ApiError: it is not there, changed meanwhile, or is not sound.
        """
        thing = self._placed(kind, namespace, thing)
        old = self._store.get(kind, namespace, name_of(thing))
        return self._change(kind, old, thing, options)

    def patch(
        self, kind: Kind, namespace: str, name: str, patch: tuple[str, bytes], options: Options
    ) -> Object:
        """Apply a patch of any of the four kinds.

        Args:
            kind: of the object.
            namespace: of the object.
            name: of the object.
            patch: its content type, and its bytes.
            options: of the request.

        Raises:
            ApiError: the patch or its result is not sound, or a server-side apply conflicts.
        """
        content_type, body = patch
        if content_type == APPLY_PATCH:
            return self._apply(kind, namespace, name, body, options)
        old = self._store.get(kind, namespace, name)
        return self._change(kind, old, patched(kind, old, content_type, body), options)

    def delete(self, kind: Kind, namespace: str, name: str, options: Object) -> Object:
        """Remove an object; a pod is only marked, and goes when its processes have ended.

        Args:
            kind: of the object.
            namespace: of the object.
            name: of the object.
            options: the body, `DeleteOptions`.

        Raises:
            ApiError: it is not there, or is not the one that the preconditions name.
        """
        thing = self._store.get(kind, namespace, name)
        uid = (options.get("preconditions") or {}).get("uid")
        if uid and uid != thing["metadata"]["uid"]:
            raise ApiError(409, "Conflict", f'the UID of {kind.qualified} "{name}" is another')
        if options.get("dryRun"):
            return thing
        if options.get("propagationPolicy") == "Orphan":
            raise unsupported("deletion that orphans dependants (--cascade=orphan)")
        if kind is not POD:
            return self._store.remove(kind, namespace, name)
        grace_s = options.get("gracePeriodSeconds")
        if grace_s is None:
            grace_s = thing["spec"]["terminationGracePeriodSeconds"]
        standing = thing["metadata"].get("deletionGracePeriodSeconds")
        if standing is not None and grace_s >= standing:
            return thing
        thing["metadata"].setdefault("deletionTimestamp", self._store.now)
        thing["metadata"]["deletionGracePeriodSeconds"] = grace_s
        return self._store.replace(kind, thing)

    def _apply(
        self, kind: Kind, namespace: str, name: str, body: bytes, options: Options
    ) -> Object:
        try:
            wanted = self._placed(kind, namespace, yaml.safe_load(body))
        except yaml.YAMLError as error:
            raise ApiError(400, "BadRequest", f"the apply is no YAML: {error}") from None
        if name_of(wanted) != name:
            raise ApiError(400, "BadRequest", "the name in the apply is not the one in the path")
        old = self._store.find(kind, namespace, name)
        manager = self._manager(options, APPLY)
        thing = applied(kind, old, wanted, manager, force=options.force)
        if old is None:
            return self._create(kind, thing, options)
        return self._keep(kind, old, thing, options)

    def _create(self, kind: Kind, thing: Object, options: Options) -> Object:
        with_defaults(kind, thing)
        if options.dry_run:
            return thing
        return self._store.create(kind, thing)

    def _change(self, kind: Kind, old: Object, new: Object, options: Options) -> Object:
        return self._keep(kind, old, updated(old, new, self._manager(options, UPDATE)), options)

    def _keep(self, kind: Kind, old: Object, new: Object, options: Options) -> Object:
        if "status" in old:
            new["status"] = copy.deepcopy(old["status"])
        with_defaults(kind, new)
        unchanged_where_fixed(kind, old, new)
        return new if options.dry_run else self._store.replace(kind, new)

    def _placed(self, kind: Kind, namespace: str, thing: Object) -> Object:
        """Return an object in the request's namespace.

        Raises:
            ApiError: the object is not of the kind, or the namespace is not there.
        """
        if not isinstance(thing, dict) or not (thing.get("metadata") or {}).get("name"):
            raise ApiError(422, "Invalid", f"a {kind.kind} needs metadata.name")
        if thing.get("kind", kind.kind) != kind.kind:
            raise ApiError(400, "BadRequest", f"expected a {kind.kind}, not a {thing['kind']}")
        thing = {"apiVersion": kind.api_version, "kind": kind.kind, **copy.deepcopy(thing)}
        if kind.namespaced:
            if self._store.find(NAMESPACE, "", namespace) is None:
                raise not_found(NAMESPACE.qualified, namespace)
            thing["metadata"]["namespace"] = namespace
        return thing

    def _manager(self, options: Options, operation: str) -> Manager:
        return Manager(options.manager, operation, self._store.now)
