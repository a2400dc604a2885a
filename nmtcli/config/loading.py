"""The configuration: what is read from files and the command line, merged and checked.

The options are declared in `nmtcli.config`.

Precedence: defaults < YAML file < `--set section.key=value` < command-line option.
"""

import dataclasses
import difflib
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path

from nmtcli.config.data import DataConfig, SubwordConfig
from nmtcli.config.model import ModelConfig, mechanism_of
from nmtcli.config.search import SearchConfig
from nmtcli.config.training import TrainingConfig, ValidationConfig
from nmtcli.errors import UsageError


@dataclass(frozen=True)
class Config:
    """All options, by section."""

    data: DataConfig = field(default_factory=DataConfig)
    subwords: SubwordConfig = field(default_factory=SubwordConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    search: SearchConfig = field(default_factory=SearchConfig)


def as_dict(config) -> dict:
    """Nested plain dictionary of a configuration, ready for YAML or JSON."""
    return dataclasses.asdict(config)


def from_dict(values: dict, where: str = "config") -> Config:
    """Build a checked `Config` from nested dictionaries.

    Raises:
        UsageError: an unknown section or key (the nearest name is offered), a value of the wrong
            type, one outside its range, or an attention mechanism that cannot be.
    """
    config = _build(values, where)
    try:
        _check_architecture(config.model)
        mechanism_of(config.model)
    except ValueError as error:
        raise UsageError(f"{where}: model: {error}") from None
    return config


def _build(values: dict, where: str) -> Config:
    """Every value checked by itself, as is right for a part of what will be merged."""
    sections = {f.name: f for f in dataclasses.fields(Config)}
    built = {}
    for name, content in (values or {}).items():
        if name not in sections:
            raise UsageError(f"{where}: unknown section '{name}'{_nearest(name, sections)}")
        if content is None:
            content = {}
        if not isinstance(content, dict):
            raise UsageError(f"{where}: section '{name}' must hold 'key: value' lines")
        built[name] = _section(sections[name].type, name, content, where)
    return Config(**built)


def _check_architecture(model: ModelConfig) -> None:
    """
    Raises:
        ValueError: an option is set that this architecture does not have.
    """
    for spec in dataclasses.fields(model):
        only, value = spec.metadata["only"], getattr(model, spec.name)
        if only not in (None, model.architecture) and value != spec.default:
            raise ValueError(
                f"{spec.name} is an option of architecture {only}; {model.architecture} has none,"
                f" so leave it at {spec.default}"
            )


def load(path=None, assignments=(), overrides: dict | None = None, base: dict | None = None):
    """Merge `base` (defaults if None), a YAML file, `section.key=value` texts and options.

    The arguments are those of `load_values`.
    """
    where = "config" if path is None else str(path)
    return from_dict(load_values(path, assignments, overrides, base), where)


def load_values(
    path=None, assignments=(), overrides: dict | None = None, base: dict | None = None
) -> dict:
    """What was set, as a nested dictionary: what is not in it is free to be chosen.

    Args:
        path: YAML file, or None.
        assignments: texts such as `model.cell=lstm`; their values are read as YAML.
        overrides: nested dictionary of what the command line set; None values are ignored.
        base: nested dictionary that stands below the file.

    Raises:
        UsageError: as `from_dict`; but whether the values go together is seen there alone.
    """
    import yaml

    merged: dict = {section: dict(keys) for section, keys in (base or {}).items()}
    if path is not None:
        _merge(merged, _read_yaml(Path(path)), str(path))
        _build(merged, str(path))
    for text in assignments:
        key, equals, value = text.partition("=")
        section, dot, name = key.strip().partition(".")
        if not equals or not dot:
            raise UsageError(f"--set {text}: write section.key=value, for example model.cell=lstm")
        try:
            parsed = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UsageError(f"--set {text}: '{value}' is not a YAML value") from None
        _build({section: {name: parsed}}, f"--set {text}")
        merged.setdefault(section, {})[name] = parsed
    for section, keys in (overrides or {}).items():
        for name, value in keys.items():
            if value is not None:
                merged.setdefault(section, {})[name] = value
    return merged


def dump(config: Config) -> str:
    """The configuration as YAML; `load` of this text gives the same configuration."""
    import yaml

    return yaml.safe_dump(as_dict(config), sort_keys=False, allow_unicode=True)


def differences(old: dict, new: dict, sections=None) -> list[str]:
    """Lines `section.key: old -> new` for every value that differs."""
    lines = []
    for section in sections or new:
        before, after = old.get(section, {}), new.get(section, {})
        for key in after:
            if key in before and _plain(before[key]) != _plain(after[key]):
                lines.append(f"{section}.{key}: {before[key]} -> {after[key]}")
    return lines


def _plain(value):
    """Lists and tuples of the same items are the same; JSON knows no tuple."""
    return list(value) if isinstance(value, tuple) else value


def _read_yaml(path: Path) -> dict:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such configuration file") from None
    except IsADirectoryError:
        raise UsageError(f"{path}: is a directory; give a YAML file") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not UTF-8 text; give a YAML file") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise UsageError(f"{path}{line}: not valid YAML; {getattr(error, 'problem', '')}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError(f"{path}: a configuration is made of 'section:' blocks")
    return content


def _merge(into: dict, values: dict, where: str) -> None:
    for section, keys in values.items():
        if keys is None:
            continue
        if not isinstance(keys, dict):
            raise UsageError(f"{where}: section '{section}' must hold 'key: value' lines")
        into.setdefault(section, {}).update(keys)


def _section(cls, section: str, values: dict, where: str):
    fields = {f.name: f for f in dataclasses.fields(cls)}
    checked = {}
    for key, value in values.items():
        if key not in fields:
            raise UsageError(f"{where}: unknown key '{section}.{key}'{_nearest(key, fields)}")
        checked[key] = _check(fields[key], f"{where}: {section}.{key}", value)
    return cls(**checked)


def _check(spec, name: str, value):
    kinds = typing.get_args(spec.type) if isinstance(spec.type, types.UnionType) else (spec.type,)
    if value is None and types.NoneType in kinds:
        return None
    kind = kinds[0]
    if isinstance(value, (list, tuple)):  # where one or several may stand
        kind = next((k for k in kinds if typing.get_origin(k) is tuple), kind)
    if typing.get_origin(kind) is tuple:  # one alone needs no list
        return _check_list(name, typing.get_args(kind)[0], value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if isinstance(value, bool) != (kind is bool) or not isinstance(value, kind):
        raise UsageError(f"{name} must be {_KINDS[kind]}, not {value!r}")
    low, high = spec.metadata["minimum"], spec.metadata["maximum"]
    if kind is float and value != value:
        raise UsageError(f"{name} must be a number, not nan")
    if (low is not None and value < low) or (high is not None and value > high):
        allowed = f"at least {low}" if high is None else f"between {low} and {high}"
        raise UsageError(f"{name} must be {allowed}, not {value}")
    choices = spec.metadata["choices"]
    if choices and value not in choices:
        raise UsageError(f"{name} must be one of {', '.join(choices)}, not '{value}'")
    return value


def _check_list(name: str, kind: type, value) -> tuple:
    items = value if isinstance(value, (list, tuple)) else (value,)
    if kind is float:
        items = [float(x) if type(x) is int else x for x in items]
    if not all(isinstance(x, kind) for x in items):
        of = "numbers" if kind is float else "texts"
        raise UsageError(f"{name} must be a list of {of}, not {value!r}")
    return tuple(items)


_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def _nearest(name: str, names) -> str:
    close = difflib.get_close_matches(str(name), list(names), n=1, cutoff=0.5)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; there are {', '.join(names)}"
