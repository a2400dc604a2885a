"""Write `MODEL_CARD.md` of a run, which describes the model, its data, scores and training.

The card follows Mitchell et al. (2019), arXiv:1810.03993, as far as a training knows the answers.
It is made only from the files of the run, so it can be made again at any time.
"""

import shlex
from collections.abc import Iterator

from nmtcli import config as configuration
from nmtcli.config import Config
from nmtcli.runs.atomic import write_atomically
from nmtcli.runs.directory import RunDirectory
from nmtcli.runs.exports import describe_checks, read_description
from nmtcli.runs.metrics_log import read_metrics
from nmtcli.runs.monitored_metric import TITLES, best_validation
from nmtcli.text.normalization import CLEAN, NFC
from nmtcli.text.tags import source_tags

SIDES = ("source", "target")
SHOWN_WITH_DATA = ("train_", "valid_source", "valid_target", "normalization", "tags")
NORMALISATION = {
    CLEAN: "clean: white space is a space, controls and ignorable characters go, then NFC",
    NFC: "nfc: NFC alone",
}


def write_card(run: RunDirectory) -> None:
    """Write the model card of a run atomically."""
    write_atomically(run.card, model_card(run))


def model_card(run: RunDirectory) -> str:
    """Return the model card as Markdown.

    Raises:
        UsageError, NmtError: the run does not exist, or its `run.json` or `config.yaml` is damaged.
    """
    facts, config, metrics = run.read_facts(), run.read_config(), read_metrics(run.metrics)
    parts = [
        f"# {run.path.resolve().name}",
        f"{_headline(facts, config)}.",
        *_section("Scores", _scores(metrics, config)),
        *_section("Data", _data(facts, config)),
        *_section("Model", _model(facts, config)),
        *_section("Settings that differ from the defaults", _settings(config)),
        *_section("Hardware and time", _hardware(facts, metrics)),
        *_section("Exports", _exports(run)),
        *_section("Versions", (facts.get("versions") or {}).items()),
        *_commands(facts),
    ]
    return "\n\n".join(parts) + "\n"


def _headline(facts: dict, config: Config) -> str:
    name = configuration.describe_model(config.model)
    model = "A Transformer" if name == "transformer" else f"A recurrent model, attention {name}"
    text = [", ".join(_paths(config, "train", side)) for side in SIDES]
    return f"{model}, trained by nmt {facts.get('version')} on {' -> '.join(text)}"


def _paths(config: Config, split: str, side: str) -> list[str]:
    """Return the files of one side; the training text may have several."""
    value = getattr(config.data, f"{split}_{side}")
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def _section(title: str, rows) -> list[str]:
    """Return a heading and a table of two columns; an empty list if there are no rows."""
    rows = [f"| {_cell(name)} | {_cell(value)} |" for name, value in rows]
    if not rows:
        return []
    return [f"## {title}", "\n".join(["| | |", "|---|---|", *rows])]


def _cell(value) -> str:
    if isinstance(value, float):
        value = f"{value:g}"
    if isinstance(value, (list, tuple)):
        value = " ".join(map(str, value)) or "none"
    return " ".join(str(value).split()).replace("|", "\\|")


def _scores(metrics: list[dict], config: Config) -> Iterator[tuple]:
    best = best_validation(metrics, config.validation.early_stopping)
    if best is None:
        yield "validation", "none yet"
        return
    of = f" (mean of {', '.join(best.get('made_of') or [])})" if best["kind"] == "average" else ""
    yield "best checkpoint", f"step {best['step']}{of}"
    for title, value in _measured(best):
        yield f"validation {title}", value
    signatures = {"BLEU": best.get("signature"), "chrF": best.get("chrf_signature")}
    for title, signature in signatures.items():
        if signature:
            yield f"signature of {title}", f"`{signature}`"
    if "bleu" in best:
        yield "translated with", f"beam {config.validation.beam}"
    last = [line for line in metrics if line.get("kind") in ("validation", "average")][-1]
    if last is not best:
        title = "last validation" if last["kind"] == "validation" else "average, not better"
        shown = ", ".join(map(" ".join, _measured(last)))
        yield title, f"step {last['step']}: {shown}"


def _measured(line: dict) -> list[tuple[str, str]]:
    """Return the title and the value of each metric that a line of the metrics log has."""
    found = [(title, line.get(name)) for name, title in TITLES.items()]
    return [(title, f"{value:.2f}") for title, value in found if isinstance(value, int | float)]


def _data(facts: dict, config: Config) -> Iterator[tuple]:
    data = facts.get("data") or {}
    hashes = data.get("sha256") or {}
    text, models = hashes.get("text") or {}, hashes.get("subwords") or []
    for split in ("train", "valid"):
        counts = (data.get("counts") or {}).get(split) or {}
        if counts.get("kept") is not None:
            yield f"{split}: pairs", f"{counts['kept']:,} of {counts.get('read') or 0:,}"
        for number, side in enumerate(SIDES):
            paths = _paths(config, split, side)
            if paths and counts.get("pieces"):
                paths.append(f"{counts['pieces'][number]:,} pieces")
            if paths:
                yield f"{split}: {side}", ", ".join(paths)
        digests = [f"`{one}`" for one in text.get(split) or []]
        if digests:
            yield f"{split}: SHA-256", " ".join(digests)
    yield "normalisation of text", NORMALISATION[config.data.normalization]
    tags = source_tags(config.data.tags)
    if tags.known:
        by_itself = f"; {tags.default} is added to a line without one" if tags.default else ""
        yield (
            "tags of the source",
            f"{' '.join(tag or 'none' for tag in config.data.tags)}{by_itself}",
        )
    vocabulary, kind = facts.get("vocabulary") or {}, config.subwords
    vocabulary = {side: vocabulary.get(side) or 0 for side in SIDES}
    sizes = " and ".join(f"{vocabulary[side]:,}" for side in SIDES)
    yield "subwords", f"{kind.type}, {'one model for both sides' if kind.joint else sizes}"
    for side, digest in zip(SIDES, models):
        yield f"subwords: {side}", f"{vocabulary[side]:,} pieces, SHA-256 `{digest}`"


def _model(facts: dict, config: Config) -> Iterator[tuple]:
    yield "architecture", config.model.architecture
    yield "attention", configuration.describe_model(config.model)
    yield "layers", f"{config.model.encoder_layers} + {config.model.decoder_layers}"
    if facts.get("parameters") is not None:
        yield "parameters", f"{facts['parameters']:,}"
    for part, count in (facts.get("parameters_by_part") or {}).items():
        yield f"parameters: {part}", f"{count or 0:,}"
    if facts.get("precision"):
        yield "trained in", facts["precision"]
    if facts.get("init_from"):
        yield "initial weights", facts["init_from"].get("text", "")


def _settings(config: Config) -> Iterator[tuple]:
    """Yield each option that differs from its default, except what `_data` shows."""
    usual, here = configuration.as_dict(Config()), configuration.as_dict(config)
    for section, key, _, value in configuration.differences(usual, here):
        if section != "data" or not key.startswith(SHOWN_WITH_DATA):
            yield f"`{section}.{key}`", value


def _hardware(facts: dict, metrics: list[dict]) -> Iterator[tuple]:
    machine = facts.get("hardware") or {}
    if machine.get("gpus"):
        yield "GPU", ", ".join(machine["gpus"])
    if machine.get("processor"):
        yield "processor", f"{machine['processor']}, {machine.get('cores')} cores used"
    if machine.get("memory_bytes"):
        yield "memory", f"{machine['memory_bytes'] / 2**30:.0f} GiB"
    if facts.get("device"):
        yield "trained on", facts["device"]
    seconds = max((line.get("seconds") or 0 for line in metrics), default=0)
    steps = max((line.get("step") or 0 for line in metrics), default=0)
    yield "time", f"{seconds / 60:.1f} minutes for {steps:,} updates, validations included"
    speeds = [line["tokens_per_second"] for line in metrics if line.get("tokens_per_second")]
    if speeds:
        yield "speed", f"{sorted(speeds)[len(speeds) // 2]:,.0f} target pieces a second"


def _exports(run: RunDirectory) -> Iterator[tuple]:
    for format in ("onnx", "ctranslate2"):
        facts = read_description(run.export / format)
        if facts is not None:
            yield f"{format}, step {facts['step']}", describe_checks(facts)


def _commands(facts: dict) -> list[str]:
    """Return how to repeat the training; nothing if no command made it."""
    commands = [(facts.get("data") or {}).get("command"), facts.get("command")]
    lines = [shlex.join(map(str, command)) for command in commands if command]
    return ["## To repeat it", "\n".join(["```", *dict.fromkeys(lines), "```"])] if lines else []
