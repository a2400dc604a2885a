"""`nmt train`: train on prepared data, or resume an interrupted training."""

import contextlib
import logging
import shlex
import sys
import tempfile
from pathlib import Path

from nmtcli.cli.config_options import ConfigOptions
from nmtcli.cli.options import flag, switch, with_options
from nmtcli.cli.streams import print_encoded
from nmtcli.cli.train_report import dry_run_lines, print_event
from nmtcli.config import Config, Settings, dump
from nmtcli.config.presets import preset_names
from nmtcli.errors import NmtError, UsageError
from nmtcli.training.settings import run_name, train_settings

logger = logging.getLogger(__name__)

FOLDERS = "Folders"
SAMPLE = Path("data/sample.yaml")  # at the top of a checkout
PREPARED, PREPARED_SAMPLE = Path("prepared"), Path("prepared-sample")


@with_options(
    model=("attention", "architecture"),
    training=("init_from", "precision", "seed", "max_steps", "max_epochs", "max_minutes"),
)
def train(
    *,
    data: Path | None = flag(
        "Train on the prepared data in this folder; the default is ./prepared, or the embedded"
        " corpus at the top of a checkout.",
        metavar="DIR",
        panel=FOLDERS,
    ),
    run: Path | None = flag(
        "Write the run to this folder; the default is runs/DATA-ATTENTION. A run that exists is"
        " continued.",
        metavar="DIR",
        panel=FOLDERS,
    ),
    overrides: dict,
    preset: str | None = flag(
        "Take sizes and settings from this preset, which --config and other options change:"
        f" {', '.join(preset_names())}.",
        metavar="NAME",
        panel="Model",
    ),
    configuration: ConfigOptions,
    export: bool = flag(
        "Export the best checkpoint at the end, for fast translation on a CPU.",
        "--export/--no-export",
        default=True,
    ),
    dry_run: bool = switch("Try one update, print sizes, memory and time, and write nothing."),
) -> None:
    """Train a translator; the same command continues a training that was interrupted."""
    sample = data is None and not PREPARED.exists() and _at_top_of_checkout()
    given = configuration.config, configuration.assignments, overrides
    settings = train_settings(preset, *given, sample=SAMPLE if sample else None)
    config = settings.build()  # impossible options are refused before any folder is read or made
    dump_config = configuration.dump_config
    with contextlib.ExitStack() as leaving:
        if sample and not dump_config:
            place = PREPARED_SAMPLE
            if dry_run and not place.exists():
                folder = leaving.enter_context(tempfile.TemporaryDirectory(prefix="nmt-"))
                place = Path(folder) / PREPARED_SAMPLE
            _prepare_sample(config, place)
        else:
            place = data or (PREPARED_SAMPLE if sample else PREPARED)
        run = run or Path("runs") / run_name(place, config.model, preset)
        if not place.exists() and not dump_config:
            raise UsageError(
                f"{data}: no such folder; nmt preprocess makes prepared data"
                if data is not None
                else "no prepared data here: make them with nmt preprocess --train SRC TGT"
                " --valid SRC TGT, or give a folder with --data"
            )
        if place.exists():
            config, recommended = _resolve(settings, place, run)
        if dump_config:
            print_encoded(lambda ascii: dump(config, ascii), end="")
        elif dry_run:
            from nmtcli.training.dry_run import dry_run as use_case

            for line in dry_run_lines(use_case(config, place)):
                print(line)
        else:
            _train(config, recommended, place, run, export)


def _at_top_of_checkout() -> bool:
    return SAMPLE.is_file() and Path("data/train.ko").is_file()


def _prepare_sample(config: Config, place: Path) -> None:
    from nmtcli.data.preprocess import preprocess

    print("preparing the embedded Korean-English corpus in data/", file=sys.stderr)
    try:
        preprocess(config, place, command=["nmt", *sys.argv[1:]])
    except UsageError as error:
        if not place.exists():
            raise
        what = str(error).partition("; replace it")[0]  # an option only of preprocess
        raise UsageError(f"{what}; remove that folder to have it prepared again") from None


def _resolve(settings: Settings, data: Path, run: Path) -> tuple[Config, dict]:
    """Complete the configuration, print a line for each recommendation, return both."""
    from nmtcli.training.defaults import resolve_config

    found = resolve_config(settings, data, run)
    for line in found.lines:
        print(f"chosen: {line}", file=sys.stderr)
    return found.config, found.values


def _train(config: Config, recommended: dict, data: Path, run: Path, export: bool) -> None:
    from nmtcli.training.run import train as use_case

    command = ["nmt", *sys.argv[1:]]
    state = use_case(config, data, run, print_event, recommended, command)
    best = f", best at step {state.best_step}" if state.best is not None else ""
    print(
        f"done ({state.finished}): step {state.step}{best};"
        f" translate with: nmt translate --run {shlex.quote(str(run))} < in.txt",
        file=sys.stderr,
    )
    if export:
        _export(run)


def _export(path: Path) -> None:
    """Export the best checkpoint unless there is an export; turn an error into a warning."""
    from nmtcli.cli.export import export_checked, lock_of
    from nmtcli.cli.streams import quiet_ends
    from nmtcli.engines.load import has_export
    from nmtcli.exports.onnx import check_onnx
    from nmtcli.runs.directory import RunDirectory

    run = RunDirectory(path)
    folder = run.export / "onnx"
    with quiet_ends("the training is complete; nmt export makes the export"):
        try:
            with lock_of(run, folder):
                if has_export(run):
                    run.note_export("onnx")  # a training that was killed may not have done so
                    return
                check_onnx(folder, run)
                print("exporting it for fast translation on a CPU", file=sys.stderr)
                export_checked(run, "onnx", "best", run.read_config().search, folder)
        except (NmtError, OSError) as error:
            logger.warning("not exported, so Keras will translate: %s", error)
