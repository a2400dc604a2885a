"""The configuration: each option is declared once, with type, default, unit and check.

Precedence: defaults < YAML file < `--set section.key=value` < command-line option.
"""

import dataclasses
import difflib
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path

from nmtcli import mechanisms
from nmtcli.errors import UsageError


def option(default, help, *, unit="", minimum=None, maximum=None, choices=None):
    """Declare one option: its default, a sentence of help, its unit and the values it may take."""
    metadata = {
        "help": help,
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class DataConfig:
    """Where the parallel text is, and which pairs are kept."""

    train_source: str | None = option(None, "Source side of the training text.")
    train_target: str | None = option(None, "Target side of the training text.")
    valid_source: str | None = option(None, "Source side of the validation text.")
    valid_target: str | None = option(None, "Target side of the validation text.")
    max_words: int = option(200, "Longest side of a kept pair.", unit="words", minimum=1)
    max_characters: int = option(2000, "Longest side of a kept pair.", unit="chars", minimum=1)
    max_ratio: float = option(
        6.0, "Largest length ratio of the sides, in characters; 0 switches it off.", minimum=0
    )
    ratio_from: int = option(
        30, "The ratio is checked where a side is at least this long.", unit="chars", minimum=0
    )
    drop_identical: bool = option(True, "Drop pairs whose sides are the same.")
    drop_duplicates: bool = option(True, "Drop pairs seen before.")
    shard_pairs: int = option(500_000, "Pairs in one shard on disk.", unit="pairs", minimum=1)


@dataclass(frozen=True)
class SubwordConfig:
    """How words are cut into pieces."""

    type: str = option(
        "unigram", "Kind of subword model.", choices=("unigram", "bpe", "char", "word")
    )
    vocabulary_size: int = option(8000, "V, pieces in a model.", unit="pieces", minimum=16)
    joint: bool = option(True, "One model for both languages.")
    character_coverage: float = option(
        1.0, "Share of characters that get a piece.", minimum=0.5, maximum=1.0
    )
    byte_fallback: bool = option(False, "Cut unknown characters into bytes.")
    max_pieces: int = option(200, "Longest side of a kept training pair.", unit="pieces", minimum=2)
    sample_pairs: int = option(
        2_000_000, "Pairs that the subword model is learnt from.", unit="pairs", minimum=1
    )


@dataclass(frozen=True)
class ModelConfig:
    """The model."""

    architecture: str = option("rnn", "Family of models.", choices=("rnn",))
    attention: str = option(
        "bahdanau", "Attention mechanism, by its paper.", choices=tuple(mechanisms.PRESETS)
    )
    attention_score: str = option(
        "preset",
        "Score function, instead of the one of the mechanism.",
        choices=("preset", *mechanisms.SCORES),
    )
    attention_scope: str = option(
        "preset",
        "All source positions, or a window around t (local-m) or a predicted one (local-p).",
        choices=("preset", *mechanisms.SCOPES),
    )
    attention_placement: str = option(
        "preset",
        "Whether attention stands before the decoder's cell or after it.",
        choices=("preset", *mechanisms.PLACEMENTS),
    )
    attention_window: int = option(
        10, "D, positions on each side of a local window's centre.", unit="pieces", minimum=1
    )
    attention_heads: int = option(
        0, "Heads of scaled-dot attention; 0 is the mechanism's.", minimum=0, maximum=64
    )
    attention_positions: int = option(
        256, "Source positions that the score location can see.", unit="pieces", minimum=1
    )
    input_feeding: bool = option(
        False, "Feed the attentional state of a step to the next one (after the cell)."
    )
    coverage: bool = option(
        False, "Let the score see what has been attended to (additive and concat)."
    )
    cell: str = option("gru", "Recurrent cell.", choices=("gru", "lstm"))
    embedding_size: int = option(256, "Size of a piece's embedding.", minimum=1)
    encoder_size: int = option(512, "Size of the encoder's states, both directions.", minimum=2)
    decoder_size: int = option(512, "D, size of the decoder's states.", minimum=1)
    attention_size: int = option(
        256, "A, size of the alignment space: additive, concat, local-p, heads.", minimum=1
    )
    readout_size: int = option(
        0, "Size of what the output layer sees; 0 is the embedding's.", minimum=0
    )
    encoder_layers: int = option(1, "Stacked encoder layers.", unit="layers", minimum=1)
    decoder_layers: int = option(1, "Stacked decoder layers.", unit="layers", minimum=1)
    bidirectional: bool = option(True, "The first encoder layer reads both ways.")
    tied_embeddings: str = option(
        "all",
        "Share the target embedding with the output layer, or with the source too.",
        choices=("none", "target", "all"),
    )
    dropout: float = option(
        0.3, "Rate on embeddings, states and readout.", minimum=0.0, maximum=0.95
    )


@dataclass(frozen=True)
class TrainingConfig:
    """How the model is trained."""

    seed: int = option(1, "Seed of everything random.", minimum=0, maximum=2**31 - 1)
    batch_tokens: int = option(
        3000, "Target positions of a batch, padding included.", unit="tokens", minimum=1
    )
    max_steps: int = option(0, "Stop after so many updates; 0 is no limit.", minimum=0)
    max_epochs: int = option(30, "Stop after so many epochs; 0 is no limit.", minimum=0)
    max_minutes: float = option(
        0.0, "Stop after so much training time; 0 is no limit.", unit="min", minimum=0
    )
    learning_rate: float = option(0.002, "Highest learning rate of Adam.", minimum=0.0)
    warmup_steps: int = option(400, "Updates of linear warm-up.", unit="steps", minimum=0)
    schedule: str = option(
        "inverse-sqrt",
        "Decay after the warm-up.",
        choices=("constant", "inverse-sqrt", "linear", "cosine"),
    )
    adam_beta_1: float = option(0.9, "Adam's first decay rate.", minimum=0.0, maximum=0.9999)
    adam_beta_2: float = option(0.998, "Adam's second decay rate.", minimum=0.0, maximum=0.99999)
    clip_norm: float = option(1.0, "Largest norm of the gradient; 0 is none.", minimum=0.0)
    label_smoothing: float = option(
        0.1, "Probability mass spread over all pieces.", minimum=0.0, maximum=0.9
    )
    coverage_loss: float = option(
        1.0, "Weight of the coverage loss, for a model with coverage.", minimum=0.0
    )
    coverage_from: int = option(
        0, "Updates before the coverage loss acts; its paper adds it at the end.", minimum=0
    )
    precision: str = option(
        "auto",
        "Of the matrix products; auto is bfloat16 where the processor has it.",
        choices=("auto", "float32", "bfloat16"),
    )
    log_every: int = option(50, "Updates between progress lines.", unit="steps", minimum=1)
    save_every: int = option(500, "Updates between checkpoints.", unit="steps", minimum=1)
    keep_checkpoints: int = option(3, "Newest checkpoints kept.", minimum=2)
    sample_translations: int = option(5, "Validation lines shown.", unit="lines", minimum=0)
    recoveries: int = option(3, "Returns to a good checkpoint after NaN.", minimum=0)


@dataclass(frozen=True)
class ValidationConfig:
    """When and how the model is validated."""

    every: int = option(500, "Updates between validations.", unit="steps", minimum=1)
    bleu: bool = option(True, "Translate the validation text and score it.")
    beam: int = option(1, "Beam of the validation's translations.", minimum=1, maximum=100)
    max_lines: int = option(
        0, "Translate so many lines at most; 0 is all.", unit="lines", minimum=0
    )
    tokenize: str = option(
        "13a",
        "Tokenizer of BLEU; `none` for text that is tokenised already.",
        choices=("13a", "intl", "zh", "char", "none", "ko-mecab", "ja-mecab"),
    )
    early_stopping: str = option(
        "bleu", "The score that decides.", choices=("bleu", "perplexity", "none")
    )
    patience: int = option(8, "Validations without a gain before stopping.", minimum=1)


@dataclass(frozen=True)
class SearchConfig:
    """How translations are searched for."""

    beam: int = option(5, "K, width of the beam; 1 is greedy.", minimum=1, maximum=100)
    nbest: int = option(1, "Translations of a line; at most the beam.", minimum=1, maximum=100)
    length_penalty: float = option(
        1.0, "Exponent of the length by which a log-probability is divided.", minimum=0.0
    )
    max_length_factor: float = option(2.0, "Longest translation, in source pieces ...", minimum=0.1)
    max_length_margin: int = option(20, "... plus this.", unit="pieces", minimum=1)
    batch_tokens: int = option(
        4096, "Beam x source positions of a batch.", unit="tokens", minimum=1
    )
    window: int = option(
        2000, "Lines read before sorting into batches by length.", unit="lines", minimum=1
    )
    max_source_pieces: int = option(
        200, "Longer lines are split at sentence ends.", unit="pieces", minimum=2
    )


@dataclass(frozen=True)
class Config:
    """All options, by section."""

    data: DataConfig = DataConfig()
    subwords: SubwordConfig = SubwordConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    validation: ValidationConfig = ValidationConfig()
    search: SearchConfig = SearchConfig()


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


def mechanism_of(model: ModelConfig) -> mechanisms.Mechanism:
    """The attention mechanism that the options compose.

    Raises:
        ValueError: they compose one that cannot be; the message says why.
    """
    mechanism = mechanisms.compose(
        model.attention,
        model.attention_score,
        model.attention_scope,
        model.attention_placement,
        model.attention_window,
        model.attention_heads,
        model.input_feeding,
        model.coverage,
    )
    sizes = model.decoder_size, model.encoder_size
    if mechanism.score in ("dot", "scaled-dot") and mechanism.heads == 1 and len({*sizes}) == 2:
        raise ValueError(
            f"the {mechanism.score} score needs a decoder_size like the encoder_size, not"
            f" {sizes[0]} and {sizes[1]}; general has a matrix between them"
        )
    if mechanism.heads > 1 and model.attention_size % mechanism.heads:
        raise ValueError(
            f"attention_size {model.attention_size} cannot be shared by {mechanism.heads} heads;"
            " give a multiple of the heads"
        )
    return mechanism


def load(path=None, assignments=(), overrides: dict | None = None, base: dict | None = None):
    """Merge `base` (defaults if None), a YAML file, `section.key=value` texts and options.

    Args:
        path: YAML file, or None.
        assignments: texts such as `model.cell=lstm`; their values are read as YAML.
        overrides: nested dictionary of what the command line set; None values are ignored.
        base: nested dictionary that stands below the file.
    """
    import yaml

    merged: dict = {section: dict(keys) for section, keys in (base or {}).items()}
    where = "config"
    if path is not None:
        where = str(path)
        _merge(merged, _read_yaml(Path(path)), where)
        _build(merged, where)
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
    return from_dict(merged, where)


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
            if key in before and before[key] != after[key]:
                lines.append(f"{section}.{key}: {before[key]} -> {after[key]}")
    return lines


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


_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def _nearest(name: str, names) -> str:
    close = difflib.get_close_matches(str(name), list(names), n=1, cutoff=0.5)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; there are {', '.join(names)}"
