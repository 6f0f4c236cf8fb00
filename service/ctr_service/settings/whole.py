"""The settings as one frozen object, put together from their groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_settings import BaseSettings, SettingsConfigDict

from ctr_service.settings.access import AccessSettings
from ctr_service.settings.engine import EngineSettings
from ctr_service.settings.names import ENV_PREFIX
from ctr_service.settings.requests import RequestSettings
from ctr_service.settings.serving import ServingSettings
from ctr_service.settings.stores import StoreSettings

if TYPE_CHECKING:
    from pydantic_settings import PydanticBaseSettingsSource


# pydantic collects fields from the last base to the first, and `--help` lists them in that order.
class Settings(
    AccessSettings, RequestSettings, StoreSettings, EngineSettings, ServingSettings, BaseSettings
):
    """Everything an operator may choose. Times in seconds, sizes in bytes or tokens."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=ENV_PREFIX)

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
