"""How scores are computed and kept in this machine's CPUs and memory."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class EngineSettings(BaseModel, frozen=True):
    """One group of the settings; see `ctr_service.settings`."""

    engine: str | None = Field(
        default=None,
        description="Engine to use instead of the bundle's default; onnxruntime-cuda runs its "
        "float32 graph on a GPU (extra gpu), and does not fall back. scripted-zero-cost and "
        "scripted-timed run no model, for measurements.",
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
    item_cache_bytes: int = Field(
        default=128 * 1024 * 1024,
        ge=0,
        description="Size of the cache of decoded and rendered candidates by their bytes on the "
        "wire; 0 is none.",
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
    score_negative_ttl_s: float = Field(
        default=5.0,
        ge=0,
        le=3_600,
        description="A row that the model failed twice, while others were scored, is not tried "
        "again for so long; 0 always tries.",
    )
    scripted_run_s: float = Field(
        default=0.01,
        ge=0,
        le=60,
        description="What a batch takes on the engine scripted-timed before its first token.",
    )
    scripted_token_s: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="What each token of a batch adds there.",
    )
