"""What nobody set, chosen from the corpus and the machine; a run that goes on keeps its choices."""

from typing import NamedTuple

from nmtcli import config as configuration
from nmtcli.config import Config
from nmtcli.config.auto import Choice, choose, fill
from nmtcli.runs.directory import RunDirectory

ENDS = ("max_steps", "max_minutes")


class Chosen(NamedTuple):
    """config: complete; values: section -> key -> value that was chosen; lines: why, for people."""

    config: Config
    values: dict
    lines: list[str]


def complete(values: dict, data, run_path) -> Chosen:
    """The configuration of a training.

    Args:
        values: what was set, as of `config.load_values`; it wins.
        data: folder of prepared data.
        run_path: of the run; one that is there already keeps what was chosen when it began.

    Raises:
        UsageError: no prepared data, or values that do not go together.
    """
    from nmtcli.data.prepared import PreparedData

    run = RunDirectory(run_path)
    if run.exists():
        kept = run.read_facts().get("chosen") or {}
        filled, _ = fill(values, [Choice(kept, "")])
        return Chosen(configuration.from_dict(filled), kept, [])
    filled, lines = fill(values, _choices(values, PreparedData(data)))
    chosen = {
        section: {key: value for key, value in keys.items() if key not in values.get(section, {})}
        for section, keys in filled.items()
    }
    chosen = {section: keys for section, keys in chosen.items() if keys}
    return Chosen(configuration.from_dict(filled), chosen, lines)


def _choices(values: dict, prepared) -> list[Choice]:
    from nmtcli import backend
    from nmtcli.metrics.tokenizer import choose_tokenizer

    counts = prepared.facts["counts"]["train"]
    if not counts["kept"]:
        return []
    model, training = values.get("model", {}), values.get("training", {})
    architecture = model.get("architecture", Config().model.architecture)
    choices = choose(
        counts["kept"],
        counts["pieces"][1] / counts["kept"],
        prepared.facts["vocabulary"]["target"],
        backend.device(),
        architecture,
        model.get("embedding_size") or 0,
        training.get("max_steps") or 0,
    )
    given = [name for name in ENDS if training.get(name)]
    if given:
        choices = [one for one in choices if "max_epochs" not in one.values.get("training", {})]
        reason = f"training.{given[0]} says how long"
        choices.append(Choice({"training": {"max_epochs": 0}}, reason))
    tokenizer = choose_tokenizer(prepared.valid_target_lines())
    if tokenizer.reason:
        choices.append(Choice({"validation": {"tokenize": tokenizer.name}}, tokenizer.reason))
    if prepared.facts["config"]["data"].get("by_sentence"):
        choices.append(Choice({"search": {"by_sentence": True}}, "the training text was cut so"))
    return choices
