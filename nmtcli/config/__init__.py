"""The options of the configuration, each declared once with type, default, unit and check."""

from nmtcli.config.data import DataConfig, SubwordConfig
from nmtcli.config.loading import (
    Config,
    Difference,
    Settings,
    as_dict,
    differences,
    dump,
    from_dict,
    load,
    read_settings,
    settings_made_before,
)
from nmtcli.config.model import ModelConfig, describe_model, heads_of, mechanism_of
from nmtcli.config.search import SearchConfig
from nmtcli.config.training import TrainingConfig, ValidationConfig

__all__ = [
    "Config",
    "DataConfig",
    "Difference",
    "ModelConfig",
    "SearchConfig",
    "Settings",
    "SubwordConfig",
    "TrainingConfig",
    "ValidationConfig",
    "as_dict",
    "describe_model",
    "differences",
    "dump",
    "from_dict",
    "heads_of",
    "load",
    "mechanism_of",
    "read_settings",
    "settings_made_before",
]
