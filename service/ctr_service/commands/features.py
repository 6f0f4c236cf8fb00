"""`ctr-service features`."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctr_service.commands.settings_options import settings_from, settings_options
from ctr_service.errors import CtrError, SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from ctr_service.bundle.features import Entity
    from ctr_service.features.loading import Loaded
    from ctr_service.features.rows import EntityTable
    from ctr_service.features.store import FeatureStore, StoredEntity
    from ctr_service.features.targets import LoadTarget
    from ctr_service.settings import Settings

GET_S = 5.0
NO_STORE = "name a store: --feature-store FOLDER, or --redis-url with --redis-features"


@click.group()
def features() -> None:
    """Load titles and features by id, and look at them.

    A search may then name items (and its user) by id alone. The store is a local folder
    (--feature-store) or Redis (--redis-url with --redis-features); `serve` takes the same settings.
    """


@features.command()
@click.argument("file", type=click.Path(path_type=Path))
@settings_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def load(file: Path, config: Path | None, *, as_json: bool, **flags: object) -> None:
    """Load FILE, the whole table of items or of users, and put it in use at once.

    FILE is CSV or Parquet. A table of items has the columns item_id, title, optionally
    item_version, and the model's item features as item_NAME; a table of users has user_id and
    user_NAME. Ids that FILE does not hold are gone afterwards. Until the last row is in, servers
    go on with the old data; a load that was killed goes on where it stopped.

    \b
    Examples:
      ctr-service features load items.csv --bundle build/demo/bundle --feature-store store
      CTR_REDIS_URL=redis://localhost/0 \\
        ctr-service features load users.parquet --bundle build/demo/bundle --redis-features
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    try:
        settings = settings_from(config, flags)
        found = asyncio.run(_load(settings, file))
    except CtrError as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(found, indent=2) if as_json else _told(found))


@features.command()
@click.argument("id_", metavar="ID")
@click.option("--user", is_flag=True, help="ID is a user's, not an item's.")
@settings_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def get(id_: str, config: Path | None, *, user: bool, as_json: bool, **flags: object) -> None:
    """Print what the store holds of ID. Exit code 1 says that it holds nothing.

    \b
    Examples:
      ctr-service features get sku-1 --bundle build/demo/bundle --feature-store store
      ctr-service features get u-7 --user --config gateway.toml --json
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    try:
        stored, version = asyncio.run(_get(settings_from(config, flags), id_, user=user))
    except CtrError as error:
        raise click.ClickException(str(error)) from None
    found = {
        "id": id_,
        "title": stored.title,
        "item_version": stored.version,
        "features": dict(stored.features),
        "data_version": version,
    }
    click.echo(json.dumps(found, indent=2, ensure_ascii=False) if as_json else _shown(found))


async def _load(settings: Settings, file: Path) -> dict[str, object]:
    from ctr_service.bundle.bundle import load_bundle  # noqa: PLC0415 -- not for --help
    from ctr_service.features.loading import load_table  # noqa: PLC0415 -- not for --help
    from ctr_service.features.rows import open_table  # noqa: PLC0415 -- not for --help

    table = open_table(file, load_bundle(settings.bundle).manifest.features)
    async with _target(settings, table.columns.entity) as target:
        with _progress(table) as progress:
            loaded = await load_table(table, target, progress)
    return _found(table, loaded)


@contextlib.asynccontextmanager
async def _target(settings: Settings, entity: Entity) -> AsyncIterator[LoadTarget]:
    from ctr_service.features.targets import LocalTarget, RedisTarget  # noqa: PLC0415 -- see above
    from ctr_service.stores import open_redis  # noqa: PLC0415 -- see above

    if settings.feature_store is not None:
        local = LocalTarget(settings.feature_store, entity)
        try:
            yield local
        finally:
            local.close()
        return
    if not settings.redis_features:
        raise SettingsError(NO_STORE)
    link = open_redis(settings)
    try:
        yield RedisTarget(link, settings.redis_namespace, entity, sleep=asyncio.sleep)
    finally:
        await link.close()


@contextlib.contextmanager
def _progress(table: EntityTable) -> Iterator[Callable[[int], None]]:
    from rich.console import Console  # noqa: PLC0415 -- not for --help
    from rich.progress import (  # noqa: PLC0415 -- not for --help
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(f"{table.columns.entity.value}s from {table.path.name}", total=None)
        yield lambda rows: bar.update(task, completed=rows)


async def _get(settings: Settings, id_: str, *, user: bool) -> tuple[StoredEntity, str]:
    from ctr_service.bundle.features import Entity  # noqa: PLC0415 -- not for --help
    from ctr_service.clock import SystemClock  # noqa: PLC0415 -- not for --help
    from ctr_service.limits import NS_PER_S  # noqa: PLC0415 -- not for --help

    entity = Entity.USER if user else Entity.ITEM
    clock = SystemClock()
    async with _store(settings) as store:
        deadline_ns = clock.now_ns() + round(GET_S * NS_PER_S)
        fetched = await store.fetch(entity, [id_], deadline_ns=deadline_ns)
    if id_ not in fetched.found:
        raise SettingsError(
            f"the store does not answer, or holds no {entity.value}s yet; `ctr-service check` says "
            "more"
        )
    stored = fetched.found[id_]
    if stored is None:
        raise SettingsError(f"the store holds no such {entity.value}")
    return stored, fetched.version


@contextlib.asynccontextmanager
async def _store(settings: Settings) -> AsyncIterator[FeatureStore]:
    """Open the store itself, without a cache before it, and patiently."""
    from ctr_service.stores import open_raw_store  # noqa: PLC0415 -- not for --help

    store, hub = open_raw_store(settings, deadline_s=GET_S)
    if store is None:
        raise SettingsError(NO_STORE)
    try:
        yield store
    finally:
        await store.close()
        if hub is not None:
            await hub.close()


def _found(table: EntityTable, loaded: Loaded) -> dict[str, object]:
    return {
        "entity": table.columns.entity.value,
        "version": loaded.version,
        "changed": loaded.changed,
        "rows": loaded.rows,
        "resumed_rows": loaded.resumed_rows,
        "features": sorted(spec.qualified_name for spec in table.columns.features.values()),
        "ignored_columns": list(table.columns.ignored),
    }


def _told(found: dict[str, object]) -> str:
    if not found["changed"]:
        return f"version {found['version']} is in use already; nothing to do"
    lines = [
        f"{found['rows']:,} {found['entity']}s are in use as version {found['version']}",
        f"features: {_listed(found['features'])}",
    ]
    if found["resumed_rows"]:
        lines.insert(1, f"{found['resumed_rows']:,} of them were loaded by an earlier run")
    if found["ignored_columns"]:
        lines.append(f"ignored columns (not the model's): {_listed(found['ignored_columns'])}")
    return "\n".join(lines)


def _shown(found: Mapping[str, object]) -> str:
    stored = found["features"]
    rows = {name: found[name] for name in ("id", "title", "item_version", "data_version")}
    rows |= stored if isinstance(stored, dict) else {}
    width = max(len(name) for name in rows)
    return "\n".join(f"{name:<{width}}  {_listed(value)}" for name, value in rows.items())


def _listed(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value) or "none"
    return "none" if value in (None, "") else str(value)
