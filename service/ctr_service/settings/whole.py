"""The settings as one frozen object, put together from their groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ctr_service.settings.access import AccessSettings
from ctr_service.settings.engine import EngineSettings
from ctr_service.settings.names import ENV_PREFIX
from ctr_service.settings.requests import RequestSettings
from ctr_service.settings.serving import ServingSettings
from ctr_service.settings.stores import StoreSettings
from ctr_service.settings.telemetry import TelemetrySettings
from ctr_service.settings.triton import TritonSettings

if TYPE_CHECKING:
    from pydantic_settings import PydanticBaseSettingsSource


# pydantic collects fields from the last base to the first, and `--help` lists them in that order.
class Settings(
    AccessSettings,
    RequestSettings,
    StoreSettings,
    TritonSettings,
    EngineSettings,
    TelemetrySettings,
    ServingSettings,
    BaseSettings,
):
    """Everything an operator may choose. Times in seconds, sizes in bytes or tokens."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=ENV_PREFIX)

    @model_validator(mode="after")
    def _one_place_runs_the_model(self) -> Self:
        here = self.engine is not None or self.precision is not None or bool(self.sessions)
        if self.triton is not None and here:
            raise ValueError(
                "--engine, --precision and --sessions choose what runs in this process; with "
                "--triton its model decides (and --triton-slots)"
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
