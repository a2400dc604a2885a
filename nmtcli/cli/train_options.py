"""What the options of `nmt train` set together, and the name of the run that they make."""

from pathlib import Path

from nmtcli.errors import UsageError

TRANSFORMER = "transformer"
PREPARED_PREFIX = "prepared-"


def model_options(attention: str | None, architecture: str | None) -> dict:
    """What the options say of the model; `--attention transformer` is the architecture."""
    if attention != TRANSFORMER:
        return {"attention": attention, "architecture": architecture}
    if architecture not in (None, TRANSFORMER):
        raise UsageError(
            f"--attention transformer is an architecture of its own, not one of {architecture}"
        )
    return {"architecture": TRANSFORMER}


def set_values(sample: Path | None, preset: str | None, file, assignments, overrides) -> dict:
    """What is set: the options of the sample's file < the preset < a file < assignments < options.

    What the sample says of the recurrent model and its training is not for another model.
    """
    from nmtcli import config as configuration
    from nmtcli.config.presets import preset_values

    base = configuration.load_values(sample) if sample else {}
    part = {key: base[key] for key in ("data", "subwords", "search") if key in base}
    if preset is not None:
        for section, keys in preset_values(preset).items():
            part[section] = {**part.get(section, {}), **keys}
        return configuration.load_values(file, assignments, overrides, base=part)
    values = configuration.load_values(file, assignments, overrides, base=base)
    if sample is None:
        return values
    if values.get("model", {}).get("architecture") == TRANSFORMER:
        return configuration.load_values(file, assignments, overrides, base=part)
    return configuration.as_dict(configuration.from_dict(values))  # nothing is left to choose


def check_values(attention: str | None, values: dict, file: Path | None) -> None:
    """Refuse what cannot be before any folder is read or made."""
    from nmtcli import config as configuration

    chosen = attention not in (None, TRANSFORMER)
    if chosen and values.get("model", {}).get("architecture") == TRANSFORMER:
        raise UsageError(
            f"--attention {attention} is of the architecture rnn, but transformer is set; leave"
            " one of them out"
        )
    configuration.from_dict(values, "config" if file is None else str(file))


def run_name(data: Path, values: dict, preset: str | None) -> str:
    """Of the run's folder: data and preset or attention, and what differs from these."""
    from nmtcli import config as configuration
    from nmtcli.config.presets import preset_values

    model = configuration.from_dict(values).model
    usual = configuration.from_dict(
        preset_values(preset) if preset else {"model": {"attention": model.attention}}
    ).model
    described = configuration.describe_model(model)
    label = preset or (TRANSFORMER if described == TRANSFORMER else model.attention)
    if described not in (TRANSFORMER, configuration.describe_model(usual)):
        changed = described if preset is None else f"{preset} {described}"
        label = "-".join(changed.replace("+", " ").split())
    return f"{data.resolve().name.removeprefix(PREPARED_PREFIX)}-{label}"
