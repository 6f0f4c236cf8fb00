"""Settings of the gateway, frozen. This module alone reads the environment.

Order: a flag wins over its variable `CTR_<NAME>`, which wins over the TOML file (`--config` or
`CTR_CONFIG`), which wins over the default. The field's description is the flag's help.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ctr_service.errors import SettingsError
from ctr_service.limits import NS_PER_S, WIRE_LIMITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails
    from pydantic_settings import PydanticBaseSettingsSource

ENV_PREFIX = "CTR_"
_MAX_PORT = 65_535
_WIRE_DEADLINE_S = WIRE_LIMITS.deadline_ns / NS_PER_S


class Settings(BaseSettings):
    """Everything an operator may choose. Times in seconds, sizes in bytes or tokens."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=ENV_PREFIX)

    bundle: Path = Field(description="Folder of the bundle to serve (see `ctr-export build`).")
    host: str = Field(default="127.0.0.1", description="Address to listen on; 0.0.0.0 is all.")
    port: int = Field(
        default=8500, ge=0, le=_MAX_PORT, description="gRPC port; 0 takes a free one."
    )
    port_file: Path | None = Field(
        default=None,
        description="Write the gRPC port to this file once health says SERVING (for port 0).",
    )
    metrics: bool = Field(default=True, description="Serve OpenMetrics over HTTP.")
    metrics_host: str = Field(default="127.0.0.1", description="Address of the metrics endpoint.")
    metrics_port: int = Field(
        default=8501, ge=0, le=_MAX_PORT, description="Port of /metrics; 0 takes a free one."
    )
    engine: str | None = Field(
        default=None, description="Engine to use instead of the bundle's default."
    )
    precision: str | None = Field(
        default=None, description="Precision to use instead of the bundle's default."
    )
    sessions: int = Field(
        default=0,
        ge=0,
        le=256,
        description="Model sessions, each running one batch at a time; 0 is the bundle's figure, "
        "cut to the CPUs of this process.",
    )
    threads: int = Field(
        default=0,
        ge=0,
        le=256,
        description="Threads of one session; 0 is the bundle's figure, cut to the CPUs of this "
        "process.",
    )
    max_queued_tokens: int = Field(
        default=524_288,
        ge=1_024,
        description="Padded tokens that may wait for a session; beyond it requests are refused.",
    )
    token_cache_bytes: int = Field(
        default=64 * 1024 * 1024, ge=0, description="Size of the cache of token ids by text."
    )
    default_deadline_s: float = Field(
        default=1.0, gt=0, description="Deadline of a request that brings none."
    )
    max_deadline_s: float = Field(
        default=_WIRE_DEADLINE_S,
        gt=0,
        le=_WIRE_DEADLINE_S,
        description="A longer deadline is cut to this.",
    )
    reserve_s: float = Field(
        default=0.005,
        ge=0,
        le=1,
        description="Time kept back from each deadline for the answer's own way home.",
    )
    max_requests: int = Field(
        default=1_024, ge=1, description="Requests in progress at once; more are refused."
    )
    max_message_bytes: int = Field(
        default=WIRE_LIMITS.message_bytes,
        ge=64 * 1024,
        le=WIRE_LIMITS.message_bytes,
        description="The largest gRPC message.",
    )
    max_connection_age_s: float = Field(
        default=0,
        ge=0,
        le=86_400,
        description="Ask a connection this old to move on, without failing a call; 0 is never. "
        "Behind a Kubernetes Service let drain-delay-s outlast it.",
    )
    drain_delay_s: float = Field(
        default=0,
        ge=0,
        le=600,
        description="After SIGTERM keep serving this long with health NOT_SERVING, so that "
        "balancers look elsewhere first. On Kubernetes: longer than the endpoint lag, e.g. 10.",
    )
    grace_s: float = Field(
        default=11.0,
        gt=0,
        le=600,
        description="Then let accepted requests finish for at most this long; above max-deadline-s "
        "none is cut off.",
    )
    reflection: bool = Field(default=True, description="Serve gRPC reflection (for grpcurl).")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe level to log."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="Form of the log on stderr; auto is console on a terminal."
    )

    @model_validator(mode="after")
    def _deadlines_agree(self) -> Self:
        if self.default_deadline_s > self.max_deadline_s:
            raise ValueError(
                f"--default-deadline-s ({self.default_deadline_s:g}) must not exceed "
                f"--max-deadline-s ({self.max_deadline_s:g})"
            )
        if self.reserve_s >= self.default_deadline_s:
            raise ValueError(
                f"--reserve-s ({self.reserve_s:g}) must be shorter than "
                f"--default-deadline-s ({self.default_deadline_s:g})"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 -- the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- the library's signature
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `load_settings` merged and nothing behind its back."""
        return (init_settings,)


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
        raise SettingsError(
            "; ".join(_sentence(detail, flags, env, path) for detail in error.errors())
        ) from None


def unknown_variables() -> tuple[str, ...]:
    """Return the names of `CTR_*` variables that no field reads, sorted: likely misspelt."""
    known = {f"{ENV_PREFIX}{name}".lower() for name in Settings.model_fields}
    known.add(f"{ENV_PREFIX}config".lower())
    seen = EnvSettingsSource(Settings).env_vars
    return tuple(
        sorted(n.upper() for n in seen if n.startswith(ENV_PREFIX.lower()) and n not in known)
    )


def flag_of(field: str) -> str:
    """Return the command-line flag of a field."""
    return f"--{field.replace('_', '-')}"


def variable_of(field: str) -> str:
    """Return the environment variable of a field."""
    return f"{ENV_PREFIX}{field.upper()}"


def _read_toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise SettingsError(f"the settings file {path} does not exist")
    try:
        return dict(TomlConfigSettingsSource(Settings, toml_file=path)())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"the settings file {path} cannot be read as TOML: {error}") from None


def _sentence(
    detail: ErrorDetails, flags: Mapping[str, object], env: Mapping[str, object], path: Path | None
) -> str:
    field = ".".join(str(part) for part in detail["loc"])
    if not field:
        return str(detail["ctx"]["error"]) if "ctx" in detail else detail["msg"]
    if detail["type"] == "missing":
        return f"{flag_of(field)} (or {variable_of(field)}) is required"
    if detail["type"] == "extra_forbidden":
        known = ", ".join(sorted(Settings.model_fields))
        return f"{path}: {field} is no setting; the settings are {known}"
    where = f"{field} in {path}"
    if field in env:
        where = variable_of(field)
    if field in flags:
        where = flag_of(field)
    reason = detail["msg"].removeprefix("Input should be ")
    return f"{where} must be {reason}, not {detail['input']!r}"
