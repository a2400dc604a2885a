"""Merge what a caller sets for a training into settings, and name the run."""

from collections.abc import Iterable
from pathlib import Path

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
from nmtcli.config.paths import AnyPath
from nmtcli.config.presets import preset_values
from nmtcli.errors import UsageError

PREPARED_PREFIX = "prepared-"


def train_settings(
    preset: str | None = None,
    config_file: AnyPath | None = None,
    assignments: Iterable[str] = (),
    overrides: dict | None = None,
    sample: Path | None = None,
) -> Settings:
    """Merge the settings: the sample's file < the preset < a file < assignments < options.

    The sample's settings for the recurrent model and its training are not used for other models.

    Args:
        preset: the name of a preset, see `nmtcli.config.presets`.
        config_file: a YAML file.
        assignments: texts such as `model.cell=lstm`.
        overrides: section -> key -> value.
        sample: the YAML file of an embedded corpus.

    Raises:
        UsageError: an option is wrong, or the attention does not fit the architecture.
    """
    overrides = overrides or {}
    model = _model_options(overrides.get("model", {}))
    given = read_settings(config_file, assignments, {**overrides, "model": model})
    base = read_settings(sample) if sample else Settings()
    part = base.only("data", "subwords", "search")
    if preset is not None:
        settings = part.below(Settings().update(preset_values(preset), f"preset {preset}"))
        settings = settings.below(given)
    else:
        settings = base.below(given)
        if settings.get("model", "architecture") == TRANSFORMER:
            settings = part.below(given)
        elif sample is not None:  # nothing is left to choose
            usual = Settings().update(as_dict(Config())).without("search", "beam")
            settings = usual.below(settings)
    if "attention" in model and settings.get("model", "architecture") == TRANSFORMER:
        raise UsageError(
            f"attention {model['attention']} belongs to the architecture rnn, but transformer is"
            " set: leave one of them out"
        )
    return settings


def _model_options(given: dict) -> dict:
    """Return the options of the model; attention `transformer` sets the architecture."""
    if given.get("attention") != TRANSFORMER:
        return given
    if given.get("architecture", TRANSFORMER) != TRANSFORMER:
        raise UsageError(
            "attention transformer is an architecture of its own: leave out architecture"
            f" {given['architecture']}"
        )
    return {"architecture": TRANSFORMER}


def run_name(data: Path, model: ModelConfig, preset: str | None) -> str:
    """Name the run's folder after the data, the preset or attention, and the changed options."""
    usual = ModelConfig(attention=model.attention)
    if preset:
        usual = from_dict(preset_values(preset)).model
    described = describe_model(model)
    label = preset or (TRANSFORMER if described == TRANSFORMER else model.attention)
    if described not in (TRANSFORMER, describe_model(usual)):
        changed = described if preset is None else f"{preset} {described}"
        label = "-".join(changed.replace("+", " ").split())
    return f"{data.resolve().name.removeprefix(PREPARED_PREFIX)}-{label}"
