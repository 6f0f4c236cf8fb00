"""Settings of the gateway, frozen. This module alone reads the environment.

Order: a flag wins over its variable `CTR_<NAME>`, which wins over the TOML file (`--config` or
`CTR_CONFIG`), which wins over the default. The field's description is the flag's help.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
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
    triton: str | None = Field(
        default=None,
        description="Run the model in Triton instead of in this process: HOST:PORT[,HOST:PORT] of "
        "its gRPC. A name with several addresses (a headless Service) is a server each.",
    )
    triton_slots: int = Field(
        default=0,
        ge=0,
        le=256,
        description="Batches in flight at one Triton server; 0 is the model's instances there.",
    )
    triton_connections: int = Field(
        default=2, ge=1, le=64, description="Connections to each Triton server."
    )
    triton_wait_s: float = Field(
        default=60.0,
        gt=0,
        le=3_600,
        description="How long Triton may take to come up when the gateway starts.",
    )
    triton_gone_s: float = Field(
        default=10.0,
        ge=0,
        le=3_600,
        description="Health says NOT_SERVING when no Triton server was usable for so long; 0 is "
        "never.",
    )
    triton_tls: bool = Field(default=False, description="Speak TLS with Triton.")
    triton_ca_file: Path | None = Field(
        default=None,
        description="PEM file of the authorities that signed Triton's certificate; without it the "
        "system's.",
    )
    triton_cert_file: Path | None = Field(
        default=None, description="PEM file of this client's certificate for Triton (mutual TLS)."
    )
    triton_key_file: Path | None = Field(
        default=None, description="PEM file of that certificate's private key."
    )
    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Processes that share the port, each with its part of the CPUs, its own caches "
        "and its own limits. One is usually right in front of a CPU model.",
    )
    event_loop: Literal["auto", "uvloop", "asyncio"] = Field(
        default="auto", description="Event loop; auto is uvloop where it is installed."
    )
    max_queued_tokens: int = Field(
        default=524_288,
        ge=1_024,
        description="Padded tokens that may wait for a session; beyond it requests are refused.",
    )
    token_cache_bytes: int = Field(
        default=64 * 1024 * 1024, ge=0, description="Size of the cache of token ids by text."
    )
    score_cache_bytes: int = Field(
        default=64 * 1024 * 1024,
        ge=0,
        description="Size of the cache of scores by content (what the model sees); 0 is none.",
    )
    score_ttl_s: float = Field(
        default=3_600.0,
        gt=0,
        le=7 * 86_400,
        description="A cached score answers for so long; after that only as a fallback.",
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description="Redis to share caches in: redis://[user:password@]host:port/0, rediss:// for "
        "TLS, redis+sentinel://host:port,host:port/service, redis+cluster://host:port,host:port. "
        "It may hold a password: the variable keeps it out of the process list.",
    )
    redis_ca_file: Path | None = Field(
        default=None,
        description="PEM file of the authorities that signed Redis's certificate; without it the "
        "system's.",
    )
    redis_cert_file: Path | None = Field(
        default=None, description="PEM file of this client's certificate for Redis (mutual TLS)."
    )
    redis_key_file: Path | None = Field(
        default=None, description="PEM file of that certificate's private key."
    )
    redis_namespace: str = Field(
        default="ctr",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Begins every key in Redis, so that several gateways can share a database.",
    )
    redis_deadline_s: float = Field(
        default=0.003,
        gt=0,
        le=1,
        description="Limit of one read from Redis; what is later counts as not there.",
    )
    redis_connections: int = Field(
        default=16, ge=1, le=1_024, description="Connections to each Redis server."
    )
    redis_tokens: bool = Field(default=True, description="Share token ids by text in Redis.")
    redis_scores: bool = Field(default=True, description="Share scores by content in Redis.")
    redis_features: bool = Field(
        default=False,
        description="Read titles and features by id from Redis (see `ctr-service features load`).",
    )
    feature_store: Path | None = Field(
        default=None,
        description="Folder to read titles and features by id from, without Redis (see "
        "`ctr-service features load`).",
    )
    feature_budget_s: float = Field(
        default=0.005,
        gt=0,
        le=1,
        description="How long a search may wait for the feature store; defaults stand in after it.",
    )
    feature_cache_bytes: int = Field(
        default=64 * 1024 * 1024,
        ge=0,
        description="Size of the cache of titles and features in process.",
    )
    feature_ttl_s: float = Field(
        default=300.0,
        gt=0,
        le=86_400,
        description="A cached item or user is asked for again after this.",
    )
    feature_negative_ttl_s: float = Field(
        default=10.0, gt=0, le=86_400, description="The same for an id that the store has not."
    )
    feature_ttl_jitter: float = Field(
        default=0.1, ge=0, le=0.9, description="The share of these times that is random."
    )
    feature_hit_rate: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="With this share of a search's ids in process, the rest is not waited for but "
        "loaded behind; 1 waits whenever one is missing.",
    )
    missing_item: Literal["default", "invalid"] = Field(
        default="default",
        description="An item that the store has not scores with defaults, or is INVALID.",
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
    open_inference: bool = Field(
        default=True,
        description="Serve KServe v2 / Open Inference on the same port (for tritonclient).",
    )
    tls_certificate: Path | None = Field(
        default=None,
        description="PEM file of the server's certificate chain; turns TLS on. Read again when it "
        "changes.",
    )
    tls_private_key: Path | None = Field(
        default=None, description="PEM file of the certificate's private key."
    )
    tls_client_ca: Path | None = Field(
        default=None,
        description="PEM file of the authorities whose client certificates are let in; turns "
        "mutual TLS on.",
    )
    tokens_file: Path | None = Field(
        default=None,
        description="TOML file of token hashes and caller limits (see `ctr-service token new`); "
        "calls without a known token are refused. Read again when it changes.",
    )
    reflection: bool = Field(default=True, description="Serve gRPC reflection (for grpcurl).")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe level to log."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="Form of the log on stderr; auto is console on a terminal."
    )

    @property
    def has_feature_store(self) -> bool:
        """Whether there is a store to look candidates up in."""
        return self.redis_features or self.feature_store is not None

    @property
    def lets_bare_items_in(self) -> bool:
        """Whether a candidate may bring nothing but its id: it is looked up, or scored as it is."""
        return self.has_feature_store or self.missing_item == "default"

    @model_validator(mode="after")
    def _triton_is_whole(self) -> Self:
        files = (self.triton_ca_file, self.triton_cert_file, self.triton_key_file)
        if self.triton is None:
            if self.triton_tls:
                raise ValueError("--triton-tls needs --triton")
        elif self.engine is not None or self.precision is not None or self.sessions:
            raise ValueError(
                "--engine, --precision and --sessions choose what runs in this process; with "
                "--triton its model decides (and --triton-slots)"
            )
        if any(path is not None for path in files) and not self.triton_tls:
            raise ValueError("a --triton-...-file is given, but no --triton-tls")
        if (self.triton_cert_file is None) != (self.triton_key_file is None):
            raise ValueError("--triton-cert-file and --triton-key-file come together; give both")
        return self

    @model_validator(mode="after")
    def _redis_is_whole(self) -> Self:
        files = (self.redis_ca_file, self.redis_cert_file, self.redis_key_file)
        if self.redis_url is None:
            if self.redis_features:
                raise ValueError("--redis-features needs --redis-url")
            if any(path is not None for path in files):
                raise ValueError("a --redis-...-file is given, but no --redis-url")
        if self.redis_features and self.feature_store is not None:
            raise ValueError("--redis-features and --feature-store name two stores; choose one")
        if (self.redis_cert_file is None) != (self.redis_key_file is None):
            raise ValueError("--redis-cert-file and --redis-key-file come together; give both")
        return self

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

    @model_validator(mode="after")
    def _tls_files_come_together(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_private_key is None):
            raise ValueError("--tls-certificate and --tls-private-key come together; give both")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError(
                "--tls-client-ca asks callers for a certificate, which needs TLS; give "
                "--tls-certificate and --tls-private-key too"
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


_SECRETS = frozenset(
    name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
)
"""Settings that no message may repeat."""


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
    if detail["loc"][0] in _SECRETS:
        return f"{where} must be {reason}"
    return f"{where} must be {reason}, not {detail['input']!r}"
