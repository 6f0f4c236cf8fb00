"""Settings of the gateway, frozen. This package alone reads the environment.

Order: a flag wins over its variable `CTR_<NAME>`, which wins over the TOML file (`--config` or
`CTR_CONFIG`), which wins over the default. The field's description is the flag's help.
"""

from ctr_service.settings.load import load_settings, unknown_variables
from ctr_service.settings.names import flag_of, variable_of
from ctr_service.settings.whole import Settings

__all__ = ["Settings", "flag_of", "load_settings", "unknown_variables", "variable_of"]
