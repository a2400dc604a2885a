"""What can be set: an option is declared once, with type, default, unit and check."""

from nmtcli.config.data import DataConfig, SubwordConfig
from nmtcli.config.loading import (
    Config,
    as_dict,
    differences,
    dump,
    from_dict,
    load,
    load_values,
)
from nmtcli.config.model import ModelConfig, describe_model, heads_of, mechanism_of
from nmtcli.config.search import SearchConfig
from nmtcli.config.training import TrainingConfig, ValidationConfig

__all__ = [
    "Config",
    "DataConfig",
    "ModelConfig",
    "SearchConfig",
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
    "load_values",
    "mechanism_of",
]
