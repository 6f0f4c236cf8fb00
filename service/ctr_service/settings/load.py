"""Merging flags, environment and file: the only reader of the environment."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ctr_service.errors import SettingsError
from ctr_service.settings.names import ENV_PREFIX
from ctr_service.settings.sentences import Sources, sentence_of
from ctr_service.settings.whole import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Locator(BaseSettings):
    """Finds the settings file before the settings are read."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_ignore_empty=True)

    config: Path | None = None


def load_settings(flags: Mapping[str, object], config: Path | None = None) -> Settings:
    """Merge flags, environment and file.

    Args:
        flags: field name -> value, without the flags that were not given.
        config: a TOML file; None looks at `CTR_CONFIG`.

    Raises:
        SettingsError: names the flag, variable or file key that is wrong, and what it must be.
    """
    path = config or _Locator().config
    file = {} if path is None else _read_toml(path)
    env = EnvSettingsSource(Settings, env_ignore_empty=True)()
    try:
        return Settings(**{**file, **env, **flags})
    except ValidationError as error:
        sources = Sources(flags, env, path)
        raise SettingsError(
            "; ".join(sentence_of(detail, sources) for detail in error.errors())
        ) from None


def unknown_variables() -> tuple[str, ...]:
    """Return the names of `CTR_*` variables that no field reads, sorted: likely misspelt."""
    known = {f"{ENV_PREFIX}{name}".lower() for name in Settings.model_fields}
    known.add(f"{ENV_PREFIX}config".lower())
    seen = EnvSettingsSource(Settings).env_vars
    return tuple(
        sorted(n.upper() for n in seen if n.startswith(ENV_PREFIX.lower()) and n not in known)
    )


def _read_toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise SettingsError(f"the settings file {path} does not exist")
    try:
        return dict(TomlConfigSettingsSource(Settings, toml_file=path)())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"the settings file {path} cannot be read as TOML: {error}") from None
