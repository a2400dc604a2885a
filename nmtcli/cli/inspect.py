"""`nmt inspect`: show what a run contains."""

import json as json_module
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from nmtcli.cli.learning_curves import draw_curves
from nmtcli.cli.options import flag, switch, with_options
from nmtcli.cli.streams import check_picture, print_encoded, quiet_ends
from nmtcli.errors import UsageError, check_choice, printable
from nmtcli.plots.learning_curves import AXES

LARGEST_CARD = 1 << 20  # bytes


@with_options()
def inspect(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...", help="The folders of runs; the default is the newest run here."
        ),
    ] = None,
    json: bool = switch("Print a JSON object for each run."),
    card: bool = switch("Print the MODEL_CARD.md of each run."),
    plot: Path | None = flag(
        "Draw the learning curves of all runs into FILE.png or FILE.svg.", metavar="FILE"
    ),
    by: str = flag(
        "Draw learning curves over steps, minutes or tokens.",
        default="steps",
        metavar="steps|minutes|tokens",
    ),
) -> None:
    """Show a run: model, data, progress, scores, checkpoints, versions and size.

    A missing or damaged file leaves a gap and is not an error.
    """
    from nmtcli.runs.directory import find_run

    with quiet_ends("nothing was changed"):
        if json and card:
            raise UsageError("--json and --card exclude each other: leave one of them out")
        if plot is not None:
            check_choice("--by", by, AXES)
            check_picture(plot)
        found = [find_run(run) for run in runs or [None]]
        if plot is not None:
            draw_curves(found, plot, by)
        show = _print_json if json else _print_card if card else _print_rows
        if plot is None or json or card:
            for number, run in enumerate(found):
                if number and not json:
                    print()
                show(run)


def _print_json(run) -> None:
    from nmtcli.runs.info import describe

    about = describe(run)
    print_encoded(lambda ascii: json_module.dumps(about, ensure_ascii=ascii, indent=2))


def _print_card(run) -> None:
    try:
        with open(run.card, "rb") as stream:
            lines = stream.read(LARGEST_CARD).decode("utf-8", errors="replace").split("\n")
        print("\n".join(map(_printable, lines)), end="")
    except OSError:
        raise UsageError(
            f"{run.card}: no such file; nmt train writes it at each validation and at the end"
        ) from None


def _print_rows(run) -> None:
    from nmtcli.runs.info import describe

    rows = list(_rows(describe(run)))
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        print(_printable(f"{name:<{width}}  {text}"))


def _printable(line: str) -> str:
    """Escape what a terminal may obey; tabs stay."""
    return "\t".join(map(printable, line.split("\t")))


def _rows(about: dict) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each line to print."""
    yield "run", about["run"]
    yield from _config_rows(about["config"])
    sizes = about["vocabulary"]
    yield "vocabulary", f"{_or_dash(sizes['source'])} source, {_or_dash(sizes['target'])} target"
    yield "trained", f"step {_or_dash(about['last_step'])}, epoch {_or_dash(about['last_epoch'])}"
    yield "best validation", _scores(about["best_validation"])
    yield "last validation", _scores(about["last_validation"])
    if not about["checkpoints"]:
        yield "checkpoint", "none"
    for checkpoint in about["checkpoints"]:
        marks = [mark for mark in ("best", "last") if about[mark] == checkpoint["name"]]
        yield "checkpoint", _checkpoint(checkpoint, marks)
    there = {checkpoint["name"] for checkpoint in about["checkpoints"]}
    for name in sorted({about["best"], about["last"]} - there - {None}):
        marks = [mark for mark in ("best", "last") if about[mark] == name]
        yield "checkpoint", f"{name}, MISSING ({', '.join(marks)})"
    yield "on disk", _megabytes(about["bytes"])
    for name, value in about["facts"].items():
        if name != "vocabulary":  # shown above
            yield name, _flat(_short_fact(name, value))


def _config_rows(config: dict | None) -> Iterator[tuple[str, str]]:
    if config is None:
        yield "config", "missing or damaged"
        return
    model, data = config["model"], config["data"]
    yield "model", _model(model)
    for side in ("train", "valid"):
        sides = [_files(data[f"{side}_{which}"]) for which in ("source", "target")]
        yield f"{side} text", " -> ".join(sides) if all(sides) else "none"


def _files(value: str | Sequence[str] | None) -> str:
    """Format the files of one side; the training text may have several."""
    return ", ".join([value] if isinstance(value, str) else value or ())


def _model(model: dict) -> str:
    layers = f"{model['encoder_layers']}+{model['decoder_layers']} layers"
    if model["architecture"] == "transformer":
        return (
            f"transformer, {layers}, size {model['embedding_size']},"
            f" feed-forward {model['feed_forward_size'] or 4 * model['embedding_size']}"
            f" {model['feed_forward']}, {model['normalization']}-norm, {model['positions']}"
        )
    return (
        f"{model['architecture']}, attention {model['attention']}, cell {model['cell']},"
        f" {layers}, embedding {model['embedding_size']}, encoder {model['encoder_size']},"
        f" decoder {model['decoder_size']}"
    )


def _checkpoint(checkpoint: dict, marks: list[str]) -> str:
    parts = [checkpoint["name"]]
    if checkpoint["epoch"] is not None:
        parts.append(f"epoch {checkpoint['epoch']}")
    if checkpoint["average_of"]:
        parts.append(f"mean of {' '.join(map(str, checkpoint['average_of']))}")
    parts.append(_megabytes(checkpoint["bytes"]))
    parts.append(f"DAMAGED: {checkpoint['problem']}" if checkpoint["problem"] else "complete")
    return ", ".join(parts) + (f" ({', '.join(marks)})" if marks else "")


def _scores(line: dict | None) -> str:
    if line is None:
        return "-"
    parts = [f"step {_or_dash(line.get('step'))}"]
    for name, title in (("bleu", "BLEU"), ("chrf", "chrF"), ("perplexity", "perplexity")):
        if isinstance(line.get(name), int | float):
            parts.append(f"{title} {line[name]:.2f}")
    return ", ".join(parts)


def _short_fact(name: str, value):
    """Return the part of a fact that is shown; all of it is in --json and --card."""
    if not isinstance(value, dict):
        return value
    if name == "data":
        return {key: value[key] for key in ("prepared", "pairs") if key in value}
    if name == "init_from":
        return value.get("text", "")
    if name in ("hardware", "parameters_by_part"):
        return {key: inner for key, inner in value.items() if inner and key != "memory_bytes"}
    return value


def _flat(value) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_flat(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return " ".join(_flat(inner) for inner in value)
    return str(value)


def _or_dash(value) -> str:
    return "-" if value is None else str(value)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
