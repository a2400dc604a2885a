"""`nmt train`: train on prepared data, or go on with an interrupted training."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from nmtcli.errors import UsageError
from nmtcli.mechanisms import PRESETS

MODEL, LIMITS, FOLDERS = "Model", "How long", "Folders"
SAMPLE = Path("data/sample.yaml")  # at the top of a checkout
PREPARED, PREPARED_SAMPLE = Path("prepared"), Path("prepared-sample")
PREPARED_PREFIX = "prepared-"


def train(
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Prepared data; ./prepared by default, or the embedded corpus in a checkout.",
            rich_help_panel=FOLDERS,
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the run; by default runs/DATA-ATTENTION. One that exists goes on.",
            rich_help_panel=FOLDERS,
        ),
    ] = None,
    attention: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Attention mechanism: {', '.join(PRESETS)}.",
            rich_help_panel=MODEL,
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="auto|float32|bfloat16", help="Of the products.", rich_help_panel=MODEL
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of everything random.", rich_help_panel=MODEL)
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Stop after so many updates.", rich_help_panel=LIMITS)
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Stop after so many epochs.", rich_help_panel=LIMITS)
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Stop after so much time.", rich_help_panel=LIMITS)
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="YAML file.")] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any option, e.g. model.cell=lstm."),
    ] = None,
    dump_config: Annotated[
        bool, typer.Option("--dump-config", help="Print the merged options and stop.")
    ] = False,
) -> None:
    """Train a translator; the same command again goes on where it was interrupted."""
    from nmtcli import config as configuration

    sample = data is None and not PREPARED.exists() and _at_top_of_checkout()
    overrides = {
        "model": {"attention": attention},
        "training": {
            "precision": precision,
            "seed": seed,
            "max_steps": steps,
            "max_epochs": epochs,
            "max_minutes": minutes,
        },
    }
    base = configuration.as_dict(configuration.load(SAMPLE)) if sample else None
    merged = configuration.load(config, assignments or (), overrides, base=base)
    if dump_config:
        print(configuration.dump(merged), end="")
        return
    if data is None:
        data = _prepare_sample(merged) if sample else PREPARED
        if not data.exists():
            raise UsageError(
                "no prepared data here: make them with nmt preprocess --train SRC TGT"
                " --valid SRC TGT, or give a folder with --data"
            )
    name = data.resolve().name.removeprefix(PREPARED_PREFIX)
    run = run or Path("runs") / f"{name}-{merged.model.attention}"
    _train(merged, data, run)


def _at_top_of_checkout() -> bool:
    return SAMPLE.is_file() and Path("data/train.ko").is_file()


def _prepare_sample(config) -> Path:
    from nmtcli.preprocess import preprocess

    print("preparing the embedded Korean-English corpus in data/", file=sys.stderr)
    try:
        preprocess(config, PREPARED_SAMPLE, command=["nmt", *sys.argv[1:]])
    except UsageError as error:
        if not PREPARED_SAMPLE.exists():
            raise
        what = str(error).partition("; use --force")[0]  # an option of preprocess alone
        raise UsageError(f"{what}; remove that folder to have it prepared anew") from None
    return PREPARED_SAMPLE


def _train(config, data: Path, run: Path) -> None:
    from nmtcli.train import train as use_case

    printer = _Printer(run)
    progress = use_case(config, data, run, printer)
    best = f", best at step {progress.best_step}" if progress.best is not None else ""
    print(
        f"done ({progress.finished}): step {progress.step}{best};"
        f" translate with: nmt translate --run {run} < in.txt",
        file=sys.stderr,
    )


class _Printer:
    """Tells on stderr how the training goes, a line for each event."""

    def __init__(self, run: Path):
        self.run = run

    def __call__(self, event) -> None:
        text = getattr(self, f"_{event.kind}")(event.values)
        print(text, file=sys.stderr, flush=True)

    def _start(self, v) -> str:
        return (
            f"nmt {v['version']} on {v['backend']}, {v['device']}, {v['precision']}, attention"
            f" {v['attention']}, {v['parameters']:,} parameters, {v['pairs']:,} pairs -> {self.run}"
        )

    def _resumed(self, v) -> str:
        return f"going on from step {v['step']}"

    def _warning(self, v) -> str:
        return f"nmt: warning: {v['text']}"

    def _train(self, v) -> str:
        return (
            f"step {v['step']}  epoch {v['epoch']:.2f}  loss {v['loss']:.3f}"
            f"  perplexity {v['perplexity']:.2f}  rate {v['learning_rate']:.2e}"
            f"  {v['tokens_per_second']:,.0f} tokens/s  left {_clock(v['left'])}"
        )

    def _validation(self, v) -> str:
        parts = [f"step {v['step']}  validation"]
        if v.get("perplexity") is not None:
            parts.append(f"perplexity {v['perplexity']:.2f}")
        if "bleu" in v:
            parts.append(f"BLEU {v['bleu']:.2f}")
        if v["best"]:
            parts.append("best so far")
        lines = ["  ".join(parts)]
        for source, reference, translation in v["samples"]:
            lines += [f"    source      {source}", f"    reference   {reference}"]
            lines += [f"    translation {translation}"]
        return "\n".join(lines)


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
