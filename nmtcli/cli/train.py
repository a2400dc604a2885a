"""`nmt train`: train on prepared data, or go on with an interrupted training."""

import contextlib
import logging
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from nmtcli.cli.train_options import check_values, model_options, run_name, set_values
from nmtcli.cli.train_report import dry_run_lines, print_event
from nmtcli.config.attention import PRESETS
from nmtcli.config.presets import preset_names
from nmtcli.errors import NmtError, UsageError

logger = logging.getLogger(__name__)

MODEL, LIMITS, FOLDERS = "Model", "How long", "Folders"
SAMPLE = Path("data/sample.yaml")  # at the top of a checkout
PREPARED, PREPARED_SAMPLE = Path("prepared"), Path("prepared-sample")


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
            help=f"Attention mechanism: {', '.join(PRESETS)}; or transformer, the architecture.",
            rich_help_panel=MODEL,
        ),
    ] = None,
    architecture: Annotated[
        str | None,
        typer.Option(metavar="rnn|transformer", help="Family of models.", rich_help_panel=MODEL),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Sizes and settings, below --config: {', '.join(preset_names())}.",
            rich_help_panel=MODEL,
        ),
    ] = None,
    init_from: Annotated[
        str | None,
        typer.Option(
            metavar="RUN[:CHECKPOINT]",
            help="Begin with the weights of another run, as far as they fit.",
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
    export: Annotated[
        bool,
        typer.Option(
            "--export/--no-export",
            help="At the end, export the best checkpoint for fast translation on a CPU.",
        ),
    ] = True,
    dump_config: Annotated[
        bool, typer.Option("--dump-config", help="Print the merged options and stop.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Try one update; say sizes, memory and time; write nothing."
        ),
    ] = False,
) -> None:
    """Train a translator; the same command again goes on where it was interrupted."""
    overrides = {
        "model": model_options(attention, architecture),
        "training": {
            "precision": precision,
            "seed": seed,
            "max_steps": steps,
            "max_epochs": epochs,
            "max_minutes": minutes,
            "init_from": init_from,
        },
    }
    sample = data is None and not PREPARED.exists() and _at_top_of_checkout()
    values = set_values(SAMPLE if sample else None, preset, config, assignments or (), overrides)
    check_values(attention, values, config)
    with contextlib.ExitStack() as leaving:
        if data is None and sample and not dump_config:
            place = PREPARED_SAMPLE
            if dry_run and not place.exists():
                folder = leaving.enter_context(tempfile.TemporaryDirectory(prefix="nmt-"))
                place = Path(folder) / PREPARED_SAMPLE
            _prepare_sample(values, place)
        else:
            place = data or (PREPARED_SAMPLE if sample else PREPARED)
        run = run or Path("runs") / run_name(place, values, preset)
        if dump_config:
            _dump(values, place, run)
        elif not place.exists():
            raise UsageError(
                f"{data}: no such folder; nmt preprocess makes prepared data"
                if data is not None
                else "no prepared data here: make them with nmt preprocess --train SRC TGT"
                " --valid SRC TGT, or give a folder with --data"
            )
        elif dry_run:
            _dry_run(values, place, run)
        else:
            _train(values, place, run, export)


def _at_top_of_checkout() -> bool:
    return SAMPLE.is_file() and Path("data/train.ko").is_file()


def _prepare_sample(values: dict, place: Path) -> None:
    from nmtcli.config import from_dict
    from nmtcli.data.preprocess import preprocess

    print("preparing the embedded Korean-English corpus in data/", file=sys.stderr)
    try:
        preprocess(from_dict(values), place, command=["nmt", *sys.argv[1:]])
    except UsageError as error:
        if not place.exists():
            raise
        what = str(error).partition("; use --force")[0]  # an option of preprocess alone
        raise UsageError(f"{what}; remove that folder to have it prepared anew") from None


def _dump(values: dict, data: Path, run: Path) -> None:
    from nmtcli import config as configuration

    if data.exists():
        config = _complete(values, data, run).config
    else:
        config = configuration.from_dict(values)
    print(configuration.dump(config), end="")


def _dry_run(values: dict, data: Path, run: Path) -> None:
    from nmtcli.training.dry_run import dry_run as use_case

    for line in dry_run_lines(use_case(_complete(values, data, run).config, data)):
        print(line)


def _train(values: dict, data: Path, run: Path, export: bool) -> None:
    from nmtcli.training.run import train as use_case

    found = _complete(values, data, run)
    state = use_case(found.config, data, run, print_event, found.values)
    best = f", best at step {state.best_step}" if state.best is not None else ""
    print(
        f"done ({state.finished}): step {state.step}{best};"
        f" translate with: nmt translate --run {shlex.quote(str(run))} < in.txt",
        file=sys.stderr,
    )
    if export:
        _export(run)


def _export(path: Path) -> None:
    """Export the best checkpoint, unless that is done; the training is whole without it too."""
    from nmtcli.cli.export import export_checked
    from nmtcli.cli.streams import quiet_ends
    from nmtcli.engines.load import has_export
    from nmtcli.runs.directory import RunDirectory

    run = RunDirectory(path)
    if has_export(run):
        return
    print("exporting it for fast translation on a CPU", file=sys.stderr)
    with quiet_ends("the training is complete; nmt export makes the export"):
        try:
            export_checked(run, "onnx", "best", run.read_config().search, run.export / "onnx")
        except (NmtError, OSError) as error:
            logger.warning("not exported, so Keras will translate: %s", error)


def _complete(values: dict, data: Path, run: Path):
    """The `Chosen` of a training; says what was chosen, a line for each choice."""
    from nmtcli.training.defaults import complete

    found = complete(values, data, run)
    for line in found.lines:
        print(f"chosen: {line}", file=sys.stderr)
    return found
