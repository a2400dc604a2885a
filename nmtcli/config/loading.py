"""Load the configuration from files and the command line, merge it and check it once.

The options are declared in the files of their sections. Each value is checked when it is set; the
values of a section are checked together when the configuration is built.

Precedence: defaults < YAML file < `section.key=value` < options of the caller.
"""

import difflib
import math
import re
import sys
import types
import typing
from collections.abc import Iterable
from dataclasses import Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from nmtcli.config.data import DataConfig, SubwordConfig
from nmtcli.config.model import ModelConfig
from nmtcli.config.paths import AnyPath
from nmtcli.config.search import SearchConfig
from nmtcli.config.training import TrainingConfig, ValidationConfig
from nmtcli.config.yaml_values import LARGEST_BYTES, NotYaml, parse_yaml
from nmtcli.errors import UsageError


@dataclass(frozen=True)
class Config:
    """The complete configuration, by section."""

    data: DataConfig = field(default_factory=DataConfig)
    subwords: SubwordConfig = field(default_factory=SubwordConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    search: SearchConfig = field(default_factory=SearchConfig)


LONGEST_SHOWN = 200  # characters of a value in a message
SECTIONS: dict[str, Any] = {section.name: section.type for section in fields(Config)}


class Settings:
    """The values that were set, each with its origin.

    Other options may still be chosen automatically; `build` gives them their defaults.
    """

    def __init__(self) -> None:
        self._values: dict[str, dict[str, tuple]] = {}  # section -> key -> (value, origin)

    def update(self, values: dict, origin: str = "") -> "Settings":
        """Set values, replacing earlier ones; return these settings.

        Args:
            values: section -> key -> value, or None for an empty section.
            origin: the file or the text that sets them; messages begin with it.

        Raises:
            UsageError: a section or key is unknown (the nearest name is offered), or a value has
                the wrong type or is out of range.
        """
        before = f"{origin}: " if origin else ""
        for section, keys in values.items():
            if section not in SECTIONS:
                raise UsageError(f"{before}unknown section '{section}'{nearest(section, SECTIONS)}")
            if not isinstance(keys, dict | None):
                raise UsageError(f"{before}section '{section}' must hold 'key: value' lines")
            known = {spec.name: spec for spec in fields(SECTIONS[section])}
            for key, value in (keys or {}).items():
                name = f"{section}.{key}"
                if key not in known:
                    raise UsageError(f"{before}unknown key '{name}'{nearest(key, known)}")
                value = _checked(known[key], f"{before}{name}", value)
                self._values.setdefault(section, {})[key] = value, origin
        return self

    def below(self, other: "Settings") -> "Settings":
        """Return new settings: these, overridden by `other`."""
        merged = Settings()
        for settings in (self, other):
            for section, keys in settings._values.items():
                merged._values.setdefault(section, {}).update(keys)
        return merged

    def only(self, *sections: str) -> "Settings":
        """Return new settings with only some sections."""
        kept = Settings()
        kept._values = {name: dict(self._values[name]) for name in sections if name in self._values}
        return kept

    def without(self, section: str, key: str) -> "Settings":
        """Return new settings without one option."""
        kept = self.only(*self._values)
        kept._values.get(section, {}).pop(key, None)
        return kept

    def get(self, section: str, key: str) -> Any:
        """Return the value of an option, or None if it is not set."""
        return self._values.get(section, {}).get(key, (None,))[0]

    def has(self, section: str, key: str) -> bool:
        """Return whether an option is set."""
        return key in self._values.get(section, {})

    def as_dict(self) -> dict:
        """Return the values that are set, section -> key -> value."""
        return {
            section: {key: value for key, (value, _) in keys.items()}
            for section, keys in self._values.items()
        }

    def build(self) -> Config:
        """Build the configuration.

        Raises:
            UsageError: values do not fit together; the message begins with their origin if there
                is only one.
        """
        values = self.as_dict()
        search = values.get("search", {})
        if search.get("sample"):
            search.setdefault("beam", 1)  # sampling has no beam; the default is for beam search
        config = Config(**{name: SECTIONS[name](**keys) for name, keys in values.items()})
        for name in ("model", "training", "search"):
            try:
                getattr(config, name).check()
            except UsageError as error:
                origins = {origin for _, origin in self._values.get(name, {}).values()}
                before = f"{origins.pop()}: " if len(origins) == 1 and "" not in origins else ""
                raise UsageError(f"{before}{error}") from None
        return config


def read_settings(
    path: AnyPath | None = None,
    assignments: Iterable[str] = (),
    overrides: dict | None = None,
    base: Settings | None = None,
) -> Settings:
    """Collect the settings of a file, of assignments and of the caller.

    Args:
        path: a YAML file, or None.
        assignments: texts such as `model.cell=lstm`; their values are read as YAML.
        overrides: section -> key -> value from the caller; None values are ignored.
        base: settings that the file overrides.

    Raises:
        UsageError: the file cannot be read; see also `Settings.update`.
    """
    settings = Settings()
    if path is not None:
        settings.update(read_yaml(Path(path)), str(path))
    for text in assignments:
        settings.update(_assigned(text), text)
    for section, keys in (overrides or {}).items():
        given = {key: value for key, value in keys.items() if value is not None}
        settings.update({section: given})
    return base.below(settings) if base else settings


def settings_made_before() -> Settings:
    """Return what was usual in the runs and prepared data that do not record it."""
    return Settings().update({"data": {"normalization": "nfc"}})


def load(
    path: AnyPath | None = None,
    assignments: Iterable[str] = (),
    overrides: dict | None = None,
) -> Config:
    """Load a configuration; for the arguments see `read_settings`."""
    return read_settings(path, assignments, overrides).build()


def from_dict(values: dict, origin: str = "") -> Config:
    """Build a configuration from nested dictionaries, section -> key -> value.

    Raises:
        UsageError: see `Settings.update` and `Settings.build`.
    """
    return Settings().update(values, origin).build()


def as_dict(config: Config) -> dict:
    """Convert a configuration to a nested dictionary for YAML or JSON."""
    return asdict(config)


def dump(config: Config, ascii: bool = False) -> str:
    """Convert a configuration to YAML; `load` of this text returns the same configuration.

    Args:
        config: the configuration.
        ascii: whether to escape all letters that are not in ASCII.
    """
    import yaml

    return yaml.safe_dump(as_dict(config), sort_keys=False, allow_unicode=not ascii)


class Difference(typing.NamedTuple):
    """An option whose values differ between two configurations."""

    section: str
    key: str
    old: object
    new: object

    def __str__(self) -> str:
        return f"{self.section}.{self.key}: {self.old} -> {self.new}"


def differences(old: dict, new: dict) -> list[Difference]:
    """Find the options in both nested dictionaries whose values differ."""
    return [
        Difference(section, key, old[section][key], value)
        for section, keys in new.items()
        for key, value in keys.items()
        if key in old.get(section, {}) and _plain(old[section][key]) != _plain(value)
    ]


def _plain(value: Any) -> Any:
    """Convert a tuple to a list, because JSON has no tuples."""
    return list(value) if isinstance(value, tuple) else value


def read_yaml(path: Path) -> dict:
    """Read the sections of a YAML file without checking their values.

    Raises:
        UsageError: the file cannot be read, or it does not consist of sections.
    """
    try:
        with open(path, "rb") as stream:
            content = parse_yaml(stream.read(LARGEST_BYTES + 1).decode("utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such configuration file") from None
    except IsADirectoryError:
        raise UsageError(f"{path}: is a directory; give a YAML file") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not UTF-8 text; give a YAML file") from None
    except NotYaml as error:
        line = f":{error.line}" if error.line else ""
        raise UsageError(f"{path}{line}: is not valid YAML; {error}") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); give a YAML file") from None
    if not isinstance(content, dict | None):
        raise UsageError(f"{path}: must be made of 'section:' blocks")
    return content or {}


def _assigned(text: str) -> dict:
    """Parse `section.key=value` into section -> key -> value."""
    key, equals, value = text.partition("=")
    section, dot, name = key.strip().partition(".")
    if not equals or not dot:
        raise UsageError(f"{text}: write section.key=value, for example model.cell=lstm")
    try:
        return {section: {name: parse_yaml(value)}}
    except NotYaml as error:
        raise UsageError(f"{text}: '{value}' is not a YAML value; {error}") from None


def _checked(spec: Field, name: str, value: Any) -> Any:
    """Check the value of an option, and convert it if another type means the same."""
    kinds = typing.get_args(spec.type) if isinstance(spec.type, types.UnionType) else (spec.type,)
    if value is None and types.NoneType in kinds:
        return None
    kind = kinds[0]
    if isinstance(value, (list, tuple)):  # one value or several are allowed
        kind = next((k for k in kinds if typing.get_origin(k) is tuple), kind)
    if typing.get_origin(kind) is tuple:  # a single value needs no list
        return _check_list(name, typing.get_args(kind)[0], value)
    value = _number(kind, value)
    if isinstance(value, bool) != (kind is bool) or not isinstance(value, kind):
        raise UsageError(f"{name} must be {_KINDS[kind]}, not {_shown(value)}")
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


def _check_list(name: str, kind: type, value: Any) -> tuple:
    items = value if isinstance(value, (list, tuple)) else (value,)
    items = [_number(kind, item) for item in items]
    if not all(isinstance(x, kind) for x in items):
        of = "numbers" if kind is float else "texts"
        raise UsageError(f"{name} must be a list of {of}, not {_shown(value)}")
    return tuple(items)


def _shown(value: Any) -> str:
    """Return a value as a message shows it, cut if it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "..."


def _number(kind: type, value: Any) -> Any:
    """Convert a number to the wanted kind if that means the same; return other values as they are.

    In YAML 1.1, `1e-3` is a text, because it has no point.
    """
    if kind not in (int, float):
        return value
    number = value
    if isinstance(value, str) and _WITH_EXPONENT.fullmatch(value.strip()):
        number = float(value)
    if isinstance(number, int) and kind is float and not isinstance(number, bool):
        return float(number) if abs(number) < sys.float_info.max else math.inf
    if isinstance(number, float) and math.isfinite(number):
        return int(number) if kind is int and number.is_integer() else number
    return value


_WITH_EXPONENT = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+", re.ASCII)
_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the end of a message on a name that does not exist: the nearest one, or all names."""
    close = difflib.get_close_matches(str(name), list(names), n=1, cutoff=0.5)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; there are {', '.join(names)}"
