"""What the options of `nmt train` set together, and the name of the run that they make."""

from pathlib import Path

from nmtcli.cli.config_options import ConfigOptions
from nmtcli.config import (
    Config,
    ModelConfig,
    Settings,
    as_dict,
    describe_model,
    from_dict,
    read_settings,
)
from nmtcli.config.model import TRANSFORMER
from nmtcli.config.presets import preset_values
from nmtcli.errors import UsageError

PREPARED_PREFIX = "prepared-"


def train_settings(
    sample: Path | None, preset: str | None, configuration: ConfigOptions, overrides: dict
) -> Settings:
    """What is set: the sample's file < the preset < a file < assignments < options.

    What the sample says of the recurrent model and its training is not for another model.

    Raises:
        UsageError: an option is wrong, or the attention is not one of the architecture.
    """
    model = _model_options(overrides["model"])
    given = read_settings(
        configuration.config, configuration.assignments, {**overrides, "model": model}
    )
    base = read_settings(sample) if sample else Settings()
    part = base.only("data", "subwords", "search")
    if preset is not None:
        settings = part.below(Settings().update(preset_values(preset), f"preset {preset}"))
        settings = settings.below(given)
    else:
        settings = base.below(given)
        if settings.get("model", "architecture") == TRANSFORMER:
            settings = part.below(given)
        elif sample is not None:  # nothing is left to be chosen
            settings = (
                Settings().update(as_dict(Config())).without("search", "beam").below(settings)
            )
    if "attention" in model and settings.get("model", "architecture") == TRANSFORMER:
        raise UsageError(
            f"--attention {model['attention']} belongs to the architecture rnn, but transformer is"
            " set: leave one of them out"
        )
    return settings


def _model_options(given: dict) -> dict:
    """The options of the model; `--attention transformer` is the architecture."""
    if given.get("attention") != TRANSFORMER:
        return given
    if given.get("architecture", TRANSFORMER) != TRANSFORMER:
        raise UsageError(
            "--attention transformer is an architecture of its own: leave out --architecture"
            f" {given['architecture']}"
        )
    return {"architecture": TRANSFORMER}


def run_name(data: Path, model: ModelConfig, preset: str | None) -> str:
    """The name of the run's folder: data and preset or attention, and what differs from these."""
    usual = ModelConfig(attention=model.attention)
    if preset:
        usual = from_dict(preset_values(preset)).model
    described = describe_model(model)
    label = preset or (TRANSFORMER if described == TRANSFORMER else model.attention)
    if described not in (TRANSFORMER, describe_model(usual)):
        changed = described if preset is None else f"{preset} {described}"
        label = "-".join(changed.replace("+", " ").split())
    return f"{data.resolve().name.removeprefix(PREPARED_PREFIX)}-{label}"
