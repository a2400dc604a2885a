"""`nmt export`: export a trained run, to run it without a framework or in other programs."""

import contextlib
import sys
from pathlib import Path

from nmtcli.cli.config_options import SearchFileOptions
from nmtcli.cli.options import flag, with_options
from nmtcli.cli.streams import print_path, quiet_ends
from nmtcli.errors import check_choice

FORMATS = ("onnx", "ctranslate2", "savedmodel")


@with_options(search=("beam", "length_penalty"))
def export(
    *,
    run: str | None = flag(
        "Export the model in this run's folder; the default is the newest run here.", metavar="DIR"
    ),
    checkpoint: str = flag(
        "Export this checkpoint: best, last or step-N.", default="best", metavar="NAME"
    ),
    format: str = flag(
        f"Export in this format: {', '.join(FORMATS)}.", default=FORMATS[0], metavar="NAME"
    ),
    output: str | None = flag(
        "Write to this folder; the default is export/FORMAT in the run.", "-o", metavar="DIR"
    ),
    overrides: dict,
    file: SearchFileOptions,
) -> None:
    """Export a trained run, so that it runs without the framework it was trained with.

    onnx writes the model for ONNX Runtime, in float32 and int8. On a machine without a GPU, nmt
    translate, score and align use it on their own; they start sooner and run faster. The export is
    first compared with the run on its validation text: float32 must give the same translations;
    int8, and the shortlist of nmt translate --shortlist, are left out if they lose more than 0.2
    BLEU.

    ctranslate2 writes a Transformer for CTranslate2, the fastest engine on a CPU. nmt translate
    uses it with --engine ctranslate2, in float32 or with --precision int8.

    savedmodel writes a TensorFlow SavedModel from text to text, for TensorFlow Serving. Its graph
    contains the subwords and the beam search, with the options given here or those of the run; it
    has no sampling, coverage penalty or no-repeat n-grams. It does not split long texts: give it
    one sentence at a time.

    An older export is replaced after the new one is written and checked. The folder's name is
    printed on stdout.
    """
    with quiet_ends("nothing was written"):
        check_choice("--format", format, FORMATS)
        from nmtcli.inference.loading import search_options
        from nmtcli.runs.checkpoints import check_checkpoint_name
        from nmtcli.runs.directory import find_run

        found = find_run(run)
        check_checkpoint_name(checkpoint)
        # An export is checked with, or returns, only the best translation.
        options = {**overrides["search"], "nbest": 1}
        search = search_options(found, file.config, file.assignments, options)
        folder = found.export / format if output is None else Path(output)
        with lock_of(found, folder):
            if format != "savedmodel":
                export_checked(found, format, checkpoint, search, folder)
            else:
                _export_savedmodel(found, checkpoint, search, folder)
        print_path(folder)


def lock_of(run, folder: Path):
    """Return a context with the lock of the run; none if the export is written elsewhere."""
    inside = run.path.resolve() in folder.resolve().parents
    return run.locked() if inside else contextlib.nullcontext()


def _export_savedmodel(run, checkpoint: str, search, folder: Path) -> None:
    from nmtcli.exports.checks import check_exportable

    check_exportable(search)
    from nmtcli.exports.savedmodel import export_savedmodel

    facts = export_savedmodel(run, checkpoint, search, folder)
    used = facts["search"]
    size = sum(part.stat().st_size for part in folder.rglob("*") if part.is_file())
    print(
        f"{facts['format']} of step {facts['step']}: beam {used['beam']}, length penalty"
        f" {used['length_penalty']:g}, {size / 1e6:.1f} MB, checked",
        file=sys.stderr,
    )


def export_checked(run, format: str, checkpoint: str, search, folder: Path) -> None:
    """Export for one of our engines; report how it was checked, in the model card too.

    Args:
        run: a `RunDirectory`.
        format: `onnx` or `ctranslate2`.
        checkpoint, search, folder: see `nmtcli.exports.onnx.export_onnx`.

    Raises:
        UsageError, NmtError: see `nmtcli.exports.onnx.export_onnx`.
    """
    from nmtcli.runs.exports import describe_checks
    from nmtcli.runs.model_card import write_card

    if format == "onnx":
        from nmtcli.exports.onnx import export_onnx as write
    else:
        from nmtcli.exports.ctranslate2 import export_ctranslate2 as write
    facts = write(run, checkpoint, search, folder)
    if folder == run.export / format:  # the card reports these; another user's run may be read-only
        run.note_export(format)
        write_card(run)
    print(f"{format} of step {facts['step']}: {describe_checks(facts)}", file=sys.stderr)
