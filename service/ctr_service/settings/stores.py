"""The shared cache (Redis), and where titles and features come from by id."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, SecretStr, model_validator


class StoreSettings(BaseModel, frozen=True):
    """One group of the settings; see `ctr_service.settings`."""

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
    token_ttl_s: float = Field(
        default=86_400.0,
        gt=0,
        le=30 * 86_400,
        description="Token ids stay so long in Redis; in process only their cache's size counts, "
        "because a text's ids never change.",
    )
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

    @property
    def has_feature_store(self) -> bool:
        """Whether there is a store to look candidates up in."""
        return self.redis_features or self.feature_store is not None

    @property
    def lets_bare_items_in(self) -> bool:
        """Whether a candidate may bring nothing but its id: it is looked up, or scored as it is."""
        return self.has_feature_store or self.missing_item == "default"

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
