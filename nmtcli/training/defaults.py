"""Complete the configuration of a training with recommended values for unset options.

A run that is resumed keeps the recommendations from its beginning.
"""

from typing import NamedTuple

from nmtcli.config import Config, Settings
from nmtcli.config.auto import Recommendation, fill_unset, recommend
from nmtcli.runs.directory import RunDirectory

ENDS = ("max_steps", "max_minutes")


class ResolvedConfig(NamedTuple):
    """The complete `config`; recommended `values` by section and key; `lines` that explain them."""

    config: Config
    values: dict
    lines: list[str]


def resolve_config(settings: Settings, data, run_path) -> ResolvedConfig:
    """Make the complete configuration of a training.

    Args:
        settings: the options that were set; they are kept.
        data: the folder of prepared data.
        run_path: the folder of the run; an existing run keeps the recommendations of its beginning.

    Raises:
        UsageError: there are no prepared data, or values do not fit together.
    """
    from nmtcli.data.prepared import PreparedData

    run = RunDirectory(run_path)
    if run.exists():
        kept = run.read_facts().get("chosen") or {}
        return ResolvedConfig(Settings().update(kept).below(settings).build(), kept, [])
    filled, taken, lines = fill_unset(settings, _recommended(settings, PreparedData(data)))
    return ResolvedConfig(filled.build(), taken, lines)


def _recommended(settings: Settings, prepared) -> list[Recommendation]:
    from nmtcli import backend
    from nmtcli.metrics.tokenizer import choose_tokenizer

    counts = prepared.facts["counts"]["train"]
    if not counts["kept"]:
        return []
    found = recommend(
        counts["kept"],
        counts["pieces"][1] / counts["kept"],
        prepared.facts["vocabulary"]["target"],
        backend.device(),
        settings.get("model", "architecture") or Config().model.architecture,
        settings.get("model", "embedding_size") or 0,
        settings.get("training", "max_steps") or 0,
    )
    given = [name for name in ENDS if settings.get("training", name)]
    if given:
        found = [one for one in found if "max_epochs" not in one.values.get("training", {})]
        reason = f"training.{given[0]} says how long"
        found.append(Recommendation({"training": {"max_epochs": 0}}, reason))
    tokenizer = choose_tokenizer(prepared.valid_target_lines())
    if tokenizer.reason:
        values = {"validation": {"tokenize": tokenizer.name}}
        found.append(Recommendation(values, tokenizer.reason))
    if prepared.facts["config"]["data"].get("by_sentence"):
        reason = "the training text was cut into sentences"
        found.append(Recommendation({"search": {"by_sentence": True}}, reason))
    return found
